"""The stream on Spark: it reads, its executors write bronze, and silver and gold follow each micro-batch."""

from __future__ import annotations

import pickle
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from clicklake.engines.base import Engine
from clicklake.engines.spark.errors import told as spark_told
from clicklake.errors import ClicklakeError, ConflictError, StreamError
from clicklake.ingest.ingest import ROW_MARK, SOURCE_BITS, bronze_spec
from clicklake.runs import logger
from clicklake.storage import Target, Written, commit, with_constants
from clicklake.stream.append import Appended, Appender, with_offset
from clicklake.stream.consumer import Begin
from clicklake.stream.follow import Follower
from clicklake.stream.notes import Notes
from clicklake.stream.positions import Gap, Topic
from clicklake.stream.spark_source import SourceConfig, messages
from clicklake.stream.spark_task import RESULT, Done, WriteMessages
from clicklake.stream.stream import Batch, Total, merge

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_TRIES = 20
_LOOK = 0.2
_NO_NEWEST = -(2**62)


@dataclass
class SparkStream:
    """Reads a topic into a lake by Structured Streaming.

    Args:
        engine: The Spark engine; its session runs the query.
        config: What the source is told.
        begins: Where partitions are begun.
        appender: Knows table, topic and contract.
        event_time: The column of event times, where settings name one.
        follower: Refines, builds and publishes.
        notes: Keeps `ops.streams`.
        batch_seconds: From one micro-batch to the next.
        is_bounded: Whether it ends when all that was there at its start is read.
    """

    engine: Engine
    config: SourceConfig
    begins: Mapping[int, Begin]
    appender: Appender
    event_time: str | None
    follower: Follower
    notes: Notes
    batch_seconds: float
    is_bounded: bool = False
    _total: Total = field(default_factory=Total)
    _error: BaseException | None = None
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def run(self, stop: threading.Event, tell: Callable[[Batch], None]) -> Total:
        """Stream until `stop` is set, or until the end of a bounded one.

        Raises:
            ClicklakeError: It can't go on; what was committed stays.
        """
        begun = time.perf_counter()
        ended: BaseException | None = None
        gaps = {number: begin.gap for number, begin in self.begins.items() if begin.gap}
        try:
            if self.appender.is_begun:
                self._follow(Appended(), tell)
            self._stream(stop, tell, gaps)
        except BaseException as error:
            ended = error
            raise
        finally:
            if not isinstance(ended, (KeyboardInterrupt, SystemExit)):
                self.notes.roll_up()
                self.follower.close(ended)
            self._total.seconds = time.perf_counter() - begun
        return self._total

    def _stream(self, stop: threading.Event, tell: Callable[[Batch], None], gaps: dict[int, Gap]) -> None:
        session: Any = self.engine.session  # type: ignore[attr-defined]

        def each(frame: DataFrame, number: int) -> None:
            with self._busy:
                if stop.is_set():
                    raise _StoppedError
                try:
                    self._batch(frame, tell, gaps)
                except BaseException as error:
                    self._error = error
                    raise

        with tempfile.TemporaryDirectory(prefix="clicklake-stream-") as checkpoint, spark_told():
            writer = messages(session, self.config).writeStream.foreachBatch(each)
            trigger = {"availableNow": True} if self.is_bounded else {"processingTime": f"{self.batch_seconds} seconds"}
            query = writer.option("checkpointLocation", f"file://{checkpoint}").trigger(**trigger).start()
            try:
                while query.isActive:
                    if stop.wait(_LOOK):
                        with self._busy:  # the commit at hand is finished
                            query.stop()
            finally:
                if query.isActive:
                    query.stop()
            failure = query.exception()
        if self._error is not None:
            raise self._error
        if failure is not None and not stop.is_set():
            raise StreamError(f"kafka://{self.config.topic}: {str(failure).splitlines()[0]}")

    def _batch(self, frame: DataFrame, tell: Callable[[Batch], None], gaps: dict[int, Gap]) -> None:
        appended = self._append(frame, gaps)
        if appended.positions:
            self._total.commits += 1
            self.follower.pipeline.after(f"bronze.{self.appender.contract.source}")
        if appended.messages:
            self._follow(appended, tell)

    def _follow(self, appended: Appended, tell: Callable[[Batch], None]) -> None:
        followed = self.follower.follow()
        if appended.messages or followed.release:
            batch = Batch(appended, followed, 0)
            self._total.add(batch)
            tell(batch)
        self.notes.roll_up_when_due()
        self.follower.tidy()

    def _append(self, frame: DataFrame, gaps: dict[int, Gap]) -> Appended:
        """One micro-batch into bronze, in one commit; what is there already is left out.

        Raises:
            ConflictError: Other writers were always faster.
        """
        begun = time.perf_counter()
        appender, topic = self.appender, self.appender.topic
        for _ in range(_TRIES):
            bronze = appender.table()
            highest = max(bronze.mark(ROW_MARK), bronze.maximum("row_id") or 0, appender.source_number << SOURCE_BITS)
            schema = with_constants(
                with_offset(bronze_spec(appender.contract)).schema, ("source_file", "data_source", "source_version")
            )
            target = Target.of(appender.store, bronze)
            is_anew = topic.is_anew(bronze)
            write = WriteMessages(
                target,
                schema,
                appender.contract,
                topic,
                self.event_time,
                appender.watermark,
                appender.policy,
                datetime.now(timezone.utc),
                highest + 1,
                self.config.width,
                {
                    number: (
                        0 if is_anew or number in gaps else max(0, topic.position(bronze, number)),
                        _newest(bronze.mark(topic.newest_mark(number), _NO_NEWEST)),
                    )
                    for number in self.begins
                },
            )
            with spark_told():
                rows = frame.mapInArrow(write, RESULT).toArrow().column("done").to_pylist()
            parts: list[Done] = [pickle.loads(row) for row in rows]
            done, marks, first = _summed(parts, topic, gaps)
            written = Written.together(target, (part.written for part in parts))
            if not done.positions:
                written.remove()
                return done
            if topic.number:
                marks[topic.incarnation_mark] = topic.number
            try:
                note = {"stream": done.told(topic, first, 0)}
                commit(appender.store, bronze, written, marks={**marks, ROW_MARK: highest}, note=note)
            except ConflictError:
                logger.debug("another writer was faster; the micro-batch is read again")
                continue
            gaps.clear()
            done.seconds = time.perf_counter() - begun
            return done
        raise ConflictError(f"bronze.{appender.contract.source}: {_TRIES} commits of other writers came first")


class _StoppedError(ClicklakeError):
    """Ends a micro-batch that was not begun when the stream was stopped."""

    def __init__(self) -> None:
        super().__init__("the stream was stopped")


def _newest(mark: int) -> int | None:
    return None if mark == _NO_NEWEST else mark


def _summed(
    parts: list[Done], topic: Topic, gaps: Mapping[int, Gap]
) -> tuple[Appended, dict[str, int], dict[int, int]]:
    """All partitions together: the counts, the marks, and where each began."""
    done, marks, first = Appended(), {}, {}
    for part in parts:
        if part.next <= part.first:
            continue  # all of it is there
        merge(done, part.appended)
        for key, rows in part.appended.drift.items():
            done.drift[key] = done.drift.get(key, 0) + rows
        done.positions[part.partition] = marks[topic.position_mark(part.partition)] = part.next
        first[part.partition] = part.first
        if part.newest is not None:
            marks[topic.newest_mark(part.partition)] = part.newest
            done.newest = max(part.newest, done.newest or part.newest)
    done.gaps = list(gaps.values())
    return done, marks, first
