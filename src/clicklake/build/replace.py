"""Bringing a table to its next version: only the files that hold rows that go are written anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clicklake.build.difference import Difference, same_key
from clicklake.engines.base import Engine
from clicklake.engines.sql import quote
from clicklake.storage import Snapshot, Store, commit


def replace_rows(
    store: Store,
    engine: Engine,
    table: Snapshot,
    grain: Sequence[str],
    rows: Difference,
    marks: Mapping[str, int],
    *,
    small: int,
    note: Mapping[str, object],
) -> Snapshot:
    """Take rows away and add others, in one commit.

    Args:
        store: Where the table is.
        engine: Where the rows are; those that go say in `filename` where they lie.
        table: The version that the rows were compared with.
        grain: The columns that name a row.
        rows: What comes and goes.
        marks: What the table has consumed then.
        small: Up to so many rows a table is written whole where half of it would be, so that it stays in few files.
        note: Kept in the commit, for people.

    Raises:
        ConflictError: Another commit came first.
    """
    schema = table.schema
    if not rows:
        return commit(store, table, schema.empty_table(), marks=marks, note=note, directly=True)
    columns = ", ".join(map(quote, schema.names))
    query = f"select {columns} from {rows.inserted}"
    touched = _touched(engine, table, rows, small)
    if touched:
        kept = engine.scan(table, [table.uri(path) for path in touched])
        query = (
            f"select {columns} from ({kept}) as kept anti join {rows.deleted} as gone "
            f"on {same_key(grain, 'kept', 'gone')} union all {query}"
        )
    written = engine.write(store, table, [query])
    # Directly: behind a compaction the commit's own mark would not name its version, and it would look like a change
    # by another program.
    return commit(store, table, written, marks=marks, remove=touched, note=note, directly=True)


def _touched(engine: Engine, table: Snapshot, rows: Difference, small: int) -> list[str]:
    """The files that hold rows that go; all files of a small table where these are half of it."""
    if not rows.rows_deleted:
        return []
    by_uri = {table.uri(path): path for path in table.paths}
    found = [by_uri[str(uri)] for (uri,) in engine.rows(f"select distinct filename from {rows.deleted} order by 1")]
    whole = table.size[0]
    if whole <= small and 2 * sum(table.rows_by_path[path] or 0 for path in found) >= whole:
        return list(table.paths)
    return found
