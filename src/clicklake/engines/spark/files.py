"""Executors write a table's files with the program's own writer, and tell the driver which.

What a task that is tried again has written before is named by nobody, as is what a killed run leaves behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from deltalake.transaction import AddAction

from clicklake.engines.duckdb import conform
from clicklake.storage.parquet import write_files
from clicklake.storage.target import Target, Written

_RESULT = pa.schema([("files", pa.string()), ("nulls", pa.string()), ("rows", pa.int64())])


@dataclass(frozen=True)
class WriteFiles:
    """Writes a task's rows; plain data, so that it reaches the executors.

    Args:
        target: Where and how.
        schema: The table's columns.
        file_rows: Rows of a partition in a file, at the most.
        is_ordered: Whether rows come in an order that queries look for.
    """

    target: Target
    schema: pa.Schema
    file_rows: int | None = None
    is_ordered: bool = False

    RESULT = "files string, nulls string, rows bigint"
    """What a task tells, as Spark names it."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write a task's rows."""
        conformed = (conform(batch, self.schema) for batch in batches if batch.num_rows)
        written = write_files(
            self.target, conformed, self.schema, writers=1, file_rows=self.file_rows, text_bounds=self.is_ordered
        )
        yield result_of(written)


def result_of(written: Written) -> pa.RecordBatch:
    """What a task tells of its files."""
    files = json.dumps([asdict(action) for action in written.actions])
    values = [[files], [json.dumps(written.nulls)], [written.rows]]
    return pa.RecordBatch.from_arrays(
        [pa.array(value, field.type) for value, field in zip(values, _RESULT, strict=True)], schema=_RESULT
    )


def gathered(target: Target, results: Iterable[pa.Table]) -> Written:
    """The files of all tasks."""
    rows = (row for result in results for row in result.to_pylist())
    return Written.together(target, (_told(target, row) for row in rows))


def _told(target: Target, row: dict[str, Any]) -> Written:
    """What `result_of` told."""
    actions = [AddAction(**action) for action in json.loads(row["files"])]
    return Written(target.place, actions, json.loads(row["nulls"]), row["rows"])
