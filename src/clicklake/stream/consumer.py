"""The thread that reads a topic into the buffer: positions from the table, back-pressure, rebalances, gaps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clicklake.errors import ClicklakeError, StreamError
from clicklake.runs import logger
from clicklake.storage import Snapshot
from clicklake.stream.buffer import Buffer
from clicklake.stream.connect import kafka
from clicklake.stream.positions import NONE, Gap, Topic, find_gap

_AT_ONCE = 5000
_WAIT = 0.1
_PAUSE_AFTER = 30.0
"""Seconds for which a full buffer lets the broker wait without a sign of life; it would give up after five minutes."""

_TIMEOUT = 15.0
_TRIES = 5


@dataclass(frozen=True)
class Reading:
    """What is read, and how.

    Args:
        topic: The topic.
        partitions: Its partitions.
        on_gap: What is done where messages are gone.
        is_bounded: Whether reading ends at what the topic has now; then the group has no other member.
    """

    topic: Topic
    partitions: Sequence[int]
    on_gap: Literal["fail", "continue"]
    is_bounded: bool


@dataclass(frozen=True)
class Begin:
    """Where a partition is begun.

    Args:
        mark: What the table has of it.
        offset: Where reading begins.
        end: The offset behind its last message that may be read.
        gap: What is missing before.
    """

    mark: int
    offset: int
    end: int
    gap: Gap | None


def find_begin(
    consumer: Any,  # noqa: ANN401 - the package has no types
    topic: Topic,
    number: int,
    bronze: Snapshot | None,
    on_gap: str,
) -> Begin:
    """Where a partition is to be read from, as the table says.

    Raises:
        StreamError: Messages are gone, and that is not to be passed over; or the broker does not answer.
    """
    mark, is_anew = topic.position(bronze, number), topic.is_anew(bronze)
    low, high = _bounds(consumer, topic, number)
    gap: Gap | None = None
    for _ in range(_TRIES):
        gap = find_gap(number, mark, (low, high), is_anew=is_anew)
        if gap is None or mark <= high or is_anew:
            break
        time.sleep(1)  # a broker that has just started may not know its end yet
        low, high = _bounds(consumer, topic, number)
    if gap and on_gap == "fail":
        raise StreamError(
            f"{gap.told(topic.name)}. Nothing was read. To go on with the oldest message that is there, and to have "
            "the gap noted in ops.streams, set kafka.on_gap to continue, or give --on-gap continue."
        )
    if gap:
        logger.warning("%s; going on at offset %d", gap.told(topic.name), low)
    return Begin(mark, low if gap or mark == NONE else mark, high, gap)


def _bounds(consumer: Any, topic: Topic, number: int) -> tuple[int, int]:  # noqa: ANN401
    """The lowest offset of a partition, and the one behind its last message that may be read."""
    module = kafka()
    for left in reversed(range(_TRIES)):
        try:
            low, high = consumer.get_watermark_offsets(module.TopicPartition(topic.name, number), timeout=_TIMEOUT)
            return int(low), int(high)
        except module.KafkaException as error:
            if not left:
                raise StreamError(
                    f"{topic.file(number)}: the broker doesn't tell its offsets: {error.args[0].str()}"
                ) from error
            time.sleep(1)
    raise AssertionError  # the last try returns or raises


class Reader(threading.Thread):
    """Reads until it is stopped.

    Args:
        consumer: A confluent_kafka Consumer.
        reading: What is read.
        buffer: Gets the messages.
        table: The newest version of the bronze table.
    """

    def __init__(
        self,
        consumer: Any,  # noqa: ANN401 - the package has no types
        reading: Reading,
        buffer: Buffer,
        table: Callable[[], Snapshot | None],
    ) -> None:
        super().__init__(name=f"kafka {reading.topic.name}", daemon=True)
        self._consumer, self._reading, self._buffer, self._table = consumer, reading, buffer, table
        self._kafka = kafka()
        self._stop_wanted = threading.Event()
        self._changes = 0
        self._back: list[tuple[int, int]] = []
        self._committed: dict[int, int] = {}
        self.error: BaseException | None = None
        self.lag: dict[int, int] = {}
        self._has_begun = False

    # What the committing thread asks for.

    def stop(self) -> None:
        """Leave the group and end."""
        self._stop_wanted.set()
        if self.is_alive():
            self.join()

    @property
    def is_read(self) -> bool:
        """Whether everything of every partition is read that is wanted, or there."""
        return self._has_begun and all(is_read for _, is_read in self._buffer.positions().values())

    def seek(self, partition: int, mark: int) -> None:
        """Go back to what the table has of a partition."""
        self._back.append((partition, mark))

    def note_committed(self, positions: Mapping[int, int]) -> None:
        """Let the group know what is in the table; it is for monitoring, and may fail."""
        self._committed.update(positions)

    # The thread.

    def run(self) -> None:
        """Read; an error is kept for the committing thread."""
        try:
            if self._reading.is_bounded:
                self._assigned(self._consumer, [self._at(number) for number in self._reading.partitions])
            else:
                self._consumer.subscribe(
                    [self._reading.topic.name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
                )
            looked = 0.0
            while not self._stop_wanted.is_set():
                self._go_back()
                self._commit()
                if self._buffer.room:
                    self._read()
                else:
                    self._wait_for_room()
                if time.monotonic() - looked > 1:
                    looked = time.monotonic()
                    self._measure_lag()
        except BaseException as error:
            self.error = error
        finally:
            self._commit()
            try:
                self._consumer.close()
            except (self._kafka.KafkaException, RuntimeError) as error:  # the group notices by itself
                logger.debug("the consumer was not closed: %s", error)
            with self._buffer.changed:
                self._buffer.changed.notify_all()

    def _commit(self) -> None:
        """Tell the group; here, because calls of one consumer wait for each other without an end in sight."""
        positions = {number: self._committed.pop(number) for number in list(self._committed)}
        if not positions:
            return
        try:
            offsets = [self._at(number, position) for number, position in positions.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except self._kafka.KafkaException as error:
            logger.debug("the group's offsets were not committed: %s", error)

    def _at(self, partition: int, offset: int | None = None) -> Any:  # noqa: ANN401 - the package has no types
        return self._kafka.TopicPartition(self._reading.topic.name, partition, *([] if offset is None else [offset]))

    def _read(self) -> None:
        changes = self._changes
        messages = self._consumer.consume(min(_AT_ONCE, self._buffer.room), timeout=_WAIT)
        if changes != self._changes:
            # They may be from before the rebalance, and what was before them dropped: read from the start again.
            if messages:
                self._read_anew()
            return
        values: dict[int, list[bytes | None]] = {}
        offsets: dict[int, list[int]] = {}
        for message in messages:
            if message.error() is not None:
                self._put(values, offsets)
                values, offsets = {}, {}
                self._handle(message)
                continue
            number = message.partition()
            if number not in values:
                values[number], offsets[number] = [], []
            values[number].append(message.value())
            offsets[number].append(message.offset())
        self._put(values, offsets)

    def _put(self, values: Mapping[int, list[bytes | None]], offsets: Mapping[int, list[int]]) -> None:
        for number, found in values.items():
            self._buffer.put(number, found, offsets[number])

    def _handle(self, message: Any) -> None:  # noqa: ANN401 - the package has no types
        """What comes in the place of a message."""
        errors, code = self._kafka.KafkaError, message.error().code()
        if code == errors._PARTITION_EOF:
            self._buffer.end(message.partition(), message.offset())
        elif code in (errors.OFFSET_OUT_OF_RANGE, errors._AUTO_OFFSET_RESET):
            number = message.partition()
            self._begin(number, self._table())
            self._read_anew()
        elif code in (errors.UNKNOWN_TOPIC_OR_PART, errors._UNKNOWN_TOPIC, errors._UNKNOWN_PARTITION):
            raise StreamError(
                f"topic {self._reading.topic.name} is gone: it was deleted, or nobody may see it any more. What was "
                "read of it is in the lake. Start again when it is there."
            )
        elif message.error().fatal() or code in (
            errors.TOPIC_AUTHORIZATION_FAILED,
            errors.GROUP_AUTHORIZATION_FAILED,
            errors._AUTHENTICATION,
        ):
            raise StreamError(f"topic {self._reading.topic.name}: {message.error().str()}")
        else:
            logger.debug("kafka: %s", message.error().str())

    def _wait_for_room(self) -> None:
        """Back-pressure: what is not polled stays with the broker; now and then a sign of life is given."""
        paused: list[Any] = []
        changes, since = self._changes, time.monotonic()
        while not self._buffer.room and not self._stop_wanted.is_set():
            with self._buffer.changed:
                self._buffer.changed.wait(0.2)
            if not paused and time.monotonic() - since > _PAUSE_AFTER:
                paused = self._consumer.assignment()
                self._consumer.pause(paused)
            if paused:
                self._read()  # nothing but news of the group can come
        if paused and changes == self._changes:
            self._consumer.resume(paused)

    # Positions.

    def _assigned(self, consumer: Any, partitions: Sequence[Any]) -> None:  # noqa: ANN401 - the package has no types
        bronze = self._table()
        self._changes += 1
        for found in partitions:
            self._begin(found.partition, bronze)
        self._read_anew()
        self._has_begun = True

    def _revoked(self, consumer: Any, partitions: Sequence[Any]) -> None:  # noqa: ANN401 - the package has no types
        self._changes += 1
        gone = [found.partition for found in partitions]
        self._buffer.drop(gone)
        for number in gone:
            self.lag.pop(number, None)

    def _go_back(self) -> None:
        while self._back:
            number, mark = self._back.pop(0)
            if number in self._buffer.positions():
                logger.debug("partition %d is read again from %d, as the table says", number, mark)
                self._begin(number, self._table())
                self._read_anew()

    def _read_anew(self) -> None:
        """Let go of what was fetched ahead, and read all partitions from where the buffer ends."""
        positions = self._buffer.positions()
        self._consumer.assign([self._at(number, position) for number, (position, _) in positions.items()])

    def _begin(self, number: int, bronze: Snapshot | None) -> None:
        """Expect a partition's messages from where the table stands."""
        begin = find_begin(self._consumer, self._reading.topic, number, bronze, self._reading.on_gap)
        target = begin.end if self._reading.is_bounded else None
        self._buffer.begin(number, begin.mark, begin.offset, begin.gap, target)

    def _measure_lag(self) -> None:
        for number, (position, at_end) in self._buffer.positions().items():
            try:
                _, high = self._consumer.get_watermark_offsets(self._at(number), cached=True)
            except self._kafka.KafkaException:
                continue
            self.lag[number] = 0 if at_end else max(0, int(high) - position)

    def check(self) -> None:
        """Raise what went wrong in the thread.

        Raises:
            ClicklakeError: The stream can't go on.
        """
        if self.error is None:
            return
        if isinstance(self.error, ClicklakeError):
            raise self.error
        if isinstance(self.error, self._kafka.KafkaException):
            raise StreamError(f"topic {self._reading.topic.name}: {self.error.args[0].str()}") from self.error
        raise self.error
