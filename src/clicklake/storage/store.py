"""Where the tables of a lake are: opened, created, and named.

A table's name is `layer.table`; it lies in `<lake>/<layer>/<table>`. What a table has consumed is recorded in
its own commits as *marks*: Delta application transactions, a name with a whole number (DESIGN: the tables are
the state). Nothing else is kept anywhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from clicklake.errors import ConflictError, FormatVersionError, StorageError, UnknownNameError
from clicklake.storage.objects import delta_options, explain, plain_lines
from clicklake.storage.places import Folder, Place, place
from clicklake.storage.snapshot import Snapshot, TableSpec

FORMAT_VERSION = 1
"""The layout of a lake that this program writes; a lake with a higher one is refused."""

FORMAT_MARK = "clicklake.format"
COMMIT_MARK = "clicklake"
"""Every commit of ours carries it with the next version: any two of our commits conflict."""

_UNSUPPORTED_FEATURES = {"deletionVectors", "columnMapping"}


@dataclass
class Store:
    """The tables under one root.

    Args:
        root: Folder or object-store URL.
        options: How an object store is reached, as delta-rs and AWS name it; keys are among them.
        compression: `zstd` or `snappy`.
        compression_level: Of zstd.
        properties: Delta table properties set at creation.
        specs: What the tables used so far are created with.
        note: What every commit says about itself, such as the run that makes it.
        touched: The tables that commits were made to.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    compression: str = "zstd"
    compression_level: int = 1
    properties: Mapping[str, str] = field(default_factory=dict)
    specs: dict[str, TableSpec] = field(default_factory=dict)
    note: Mapping[str, object] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    _newest: dict[str, tuple[Snapshot, Hashable]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.root

    def uri(self, name: str) -> str:
        """Where a table lies."""
        layer, _, table = name.partition(".")
        return f"{self.root.rstrip('/')}/{layer}/{table}"

    def place(self, name: str) -> Place:
        """The table's folder or prefix."""
        return place(self.uri(name), self.options)

    def find(self, name: str, version: int | None = None) -> Snapshot | None:
        """A table's newest or given version; None where it doesn't exist.

        Raises:
            StorageError: The table is there, but can't be read.
        """
        try:
            return self._known(name, version) or self._find(name, version)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            at = "" if version is None else f" at version {version}"
            raise StorageError(f"table {name}{at} can't be read: {reason(error)}") from error

    def _find(self, name: str, version: int | None) -> Snapshot | None:
        where = self.place(name)
        if isinstance(where, Folder) and not where.has("_delta_log"):
            return None
        delta = self._load(where.root, version)
        features = set(delta.protocol().reader_features or ())
        if unsupported := features & _UNSUPPORTED_FEATURES:
            raise StorageError(
                f"table {name} uses {', '.join(sorted(unsupported))}, which not every engine reads; "
                "rewrite it without and try again"
            )
        return self._keep(Snapshot(name, where, delta, cluster_by=self._cluster_by(name)), is_newest=version is None)

    def _load(self, uri: str, version: int | None) -> DeltaTable:
        return DeltaTable(uri, version=version, storage_options=self._delta_options)

    @property
    def _delta_options(self) -> dict[str, str] | None:
        return None if self.is_local else delta_options(self.options)

    def own(self, snapshot: Snapshot) -> DeltaTable:
        """The table at a snapshot's version, for what moves the object on to the next version: nobody else has it."""
        return self._load(snapshot.root, snapshot.version)

    def _cluster_by(self, name: str) -> str | None:
        spec = self.specs.get(name)
        return spec.cluster_by if spec else None

    def _keep(self, snapshot: Snapshot, *, is_newest: bool) -> Snapshot:
        kept, _ = self._newest.get(snapshot.name, (None, None))
        # An older version is not kept in place of a newer one: the next look for the newest would open that again.
        is_wanted = is_newest or kept is None or snapshot.version >= kept.version
        stamp = _stamp(snapshot.place, snapshot.version) if is_wanted else None
        if stamp:
            self._newest[snapshot.name] = (snapshot, stamp)
        return snapshot

    def _known(self, name: str, version: int | None) -> Snapshot | None:
        """The version that was opened last, where it is the one that is asked for: two looks at the log tell."""
        snapshot, stamp = self._newest.get(name, (None, None))
        if snapshot is None or version not in (None, snapshot.version):
            return None
        if version is None and _stamp(snapshot.place, snapshot.version + 1):
            return None
        if _stamp(snapshot.place, snapshot.version) != stamp or snapshot.cluster_by != self._cluster_by(name):
            return None
        return snapshot

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
            delta = DeltaTable.create(
                self.uri(spec.name),
                schema=spec.schema,
                partition_by=list(spec.partition_by) or None,
                configuration=configuration,
                storage_options=self._delta_options,
                commit_properties=CommitProperties(app_transactions=[Transaction(FORMAT_MARK, FORMAT_VERSION)]),
            )
        except (CommitFailedError, DeltaError, OSError) as error:
            if self.find(spec.name) is None:  # nobody else made it meanwhile: a real failure
                raise StorageError(f"table {spec.name} can't be created: {reason(error)}") from error
            return self.open(spec.name)
        return self._keep(Snapshot(spec.name, self.place(spec.name), delta, cluster_by=spec.cluster_by), is_newest=True)

    def recreate(self, spec: TableSpec, snapshot: Snapshot) -> Snapshot:
        """The table without rows and with another schema; its history stays readable.

        Raises:
            ConflictError: Another commit came first.
        """
        try:
            write_deltalake(
                self.own(snapshot),
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
        """The tables of the lake, by layer."""
        root = place(self.root, self.options)
        try:
            names = [f"{layer}.{table}" for layer in root.folders() for table in root.folders(layer)]
        except OSError as error:
            raise StorageError(f"the lake {self.root} can't be looked into: {reason(error)}") from error
        if isinstance(root, Folder):  # a store has no empty folders
            names = [name for name in names if root.has(f"{name.replace('.', '/')}/_delta_log")]
        order = {"bronze": 0, "silver": 1, "gold": 2, "ops": 3}
        return sorted(names, key=lambda name: (order.get(name.partition(".")[0], 9), name))

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


def _stamp(where: Place, version: int) -> Hashable:
    """What tells a commit of a table from another one with the same number; None where it isn't there.

    An object store answers with what was written last too: S3 promises it, and what speaks S3 keeps to it.
    """
    return where.stamp(f"_delta_log/{version:020d}.json")


def reason(error: Exception) -> str:
    """An error of delta-rs in one line: what failed, and its innermost cause."""
    if told := explain(error):
        return told
    lines = plain_lines(str(error)) or [type(error).__name__]
    return ": ".join(dict.fromkeys([lines[0], lines[-1]]))


def transactions(marks: Mapping[str, int], version: int) -> list[Any]:
    """The Delta transactions of a commit on top of `version`."""
    return [
        Transaction(COMMIT_MARK, version + 1),
        *(Transaction(name, value) for name, value in marks.items()),
    ]
