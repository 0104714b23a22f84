"""Where the rows of a table are written, and what was written there before any commit names it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from deltalake.transaction import AddAction

from clicklake.storage.places import Place
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import Store


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
