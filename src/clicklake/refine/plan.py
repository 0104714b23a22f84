"""What a round of refine does, and how the marks of its first commit say it.

A round is numbered. Its *intent* stands in the marks of `silver.quarantine`: the number, and for each source that
takes part what is done to it and which contract judges. Whoever finds a round that the ledger does not have yet
reads the same plan back from these marks, and the tables as they were before from the versions that they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from clicklake.refine.registry import Registered, Registry
from clicklake.storage import Snapshot

ROUND = "round"
"""Mark: the newest round that a table has taken part in."""


class Kind(IntEnum):
    """What a round does with a source; the numbers stand in marks."""

    NEW = 0
    """Rows that bronze took in since the last round are judged."""
    RESTART = 1
    """All fates are taken back, and all rows judged again: the contract has changed, or a table was restored."""
    REPLAY = 2
    """Open rows of the quarantine that now pass go through."""
    WITHDRAW = 3
    """The rows of unloaded files lose their fates; what they stood for is judged again."""


@dataclass(frozen=True)
class Work:
    """One source's part in a round.

    Args:
        registered: The source, and the contract version that judges.
        kind: What is done.
        first: NEW and RESTART: the first row id to judge.
        last: The last row id that has a fate after the round.
        goal: Gold reads the source's silver table again once `last` has reached it.
        withdrawals: The newest withdrawal that is respected.
        withdrawn_before: The newest one that the round before respected.
        moment: REPLAY: `resolved_at` of the rows that pass, in microseconds.
    """

    registered: Registered
    kind: Kind
    first: int
    last: int
    goal: int = 0
    withdrawals: int = 0
    withdrawn_before: int = 0
    moment: int = 0

    @property
    def source(self) -> str:
        """The source's name."""
        return self.registered.source

    def marks(self) -> dict[str, int]:
        """The work as marks."""
        values = {
            "kind": int(self.kind),
            "first": self.first,
            "refine": self.last,
            "goal": self.goal,
            "withdrawals": self.withdrawals,
            "withdrawn_before": self.withdrawn_before,
            "moment": self.moment,
            "contract": self.registered.number,
        }
        return {f"{name}:{self.source}": value for name, value in values.items()}


@dataclass(frozen=True)
class Plan:
    """One round.

    Args:
        number: Rises by one.
        works: What is done, by source.
        before: Versions of the tables that change, as they were before the round.
    """

    number: int
    works: list[Work]
    before: Mapping[str, int] = field(default_factory=dict)

    def marks(self) -> dict[str, int]:
        """The plan as the marks of its intent."""
        found = {ROUND: self.number}
        found |= {f"before:{name}": version for name, version in self.before.items()}
        for work in self.works:
            found |= {f"{ROUND}:{work.source}": self.number, **work.marks()}
        return found


def read_plan(intent: Snapshot, registry: Registry, sources: Iterable[str], tables: Iterable[str]) -> Plan:
    """The plan of the newest round that a quarantine table has begun."""
    number = intent.mark(ROUND)
    works = []
    for source in sources:
        if intent.mark(f"{ROUND}:{source}") == number:

            def mark(name: str, source: str = source) -> int:
                return intent.mark(f"{name}:{source}")

            works.append(
                Work(
                    registered=registry.version(source, mark("contract")),
                    kind=Kind(mark("kind")),
                    first=mark("first"),
                    last=mark("refine"),
                    goal=mark("goal"),
                    withdrawals=mark("withdrawals"),
                    withdrawn_before=mark("withdrawn_before"),
                    moment=mark("moment"),
                )
            )
    before = {name: intent.mark(f"before:{name}", -1) for name in tables}
    return Plan(number, works, {name: version for name, version in before.items() if version >= 0})
