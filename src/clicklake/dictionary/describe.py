"""What is known of one table, for the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from clicklake.dictionary.facts import TableFacts
from clicklake.dictionary.state import LakeState, TableState
from clicklake.dictionary.tables import table_facts

if TYPE_CHECKING:
    from clicklake.lake import Lake


@dataclass(frozen=True)
class Described:
    """A table: what documents say of it, and how it stands in the lake."""

    facts: TableFacts
    state: TableState

    def row(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {**self.facts.row(), "state": self.state.row()}

    def to_json(self) -> str:
        """`row` as a JSON list of one object, times as ISO 8601 in UTC."""
        return json.dumps([self.row()], ensure_ascii=False, default=_iso)


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return str(value)


def describe(lake: Lake, name: str) -> Described:
    """All that is known of a table.

    Raises:
        UnknownNameError: Neither contracts nor models have the table.
    """
    facts = table_facts(lake.lineage, name, lake.settings.owners)
    engine = lake.engine()
    try:
        return Described(facts, LakeState(lake, engine, lake.release()).table(facts))
    finally:
        engine.close()
