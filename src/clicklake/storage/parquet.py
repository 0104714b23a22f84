"""Rows into Parquet files of a Delta table, before any commit names them.

Arrow's own writer, fed with half a million rows at a time, needs about half the processor time of a writer that
splits by partition and hashes constants row by row: partition columns are not written, and a constant comes as a
dictionary of one value. What is written here is invisible until `commit` names it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from clicklake.storage.prefetch import prefetch
from clicklake.storage.store import Snapshot, Store

ROW_GROUP = 1 << 19
"""Rows in a row group: what is held in memory for each partition that is being written."""

FILE_ROWS = 1 << 24
"""Rows in a file, at the most."""

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_LONGEST_STATISTIC = 32

Partition = tuple[str | None, ...]


@dataclass
class Written:
    """Files that lie in a table's folder and are named by no commit yet.

    Args:
        root: The table's folder.
        actions: What a commit has to add.
        nulls: Rows without a value, by column.
        rows: Rows written.
    """

    root: Path
    actions: list[AddAction] = field(default_factory=list)
    nulls: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    def remove(self) -> None:
        """Delete the files: no commit will name them."""
        for action in self.actions:
            (self.root / action.path).unlink(missing_ok=True)


def write_files(store: Store, snapshot: Snapshot, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> Written:
    """Write rows into new files of a table, a file a partition.

    Args:
        store: Says how files are compressed, and which columns have statistics.
        snapshot: The table.
        rows: Batches in `schema`.
        schema: The table's columns; texts may come as dictionaries.
    """
    written = Written(Path(store.uri(snapshot.name)), nulls=dict.fromkeys(schema.names, 0))
    writers: dict[Partition, _PartitionWriter] = {}
    try:
        for batch in prefetch(rows):
            written.rows += batch.num_rows
            for name, column in zip(schema.names, batch.columns, strict=True):
                written.nulls[name] += column.null_count
            for partition, part in _split(batch, snapshot.partition_by):
                if partition not in writers:
                    writers[partition] = _PartitionWriter(store, snapshot, schema, partition, written)
                writers[partition].add(part)
        for writer in writers.values():
            writer.close()
    except BaseException:
        for writer in writers.values():
            writer.abandon()
        written.remove()
        raise
    return written


def _split(batch: pa.RecordBatch, columns: tuple[str, ...]) -> Iterator[tuple[Partition, pa.RecordBatch]]:
    """The batch's rows by their partition, without the partition columns."""
    if not batch.num_rows:
        return
    rest = batch.select([name for name in batch.schema.names if name not in columns])
    if not columns:
        yield (), rest
        return
    encoded = [batch.column(name).dictionary_encode(null_encoding="encode") for name in columns]
    codes = np.zeros(batch.num_rows, np.int64)
    for array in encoded:
        codes = codes * len(array.dictionary) + array.indices.to_numpy(zero_copy_only=False)
    for code in np.unique(codes):
        values: list[str | None] = []
        left = int(code)
        for array in reversed(encoded):
            left, position = divmod(left, len(array.dictionary))
            value = array.dictionary[position].as_py()
            values.append(None if value is None else str(value))
        partition = tuple(reversed(values))
        yield partition, rest.filter(pa.array(codes == code)) if codes.min() != codes.max() else rest


class _PartitionWriter:
    """One partition's rows into files of bounded size."""

    def __init__(
        self, store: Store, snapshot: Snapshot, schema: pa.Schema, partition: Partition, written: Written
    ) -> None:
        self._store, self._partition, self._written = store, partition, written
        self._values = dict(zip(snapshot.partition_by, partition, strict=True))
        self._schema = pa.schema([item for item in schema if item.name not in snapshot.partition_by])
        spec = store.specs.get(snapshot.name)
        self._sequences = [name for name in (spec.sequences if spec else ()) if name in self._schema.names]
        pii = spec.pii if spec else frozenset()
        self._indexed = [
            item.name for item in self._schema if item.name not in pii and not pa.types.is_nested(item.type)
        ]
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._file_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._writer is None:
            return
        self._writer.close()
        path = self._written.root / self._path
        statistics = _statistics(self._metadata[0], self._indexed)
        self._written.actions.append(
            AddAction(
                path=self._path,
                size=path.stat().st_size,
                partition_values=self._values,
                modification_time=int(time.time() * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": self._file_rows, **statistics}),
            )
        )
        self._writer, self._file_rows = None, 0

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.close()
            (self._written.root / self._path).unlink(missing_ok=True)
            self._writer = None

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._open()
        assert self._writer is not None
        self._writer.write_table(
            pa.Table.from_batches(self._waiting, schema=self._schema), row_group_size=2 * ROW_GROUP
        )
        self._file_rows += self._waiting_rows
        self._waiting, self._waiting_rows = [], 0
        if self._file_rows >= FILE_ROWS:
            self.close()

    def _open(self) -> None:
        folders = [
            f"{name}={_NULL_PARTITION if value is None else quote(value, safe='')}/"
            for name, value in self._values.items()
        ]
        self._path = "".join(folders) + f"part-{uuid.uuid4()}.{self._store.compression}.parquet"
        file = self._written.root / self._path
        file.parent.mkdir(parents=True, exist_ok=True)
        self._metadata: list[pq.FileMetaData] = []
        is_zstd = self._store.compression == "zstd"
        self._writer = pq.ParquetWriter(
            file,
            self._schema,
            compression=self._store.compression,
            compression_level=self._store.compression_level if is_zstd else None,
            use_dictionary=[
                leaf for item in self._schema for leaf in _leaves(item) if item.name not in self._sequences
            ],
            column_encoding=dict.fromkeys(self._sequences, "DELTA_BINARY_PACKED") or None,
            write_statistics=self._indexed,
            store_schema=False,
            metadata_collector=self._metadata,
        )


def _leaves(item: pa.Field) -> list[str]:
    """The column's paths in Parquet."""
    if pa.types.is_map(item.type):
        return [f"{item.name}.key_value.key", f"{item.name}.key_value.value"]
    if pa.types.is_list(item.type):
        return [f"{item.name}.list.element"]
    return [item.name]


def _statistics(metadata: pq.FileMetaData, columns: list[str]) -> dict[str, dict[str, Any]]:
    """Delta's statistics of a file, from those of its row groups."""
    lowest: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    without_bounds: set[str] = set()
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            column = metadata.row_group(group).column(position)
            name, found = column.path_in_schema, column.statistics
            if name not in columns or found is None:
                continue
            nulls[name] = nulls.get(name, 0) + (found.null_count or 0)
            if found.has_min_max:
                lowest[name] = min(lowest.get(name, found.min), found.min)
                highest[name] = max(highest.get(name, found.max), found.max)
            elif found.null_count != column.num_values and found.num_values:
                without_bounds.add(name)
    known = [name for name in lowest if name not in without_bounds]
    bounds = {name: (_json(lowest[name]), _json(highest[name])) for name in known}
    usable: Mapping[str, tuple[Any, Any]] = {n: b for n, b in bounds.items() if b[0] is not None and b[1] is not None}
    return {
        "minValues": {name: bound[0] for name, bound in usable.items()},
        "maxValues": {name: bound[1] for name, bound in usable.items()},
        "nullCount": nulls,
    }


def _json(value: object) -> object:
    """A bound as Delta's log has it; None where it can't stand there exactly."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return None  # Delta has no bounds of booleans
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_STATISTIC else None
    return None


def constant(value: str, size: int) -> pa.DictionaryArray:
    """A text that is the same in every row, at the cost of one."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([value], pa.string()))


def with_constants(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """The schema in which these text columns come as dictionaries."""
    chosen = set(names)
    return pa.schema(
        [pa.field(i.name, pa.dictionary(pa.int32(), pa.string())) if i.name in chosen else i for i in schema]
    )
