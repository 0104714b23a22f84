"""Where the tables of a lake are, and what a version of one holds.

A table's name is `layer.table`; it lies in `<lake>/<layer>/<table>`. What a table has consumed is recorded in
its own commits as *marks*: Delta application transactions, a name with a whole number (DESIGN: the tables are
the state). Nothing else is kept anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from clicklake.contracts.types import from_arrow
from clicklake.errors import ConflictError, FormatVersionError, StorageError, UnknownNameError

FORMAT_VERSION = 1
"""The layout of a lake that this program writes; a lake with a higher one is refused."""

FORMAT_MARK = "clicklake.format"
COMMIT_MARK = "clicklake"
"""Every commit of ours carries it with the next version: any two of our commits conflict."""

_UNSUPPORTED_FEATURES = {"deletionVectors", "columnMapping"}


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
        root: The table's folder or URL.
        delta: The table as delta-rs sees it at that version.
        nulls: Rows without a value by column, as the commit that made the version counted them; else empty.
        cluster_by: A time by whose months rows are put into different files.
    """

    name: str
    root: str
    delta: DeltaTable
    nulls: dict[str, int] = field(default_factory=dict, compare=False)
    cluster_by: str | None = field(default=None, compare=False)

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
        """The rows of a small table that is not partitioned, or of some of its files, without an engine."""
        parts = [pq.ParquetFile(file).read() for file in (self.files if files is None else files)]
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
        version = self.delta.transaction_version(name)
        return default if version is None or version < 0 else int(version)  # below 0: taken back by a restore

    def maximum(self, column: str) -> int | None:
        """The largest value of a whole-number column, from the log's statistics; None in an empty table."""
        actions = self.actions
        if not actions.num_rows:
            return None
        largest = pa.compute.max(actions[f"max.{column}"]).as_py()
        return None if largest is None else int(largest)

    def largest_in(self, column: str) -> str:
        """The file that holds the largest value of a column, from the log's statistics."""
        actions = pa.table(self.delta.get_add_actions(flatten=True))
        largest = pa.compute.max(actions[f"max.{column}"])
        return self.uri(actions["path"][pa.compute.index(actions[f"max.{column}"], largest).as_py()].as_py())

    @cached_property
    def size(self) -> tuple[int, int]:
        """Rows and bytes, from the log."""
        actions = self.actions
        rows = pa.compute.sum(actions["num_records"]).as_py() if actions.num_rows else 0
        size = pa.compute.sum(actions["size_bytes"]).as_py() if actions.num_rows else 0
        return int(rows or 0), int(size or 0)


@dataclass
class Store:
    """The tables under one root.

    Args:
        root: Folder or object-store URL.
        options: Object-store options, as delta-rs names them.
        compression: `zstd` or `snappy`.
        compression_level: Of zstd.
        properties: Delta table properties set at creation.
        specs: What the tables used so far are created with.
        note: What every commit says about itself, such as the run that makes it.
        touched: The tables that commits were made to.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict)
    compression: str = "zstd"
    compression_level: int = 1
    properties: Mapping[str, str] = field(default_factory=dict)
    specs: dict[str, TableSpec] = field(default_factory=dict)
    note: Mapping[str, object] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    @property
    def is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.root

    def uri(self, name: str) -> str:
        """Where a table lies."""
        layer, _, table = name.partition(".")
        return f"{self.root.rstrip('/')}/{layer}/{table}"

    def find(self, name: str, version: int | None = None) -> Snapshot | None:
        """A table's newest or given version; None where it doesn't exist.

        Raises:
            StorageError: The table is there, but can't be read.
        """
        uri = self.uri(name)
        if self.is_local and not (Path(uri) / "_delta_log").is_dir():
            return None
        try:
            delta = DeltaTable(uri, version=version, storage_options=dict(self.options) or None)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            at = "" if version is None else f" at version {version}"
            raise StorageError(f"table {name}{at} can't be read: {reason(error)}") from error
        features = set(delta.protocol().reader_features or ())
        if unsupported := features & _UNSUPPORTED_FEATURES:
            raise StorageError(
                f"table {name} uses {', '.join(sorted(unsupported))}, which not every engine reads; "
                "rewrite it without and try again"
            )
        spec = self.specs.get(name)
        return Snapshot(name, uri, delta, cluster_by=spec.cluster_by if spec else None)

    def open(self, name: str, version: int | None = None) -> Snapshot:
        """A table's newest or given version.

        Raises:
            UnknownNameError: There is no such table.
        """
        snapshot = self.find(name, version)
        if snapshot is None:
            raise UnknownNameError(f"there is no table {name} in the lake {self.root}")
        return snapshot

    def ensure(self, spec: TableSpec) -> Snapshot:
        """The newest version of a table, which is created where it isn't there."""
        self.specs[spec.name] = spec
        if snapshot := self.find(spec.name):
            return snapshot
        configuration = dict(self.properties)
        if spec.change_feed:
            configuration["delta.enableChangeDataFeed"] = "true"
        indexed = [f.name for f in spec.schema if f.name not in spec.pii and not pa.types.is_nested(f.type)]
        configuration["delta.dataSkippingStatsColumns"] = ",".join(indexed)
        try:
            DeltaTable.create(
                self.uri(spec.name),
                schema=spec.schema,
                partition_by=list(spec.partition_by) or None,
                configuration=configuration,
                storage_options=dict(self.options) or None,
                commit_properties=CommitProperties(app_transactions=[Transaction(FORMAT_MARK, FORMAT_VERSION)]),
            )
        except (CommitFailedError, DeltaError, OSError) as error:
            if self.find(spec.name) is None:  # nobody else made it meanwhile: a real failure
                raise StorageError(f"table {spec.name} can't be created: {reason(error)}") from error
        return self.open(spec.name)

    def recreate(self, spec: TableSpec, snapshot: Snapshot) -> Snapshot:
        """The table without rows and with another schema; its history stays readable.

        Raises:
            ConflictError: Another commit came first.
        """
        try:
            write_deltalake(
                snapshot.delta,
                spec.schema.empty_table(),
                mode="overwrite",
                schema_mode="overwrite",
                partition_by=list(spec.partition_by) or None,
                # No retries: see commit.NO_REBASE.
                commit_properties=CommitProperties(
                    app_transactions=transactions({}, snapshot.version), max_commit_retries=0
                ),
            )
        except CommitFailedError as error:
            raise ConflictError(f"table {spec.name}: another writer committed first") from error
        return self.open(spec.name)

    def names(self) -> list[str]:
        """The tables of a local lake, by layer."""
        found = [f"{log.parent.parent.name}.{log.parent.name}" for log in Path(self.root).glob("*/*/_delta_log")]
        order = {"bronze": 0, "silver": 1, "gold": 2, "ops": 3}
        return sorted(found, key=lambda name: (order.get(name.partition(".")[0], 9), name))

    def check_format(self, name: str) -> None:
        """Refuse a lake whose format is newer than this program.

        Args:
            name: A table that every lake has.

        Raises:
            FormatVersionError: The lake was written by a later program.
        """
        snapshot = self.find(name)
        found = snapshot.mark(FORMAT_MARK, FORMAT_VERSION) if snapshot else FORMAT_VERSION
        if found > FORMAT_VERSION:
            raise FormatVersionError(
                f"the lake {self.root} has format version {found}; this clicklake knows versions up to "
                f"{FORMAT_VERSION}. Install a newer clicklake (pip install -U clicklake)."
            )


def reason(error: Exception) -> str:
    """An error of delta-rs in one line: what failed, and its innermost cause."""
    lines = [line.strip(" \t↳") for line in str(error).splitlines()]
    told = [line for line in lines if line] or [type(error).__name__]
    return ": ".join(dict.fromkeys([told[0], told[-1]]))


def transactions(marks: Mapping[str, int], version: int) -> list[Any]:
    """The Delta transactions of a commit on top of `version`."""
    return [
        Transaction(COMMIT_MARK, version + 1),
        *(Transaction(name, value) for name, value in marks.items()),
    ]
