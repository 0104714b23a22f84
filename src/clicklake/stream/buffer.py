"""Messages that were read and are not committed yet: bounded in rows and bytes, partition by partition."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from clicklake.stream.positions import Gap, Part

MESSAGE_BYTES = 100
"""What a message takes in memory beside its bytes, about."""


@dataclass
class _Waiting:
    """What waits of one partition."""

    expects: int
    next: int
    values: list[bytes | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    gap: Gap | None = None
    target: int | None = None
    at_end: bool = False

    @property
    def is_read(self) -> bool:
        """Whether all of it that is wanted was read, or all that is there."""
        return self.at_end if self.target is None else self.next >= self.target


class Buffer:
    """Filled by the thread that reads, emptied by the one that commits.

    Args:
        rows: Messages held at the most.
        size: Bytes held at the most.
    """

    def __init__(self, rows: int, size: int) -> None:
        self._most_rows, self._most_bytes = rows, size
        self._waiting: dict[int, _Waiting] = {}
        self._rows = self._bytes = 0
        self.changed = threading.Condition()

    def begin(self, partition: int, mark: int, offset: int, gap: Gap | None = None, target: int | None = None) -> None:
        """Expect a partition's messages from an offset on; what waited of it is dropped.

        Args:
            partition: The partition.
            mark: What the table has of it.
            offset: Where reading begins.
            gap: What is missing before that.
            target: Messages from this offset on are not wanted.
        """
        with self.changed:
            self._drop(partition)
            self._waiting[partition] = _Waiting(mark, offset, gap=gap, target=target)
            self.changed.notify_all()

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget partitions: others read them now."""
        with self.changed:
            for partition in partitions:
                self._drop(partition)
            self.changed.notify_all()

    def _drop(self, partition: int) -> None:
        gone = self._waiting.pop(partition, None)
        if gone:
            self._rows -= len(gone.values)
            self._bytes -= sum(len(value) for value in gone.values if value) + MESSAGE_BYTES * len(gone.values)

    def put(self, partition: int, values: list[bytes | None], offsets: list[int]) -> None:
        """Add messages, in their order; those that are there or not wanted are left out."""
        with self.changed:
            waiting = self._waiting.get(partition)
            if waiting is None or not values:
                return
            known = sum(1 for offset in offsets if offset < waiting.next) if offsets[0] < waiting.next else 0
            values, offsets = values[known:], offsets[known:]
            if waiting.target is not None and offsets and offsets[-1] >= waiting.target:
                wanted = sum(1 for offset in offsets if offset < waiting.target)
                values, offsets = values[:wanted], offsets[:wanted]
                waiting.next = waiting.target
            if offsets:
                waiting.next = max(waiting.next, offsets[-1] + 1)
            waiting.at_end = False
            waiting.values += values
            waiting.offsets += offsets
            self._rows += len(values)
            self._bytes += sum(len(value) for value in values if value) + MESSAGE_BYTES * len(values)
            self.changed.notify_all()

    def end(self, partition: int, offset: int) -> None:
        """Note that a partition ends before an offset, for now; what was skipped there is no message."""
        with self.changed:
            waiting = self._waiting.get(partition)
            if waiting:
                waiting.next = max(waiting.next, offset)
                waiting.at_end = True
                self.changed.notify_all()

    def take(self, rows: int, *, is_last: bool = False) -> list[Part]:
        """Take messages away.

        Args:
            rows: So many at the most.
            is_last: Whether partitions that only moved on, over what is no message, are taken too.
        """
        with self.changed:
            found = []
            for partition, waiting in sorted(self._waiting.items()):
                count = min(rows, len(waiting.values))
                rows -= count
                is_all = count == len(waiting.values)
                until = waiting.next if is_all else waiting.offsets[count]
                has_moved = is_last and is_all and until > waiting.expects
                if count == 0 and not has_moved and not waiting.gap:
                    continue
                part = Part(partition, waiting.expects, until, waiting.values[:count], waiting.offsets[:count])
                part.gap, waiting.gap = waiting.gap, None
                waiting.expects = until
                del waiting.values[:count], waiting.offsets[:count]
                self._rows -= count
                self._bytes -= sum(len(value) for value in part.values if value) + MESSAGE_BYTES * count
                found.append(part)
            self.changed.notify_all()
            return found

    @property
    def rows(self) -> int:
        """Messages that wait."""
        return self._rows

    @property
    def room(self) -> int:
        """How many messages may come; 0 where it is full."""
        if self._bytes >= self._most_bytes:
            return 0
        return max(0, self._most_rows - self._rows)

    @property
    def is_half_full(self) -> bool:
        """Whether much waits, as where the stream is behind."""
        return 2 * self._rows >= self._most_rows or 2 * self._bytes >= self._most_bytes

    def positions(self) -> dict[int, tuple[int, bool]]:
        """By partition: the offset that is read next, and whether that is its end, or what is wanted of it."""
        with self.changed:
            return {
                number: (
                    waiting.next,
                    waiting.at_end or (waiting.target is not None and waiting.next >= waiting.target),
                )
                for number, waiting in self._waiting.items()
            }
