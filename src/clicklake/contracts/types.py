"""Column types: the names used in documents, and what they are in Arrow and in SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")

_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "map": pa.map_(pa.string(), pa.string()),
    "list": pa.list_(pa.string()),
}
# Inside the engine timestamps are naive UTC: conversions of zoned ones are slow, and the zone adds nothing.
_SQL: dict[str, str] = {
    "string": "varchar",
    "map": "map(varchar, varchar)",
    "list": "varchar[]",
}

TYPE_NAMES = (*_ARROW, "decimal(p,s)")


@dataclass(frozen=True)
class ColumnType:
    """A type as documents name it.

    Args:
        name: One of `TYPE_NAMES`.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in _ARROW and not _DECIMAL.fullmatch(self.name):
            raise ValueError(f"unknown type {self.name!r}; allowed: {', '.join(TYPE_NAMES)}")

    @property
    def arrow(self) -> pa.DataType:
        """The type in Arrow and in Delta tables."""
        if match := _DECIMAL.fullmatch(self.name):
            return pa.decimal128(int(match[1]), int(match[2]))
        return _ARROW[self.name]

    @property
    def sql(self) -> str:
        """The type in DuckDB's SQL."""
        return _SQL.get(self.name, self.name)


def from_arrow(data_type: pa.DataType) -> ColumnType:
    """The column type of an Arrow type.

    Raises:
        ValueError: No document type stands for it.
    """
    if pa.types.is_decimal(data_type):
        return ColumnType(f"decimal({data_type.precision},{data_type.scale})")
    if pa.types.is_timestamp(data_type):
        return ColumnType("timestamp")
    if pa.types.is_map(data_type):
        return ColumnType("map")
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return ColumnType("list")
    if pa.types.is_large_string(data_type) or pa.types.is_string_view(data_type):
        return ColumnType("string")
    for name, arrow in _ARROW.items():
        if arrow == data_type:
            return ColumnType(name)
    raise ValueError(f"no column type for {data_type}")
