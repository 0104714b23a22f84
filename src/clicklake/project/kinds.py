"""What a file may hold: events, or things of one of the vocabulary's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clicklake.errors import UsageError
from clicklake.project.mapping import ASKED
from clicklake.project.tables import EVENTS
from clicklake.project.vocabulary import TableWords, vocabulary

_NEEDED = {"user_id": "a user", "event_timestamp": "a time", "event_type": "an event"}


@dataclass(frozen=True)
class Kind:
    """What the rows of a file are.

    Args:
        name: events, or the name of a table.
        silver_table: The table that they fill.
        rules_of: The source whose rules are proposed.
        row: What one row is.
        asked: By silver column without which no row can be loaded, what it says.
        needed: The same, to be told where it is missing.
        table: The words of the table; none for events.
    """

    name: str
    silver_table: str
    rules_of: str
    row: str
    asked: Mapping[str, str]
    needed: Mapping[str, str]
    table: TableWords | None = None

    @property
    def required(self) -> frozenset[str]:
        """The silver columns that every row has to fill."""
        told = {name for name, column in self.table.columns.items() if column.asked} if self.table else ()
        return frozenset({*self.asked, *told})


def kind_named(name: str) -> Kind:
    """The kind of this name.

    Raises:
        UsageError: There is none.
    """
    words = vocabulary()
    if name == EVENTS:
        return Kind(EVENTS, words.silver_table, words.rules_of, "event", ASKED, _NEEDED)
    if name not in words.tables:
        raise UsageError(f"--kind {name}: a file can hold {', '.join([EVENTS, *words.tables])}")
    table = words.tables[name]
    asked = {column: told.asked for column, told in table.columns.items() if told.asked and not told.otherwise}
    return Kind(name, table.silver_table, table.rules_of, table.row, asked, asked, table)
