"""The one place that commits rows to Delta tables."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Literal

import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from clicklake.errors import ClicklakeError, ConflictError, StorageError
from clicklake.storage.store import Snapshot, Store, transactions

ATTEMPT_MARK = "clicklake.attempt"
"""A random number in each commit: by it a writer knows its own commit after an unclear error."""


def commit(
    store: Store,
    snapshot: Snapshot,
    rows: pa.RecordBatchReader | pa.Table,
    *,
    mode: Literal["append", "overwrite"] = "append",
    marks: Mapping[str, int],
    note: Mapping[str, object] | None = None,
    evolve: bool = False,
    predicate: str | None = None,
) -> Snapshot:
    """Write rows and marks as one Delta commit on top of exactly this snapshot.

    Args:
        store: Where the table is.
        snapshot: The version that the caller has looked at; a rival's commit since then is a conflict.
        rows: The rows in the table's schema; may be none, then only the marks are written.
        mode: Add to the table's rows or replace them all.
        marks: What the table has consumed once this is committed.
        note: Kept in the commit's metadata, for people.
        predicate: With overwrite: only the rows that fulfil it are replaced, and the new ones must fulfil it.
        evolve: Let the rows bring new columns (append) or another schema (overwrite).

    Returns:
        The snapshot after the commit.

    Raises:
        ConflictError: Another commit came first; look again, then try again.
        StorageError: The rows could not be written.
    """
    attempt = secrets.randbits(62)
    source = _Guard(rows)
    properties = CommitProperties(
        app_transactions=transactions({**marks, ATTEMPT_MARK: attempt}, snapshot.version),
        custom_metadata={"clicklake": json.dumps(dict(note or {}), default=str)},
    )
    schema_mode: Literal["merge", "overwrite"] | None = None
    if evolve:
        schema_mode = "merge" if mode == "append" else "overwrite"
    try:
        write_deltalake(
            snapshot.delta,
            source.reader(),
            mode=mode,
            predicate=predicate,
            schema_mode=schema_mode,
            partition_by=list(snapshot.partition_by) or None,
            writer_properties=_writer_properties(store, snapshot),
            commit_properties=properties,
        )
    except (DeltaError, OSError) as error:
        if source.error is not None:  # the rows' own failure, not the table's
            raise source.error from error
        # An error can come back although the commit went through: the table itself knows.
        now = store.open(snapshot.name)
        if now.mark(ATTEMPT_MARK) == attempt:
            return now
        if isinstance(error, CommitFailedError) or now.version > snapshot.version:
            raise ConflictError(f"table {snapshot.name}: another writer committed first") from error
        raise StorageError(f"table {snapshot.name} can't be written: {error}") from error
    return store.open(snapshot.name)


def _writer_properties(store: Store, snapshot: Snapshot) -> WriterProperties:
    # Rising numbers and times stored as differences are nearly free; a dictionary of them would only cost.
    spec = store.specs.get(snapshot.name)
    plain = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")
    zstd = store.compression == "zstd"
    return WriterProperties(
        compression="ZSTD" if zstd else "SNAPPY",
        compression_level=store.compression_level if zstd else None,
        column_properties={name: plain for name in (spec.sequences if spec else ())} or None,
    )


class _Guard:
    """Hands rows to the writer and keeps the error that their production raised, which the writer would blur."""

    def __init__(self, rows: pa.RecordBatchReader | pa.Table) -> None:
        self._rows = rows.to_reader() if isinstance(rows, pa.Table) else rows
        self.error: BaseException | None = None

    def reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._rows.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._rows
        except (ClicklakeError, OSError, pa.ArrowException, KeyboardInterrupt) as error:
            self.error = error
            raise
