"""Rows that came and went in the inputs of a model since it last read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clicklake.build.difference import Difference, difference
from clicklake.engines.base import Engine
from clicklake.storage import Changes, Snapshot, Store, changes_since


@dataclass(frozen=True)
class Changed:
    """What came and went in one input.

    Args:
        table: The input.
        rows: The rows that came and went.
        bytes: Size of the files that were read to find them.
    """

    table: str
    rows: Difference
    bytes: int

    def __bool__(self) -> bool:
        return bool(self.rows)

    def __str__(self) -> str:
        return f"{self.table}: {self.rows}"

    @property
    def count(self) -> int:
        """Rows that came or went."""
        return self.rows.rows_inserted + self.rows.rows_deleted


class ChangeReader:
    """Finds changed rows; what several models ask for is found once.

    Args:
        store: The lake.
        engine: Gets the relations, in its schema `work`.
    """

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self._known: dict[tuple[str, int, int], Changed] = {}

    def read(self, after: Snapshot, version: int, grain: Sequence[str]) -> Changed:
        """What has changed in a table since a version.

        Args:
            after: The version now.
            version: The version that was read last.
            grain: The columns that name a row of it.

        Raises:
            ChangesLostError: It can't be told any more.
        """
        wanted = (after.name, version, after.version)
        if wanted not in self._known:
            changes = changes_since(self._store, version, after)
            rows = self._rows(changes, f"change_{len(self._known)}", grain)
            self._known[wanted] = Changed(after.name, rows, changes.bytes)
        return self._known[wanted]

    def _rows(self, changes: Changes, name: str, grain: Sequence[str]) -> Difference:
        """Where files were only added, or only removed, their rows; else the rows that are not in both."""
        before, after = changes.before, changes.after
        inserted, deleted = f"work.{name}_added", f"work.{name}_removed"
        self._engine.attach(after, inserted, [after.uri(path) for path in changes.added])
        self._engine.attach(before, deleted, [before.uri(path) for path in changes.removed])
        if changes.added and changes.removed:
            return difference(self._engine, inserted, deleted, grain, after.schema.names, name)
        return Difference(inserted, deleted, changes.rows_added, changes.rows_removed)
