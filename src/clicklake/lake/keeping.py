"""What looks after a lake's tables: history, restore, optimize, vacuum, backup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from clicklake.build.needed import consumed, released
from clicklake.contracts.explain import closest
from clicklake.errors import UnknownNameError, UsageError
from clicklake.ingest.ingest import bronze_spec
from clicklake.lake.opened import OpenedLake
from clicklake.lake.order import Order
from clicklake.refine.registry import CONTRACTS
from clicklake.setting_types import size_in_bytes
from clicklake.storage import Snapshot, TableSpec, Written, compact, maintain, vacuum
from clicklake.storage.compact import Compacted
from clicklake.storage.maintain import Entry
from clicklake.storage.vacuum import Vacuumed
from clicklake.tables import spec_of

if TYPE_CHECKING:
    from clicklake.backup import BroughtBack, Taken


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

    def optimize(
        self,
        *tables: str,
        sort_by: Sequence[str] = (),
        zorder: Sequence[str] = (),
        target_size: str | int = compact.TARGET_BYTES,
    ) -> list[Compacted]:
        """Put small files together, or lay rows out so that queries on some columns read fewer files.

        No row comes or goes, what was consumed stays, and runs and readers may go on meanwhile.

        Args:
            *tables: The tables; all where none is named.
            sort_by: Sort each partition by these columns.
            zorder: Lay each partition out by these columns at once.
            target_size: Of a file, in bytes or such as `128MB`.

        Returns:
            What became of each table.

        Raises:
            UnknownNameError: The lake or a table has no such table or column.
            UsageError: Both orders at once, or a column that has none.
        """
        if sort_by and zorder:
            raise UsageError("rows lie in one order: either --sort-by or --zorder")
        try:
            size = target_size if isinstance(target_size, int) else size_in_bytes(target_size)
        except ValueError as error:
            raise UsageError(f"--target-size: {error}") from error
        names = self._known(tables or self.store.names())
        for name in names:
            spec = self._spec(name)
            if spec:
                self.store.specs[name] = spec
        order = Order(tuple(sort_by or zorder), is_zorder=bool(zorder))
        snapshots = [self.store.open(name) for name in names]
        for snapshot in snapshots:
            order.check(snapshot)
        return [self._optimize(snapshot, order, size) for snapshot in snapshots]

    def _optimize(self, snapshot: Snapshot, order: Order, target_size: int) -> Compacted:
        groups = compact.partitions(snapshot) if order.columns else compact.bins(snapshot, target_size)
        if not order.columns and (self.settings.engine == "duckdb" or not groups):
            return compact.compact(self.store, snapshot, groups)
        rows, size = snapshot.size
        file_rows = max(1, target_size * rows // max(size, 1))
        engine = self.engine()

        def write(group: compact.Group) -> Written:
            ordered = order.sql(engine, snapshot, group)
            return engine.write(self.store, snapshot, [ordered], file_rows=file_rows, is_ordered=True)

        try:
            if order.columns:
                return compact.compact(self.store, snapshot, groups, write=write)
            return compact.compact(self.store, snapshot, groups, each=engine.each)
        finally:
            engine.close()

    def vacuum(
        self, *tables: str, retention_hours: float | None = None, dry_run: bool = True, force: bool = False
    ) -> list[Vacuumed]:
        """Remove files that nobody needs any more.

        What stays: files of the newest version; of the versions that were released within the retention; of those
        that the next run compares with; and files that were written or taken away within the retention.

        Args:
            *tables: The tables; all where none is named.
            retention_hours: Else the setting `storage.file_retention_days`.
            dry_run: Only list the files.
            force: Allow a retention of 0, which takes files away from runs and readers that are at work.

        Raises:
            UnknownNameError: The lake has no such table.
            UsageError: A retention of 0 without force.
        """
        hours = self.settings.storage.file_retention_days * 24 if retention_hours is None else retention_hours
        if hours < 0 or (hours == 0 and not force):
            raise UsageError(
                f"--retention {hours:g}: runs and readers that are at work would lose their files; "
                "stop them all and add --force, or keep at least an hour longer than your longest run"
            )
        before = datetime.now(timezone.utc) - timedelta(hours=hours)
        names = self._known(tables or self.store.names())
        kept, compared = released(self.store, before), consumed(self.store, dict.fromkeys(self.store.names()))
        found = [
            vacuum.needless(self.store, name, kept.get(name, set()) | compared.get(name, set()), before)
            for name in names
        ]
        return found if dry_run else [vacuum.remove(self.store, one) for one in found]

    def backup(self, folder: str | Path) -> Taken:
        """Copy all tables as they stand at one moment, and the project's configuration; runs may go on meanwhile.

        Args:
            folder: A new folder, or one with earlier backups: what these hold is not copied again.

        Raises:
            UsageError: The folder can't be used.
            UnknownNameError: The lake has no tables.
            StorageError: A file can't be copied.
        """
        from clicklake.backup import take_backup

        return take_backup(self.store, Path(folder), self.loaded.file)

    def restore_backup(
        self, folder: str | Path, *, backup: str | None = None, project: str | Path | None = None
    ) -> BroughtBack:
        """Make this lake, which must not be there yet, from a backup.

        Args:
            folder: The backups.
            backup: Which one, by its id; else the newest.
            project: Where the project's configuration goes; else it stays in the backup.

        Raises:
            UsageError: The lake is there, or a file of the project is and differs.
            UnknownNameError: There is no such backup.
            StorageError: The backup is damaged, or the lake can't be written.
        """
        from clicklake.backup import restore_backup

        if not self.store.is_local:
            raise UsageError("a backup is brought back to a folder; name one with --lake")
        return restore_backup(Path(folder), Path(self.path), backup, Path(project) if project else None)

    def _spec(self, name: str) -> TableSpec | None:
        """How files of a table are written; None for one that nothing here makes."""
        model = self.catalogue.table(name)
        if model:
            return spec_of(model)
        layer, _, source = name.partition(".")
        if layer == "bronze" and source in self.catalogue.source_names:
            return bronze_spec(self.catalogue.contract(source))
        return None

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
