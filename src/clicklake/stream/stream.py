"""The loop: messages to bronze, and silver and gold behind it, until it is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from clicklake.errors import ConflictError
from clicklake.runs import logger
from clicklake.stream.append import Appended, Appender
from clicklake.stream.buffer import Buffer
from clicklake.stream.consumer import Reader
from clicklake.stream.follow import Followed, Follower
from clicklake.stream.notes import Notes

CATCH_UP_SECONDS = 30.0
"""While much waits at the broker, bronze goes ahead of gold for so long; then gold follows in one larger round."""

_LOOK = 0.05


@dataclass
class Batch:
    """What was published in one round.

    Args:
        appended: Commits to bronze since the last round, added up.
        followed: What became of them.
        lag: Messages that wait at the broker.
    """

    appended: Appended
    followed: Followed
    lag: int


@dataclass
class Total:
    """What a stream did, from its start to its end."""

    batches: int = 0
    commits: int = 0
    appended: Appended = field(default_factory=Appended)
    fates: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, batch: Batch) -> None:
        """Count a round."""
        self.batches += 1
        merge(self.appended, batch.appended)
        for counts in batch.followed.fates.values():
            for fate, rows in counts.items():
                self.fates[fate] = self.fates.get(fate, 0) + rows


def merge(total: Appended, one: Appended) -> None:
    """Add what a commit did to what others did."""
    for name in ("messages", "records", "corrupt", "tombstones", "empty", "oversized", "repeated", "late", "size"):
        setattr(total, name, getattr(total, name) + getattr(one, name))
    total.positions.update(one.positions)
    total.gaps += one.gaps
    total.seconds += one.seconds
    newest = [found for found in (total.newest, one.newest) if found is not None]
    total.newest = max(newest) if newest else None


@dataclass
class Stream:
    """Reads a topic into a lake.

    Args:
        reader: The thread that reads.
        buffer: What it has read.
        appender: Commits to bronze.
        follower: Refines, builds and publishes.
        notes: Keeps `ops.streams`.
        batch_seconds: From the start of one round to that of the next, at the least.
        batch_rows: Messages of a commit, at the most.
        is_bounded: Whether it ends when all that was there at its start is read.
    """

    reader: Reader
    buffer: Buffer
    appender: Appender
    follower: Follower
    notes: Notes
    batch_seconds: float
    batch_rows: int
    is_bounded: bool = False
    catch_up_seconds: float = CATCH_UP_SECONDS
    _due: float = 0.0

    def run(self, stop: threading.Event, tell: Callable[[Batch], None]) -> Total:
        """Stream until `stop` is set, or until the end of a bounded one.

        Args:
            stop: Is looked at between commits.
            tell: Is told of each round.

        Raises:
            ClicklakeError: It can't go on; what was committed stays.
        """
        total, begun = Total(), time.perf_counter()
        ended: BaseException | None = None
        self.reader.start()
        try:
            if self.appender.is_begun:
                self._follow(Appended(), total, tell)  # what an earlier stream has left
            while not self._is_over(stop):
                self._round(stop, total, tell)
            self._round(stop, total, tell, is_last=True)
        except BaseException as error:
            ended = error
            raise
        finally:
            self.reader.stop()
            self._finish(ended)
            total.seconds = time.perf_counter() - begun
        return total

    def _finish(self, error: BaseException | None) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            return  # at once: the next start tidies up
        try:
            self.notes.roll_up()
        except ConflictError as conflict:
            logger.debug("notes are left to the next stream: %s", conflict)
        self.follower.close(error)

    def _is_over(self, stop: threading.Event) -> bool:
        if stop.is_set():
            return True
        return self.is_bounded and self.reader.is_read and not self.buffer.rows

    def _round(
        self, stop: threading.Event, total: Total, tell: Callable[[Batch], None], *, is_last: bool = False
    ) -> None:
        """One or more commits to bronze, then one round of what follows."""
        begun = time.monotonic()
        appended = Appended()
        while True:
            self._wait(stop)
            self._due = time.monotonic() + self.batch_seconds
            self.reader.check()
            self._append(appended, total, is_last=is_last)
            is_behind = self.buffer.is_half_full and not stop.is_set()
            if not is_behind or time.monotonic() - begun > self.catch_up_seconds:
                break
        if appended.messages:
            self._follow(appended, total, tell)

    def _wait(self, stop: threading.Event) -> None:
        """Until a batch is due: the time has come, or so much is there that it need not be waited for."""
        while not stop.is_set() and not self.buffer.is_half_full and self.reader.is_alive():
            left = self._due - time.monotonic()
            if (left <= 0 and self.buffer.rows) or (self.is_bounded and self.reader.is_read):
                return
            with self.buffer.changed:
                self.buffer.changed.wait(min(_LOOK, left) if left > 0 else _LOOK)

    def _append(self, appended: Appended, total: Total, *, is_last: bool) -> None:
        """One commit, if there is anything."""
        parts = self.buffer.take(self.batch_rows, is_last=is_last)
        if not parts:
            return
        done = self.appender.append(parts, sum(self.reader.lag.values()))
        for number, mark in done.back.items():
            logger.warning("kafka partition %d: the table was set back to offset %d; reading from there", number, mark)
            self.reader.seek(number, mark)
        if done.positions:
            total.commits += 1
            self.reader.note_committed(done.positions)
            self.follower.pipeline.after(f"bronze.{self.appender.contract.source}")
        merge(appended, done)

    def _follow(self, appended: Appended, total: Total, tell: Callable[[Batch], None]) -> None:
        followed = self.follower.follow()
        if appended.messages or followed.release:
            batch = Batch(appended, followed, sum(self.reader.lag.values()))
            total.add(batch)
            tell(batch)
        self.notes.roll_up_when_due()
        self.follower.tidy()


Facts = dict[str, Any]
"""A batch as machine output."""


def facts(batch: Batch, topic: str) -> Facts:
    """A round as one JSON object."""
    done = batch.appended
    release = batch.followed.release
    return {
        "topic": topic,
        "messages": done.messages,
        "records": done.records,
        "corrupt": done.corrupt,
        "tombstones": done.tombstones,
        "empty": done.empty,
        "oversized": done.oversized,
        "late": done.late,
        "loaded": batch.followed.count("loaded"),
        "duplicates": batch.followed.count("duplicates"),
        "quarantined": batch.followed.count("quarantined"),
        "lag": batch.lag,
        "offsets": {str(number): position for number, position in sorted(done.positions.items())},
        "release": release.release_id if release else None,
        "bronze_seconds": round(done.seconds, 3),
        "gold_seconds": round(batch.followed.seconds, 3),
    }
