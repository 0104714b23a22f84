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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from clicklake.errors import StorageError
from clicklake.storage.places import Draft, Place
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.statistics import statistics
from clicklake.storage.store import Store, reason
from clicklake.storage.workers import Workers

ROW_GROUP = 1 << 19
"""Rows in a row group, at the least, but for the last of a file."""

SMALL_GROUP = 1 << 16
"""Rows in a row group of a file that has fewer rows than one of the others: engines read row groups in parallel."""

FILE_ROWS = 1 << 24
"""Rows in a file, at the most."""

MOST_WAITING = 1 << 21
"""Rows of all partitions that wait for their row group to become full: what is held in memory."""

WRITERS = min(4, os.cpu_count() or 1)
"""Threads that encode and compress; each writes files of its own."""

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_FEW_CODES = 1 << 16

Partition = tuple[str | None, ...]
Chunk = tuple[Partition, list[pa.RecordBatch]]


@dataclass(frozen=True)
class Target:
    """Where and how the rows of a table are written: plain data, so that another process can be told too.

    Pickled, it is all that `write_files` needs on another machine, if that reaches the place: options of an object
    store go with it, keys included. What comes back, `Written`, is plain data too, and is committed by one process.

    Args:
        place: The table's folder or prefix.
        partition_by: Partition columns.
        cluster_by: A time by whose months rows are put into different files.
        compression: `zstd` or `snappy`.
        compression_level: Of zstd.
        sequences: Rising whole numbers or times, stored as differences.
        pii: Columns without bounds in the statistics.
    """

    place: Place
    partition_by: tuple[str, ...] = ()
    cluster_by: str | None = None
    compression: str = "zstd"
    compression_level: int = 1
    sequences: tuple[str, ...] = ()
    pii: frozenset[str] = frozenset()

    @classmethod
    def of(cls, store: Store, snapshot: Snapshot) -> Target:
        """How a table of a lake is written."""
        spec = store.specs.get(snapshot.name)
        return cls(
            snapshot.place,
            snapshot.partition_by,
            snapshot.cluster_by,
            store.compression,
            store.compression_level,
            spec.sequences if spec else (),
            spec.pii if spec else frozenset(),
        )


@dataclass
class Written:
    """Files that lie in a table's folder and are named by no commit yet.

    Args:
        place: The table's folder or prefix.
        actions: What a commit has to add.
        nulls: Rows without a value, by column.
        rows: Rows written.
    """

    place: Place
    actions: list[AddAction] = field(default_factory=list)
    nulls: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    @classmethod
    def at(cls, target: Target) -> Written:
        """No files yet."""
        return cls(target.place)

    @classmethod
    def together(cls, target: Target, parts: Iterable[Written]) -> Written:
        """The files that several tasks have written."""
        whole = cls.at(target)
        for part in parts:
            whole.actions += part.actions
            whole.rows += part.rows
            for name, count in part.nulls.items():
                whole.nulls[name] = whole.nulls.get(name, 0) + count
        return whole

    def remove(self) -> None:
        """Delete the files: no commit will name them."""
        for action in self.actions:
            self.place.delete(action.path)


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
    waiting = _Waiting()
    try:
        for batch in rows:
            written.rows += batch.num_rows
            for name, column in zip(schema.names, batch.columns, strict=True):
                written.nulls[name] += column.null_count
            for partition, part in _split(batch, target.partition_by, target.cluster_by):
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


class _Waiting:
    """Rows by partition until they are enough for a row group."""

    def __init__(self) -> None:
        self._batches: dict[Partition, list[pa.RecordBatch]] = {}
        self._rows: dict[Partition, int] = {}
        self._total = 0

    def add(self, partition: Partition, batch: pa.RecordBatch) -> Iterator[Chunk]:
        """Keep a batch; gives what has become enough."""
        self._batches.setdefault(partition, []).append(batch)
        self._rows[partition] = self._rows.get(partition, 0) + batch.num_rows
        self._total += batch.num_rows
        if self._rows[partition] >= ROW_GROUP:
            yield self._take(partition)
        elif self._total >= MOST_WAITING:  # many partitions at once, as unsorted history has them
            yield self._take(max(self._rows, key=self._rows.__getitem__))

    def rest(self) -> Iterator[Chunk]:
        """All that is left."""
        for partition in list(self._rows):
            yield self._take(partition)

    def _take(self, partition: Partition) -> Chunk:
        self._total -= self._rows.pop(partition)
        return partition, self._batches.pop(partition)


def _split(
    batch: pa.RecordBatch, columns: tuple[str, ...], cluster_by: str | None = None
) -> Iterator[tuple[Partition, pa.RecordBatch]]:
    """The batch's rows by their partition, without the partition columns; and by month, the last of the values."""
    if not batch.num_rows:
        return
    rest = batch.select([name for name in batch.schema.names if name not in columns])
    values_of = [batch.column(name) for name in columns]
    if cluster_by:
        values_of.append(_months(batch.column(cluster_by)))
    if not values_of:
        yield (), rest
        return
    encoded = [array.dictionary_encode(null_encoding="encode") for array in values_of]
    if all(len(array.dictionary) == 1 for array in encoded):
        yield tuple(_text(array.dictionary[0]) for array in encoded), rest
        return
    codes = np.zeros(batch.num_rows, np.int64)
    highest = 1
    for array in encoded:
        codes = codes * len(array.dictionary) + array.indices.to_numpy(zero_copy_only=False)
        highest *= len(array.dictionary)
    # Counting is much cheaper than the sort behind `unique`, but needs a place for each code.
    found = np.flatnonzero(np.bincount(codes)) if highest <= _FEW_CODES else np.unique(codes)
    for code in found:
        values: list[str | None] = []
        left = int(code)
        for array in reversed(encoded):
            left, position = divmod(left, len(array.dictionary))
            values.append(_text(array.dictionary[position]))
        yield tuple(reversed(values)), rest.filter(pa.array(codes == code)) if len(found) > 1 else rest


def _text(value: pa.Scalar) -> str | None:
    plain = value.as_py()
    return None if plain is None else str(plain)


def _months(times: pa.Array) -> pa.Array:
    """The month of each time or date, counted from the year 0."""
    if pa.types.is_timestamp(times.type):
        times = times.view(pa.timestamp(times.type.unit))  # in UTC, without asking for its rules
    return pc.add(pc.multiply(pc.year(times), 12), pc.month(times))


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
        is_small = not file.rows and table.num_rows < ROW_GROUP
        size = max(SMALL_GROUP, -(-table.num_rows // 4)) if is_small else 2 * ROW_GROUP
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
