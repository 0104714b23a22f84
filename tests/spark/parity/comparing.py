"""What makes two results equal: names, types, and rows, in any order unless it is told."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa

Row = tuple[Any, ...]


def assert_equal(made: pa.Table, expected: pa.Table, *, in_order: bool = False, numbers: bool = False) -> None:
    """Spark's result equals DuckDB's.

    Args:
        made: Spark's.
        expected: DuckDB's.
        in_order: Whether the rows have an order.
        numbers: Whether numbers may have another type: bigint and int, decimals of another scale. Columns of tables
            are cast to the types of their documents, so that it doesn't matter there.
    """
    assert made.column_names == expected.column_names
    if not numbers:
        assert _types(made) == _types(expected)
    ours, theirs = rows_of(made), rows_of(expected)
    if not in_order:
        ours, theirs = sorted(ours, key=_key), sorted(theirs, key=_key)
    different = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
    assert (len(ours), different[:5]) == (len(theirs), []), f"{made.column_names}: Spark's and DuckDB's rows"


def _key(row: Row) -> str:
    return repr(tuple(float(value) if isinstance(value, (int, Decimal)) else value for value in row))


def rows_of(table: pa.Table) -> list[Row]:
    """Rows whose values can be compared."""
    return [tuple(map(_comparable, row.values())) for row in table.to_pylist()]


def _comparable(value: Any) -> Any:
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def _types(table: pa.Table) -> list[tuple[str, str]]:
    return [(field.name, _type(field.type)) for field in table.schema]


def _type(data_type: pa.DataType) -> str:
    if pa.types.is_list(data_type):
        return f"list of {_type(data_type.value_type)}"
    if pa.types.is_map(data_type):
        return f"map of {_type(data_type.key_type)} to {_type(data_type.item_type)}"
    return str(data_type)
