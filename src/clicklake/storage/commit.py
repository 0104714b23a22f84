"""The one place that commits to Delta tables."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Literal

import pyarrow as pa
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import Schema as DeltaSchema
from deltalake.transaction import RemoveAction

from clicklake.errors import ConflictError, StorageError
from clicklake.storage.parquet import write_files
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import Store, reason, transactions
from clicklake.storage.target import Target, Written

ATTEMPT_MARK = "clicklake.attempt"
"""A random number in each commit: by it a writer knows its own commit after an unclear error."""

NO_REBASE = 0
"""Tries of delta-rs to put a commit behind others that came meanwhile.

It lets a commit pass that removes the files which an OPTIMIZE has just rewritten: their rows would be there still,
in the rewritten file. So what removes files must come directly behind the version that it has looked at.
"""


def commit(
    store: Store,
    snapshot: Snapshot,
    rows: pa.RecordBatchReader | pa.Table | Written,
    *,
    marks: Mapping[str, int],
    mode: Literal["append", "overwrite"] = "append",
    remove: Sequence[str] = (),
    note: Mapping[str, object] | None = None,
    directly: bool = False,
) -> Snapshot:
    """Write rows and marks as one Delta commit on top of exactly this snapshot.

    Args:
        store: Where the table is.
        snapshot: The version that the caller has looked at; a rival's commit since then is a conflict.
        rows: The new rows, with the table's columns; may be none, then only the marks are written. Or files of the
            table that were written already; they are removed where the commit fails.
        marks: What the table has consumed once this is committed.
        mode: `overwrite` takes all of the table's files away.
        remove: Paths of files that go, as `Snapshot.paths` names them; the rows of them that stay are among `rows`.
        note: Kept in the commit's metadata, for people.
        directly: Whether a compaction that came first is a conflict too, even if no file is taken away.

    Returns:
        The snapshot after the commit.

    Raises:
        ConflictError: Another commit came first; look again, then try again.
        StorageError: The rows could not be written.
    """
    written = rows if isinstance(rows, Written) else _write(store, snapshot, rows)
    gone = snapshot.paths if mode == "overwrite" else {path: snapshot.paths[path] for path in remove}
    now = int(time.time() * 1000)
    removed = [RemoveAction(path, True, now, size, values) for path, (size, values) in gone.items()]
    attempt = secrets.randbits(62)
    try:
        snapshot.delta.create_write_transaction(
            [*removed, *written.actions],
            mode="append",
            schema=snapshot.delta.schema(),
            partition_by=list(snapshot.partition_by) or None,
            commit_properties=CommitProperties(
                app_transactions=transactions({**marks, ATTEMPT_MARK: attempt}, snapshot.version),
                max_commit_retries=NO_REBASE if removed or directly else None,
                custom_metadata={
                    "clicklake": json.dumps({**store.note, **(note or {}), "rows": written.rows}, default=str)
                },
            ),
        )
    except (DeltaError, OSError) as error:
        return _settle(store, snapshot, written, attempt, error)
    store.touched.add(snapshot.name)
    return store.open(snapshot.name).with_nulls(written.nulls)


def _write(store: Store, snapshot: Snapshot, rows: pa.RecordBatchReader | pa.Table) -> Written:
    source = rows.to_reader() if isinstance(rows, pa.Table) else rows
    return write_files(Target.of(store, snapshot), source, source.schema)


def _settle(store: Store, snapshot: Snapshot, written: Written, attempt: int, error: Exception) -> Snapshot:
    """An error can come back although the commit went through: the table itself knows."""
    now = store.open(snapshot.name)
    if now.mark(ATTEMPT_MARK) == attempt:
        return now.with_nulls(written.nulls)
    if isinstance(error, CommitFailedError) or now.version > snapshot.version:
        written.remove()
        raise ConflictError(f"table {snapshot.name}: another writer committed first") from error
    raise StorageError(f"table {snapshot.name} can't be written: {reason(error)}") from error


def add_columns(store: Store, snapshot: Snapshot, schema: pa.Schema) -> Snapshot:
    """The table with the columns of a schema that it does not have yet; older rows have null there.

    Raises:
        ConflictError: Another commit came first.
        StorageError: A column that the table has is of another type in the schema.
    """
    there = snapshot.schema
    for field in schema:
        if field.name in there.names and not _same(there.field(field.name).type, field.type):
            raise StorageError(
                f"table {snapshot.name}: column {field.name} is {there.field(field.name).type}, not {field.type}"
            )
    missing = [field for field in schema if field.name not in there.names]
    if not missing:
        return snapshot
    fields = list(DeltaSchema.from_arrow(pa.schema(missing)).fields)
    try:
        store.own(snapshot).alter.add_columns(
            fields, commit_properties=CommitProperties(app_transactions=transactions({}, snapshot.version))
        )
    except CommitFailedError as error:
        raise ConflictError(f"table {snapshot.name}: another writer committed first") from error
    return store.open(snapshot.name)


def _same(one: pa.DataType, other: pa.DataType) -> bool:
    if pa.types.is_nested(one) and pa.types.is_nested(other):
        return True  # Delta names the inner fields in its own way
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return one == other or (any(f(one) for f in text) and any(f(other) for f in text))
