"""What the executors of a distributed engine have used."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Usage:
    """Sums over tasks.

    Args:
        seconds: Time in tasks, of all executors together.
        tasks: Tasks that ended well.
        shuffle_read_bytes: Bytes that tasks fetched from others.
        shuffle_written_bytes: Bytes that tasks wrote for others.
        spilled_bytes: Bytes that did not fit into an executor's memory and went to its disk.
    """

    seconds: float = 0.0
    tasks: int = 0
    shuffle_read_bytes: int = 0
    shuffle_written_bytes: int = 0
    spilled_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def __sub__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, item.name) - getattr(other, item.name) for item in fields(self)))
