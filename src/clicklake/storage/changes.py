"""What changed in a table between two versions, by the lists of their files.

A file that only the newer version names was added, one that only the older version names was removed. So it doesn't
matter what the commits between them were: appends, replacements, a compaction, another program's OPTIMIZE or a
RESTORE. Rows that were only moved from one file to another stand on both sides and cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass

from clicklake.errors import ChangesLostError, StorageError
from clicklake.storage.places import sizes
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import Store


@dataclass(frozen=True)
class Changes:
    """The files in which two versions of a table differ.

    Args:
        before: The version that was read last.
        after: The version now; it may be the older one, where the table below was restored.
        added: Files that only `after` has, as `Snapshot.paths` names them.
        removed: Files that only `before` has.
    """

    before: Snapshot
    after: Snapshot
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    @property
    def bytes(self) -> int:
        """Bytes of the files in which they differ."""
        new = sum(self.after.paths[path][0] for path in self.added)
        return new + sum(self.before.paths[path][0] for path in self.removed)

    @property
    def rows_added(self) -> int:
        """Rows in the added files, from the log."""
        return _sum(self.after, self.added)

    @property
    def rows_removed(self) -> int:
        """Rows in the removed files, from the log."""
        return _sum(self.before, self.removed)


def _sum(snapshot: Snapshot, paths: tuple[str, ...]) -> int:
    return sum(snapshot.rows_by_path[path] or 0 for path in paths)


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """The files in which two versions of a table differ."""
    return Changes(
        before,
        after,
        tuple(path for path in after.paths if path not in before.paths),
        tuple(path for path in before.paths if path not in after.paths),
    )


def changes_since(store: Store, version: int, after: Snapshot) -> Changes:
    """What has changed in a table since a version.

    Args:
        store: Where the table is.
        version: The version that was read last.
        after: The version now.

    Raises:
        ChangesLostError: It can't be told any more; the message says why.
    """
    if version == after.version:
        return Changes(after, after, (), ())
    try:
        before = store.find(after.name, version)
    except StorageError as error:
        raise ChangesLostError(f"version {version} of {after.name} is gone") from error
    if before is None:  # delta-rs takes a version without a log for no table
        raise ChangesLostError(f"version {version} of {after.name} is gone")
    changes = compare(before, after)
    if before.schema != after.schema or before.partition_by != after.partition_by:
        raise ChangesLostError(f"{after.name} has other columns than at version {version}")
    lost = sum(size is None for size in sizes(before.place, changes.removed).values())
    if lost:
        raise ChangesLostError(f"{lost:,} files of version {version} of {after.name} are gone")
    return changes
