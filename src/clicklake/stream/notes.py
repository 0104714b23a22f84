"""`ops.streams`: what batches brought, added up over some minutes from what their commits to bronze say.

Bronze's log is the truth, and a mark says how far it was read: a kill loses no count, and no count is there twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.errors import ConflictError, StorageError
from clicklake.pipeline import DRIFT
from clicklake.storage import Snapshot, Store, commit, log
from clicklake.stream.append import COUNTS
from clicklake.stream.positions import moment
from clicklake.tables import append, system_spec

STREAMS = "ops.streams"
_TRIES = 20
_LOOK_BACK = 50
"""Commits that are looked through for the last of a stream: others, such as compactions, may have come behind it."""


def stream_commits(store: Store, bronze: Snapshot, after: int) -> Iterator[log.Commit]:
    """The commits of streams above a version, as far as the log reaches back."""
    yield from _of_streams(store, bronze, range(after + 1, bronze.version + 1))


def last_commit(store: Store, bronze: Snapshot, most: int = _LOOK_BACK) -> log.Commit | None:
    """The newest commit of a stream among the newest of a table."""
    newest_first = range(bronze.version, max(-1, bronze.version - most), -1)
    return next(_of_streams(store, bronze, newest_first), None)


def _of_streams(store: Store, bronze: Snapshot, versions: Iterable[int]) -> Iterator[log.Commit]:
    folder = log.folder(store, bronze.name)
    for version in versions:
        try:
            found = log.read(folder, version)
        except StorageError:
            continue  # cleaned up
        if found.note.get("stream"):
            yield found


@dataclass
class Notes:
    """Adds up what batches of a source say.

    Args:
        store: The lake.
        catalogue: Knows the table.
        source: The source.
        run_id: For drift.
        seconds: From one row to the next.
    """

    store: Store
    catalogue: Catalogue
    source: str
    run_id: str = "stream"
    seconds: float = 300.0
    _due: float = 0.0

    def roll_up_when_due(self) -> None:
        """Add up when it is time."""
        if not self._due:
            self._due = time.monotonic() + self.seconds
        if time.monotonic() >= self._due:
            self.roll_up()

    def roll_up(self) -> None:
        """Add what came since the last time, a row a topic.

        Raises:
            ConflictError: Other writers were always faster.
        """
        self._due = time.monotonic() + self.seconds
        bronze = self.store.find(f"bronze.{self.source}")
        if bronze is None:
            return
        mark = f"noted:{self.source}"
        for _ in range(_TRIES):
            snapshot = self.store.ensure(system_spec(self.catalogue, STREAMS))
            known = snapshot.mark(mark, -1)
            commits = list(stream_commits(self.store, bronze, known if known <= bronze.version else -1))
            if not commits:
                return
            rows = _rows(self.source, commits)
            try:
                table = pa.Table.from_pylist(rows, schema=snapshot.schema)
                commit(self.store, snapshot, table, marks={mark: bronze.version})
            except ConflictError:
                continue
            self._note_drift(commits)
            return
        raise ConflictError(f"{STREAMS}: {_TRIES} commits of other writers came first; try again")

    def _note_drift(self, commits: list[log.Commit]) -> None:
        found: dict[tuple[str, ...], int] = {}
        for one in commits:
            for *key, rows in one.note["stream"].get("drift") or ():
                place = (one.note["stream"]["topic"], *key)
                found[place] = found.get(place, 0) + rows
        seen = commits[-1].time
        names = ("kind", "column_name", "detail")
        common = {"source": self.source, "run_id": self.run_id, "seen_at": seen}
        append(
            self.store,
            self.catalogue,
            DRIFT,
            [
                {
                    **common,
                    "source_file": f"kafka://{topic}",
                    **dict(zip(names, key, strict=True)),
                    "rows": rows or None,
                }
                for (topic, *key), rows in found.items()
            ],
        )


def _rows(source: str, commits: list[log.Commit]) -> list[dict[str, Any]]:
    by_topic: dict[tuple[str, str], list[log.Commit]] = {}
    for one in commits:
        told = one.note["stream"]
        by_topic.setdefault((told["topic"], told["cluster"]), []).append(one)
    return [
        {"source": source, "topic": topic, "cluster": cluster, **_sum(found)}
        for (topic, cluster), found in by_topic.items()
    ]


def _sum(commits: list[log.Commit]) -> dict[str, Any]:
    told = [one.note["stream"] for one in commits]
    offsets: dict[str, list[int]] = {}
    for one in told:
        for partition, (first, until) in one["offsets"].items():
            known = offsets.setdefault(partition, [first, until])
            known[1] = until
    newest = [one["newest"] for one in told if one.get("newest") is not None]
    gaps = [gap for one in told for gap in one.get("gaps") or ()]
    return {
        **{name: sum(one.get(name, 0) for one in told) for name in COUNTS},
        "offsets": json.dumps(offsets),
        "batches": len(commits),
        "newest_event": moment(max(newest)) if newest else None,
        "lag": told[-1].get("lag"),
        "gaps": json.dumps(gaps) if gaps else None,
        "first_version": commits[0].version,
        "last_version": commits[-1].version,
        "first_at": commits[0].time,
        "last_at": commits[-1].time,
    }
