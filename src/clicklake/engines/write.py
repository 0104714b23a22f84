"""Rows of queries into tables, in one commit with the rows that they replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clicklake.engines.base import Engine
from clicklake.storage import Snapshot, Store, commit


def replace_rows(
    store: Store,
    engine: Engine,
    snapshot: Snapshot,
    queries: Sequence[str],
    *,
    marks: Mapping[str, int],
    gone: str | None = None,
) -> Snapshot:
    """Take rows away and add others, in one commit; only files that hold such rows are written anew.

    Args:
        store: Where the table is.
        engine: Runs the queries.
        snapshot: The table's version that is changed.
        queries: The rows that come, with the table's columns.
        marks: What the table has consumed then.
        gone: SQL condition on the table's rows, true for those that go; None where none does.

    Raises:
        ConflictError: Another commit came first.
    """
    touched = engine.files_with(snapshot, gone) if gone else []
    if touched:
        scan = engine.scan(snapshot, [snapshot.uri(path) for path in touched])
        queries = [f"select * from ({scan}) as kept where ({gone}) is not true", *queries]
    return commit(store, snapshot, engine.write(store, snapshot, queries), marks=marks, remove=touched)
