"""Looking after tables: their history, and going back to a version of it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deltalake import CommitProperties
from deltalake.exceptions import DeltaError

from clicklake.errors import ConflictError, StorageError, UsageError
from clicklake.storage import log
from clicklake.storage.commit import ATTEMPT_MARK
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import COMMIT_MARK, FORMAT_MARK, Store, transactions

RESTORED_MARK = "restored"
"""How often a table was restored. What is made with it notes this number, and judges anew where it has changed."""

NOT_THERE = -1
"""A mark that the restored version didn't have: `Snapshot.mark` takes it for missing. Delta can't take marks away."""

_HIGH_WATER = ("row_id", "release", "round", RESTORED_MARK, FORMAT_MARK)
"""Marks that never go back: what they number must not be given out twice."""

_HIGH_WATER_PREFIX = "read:"
"""The versions that the ledger lets gold read: a release may name them already."""

_OWN = (COMMIT_MARK, ATTEMPT_MARK)


@dataclass(frozen=True)
class Entry:
    """One line of a table's history; numbers that the log doesn't tell any more are None."""

    version: int
    time: datetime
    operation: str
    rows_added: int | None
    rows_removed: int | None
    files_added: int
    files_removed: int
    bytes_added: int
    bytes_removed: int
    run_id: str | None
    note: dict[str, Any]
    marks: dict[str, int]


def history(store: Store, name: str, limit: int | None = None) -> list[Entry]:
    """The versions of a table, the newest first, as far back as its log goes."""
    where = log.folder(store, name)
    known = log.versions(where)[::-1]
    return [_entry(store, name, commit) for commit in log.read_each(where, known[:limit])]


def _entry(store: Store, name: str, commit: log.Commit) -> Entry:
    note = dict(commit.note)
    rows_added = [rows for _, rows, _ in commit.added]
    return Entry(
        version=commit.version,
        time=commit.time,
        operation=note.pop("operation", None) or commit.operation,
        rows_added=None if None in rows_added else sum(rows or 0 for rows in rows_added),
        rows_removed=_rows_removed(store, name, commit),
        files_added=len(commit.added),
        files_removed=len(commit.removed),
        bytes_added=sum(size for _, _, size in commit.added),
        bytes_removed=sum(size for _, size in commit.removed),
        run_id=note.pop("run", None),
        note=note,
        marks={mark: value for mark, value in commit.marks.items() if mark not in _OWN},
    )


def _rows_removed(store: Store, name: str, commit: log.Commit) -> int | None:
    """A commit doesn't say how many rows went with the files: the version before knows."""
    if not commit.removed:
        return 0
    try:
        before = store.open(name, commit.version - 1).rows_by_path
    except StorageError:
        return None
    gone = [before.get(path) for path, _ in commit.removed]
    return None if None in gone else sum(rows or 0 for rows in gone)


def resolve(store: Store, name: str, to: str | int) -> int:
    """The version of a table that a number or a time (ISO 8601, UTC) names.

    Raises:
        UsageError: It is neither.
        UnknownNameError: The table had no version at that time.
    """
    text = str(to)
    if text.isdigit():
        return int(text)
    return log.version_at(store, name, parse_moment(text, "--to"))


def parse_moment(text: str, option: str) -> datetime:
    """A time of the user's, UTC where it has no zone.

    Raises:
        UsageError: It is no time.
    """
    from datetime import timezone

    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(f"{option} {text}: neither a version nor a time such as 2025-01-31T12:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def restore(store: Store, snapshot: Snapshot, version: int) -> Snapshot:
    """Bring rows, columns and marks of an older version back, as one commit on top of exactly this snapshot.

    What the table consumed since then is unconsumed again. The marks in `_HIGH_WATER` stay where they are.

    Raises:
        UsageError: There is no such older version.
        StorageError: Its files are not there any more.
        ConflictError: Another commit came first.
    """
    if not 0 <= version < snapshot.version:
        raise UsageError(f"{snapshot.name} is at version {snapshot.version}; --to {version} is not one before it")
    old = store.open(snapshot.name, version)
    attempt = secrets.randbits(62)
    kept = marks_after_restore(snapshot, old)
    note = {"operation": "RESTORE", "restored version": version}
    try:
        store.own(snapshot).restore(
            version,
            commit_properties=CommitProperties(
                app_transactions=transactions({**kept, ATTEMPT_MARK: attempt}, snapshot.version),
                custom_metadata={"clicklake": json.dumps(note)},
            ),
        )
    except (DeltaError, OSError) as error:
        now = store.open(snapshot.name)
        if now.mark(ATTEMPT_MARK) == attempt:
            return now
        if now.version > snapshot.version:
            raise ConflictError(f"table {snapshot.name}: another writer committed first") from error
        raise StorageError(f"{snapshot.name} can't be restored to version {version}: {_why(error)}") from error
    return store.open(snapshot.name)


def marks_after_restore(now: Snapshot, old: Snapshot) -> dict[str, int]:
    """What a table has consumed once it is as it was in an older version."""
    current, then = log.marks(now), log.marks(old)
    found: dict[str, int] = {}
    for name in (name for name in {**current, **then} if name not in _OWN):
        if name in _HIGH_WATER or name.startswith(_HIGH_WATER_PREFIX):
            found[name] = max(current.get(name, NOT_THERE), then.get(name, NOT_THERE))
        else:
            found[name] = then.get(name, NOT_THERE)
    if now.name.startswith("bronze."):  # its mark is that of the commit before
        found["row_id"] = max(found.get("row_id", 0), now.maximum("row_id") or 0)
    found[RESTORED_MARK] = max(found.get(RESTORED_MARK, 0), 0) + 1
    return found


def _why(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return "its files have been vacuumed" if "not found" in text.lower() or "missing" in text.lower() else text
