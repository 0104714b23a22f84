"""DuckDB inside Spark's executors, for what looks at one row alone.

Reading texts as times, numbers and maps is where two engines differ: time formats, zones, JSON, regular expressions.
The same text must become the same value on both, and so the same engine reads it: a task streams its rows through
an embedded DuckDB and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from clicklake.engines.duckdb import DuckDB, conform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

_MEMORY = "512MB"
_BATCH = 20_480


@dataclass(frozen=True)
class EachRow:
    """A query over the rows of a task; plain data, so that it reaches the executors.

    Args:
        query: In DuckDB's dialect; reads `over`, and that once.
        over: The relation that stands for the task's rows.
        given: Their Arrow schema.
        made: The result's Arrow schema.
        reporting_timezone: The zone of `reporting_time`.
    """

    query: str
    over: str
    given: pa.Schema
    made: pa.Schema
    reporting_timezone: str

    @classmethod
    def of(cls, query: str, over: str, rows: DataFrame, reporting_timezone: str) -> EachRow:
        """A query over a frame's rows; its result's columns are found by running it on none."""
        from pyspark.sql.pandas.types import to_arrow_schema

        given = to_arrow_schema(rows.schema, timezone="UTC")
        with _Local(query, over, reporting_timezone) as local:
            made = local.run(pa.schema([_plain(field) for field in given]).empty_table().to_reader()).schema
        return cls(query, over, given, pa.schema([_zoned(field) for field in made]), reporting_timezone)

    @property
    def result(self) -> StructType:
        """The result's schema as Spark has it."""
        from pyspark.sql.pandas.types import from_arrow_schema

        found: StructType = from_arrow_schema(self.made)
        return found

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """A task's rows through the query, which is run once for all of them."""
        plain = pa.schema([_plain(field) for field in self.given])
        rows = pa.RecordBatchReader.from_batches(plain, (batch.cast(plain) for batch in batches))
        with _Local(self.query, self.over, self.reporting_timezone) as local:
            for made in local.run(rows):
                yield conform(made, self.made)


class _Local:
    """A DuckDB that knows one relation, and what it is asked of it."""

    def __init__(self, query: str, over: str, reporting_timezone: str) -> None:
        self._query, self._over = query, over
        self._engine = DuckDB(memory_limit=_MEMORY, threads=1, reporting_timezone=reporting_timezone)

    def __enter__(self) -> _Local:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def run(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The query's rows, while the given ones, naive timestamps, are read."""
        self._engine.register("given_rows", rows)
        self._engine.execute(f"create or replace view {self._over} as select * from given_rows")
        return self._engine.stream(self._query, batch=_BATCH)


def _plain(field: pa.Field) -> pa.Field:
    return field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field


def _zoned(field: pa.Field) -> pa.Field:
    return field.with_type(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field
