"""What the log of a table says beside its files: who committed what and when, and its marks.

delta-rs tells a mark only to those who know its name, and forgets rows and bytes of a commit. Both stand in the
log: in a JSON file for each commit, and in the checkpoints for what is older.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clicklake.errors import StorageError, UnknownNameError
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import Store


@dataclass(frozen=True)
class Commit:
    """One version of a table, as its commit tells.

    Args:
        version: The Delta version that it made.
        time: When, UTC.
        operation: What the writer called it.
        note: What our commits say about themselves; empty for those of other programs.
        marks: What the table has consumed, as far as this commit says.
        added: The files that came: path, rows (None where unknown), bytes.
        removed: Paths and bytes of the files that went.
    """

    version: int
    time: datetime
    operation: str
    note: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    added: list[tuple[str, int | None, int]] = field(default_factory=list)
    removed: list[tuple[str, int]] = field(default_factory=list)


def folder(store: Store, name: str) -> Path:
    """Where a table's log lies."""
    return Path(store.uri(name)) / "_delta_log"


def versions(log: Path) -> list[int]:
    """The versions whose commits are still there, the oldest first."""
    return sorted(int(file.stem) for file in log.glob("*.json") if file.stem.isdigit() and len(file.stem) == 20)


def read(log: Path, version: int) -> Commit:
    """One commit.

    Raises:
        StorageError: It can't be read.
    """
    info: dict[str, Any] = {}
    marks: dict[str, int] = {}
    added: list[tuple[str, int | None, int]] = []
    removed: list[tuple[str, int]] = []
    try:
        for kind, action in _actions(log / f"{version:020d}.json"):
            if kind == "commitInfo":
                info = action
            elif kind == "txn":
                marks[action["appId"]] = int(action["version"])
            elif kind == "add":
                rows = json.loads(action.get("stats") or "{}").get("numRecords")
                added.append((unquote(action["path"]), rows, int(action["size"])))
            elif kind == "remove":
                removed.append((unquote(action["path"]), int(action.get("size") or 0)))
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(f"{log}: commit {version} can't be read: {error}") from error
    try:
        note = json.loads(info.get("clicklake") or "{}")
    except ValueError:
        note = {}
    time = datetime.fromtimestamp(int(info.get("timestamp", 0)) / 1000, timezone.utc)
    return Commit(version, time, str(info.get("operation", "unknown")), note, marks, added, removed)


def version_at(store: Store, name: str, moment: datetime) -> int:
    """The version that a table had at a time.

    Raises:
        UnknownNameError: The table is younger, or its log doesn't reach back so far.
    """
    log = folder(store, name)
    known = versions(log)
    low, high = 0, len(known)
    while low < high:  # commits rise with time
        middle = (low + high) // 2
        low, high = (middle + 1, high) if read(log, known[middle]).time <= moment else (low, middle)
    if low == 0:
        since = f"; its log reaches back to {read(log, known[0]).time:%Y-%m-%d %H:%M:%S} UTC" if known else ""
        raise UnknownNameError(f"{name} had no version at {moment:%Y-%m-%d %H:%M:%S} UTC{since}")
    return known[low - 1]


def marks(snapshot: Snapshot) -> dict[str, int]:
    """All marks that a version of a table has."""
    log = Path(snapshot.root) / "_delta_log"
    at = snapshot.version
    checkpoint = max((number for number in _checkpoints(log) if number <= at), default=-1)
    found: dict[str, int] = {}
    for file in sorted(log.glob(f"{checkpoint:020d}.checkpoint*.parquet")) if checkpoint >= 0 else []:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(columns=["txn"]):
                column = batch.column(0)
                for row in column.filter(pc.is_valid(column)).to_pylist():
                    if row and row["appId"] is not None:
                        found[row["appId"]] = int(row["version"])
    for version in range(checkpoint + 1, at + 1):
        found.update({name: value for name, value in _txns(log / f"{version:020d}.json")})
    return found


def tombstones(log: Path, since: datetime) -> set[str]:
    """Paths of the files that were taken away since a time, as far as the log still tells."""
    least = int(since.timestamp() * 1000)
    found: set[str] = set()
    newest = max(_checkpoints(log), default=-1)
    for file in log.glob(f"{newest:020d}.checkpoint*.parquet"):
        with pq.ParquetFile(file) as parquet:
            if "remove" not in parquet.schema_arrow.names:
                continue
            for batch in parquet.iter_batches(columns=["remove.path", "remove.deletionTimestamp"]):
                rows = batch.column(0)
                late = pc.greater_equal(pc.struct_field(rows, "deletionTimestamp"), pa.scalar(least, pa.int64()))
                found.update(row["path"] for row in rows.filter(pc.fill_null(late, False)).to_pylist())
    for version in versions(log):
        for kind, action in _actions(log / f"{version:020d}.json"):
            if kind == "remove" and int(action.get("deletionTimestamp") or 0) >= least:
                found.add(action["path"])
    return {unquote(path) for path in found} | found


def _checkpoints(log: Path) -> set[int]:
    return {int(file.name[:20]) for file in log.glob("*.checkpoint*.parquet") if file.name[:20].isdigit()}


def _txns(file: Path) -> Iterator[tuple[str, int]]:
    for kind, action in _actions(file):
        if kind == "txn":
            yield action["appId"], int(action["version"])


def _actions(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                for kind, action in json.loads(line).items():
                    if action is not None:
                        yield kind, action
