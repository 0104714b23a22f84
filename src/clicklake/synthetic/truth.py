"""What is true about generated data: the numbers that a lake made from it must show."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from clicklake.synthetic.events import Copy, Events, EventType, Ints, Outcome, Rule, names
from clicklake.synthetic.rhythm import HOUR
from clicklake.synthetic.world import World

LATE_AFTER = HOUR
"""Seconds behind the newest record before it from which a record is late, and no longer just out of order."""


@dataclass
class SourceTruth:
    """Counts of one source.

    Args:
        late: Records that stand an hour or more behind the newest time before them, in the order of the
            files and lines; copies count, records without a readable time don't.
        out_of_order: Records that stand less than an hour behind it.
    """

    files: int = 0
    bytes: int = 0
    records: int = 0
    loaded: int = 0
    duplicates: int = 0
    quarantined: int = 0
    late: int = 0
    out_of_order: int = 0
    reasons: dict[Rule, int] = field(default_factory=lambda: dict.fromkeys(Rule, 0))
    _newest: int = -(2**62)

    def written(self, events: Events) -> None:
        """Count records in the order in which they are written."""
        self.records += len(events)
        is_copy, is_broken = events["copy"] != Copy.ORIGINAL, events["broken"] != 0
        self.duplicates += int(is_copy.sum())
        self.quarantined += int(is_broken.sum())
        self.loaded += int((~is_copy & ~is_broken).sum())
        for rule in Rule:
            self.reasons[rule] += int(np.count_nonzero(events["broken"] & rule))
        self._measure_order(events)

    def as_dict(self) -> dict[str, object]:
        """Give the counts, with the reasons that occur in the order of the rules."""
        reasons = {rule.name.lower(): count for rule, count in self.reasons.items() if count}
        counts = ("files", "bytes", "records", "loaded", "duplicates", "quarantined")
        return {
            **{name: getattr(self, name) for name in counts},
            "reasons": reasons,
            "late": self.late,
            "out_of_order": self.out_of_order,
        }

    def _measure_order(self, events: Events) -> None:
        unreadable = Rule.INVALID_TIMESTAMP | Rule.MALFORMED_ROW
        times = events["time"][(events["broken"] & unreadable) == 0]
        newest: Ints = np.maximum.accumulate(np.concatenate([[self._newest], times]))
        behind = newest[1:] - times
        late = int((behind >= LATE_AFTER).sum())
        self.late += late
        self.out_of_order += int((behind > 0).sum()) - late
        self._newest = int(newest[-1])


class Totals:
    """Counts of the distinct sound events of all sources.

    Args:
        world: Says how many users and products there can be.
    """

    def __init__(self, world: World) -> None:
        self._users = np.zeros(world.users + 1, np.bool_)
        self._products = np.zeros(world.products + 1, np.bool_)
        self._by_type = np.zeros(len(EventType), np.int64)
        self._sessions = 0
        self._purchases = 0
        self._cents = 0

    def happened(self, events: Events) -> None:
        """Count the events of whole sessions, in which nothing is a copy yet."""
        sound = events[events["broken"] == 0]
        self._users[sound["user"]] = True
        self._products[sound["product"][sound["product"] > 0]] = True
        self._by_type += np.bincount(sound["type"], minlength=len(EventType))
        self._sessions += len(np.unique(sound["session"]))
        bought = (sound["type"] == EventType.PURCHASE) & (sound["outcome"] == Outcome.SUCCESS)
        self._purchases += int(bought.sum())
        self._cents += int(sound["cents"][bought].sum(dtype=np.int64))

    def as_dict(self) -> dict[str, object]:
        """Give the counts; revenue is the sum of the amounts of successful purchases."""
        return {
            "events": int(self._by_type.sum()),
            "users": int(self._users.sum()),
            "sessions": self._sessions,
            "products": int(self._products.sum()),
            "events_by_type": dict(zip(names(EventType), self._by_type.tolist(), strict=True)),
            "purchases": self._purchases,
            "revenue": f"{self._cents // 100}.{self._cents % 100:02d}",
        }
