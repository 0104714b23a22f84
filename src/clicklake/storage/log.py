"""What the log of a table says beside its files: who committed what and when, and its marks.

delta-rs tells a mark only to those who know its name, and forgets rows and bytes of a commit. Both stand in the
log: in a JSON file for each commit, and in the checkpoints for what is older.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clicklake.errors import StorageError, UnknownNameError
from clicklake.storage.places import Place, read_all
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import Store

_COMMIT = re.compile(r"\d{20}\.json")
_CHECKPOINT = re.compile(r"\d{20}\.checkpoint.*\.parquet")


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


def folder(store: Store, name: str) -> Place:
    """Where a table's log lies."""
    return store.place(name).at("_delta_log")


def versions(log: Place) -> list[int]:
    """The versions whose commits are still there, the oldest first."""
    return sorted(int(name[:20]) for name in log.names() if _COMMIT.fullmatch(name))


def read(log: Place, version: int) -> Commit:
    """One commit.

    Raises:
        StorageError: It can't be read.
    """
    return next(read_each(log, [version]))


def read_each(log: Place, wanted: Sequence[int]) -> Iterator[Commit]:
    """Commits, in the order in which they are wanted.

    Raises:
        StorageError: One can't be read.
    """
    texts = read_all(log, [_file(version) for version in wanted])
    for version in wanted:
        try:
            text = next(texts)
        except OSError as error:
            raise StorageError(f"{log.root}: commit {version} can't be read: {error}") from error
        yield _commit(log, version, text)


def _commit(log: Place, version: int, text: bytes) -> Commit:
    info: dict[str, Any] = {}
    marks: dict[str, int] = {}
    added: list[tuple[str, int | None, int]] = []
    removed: list[tuple[str, int]] = []
    try:
        for kind, action in _actions(text):
            if kind == "commitInfo":
                info = action
            elif kind == "txn":
                marks[action["appId"]] = int(action["version"])
            elif kind == "add":
                rows = json.loads(action.get("stats") or "{}").get("numRecords")
                added.append((unquote(action["path"]), rows, int(action["size"])))
            elif kind == "remove":
                removed.append((unquote(action["path"]), int(action.get("size") or 0)))
    except (ValueError, KeyError) as error:
        raise StorageError(f"{log.root}: commit {version} can't be read: {error}") from error
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
    log = snapshot.place.at("_delta_log")
    names = log.names()
    at = snapshot.version
    checkpoint = max((number for number in _checkpoints(names) if number <= at), default=-1)
    found: dict[str, int] = {}
    for name in _of_checkpoint(names, checkpoint):
        with pq.ParquetFile(log.source(name)) as parquet:
            for batch in parquet.iter_batches(columns=["txn"]):
                column = batch.column(0)
                for row in column.filter(pc.is_valid(column)).to_pylist():
                    if row and row["appId"] is not None:
                        found[row["appId"]] = int(row["version"])
    for text in read_all(log, [_file(version) for version in range(checkpoint + 1, at + 1)]):
        found.update((action["appId"], int(action["version"])) for kind, action in _actions(text) if kind == "txn")
    return found


def tombstones(log: Place, since: datetime) -> set[str]:
    """Paths of the files that were taken away since a time, as far as the log still tells."""
    least = int(since.timestamp() * 1000)
    found: set[str] = set()
    names = log.names()
    for name in _of_checkpoint(names, max(_checkpoints(names), default=-1)):
        with pq.ParquetFile(log.source(name)) as parquet:
            if "remove" not in parquet.schema_arrow.names:
                continue
            for batch in parquet.iter_batches(columns=["remove.path", "remove.deletionTimestamp"]):
                rows = batch.column(0)
                late = pc.greater_equal(pc.struct_field(rows, "deletionTimestamp"), pa.scalar(least, pa.int64()))
                found.update(row["path"] for row in rows.filter(pc.fill_null(late, False)).to_pylist())
    for text in read_all(log, [name for name in names if _COMMIT.fullmatch(name)]):
        for kind, action in _actions(text):
            if kind == "remove" and int(action.get("deletionTimestamp") or 0) >= least:
                found.add(action["path"])
    return {unquote(path) for path in found} | found


def _file(version: int) -> str:
    return f"{version:020d}.json"


def _checkpoints(names: Iterable[str]) -> set[int]:
    return {int(name[:20]) for name in names if _CHECKPOINT.fullmatch(name)}


def _of_checkpoint(names: Iterable[str], version: int) -> list[str]:
    """The files of a checkpoint, which may be several."""
    return sorted(name for name in names if _CHECKPOINT.fullmatch(name) and int(name[:20]) == version)


def _actions(text: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in text.splitlines():
        if line.strip():
            for kind, action in json.loads(line).items():
                if action is not None:
                    yield kind, action
