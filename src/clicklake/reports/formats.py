"""How values are written for people, in one place: the terminal, the page and its charts all use these.

Numbers are rounded half up as decimals and never pass through binary floating point on their way to text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Literal, TypeAlias

import pyarrow as pa

Format: TypeAlias = Literal["integer", "money", "percent", "decimal", "text", "date", "timestamp", "number"]

NULL = "–"
"""What stands where there is no value."""
NUMERIC: frozenset[Format] = frozenset({"integer", "money", "percent", "decimal", "number"})
"""The formats whose texts are aligned right."""

_CONTEXT = Context(prec=400, rounding=ROUND_HALF_UP)
_LONGEST = 40  # digits before the point; from there on a number is written with an exponent
_SMALLEST = 7  # zeros after the point, likewise
_LABELS = re.compile(r"(?<!per)(^|_)(id|key|year|quarter|month|day|hour|week|version|step)$")
_PERCENT = re.compile(r"^pct_|_pct$")
_ACRONYMS = frozenset({"id", "clv", "rfm", "sku", "url", "utc", "r", "f", "m", "a", "b"})
# Control pictures for the C0 controls, so that text can't move the cursor or end a line; U+FFFD for what
# would turn the reading direction of the text after it, or is no character.
_VISIBLE = {code: 0x2400 + code for code in range(32)} | {127: 0x2421}
_VISIBLE |= dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFFE, 0xFFFF], 0xFFFD)


def integer(value: object) -> str:
    """Whole number with thousands separators: 1,234."""
    return _fixed(value, 0)


def money(value: object) -> str:
    """Amount to the cent: 1,234.50; the currency stands in the header."""
    return _fixed(value, 2)


def percent(value: object) -> str:
    """Percentage with one decimal: 12.3%. What is not quite nothing or all is not rounded to it: <0.1%, >99.9%."""
    text, exact = _fixed(value, 1), _exact(value)
    if text == "0.0" and exact and exact > 0:
        text = "<0.1"
    elif text == "100.0" and exact and exact < 100:
        text = ">99.9"
    return f"{text}%" if text[-1:].isdigit() else text


def decimal(value: object) -> str:
    """Number with two decimals: 1,234.50."""
    return _fixed(value, 2)


def number(value: object) -> str:
    """Number with the decimals that it has: for columns that no document describes."""
    exact = _exact(f"{value:.12g}" if isinstance(value, float) else value)
    if exact is None or not exact.is_finite():
        return _fixed(value, 0)
    if exact and exact.adjusted() < -_SMALLEST:
        return f"{exact.normalize(_CONTEXT):e}"
    return _fixed(exact, max(0, -int(exact.as_tuple().exponent)))


def text(value: object) -> str:
    """Text on one line; control characters become visible, so that data can't steer a terminal."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).translate(_VISIBLE)


def date_(value: object) -> str:
    """Date: 2025-01-31."""
    return text(value.date() if isinstance(value, datetime) else value)


def timestamp(value: object) -> str:
    """Time in UTC, with the fraction of a second where it has one: 2025-01-31 12:34:56."""
    if isinstance(value, datetime):
        value = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        value = value.isoformat(" ")
    elif isinstance(value, date):
        value = value.isoformat()
    written = text(value)
    if re.match(r"-?\d{4,}-\d\d-\d\dT", written):
        written = written.replace("T", " ").removesuffix("Z")
    return written.rstrip("0").removesuffix(".") if "." in written else written


FORMATS: Mapping[Format, Callable[[object], str]] = {
    "integer": integer,
    "money": money,
    "percent": percent,
    "decimal": decimal,
    "number": number,
    "text": text,
    "date": date_,
    "timestamp": timestamp,
}


def show(value: object, format: Format) -> str:
    """A value in a format; `NULL` where there is none."""
    if value is None or (isinstance(value, float) and value != value):
        return NULL
    return FORMATS[format](value)


def guess(name: str, data_type: pa.DataType) -> Format:
    """The format of a column that no document describes, from its Arrow type and its name."""
    if pa.types.is_date(data_type):
        return "date"
    if pa.types.is_timestamp(data_type):
        return "timestamp"
    whole = pa.types.is_integer(data_type) or (pa.types.is_decimal(data_type) and data_type.scale == 0)
    if whole:
        return "text" if _LABELS.search(name) else "integer"
    if pa.types.is_floating(data_type) or pa.types.is_decimal(data_type):
        return "percent" if _PERCENT.search(name) else "number"
    return "text"


def label(name: str) -> str:
    """A column's name for people: `view_to_cart_pct` is View to cart rate."""
    if name.startswith("pct_"):
        name = f"share_{name.removeprefix('pct_')}"
    elif name.endswith("_pct"):
        stem = name.removesuffix("_pct")
        name = stem if stem.endswith(("share", "rate")) else f"{stem}_rate"
    words = [word.upper() if word in _ACRONYMS else word for word in name.split("_") if word]
    joined = text(" ".join(words))
    return joined[:1].upper() + joined[1:]


def header(name: str, format: Format, currency: str = "") -> str:
    """A column's label with its unit: Revenue (EUR)."""
    unit = {"money": currency, "timestamp": "UTC"}.get(format, "")
    return f"{label(name)} ({unit})" if unit else label(name)


def _exact(value: object) -> Decimal | None:
    """The number that a value is; None where it is none."""
    if isinstance(value, bool):
        return None
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None


def _fixed(value: object, places: int) -> str:
    exact = _exact(value)
    if exact is None:
        return text(value)
    if exact.is_nan():
        return NULL
    if exact.is_infinite():
        return "∞" if exact > 0 else "-∞"
    if exact and exact.adjusted() >= _LONGEST:
        return f"{exact.normalize(_CONTEXT):.3e}"
    rounded = exact.quantize(Decimal(1).scaleb(-places), context=_CONTEXT)
    return f"{abs(rounded) if rounded == 0 else rounded:,f}"
