"""A few rows of a table, for people who want to see what is in it; personal data never leaves."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from clicklake.dictionary.facts import TableFacts
from clicklake.engines.base import Engine
from clicklake.engines.sql import quote
from clicklake.personal import MASK, masked
from clicklake.storage import Snapshot

_LONGEST = 120  # characters of a value
_EMAIL = re.compile(r"[^\s@\"'<>,;]+@[^\s@\"'<>,;]+\.[^\s@\"'<>,;]+")
_OPEN_TYPES = ("map", "list")
"""Types whose values may hold anything under any name."""


def sample_rows(engine: Engine, snapshot: Snapshot, facts: TableFacts, limit: int = 5) -> pa.Table:
    """The first rows of the table's newest file, as texts and numbers, personal data masked.

    Masked whole is every column that a document or contract calls personal, copies of such columns, raw text of
    bronze and quarantine; in all other texts, whatever looks like an e-mail address.

    Args:
        engine: Reads the file.
        snapshot: The table.
        facts: Its columns; those that no document knows are left out.
        limit: Rows at the most.
    """
    known = [column for column in facts.columns if column.name in snapshot.schema.names]
    if not snapshot.files or not known:
        return pa.table({})
    newest = max(snapshot.written_at.items(), key=lambda item: (item[1], item[0]))[0]
    values = ", ".join(
        f"{masked(column.name)} as {quote(column.name)}"
        if column.is_pii
        else f"cast({quote(column.name)} as varchar) as {quote(column.name)}"
        if column.type in _OPEN_TYPES
        else quote(column.name)
        for column in known
    )
    order = ", ".join(quote(name) for name in facts.grain if name in snapshot.schema.names) or "1"
    scan = engine.scan(snapshot, [snapshot.uri(newest)])
    table = engine.table(f"select {values} from (select * from ({scan}) order by {order} limit {int(limit)})")
    columns: dict[str, Any] = {
        name: pa.array([_safe(value) for value in column.to_pylist()], pa.string())
        if pa.types.is_string(column.type)
        else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pa.table(columns)


def _safe(value: str | None) -> str | None:
    if value is None:
        return None
    shown = _EMAIL.sub(MASK, value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
