"""Files that nobody needs any more: of versions that no one reads, and of writers that were killed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from clicklake.errors import StorageError
from clicklake.storage import log
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import Store


@dataclass(frozen=True)
class Vacuumed:
    """What of a table is, or was, removed.

    Args:
        table: The table.
        files: Path in the table's folder and bytes of each file.
        is_removed: Whether they are gone.
    """

    table: str
    files: tuple[tuple[str, int], ...]
    is_removed: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.files)


def needless(store: Store, name: str, keep: Iterable[int], before: datetime) -> Vacuumed:
    """Files of a table that were of no version since a time, and are of none that is to be kept.

    Args:
        store: Where the table is.
        name: The table.
        keep: Versions that somebody may still read, beside the newest.
        before: Files that were written or taken away since then stay: a reader may be at them, or a writer not done.
    """
    where = store.place(name)
    # The folder first, the log behind it: what is committed meanwhile is then known to be needed.
    there = [
        (path, size)
        for path, size, written in where.files()
        if path.endswith(".parquet") and written < before.timestamp()
    ]
    needed = needed_paths(store, name, keep) | log.tombstones(log.folder(store, name), before)
    return Vacuumed(name, tuple((path, size) for path, size in sorted(there) if path not in needed))


def needed_paths(store: Store, name: str, keep: Iterable[int]) -> set[str]:
    """Files of a table's newest version and of those to be kept, as far as these can still be read."""
    newest = store.open(name)
    needed = set(newest.paths)
    for version in sorted(set(keep) - {newest.version}):
        if version <= newest.version and (snapshot := _still_there(store, name, version)):
            needed |= snapshot.paths.keys()
    return needed


def remove(store: Store, found: Vacuumed) -> Vacuumed:
    """Remove the files.

    Raises:
        StorageError: One can't be removed; those before it are gone.
    """
    where = store.place(found.table)
    for path, _ in found.files:
        try:
            where.delete(path)
        except OSError as error:
            raise StorageError(f"{where.root}/{path} can't be removed: {error.strerror or error}") from error
    return Vacuumed(found.table, found.files, is_removed=True)


def _still_there(store: Store, name: str, version: int) -> Snapshot | None:
    try:
        return store.find(name, version)
    except StorageError:  # its log is gone: nobody can read it
        return None
