"""What looks after a lake's tables: history and restore."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from clicklake.contracts.explain import closest
from clicklake.errors import UnknownNameError, UsageError
from clicklake.lake.opened import OpenedLake
from clicklake.refine.registry import CONTRACTS
from clicklake.storage import maintain
from clicklake.storage.maintain import Entry


@dataclass(frozen=True)
class Restored:
    """What a restore does, or did.

    Args:
        table: The table.
        from_version: What it was at.
        to_version: What it is brought back to.
        version: The version that the restore made; None before it is done.
        rows: Rows before and after.
        files: Files before and after.
    """

    table: str
    from_version: int
    to_version: int
    version: int | None
    rows: tuple[int, int]
    files: tuple[int, int]


class KeepingLake(OpenedLake):
    """The part of `Lake` that looks after its tables."""

    def history(self, table: str, *, limit: int | None = None) -> list[Entry]:
        """The versions of a table, the newest first, as far back as its log goes.

        Raises:
            UnknownNameError: The lake has no such table.
        """
        return maintain.history(self.store, self._known([table])[0], limit)

    def restore(self, table: str, to: str | int, *, dry_run: bool = False) -> Restored:
        """Bring a table back to an older version: rows, columns, and what it had consumed.

        The next run brings the other tables in line with it. Readers see the newest release until that run publishes.

        Args:
            table: The table.
            to: A version, or a time (ISO 8601, UTC).
            dry_run: Only say what it would do.

        Raises:
            UnknownNameError: The lake has no such table.
            UsageError: There is no such older version, or the table can't go back.
            StorageError: Files of that version are not there any more.
            ConflictError: A run has written to the table meanwhile.
        """
        name = self._known([table])[0]
        if name == CONTRACTS:
            raise UsageError(
                f"{name} can't go back: rows that were judged name its contract versions and source numbers. "
                "To go back to an older contract, put its file back and run again."
            )
        now = self.store.open(name)
        version = maintain.resolve(self.store, name, to)
        if not 0 <= version < now.version:
            raise UsageError(f"{name} is at version {now.version}; {to} names no version before it")
        old = self.store.open(name, version)
        plan = Restored(
            table=name,
            from_version=now.version,
            to_version=version,
            version=None,
            rows=(now.size[0], old.size[0]),
            files=(len(now.paths), len(old.paths)),
        )
        return plan if dry_run else replace(plan, version=maintain.restore(self.store, now, version).version)

    def _known(self, tables: Iterable[str]) -> list[str]:
        """The same names.

        Raises:
            UnknownNameError: The lake doesn't have one of them.
        """
        names = self.store.names()
        for table in tables:
            if table not in names:
                known = ", ".join(names) or "none yet: run `clicklake run` first"
                raise UnknownNameError(f"there is no table {table} in the lake{closest(table, names)}. Tables: {known}")
        return list(tables)
