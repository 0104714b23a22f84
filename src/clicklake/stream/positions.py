"""Where a topic's partitions stand: marks of the bronze table, in the very commits that brought the rows.

The consumer group's offsets are for monitoring: the table alone knows what it has. A mark is the offset that comes
next; another one tells the topic from a later one of its name, and one the newest event time that was seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from clicklake.storage import Snapshot

NONE = -1
"""The mark of a partition that the table has nothing of."""


@dataclass(frozen=True)
class Topic:
    """A topic, and how its marks are named.

    Args:
        name: The topic.
        cluster: The id of its cluster.
        incarnation: What tells it from another one of its name; empty where the brokers don't say.
    """

    name: str
    cluster: str
    incarnation: str = ""

    @property
    def version(self) -> str:
        """What rows have as `source_version`."""
        return f"kafka-{self.incarnation or self.cluster or 'unknown'}"

    def file(self, partition: int) -> str:
        """What rows have as `source_file`."""
        return f"kafka://{self.name}/{partition}"

    def position_mark(self, partition: int) -> str:
        """The mark that holds the next offset of a partition."""
        return f"kafka:{self.cluster}/{self.name}:{partition}"

    def newest_mark(self, partition: int) -> str:
        """The mark that holds the newest event time of a partition, in microseconds."""
        return f"{self.position_mark(partition)}:newest"

    @property
    def incarnation_mark(self) -> str:
        """The mark that holds a number made of the incarnation."""
        return f"kafka:{self.cluster}/{self.name}:id"

    @property
    def number(self) -> int:
        """A number made of the incarnation; 0 where there is none."""
        digest = hashlib.sha256(self.incarnation.encode()).digest()
        return int.from_bytes(digest[:7], "big") if self.incarnation else 0

    def position(self, bronze: Snapshot | None, partition: int) -> int:
        """The next offset of a partition by a version of bronze; `NONE` where it has nothing of it."""
        return bronze.mark(self.position_mark(partition), NONE) if bronze else NONE

    def is_anew(self, bronze: Snapshot | None) -> bool:
        """Whether what bronze has is from an earlier topic of this name."""
        known = bronze.mark(self.incarnation_mark, 0) if bronze else 0
        return bool(known and self.number and known != self.number)


@dataclass(frozen=True)
class Gap:
    """Messages that are gone before they were read.

    Args:
        partition: Where.
        since: The offset that was to come.
        until: The offset that is read in its place.
        reason: Why, in words.
    """

    partition: int
    since: int
    until: int
    reason: str

    def told(self, topic: str) -> str:
        """The gap in a sentence."""
        return f"kafka://{topic}/{self.partition}: {self.reason}; offset {self.since:,} was to come"


@dataclass
class Part:
    """Messages of one partition, one after the other.

    Args:
        partition: The partition.
        expects: The mark that bronze has, if nobody else has written meanwhile.
        next: The offset behind the last message, or behind what was looked at.
        values: The messages; None for a tombstone.
        offsets: Their offsets.
        gap: What is missing before the first.
    """

    partition: int
    expects: int
    next: int
    values: list[bytes | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    gap: Gap | None = None

    def first_wanted(self, mark: int) -> int | None:
        """The offset from which its messages are new for a table with this mark; None where some before are missing.

        The mark is another one than expected where a rival has written, or somebody has set the table back.
        """
        if mark == self.expects:
            return NONE
        return mark if mark > self.expects or self.gap else None


def find_gap(partition: int, mark: int, bounds: tuple[int, int], *, is_anew: bool) -> Gap | None:
    """What is missing between a mark and what a partition holds: from its lowest offset up to its highest."""
    low, high = bounds
    if mark == NONE:
        return None
    if is_anew:
        return Gap(partition, mark, low, "the topic was deleted and made anew")
    if mark < low:
        return Gap(partition, mark, low, f"the broker has deleted {low - mark:,} messages before they were read")
    if mark > high:
        return Gap(partition, mark, low, f"the topic ends at offset {high:,}, before what was read of it")
    return None


def moment(micros: int) -> datetime:
    """A time from its microseconds since 1970, UTC."""
    return datetime.fromtimestamp(micros / 1_000_000, timezone.utc)


def committed(parts: list[Part]) -> dict[int, int]:
    """The next offsets by partition."""
    return {part.partition: part.next for part in parts}


Told = dict[str, Any]
"""What a commit to bronze says about its messages."""
