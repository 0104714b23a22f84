"""Arrow columns as texts for machines and as values for people.

Machine texts are exact: decimals keep their digits, times are ISO 8601 in UTC. What Python's dates can't
hold, such as an infinite timestamp, is spelled too.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, TypeAlias

import pyarrow as pa

Values: TypeAlias = "pa.ChunkedArray[Any] | pa.Array[Any]"

_OUT_OF_RANGE = "<value out of range: "


def is_bare(data_type: pa.DataType) -> bool:
    """Whether the texts of a column stand in JSON as they are: numbers, truth values, lists and mappings."""
    types = pa.types
    if types.is_dictionary(data_type):
        return is_bare(data_type.value_type)
    bare = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_nested)
    return any(is_kind(data_type) for is_kind in bare)


def spell(column: Values) -> list[str | None]:
    """The values of a column as text; None for null and for what is not a finite number."""
    column = _plain(column)
    kind, types = column.type, pa.types
    if types.is_integer(kind) or types.is_boolean(kind):
        return _texts(column)
    if types.is_floating(kind):
        return [repr(v) if v is not None and math.isfinite(v) else None for v in column.to_pylist()]
    if types.is_decimal(kind):
        return [t if t is None or "E" not in t else f"{Decimal(t):f}" for t in _texts(column)]
    if types.is_timestamp(kind):
        return [_instant(t) for t in _texts(column.cast(pa.timestamp(kind.unit)))]
    if types.is_date(kind):
        return [_infinity(t) for t in _texts(column)]
    if types.is_nested(kind):
        return [None if v is None else _nested(v, kind) for v in column.to_pylist()]
    return [None if v is None else _other(v) for v in column.to_pylist()]


def pythonic(column: Values) -> list[Any]:
    """The values of a column for display: numbers as they are, all else as text."""
    column = _plain(column)
    types = pa.types
    if types.is_integer(column.type) or types.is_floating(column.type) or types.is_decimal(column.type):
        numbers: list[Any] = column.to_pylist()
        return numbers
    return spell(column)


def quoted(texts: list[str | None]) -> list[str]:
    """Texts as JSON strings."""
    return ["null" if t is None else encode_basestring(t) for t in texts]


def _plain(column: Values) -> Values:
    """The column without dictionary."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _texts(column: Values) -> list[str | None]:
    """Arrow's own texts of a column."""
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts


def _infinity(text: str | None) -> str | None:
    if text is not None and text.startswith(_OUT_OF_RANGE):
        return "-infinity" if text[len(_OUT_OF_RANGE)] == "-" else "infinity"
    return text


def _instant(text: str | None) -> str | None:
    """Arrow's text of a timestamp in ISO 8601, without a fraction that is zero."""
    if text is None or text.startswith("<"):
        return _infinity(text)
    whole, _, fraction = text.replace(" ", "T", 1).partition(".")
    if not fraction.strip("0"):
        return f"{whole}Z"
    six = fraction[:6] if not fraction[6:].strip("0") else fraction
    return f"{whole}.{six}Z"


def _nested(value: Any, kind: Any) -> str:  # noqa: ANN401 - any Arrow type
    """JSON of a list, a map or a struct."""
    types = pa.types
    if value is None:
        return "null"
    if types.is_map(kind):
        pairs = [(str(key), _nested(item, kind.item_type)) for key, item in value]
    elif types.is_struct(kind):
        pairs = [(name, _nested(item, kind.field(name).type)) for name, item in value.items()]
    elif types.is_nested(kind):
        return f"[{', '.join(_nested(item, kind.value_type) for item in value)}]"
    else:
        text = spell(pa.array([value], kind))[0]
        return "null" if text is None else text if is_bare(kind) else json.dumps(text, ensure_ascii=False)
    return f"{{{', '.join(f'{json.dumps(key, ensure_ascii=False)}: {item}' for key, item in pairs)}}}"


def _other(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
