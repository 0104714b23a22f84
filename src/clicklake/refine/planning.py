"""What there is to do: which rows have no fate yet, and which have one that no longer holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clicklake.contracts.catalogue import Catalogue
from clicklake.ingest.withdrawals import WITHDRAWN, latest
from clicklake.refine.plan import ROUND, Kind, Plan, Work
from clicklake.refine.registry import Registered, Registry, judge_fingerprint
from clicklake.refine.settle import LEDGER, QUARANTINE
from clicklake.storage import Snapshot, Store
from clicklake.storage.maintain import RESTORED_MARK

SEEN = "seen"
"""Mark of the ledger: the version of a table when a round ended."""


class Planner:
    """Plans rounds.

    Args:
        catalogue: Today's contracts.
        registry: The contract versions of the lake.
        store: The lake.
        slice_rows: Rows in a round, at the most.
    """

    def __init__(self, catalogue: Catalogue, registry: Registry, store: Store, slice_rows: int) -> None:
        self.catalogue, self.registry, self.store, self.slice_rows = catalogue, registry, store, slice_rows
        self.reasons: dict[str, str] = {}

    def next(
        self,
        ledger: Snapshot,
        tables: Mapping[str, Snapshot],
        bronze: Mapping[str, Snapshot],
        sources: Sequence[str],
        again: set[str],
        set_back: Mapping[str, str],
    ) -> Plan | None:
        """The next round; None where nothing is left to do.

        Args:
            ledger: Says what is settled.
            tables: Those that change before the ledger.
            bronze: By source.
            sources: Whose new rows are wanted.
            again: Sources whose rows are judged again whatever the marks say.
            set_back: Sources that are judged again because of tables set back, as the method of this name finds them.
        """
        withdrawals = self.store.find(WITHDRAWN)
        works = []
        for source in dict.fromkeys([*sources, *set_back]):
            if source in bronze:
                known = latest(withdrawals, source)
                done = ledger.mark(f"refine:{source}")
                reason = set_back.get(source) or ("asked for" if source in again and done else None)
                work = self._work(ledger, bronze[source], source, known, reason)
                if work:
                    works.append(work)
        return self.plan(ledger, tables, works)

    def replay(
        self, ledger: Snapshot, bronze: Mapping[str, Snapshot], sources: Sequence[str], moment: int
    ) -> list[Work]:
        """A replay of each source that has rows with fates and a contract."""
        works = []
        for source in sources:
            done = ledger.mark(f"refine:{source}")
            if source in bronze and done and source in self.catalogue.source_names:
                consumed = ledger.mark(f"withdrawals:{source}")
                works.append(
                    Work(
                        registered=self._registered(ledger, source),
                        kind=Kind.REPLAY,
                        first=done + 1,
                        last=done,
                        goal=ledger.mark(f"goal:{source}"),
                        withdrawals=consumed,
                        withdrawn_before=consumed,
                        moment=moment,
                    )
                )
        return works

    def plan(self, ledger: Snapshot, tables: Mapping[str, Snapshot], works: list[Work]) -> Plan | None:
        """Works as a round; None where there are none."""
        if not works:
            return None
        number = 1 + max(snapshot.mark(ROUND) for snapshot in (ledger, *tables.values()))
        return Plan(number, works, {name: snapshot.version for name, snapshot in tables.items()})

    def _work(
        self, ledger: Snapshot, bronze: Snapshot, source: str, withdrawals: int, reason: str | None
    ) -> Work | None:
        last = bronze.maximum("row_id") or 0
        done = ledger.mark(f"refine:{source}")
        consumed = ledger.mark(f"withdrawals:{source}")
        goal = ledger.mark(f"goal:{source}")
        if source not in self.catalogue.source_names and not reason and withdrawals <= consumed:
            return None  # its contract is gone; what was refined stays
        if not done and not last:
            return None
        registered = self._registered(ledger, source)
        base = self._base(registered)
        if not reason and done:
            judge = self.registry.judge(registered)
            if ledger.mark(f"judge:{source}", -1) != judge_fingerprint(judge):
                reason = "its contract changed"
        if reason:
            self.reasons[source] = reason
            until = min(last, base + self.slice_rows)
            return Work(registered, Kind.RESTART, base + 1, until, last, withdrawals, consumed)
        if withdrawals > consumed and done:
            return Work(registered, Kind.WITHDRAW, done + 1, done, goal, withdrawals, consumed)
        first = max(done, base) + 1
        if last >= first:
            until = min(last, first + self.slice_rows - 1)
            return Work(registered, Kind.NEW, first, until, goal, withdrawals, consumed)
        return None

    def _registered(self, ledger: Snapshot, source: str) -> Registered:
        """Today's contract; where the project has none any more, the one that judged last."""
        if source in self.catalogue.source_names:
            return self.registry.register(self.catalogue.contract(source))
        return self.registry.version(source, ledger.mark(f"contract:{source}"))

    def _base(self, registered: Registered) -> int:
        from clicklake.ingest.ingest import SOURCE_BITS

        return registered.source_number << SOURCE_BITS

    def set_back(
        self, ledger: Snapshot, tables: Mapping[str, Snapshot], bronze: Mapping[str, Snapshot]
    ) -> dict[str, str]:
        """Sources whose tables somebody has set back to an earlier version, with the reason to tell.

        What such a table holds fits neither the others nor the ledger: all fates are decided anew. A round that was
        begun before can't be finished then; whoever may have been part of it is judged anew too.
        """
        watched = {LEDGER: ledger, **tables}
        if withdrawn := self.store.find(WITHDRAWN):
            watched[WITHDRAWN] = withdrawn
        back = {name for name, snapshot in watched.items() if _is_set_back(ledger, name, snapshot)}
        if tables[QUARANTINE].mark(ROUND) > ledger.mark(ROUND) + 1:
            back.add(LEDGER)  # it is at most one round behind, unless it is another one
        targets = {source: self._target(ledger, source) for source in bronze}
        concerned: dict[str, set[str]] = {}
        for source, snapshot in bronze.items():
            name = f"bronze.{source}"
            concerned[source] = back - set(targets.values()) | back & {targets[source]}
            lost = (snapshot.maximum("row_id") or 0) < ledger.mark(f"refine:{source}")
            if lost or _is_set_back(ledger, name, snapshot):
                concerned[source].add(name)
        everywhere = set().union(*concerned.values())
        if everywhere and tables[QUARANTINE].mark(ROUND) > ledger.mark(ROUND):
            concerned = dict.fromkeys(bronze, everywhere)
        return {
            source: f"{', '.join(sorted(names))} was set back to an earlier version"
            for source, names in concerned.items()
            if names
        }

    def _target(self, ledger: Snapshot, source: str) -> str:
        """The silver table that a source feeds; empty where nothing of it was refined yet."""
        number = ledger.mark(f"contract:{source}")
        return self.registry.judge(self.registry.version(source, number)).silver.name if number else ""


def _is_set_back(ledger: Snapshot, name: str, snapshot: Snapshot) -> bool:
    """Whether a table was restored, or replaced by a younger one, since the ledger has seen it."""
    return snapshot.mark(RESTORED_MARK) != ledger.mark(f"{RESTORED_MARK}:{name}") or snapshot.version < ledger.mark(
        f"{SEEN}:{name}"
    )
