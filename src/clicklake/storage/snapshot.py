"""What a table is created with, and what one version of it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from deltalake import DeltaTable

from clicklake.contracts.types import from_arrow
from clicklake.errors import StorageError
from clicklake.storage.objects import is_url
from clicklake.storage.places import Place

_MARKS_ONE_BY_ONE = 2
"""So many marks of a table on an object store are asked for singly."""


@dataclass(frozen=True)
class TableSpec:
    """What a table is created with.

    Args:
        name: `layer.table`.
        schema: Arrow schema; timestamps in microseconds, UTC.
        partition_by: Partition columns.
        change_feed: Whether changes can be read from the log (bronze and silver).
        pii: Columns whose minimum and maximum must not stand in the log.
        sequences: Rising whole numbers or times, stored as differences.
        cluster_by: A time by whose months rows are put into different files.
    """

    name: str
    schema: pa.Schema
    partition_by: tuple[str, ...] = ()
    change_feed: bool = False
    pii: frozenset[str] = frozenset()
    sequences: tuple[str, ...] = ()
    cluster_by: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """One version of one table.

    Args:
        name: `layer.table`.
        place: The table's folder or prefix.
        delta: The table as delta-rs sees it at that version.
        nulls: Rows without a value by column, as the commit that made the version counted them; else empty.
        cluster_by: A time by whose months rows are put into different files.
    """

    name: str
    place: Place
    delta: DeltaTable
    nulls: dict[str, int] = field(default_factory=dict, compare=False)
    cluster_by: str | None = field(default=None, compare=False)
    _has_all_marks: bool = field(default=False, init=False, repr=False, compare=False)

    @cached_property
    def _marks(self) -> dict[str, int | None]:
        """Marks that were asked for: delta-rs takes half a millisecond for each."""
        return {}

    @property
    def root(self) -> str:
        """The table's folder or URL."""
        return self.place.root

    @cached_property
    def version(self) -> int:
        """The Delta version."""
        return int(self.delta.version())

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema, partition columns included."""
        return pa.schema(self.delta.schema().to_arrow())

    @cached_property
    def partition_by(self) -> tuple[str, ...]:
        """The partition columns."""
        return tuple(self.delta.metadata().partition_columns)

    @cached_property
    def actions(self) -> pa.Table:
        """What the log knows of each file: path, size, time, partition values, statistics."""
        # `pa.table` would look for pandas, which takes a fifth of a second where it is installed.
        return pa.RecordBatchReader.from_stream(self.delta.get_add_actions(flatten=True)).read_all()

    @cached_property
    def files(self) -> list[str]:
        """Paths or URLs of the Parquet files."""
        return [self.uri(path) for path in self.paths]

    def read(self, files: Sequence[str] | None = None) -> pa.Table:
        """The rows of a small table that is not partitioned, or of some of its files, without an engine.

        Args:
            files: Some of `paths`; else all.

        Raises:
            StorageError: A file can't be read.
        """
        parts = []
        for path in self.paths if files is None else files:
            try:
                with pq.ParquetFile(self.place.source(path)) as file:
                    parts.append(file.read())
            except (OSError, pa.ArrowException) as error:
                raise StorageError(f"table {self.name}: {path} can't be read: {error}") from error
        empty = self.schema.empty_table()
        return pa.concat_tables([empty, *parts], promote_options="permissive").select(empty.column_names)

    def has_schema(self, schema: pa.Schema, partition_by: Sequence[str]) -> bool:
        """Whether the table's columns, types and partitions are these; inner fields have names of their own."""

        def plain(found: pa.Schema) -> list[tuple[str, str]]:
            return [(item.name, from_arrow(item.type).name) for item in found]

        return plain(self.schema) == plain(schema) and self.partition_by == tuple(partition_by)

    @cached_property
    def paths(self) -> dict[str, tuple[int, dict[str, str | None]]]:
        """Size and partition values of each file, by the path under which the log knows it."""
        # No more than these: times as Python objects would come from pandas, whose import takes a while.
        wanted = ["path", "size_bytes", *(f"partition.{name}" for name in self.partition_by)]
        return {
            row["path"]: (
                row["size_bytes"],
                {n: None if row[f"partition.{n}"] is None else str(row[f"partition.{n}"]) for n in self.partition_by},
            )
            for row in self.actions.select(wanted).to_pylist()
        }

    @cached_property
    def written_at(self) -> dict[str, int]:
        """When each file was written, by the path under which the log knows it; larger is later."""
        actions = self.actions
        times = actions["modification_time"].cast(pa.int64()).to_pylist()
        return dict(zip(actions["path"].to_pylist(), times, strict=True))

    @cached_property
    def months(self) -> dict[str, str]:
        """The months of `cluster_by` in each file, such as `2025-01 2025-01`, from the log's statistics."""
        if not self.cluster_by:
            return {}
        actions = pa.table(self.delta.get_add_actions(flatten=True)).to_pylist()
        bounds = (f"min.{self.cluster_by}", f"max.{self.cluster_by}")
        return {row["path"]: " ".join(str(row.get(bound))[:7] for bound in bounds) for row in actions}

    @cached_property
    def rows_by_path(self) -> dict[str, int | None]:
        """Rows of each file, by the path under which the log knows it."""
        actions = self.actions
        return dict(zip(actions["path"].to_pylist(), actions["num_records"].to_pylist(), strict=True))

    def uri(self, path: str) -> str:
        """Where a file of `paths` lies."""
        return f"{self.root}/{path}"

    def with_nulls(self, nulls: Mapping[str, int]) -> Snapshot:
        """The same, with what its last commit wrote without a value, by column."""
        return replace(self, nulls=dict(nulls))

    def mark(self, name: str, default: int = 0) -> int:
        """What this table has recorded under a name; `default` where nothing."""
        if name not in self._marks and len(self._marks) >= _MARKS_ONE_BY_ONE and is_url(self.root):
            self._read_marks()
        if name not in self._marks:
            self._marks[name] = None if self._has_all_marks else self.delta.transaction_version(name)
        version = self._marks[name]
        return default if version is None or version < 0 else int(version)  # below 0: taken back by a restore

    def _read_marks(self) -> None:
        """All marks at once: for each, delta-rs would fetch the newest part of the log again."""
        from clicklake.storage import log

        if self._has_all_marks:
            return
        try:
            self._marks.update(log.marks(self))
        except (OSError, ValueError, pa.ArrowException):  # the log is being cleaned up: delta-rs knows its way
            return
        object.__setattr__(self, "_has_all_marks", True)

    def maximum(self, column: str) -> int | None:
        """The largest value of a whole-number column, from the log's statistics; None in an empty table."""
        actions = self.actions
        if not actions.num_rows:
            return None
        largest = pa.compute.max(actions[f"max.{column}"]).as_py()
        return None if largest is None else int(largest)

    def largest_in(self, column: str) -> str:
        """Path of the file that holds the largest value of a column, from the log's statistics."""
        actions = pa.table(self.delta.get_add_actions(flatten=True))
        largest = pa.compute.max(actions[f"max.{column}"])
        return str(actions["path"][pa.compute.index(actions[f"max.{column}"], largest).as_py()].as_py())

    @cached_property
    def size(self) -> tuple[int, int]:
        """Rows and bytes, from the log."""
        actions = self.actions
        rows = pa.compute.sum(actions["num_records"]).as_py() if actions.num_rows else 0
        size = pa.compute.sum(actions["size_bytes"]).as_py() if actions.num_rows else 0
        return int(rows or 0), int(size or 0)
