"""Rows into Parquet files of a Delta table, before any commit names them.

Arrow's own writer, fed with half a million rows at a time, needs about half the processor time of a writer that
splits by partition and hashes constants row by row: partition columns are not written, and a constant comes as a
dictionary of one value. Encoding and compressing is most of the work, so threads share it: each writes files of its
own. What is written here is invisible until `commit` names it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from clicklake.errors import StorageError
from clicklake.storage import chunks
from clicklake.storage.chunks import Chunk, Partition, Waiting, split
from clicklake.storage.places import Draft
from clicklake.storage.statistics import statistics
from clicklake.storage.store import reason
from clicklake.storage.target import Target, Written
from clicklake.storage.workers import Workers

SMALL_GROUP = 1 << 16
"""Rows in a row group of a file that has fewer rows than one of the others: engines read row groups in parallel."""

FILE_ROWS = 1 << 24
"""Rows in a file, at the most."""

WRITERS = min(4, os.cpu_count() or 1)
"""Threads that encode and compress; each writes files of its own."""

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def write_files(
    target: Target,
    rows: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    *,
    writers: int | None = None,
    file_rows: int | None = None,
    text_bounds: bool = False,
) -> Written:
    """Write rows into new files of a table; each file has rows of one partition, in the order in which they came.

    Args:
        target: Where they lie, and how they are compressed.
        rows: Batches in `schema`.
        schema: The table's columns; texts may come as dictionaries.
        writers: Threads; with one, a file's rows are neighbours in `rows`.
        file_rows: Rows of a partition in a file; a row group is not cut for it.
        text_bounds: Whether texts that change from row to row have bounds in the statistics. They cost an eighth of
            the time, and tell something only where rows are sorted.

    Raises:
        StorageError: The disk or the object store says no.
    """
    written = Written(target.place, nulls=dict.fromkeys(schema.names, 0))
    most_rows = file_rows or FILE_ROWS
    workers = Workers(lambda: _Writer(target, schema, written, most_rows, text_bounds=text_bounds), writers or WRITERS)
    waiting = Waiting()
    try:
        for batch in rows:
            written.rows += batch.num_rows
            for name, column in zip(schema.names, batch.columns, strict=True):
                written.nulls[name] += column.null_count
            for partition, part in split(batch, target.partition_by, target.cluster_by):
                for chunk in waiting.add(partition, part):
                    workers.put(chunk)
        workers.close(list(waiting.rest()))
    except BaseException as error:
        workers.abandon()
        written.remove()
        if isinstance(error, OSError):
            raise StorageError(f"{target.place.root} can't be written: {reason(error)}") from error
        raise
    return written


class _Writer:
    """Chunks into files: one at a time for each partition, of bounded size."""

    def __init__(
        self,
        target: Target,
        schema: pa.Schema,
        written: Written,
        file_rows: int,
        *,
        text_bounds: bool,
    ) -> None:
        self._target, self._written = target, written
        self._file_rows = file_rows
        self._schema = pa.schema([item for item in schema if item.name not in target.partition_by])
        self._sequences = [name for name in target.sequences if name in self._schema.names]
        self._indexed = [
            item.name
            for item in self._schema
            if item.name not in target.pii
            and not pa.types.is_nested(item.type)
            and (text_bounds or not pa.types.is_string(item.type))
        ]
        self._open: dict[Partition, _File] = {}

    def write(self, chunk: Chunk) -> None:
        """Write a chunk as a row group."""
        partition, batches = chunk
        file = self._open.get(partition) or self._begin(partition)
        table = pa.Table.from_batches(batches, schema=self._schema)
        is_small = not file.rows and table.num_rows < chunks.ROW_GROUP
        size = max(SMALL_GROUP, -(-table.num_rows // 4)) if is_small else 2 * chunks.ROW_GROUP
        file.writer.write_table(table, row_group_size=size)
        file.rows += table.num_rows
        if file.rows >= self._file_rows:
            self._finish(self._open.pop(partition))

    def close(self) -> None:
        """Complete the files."""
        while self._open:
            self._finish(self._open.popitem()[1])

    def abandon(self) -> None:
        """Remove the files that are not complete."""
        for file in self._open.values():
            self._discard(file)
        self._open = {}

    def _begin(self, partition: Partition) -> _File:
        values = dict(zip(self._target.partition_by, partition, strict=False))  # a month is no partition column
        folders = [
            f"{name}={_NULL_PARTITION if value is None else quote(value, safe='')}/" for name, value in values.items()
        ]
        path = "".join(folders) + f"part-{uuid.uuid4()}.{self._target.compression}.parquet"
        draft = self._target.place.create(path)
        metadata: list[pq.FileMetaData] = []
        is_zstd = self._target.compression == "zstd"
        writer = pq.ParquetWriter(
            draft.sink,
            self._schema,
            compression=self._target.compression,
            compression_level=self._target.compression_level if is_zstd else None,
            use_dictionary=[
                leaf for item in self._schema for leaf in _leaves(item) if item.name not in self._sequences
            ],
            column_encoding=dict.fromkeys(self._sequences, "DELTA_BINARY_PACKED") or None,
            write_statistics=self._indexed,
            store_schema=False,
            metadata_collector=metadata,
        )
        self._open[partition] = _File(path, values, draft, writer, metadata)
        return self._open[partition]

    def _finish(self, file: _File) -> None:
        try:
            file.writer.close()
            size = file.draft.complete()
        except BaseException:
            self._discard(file)
            raise
        self._written.actions.append(
            AddAction(
                path=file.path,
                size=size,
                partition_values=file.partition_values,
                modification_time=int(time.time() * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": file.rows, **statistics(file.metadata[0], self._indexed)}),
            )
        )

    def _discard(self, file: _File) -> None:
        with contextlib.suppress(OSError, pa.ArrowException, RuntimeError):  # what went wrong before is what counts
            file.writer.close()
        file.writer.is_open = False  # else it tries again, and complains, when it is collected
        file.draft.discard()


@dataclass
class _File:
    """A file that is being written."""

    path: str
    partition_values: dict[str, str | None]
    draft: Draft
    writer: pq.ParquetWriter
    metadata: list[pq.FileMetaData]
    rows: int = 0


def _leaves(item: pa.Field) -> list[str]:
    """The column's paths in Parquet."""
    if pa.types.is_map(item.type):
        return [f"{item.name}.key_value.key", f"{item.name}.key_value.value"]
    if pa.types.is_list(item.type):
        return [f"{item.name}.list.element"]
    return [item.name]


def constant(value: str, size: int) -> pa.DictionaryArray:
    """A text that is the same in every row, at the cost of one."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([value], pa.string()))


def with_constants(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """The schema in which these text columns come as dictionaries."""
    chosen = set(names)
    return pa.schema(
        [pa.field(i.name, pa.dictionary(pa.int32(), pa.string())) if i.name in chosen else i for i in schema]
    )
