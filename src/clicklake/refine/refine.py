"""The protocol of refine: four kinds of tables change, in an order in which a kill anywhere leaves nothing wrong.

1. `silver.quarantine` first, even if no row goes there: its commit is the *intent*. Its marks say what the round does
   (see `plan`): the rows of each source, and the contract version that judges them.
2. `ops.duplicates`, 3. the silver tables, 4. `ops.ledger`: the *commit point*.

Whoever finds the intent ahead of the ledger finishes that round first, as it was begun, reading the tables as they
were before it, and leaves out those that carry its number already. The ledger is read first and the intent last; on
a conflict everything is read anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.engines.write import replace_rows
from clicklake.errors import ConflictError, UnbalancedLedgerError
from clicklake.refine.changes import Change, Changes, Judgement
from clicklake.refine.compile import Judge
from clicklake.refine.plan import ROUND, Kind, Plan, Work, read_plan
from clicklake.refine.planning import SEEN, Planner
from clicklake.refine.registry import Registry, judge_fingerprint
from clicklake.refine.settle import COUNTED, DUPLICATES, LEDGER, QUARANTINE, Range, count_fates, is_balanced, recorded
from clicklake.storage import Snapshot, Store, commit
from clicklake.storage.maintain import RESTORED_MARK
from clicklake.tables import spec_of, system_spec

SLICE = 24_000_000
"""Rows that are judged at a time: what is held in memory for each is a few bytes."""

_TRIES = 50


@dataclass
class Refined:
    """What one round did.

    Args:
        counts: By source: how the counts of its fates changed.
        nulls: Rows written without a value, by `table.column`.
        works: What was done.
        was_begun: Whether another run had begun it.
    """

    counts: dict[str, dict[str, int]]
    nulls: dict[str, int]
    works: list[Work]
    was_begun: bool


@dataclass(frozen=True)
class Tables:
    """The tables of a round as they are now."""

    ledger: Snapshot
    silver: dict[str, Snapshot]
    duplicates: Snapshot
    bronze: dict[str, Snapshot]
    quarantine: Snapshot

    def by_name(self) -> dict[str, Snapshot]:
        """Those that change before the ledger."""
        return {QUARANTINE: self.quarantine, DUPLICATES: self.duplicates, **self.silver}


NextPlan = Callable[[Tables, Mapping[str, str]], Plan | None]
"""Plans a round for tables, with the sources whose tables somebody has set back; None where nothing is left to do."""


class Refiner:
    """Brings a lake's silver tables up to date with its bronze tables.

    Args:
        store: The lake.
        engine: Runs the queries.
        catalogue: Contracts and models.
        registry: The contract versions of the lake.
        run_id: For the ledger.
        after: Is called behind each commit with the table's name; tests kill the process there.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        catalogue: Catalogue,
        registry: Registry,
        run_id: str,
        after: Callable[[str], None] = lambda table: None,
    ) -> None:
        self.store, self.engine, self.catalogue, self.registry = store, engine, catalogue, registry
        self.run_id = run_id
        self.after = after
        self.reasons: dict[str, str] = {}

    def refine(self, sources: Sequence[str], slice_rows: int = SLICE, *, full: bool = False) -> Iterator[Refined]:
        """Judge what is to be judged, a round at a time.

        Args:
            sources: Whose rows.
            slice_rows: Rows in a round, at the most.
            full: Judge all rows again, also where the contract has not changed.

        Yields:
            What each round did.

        Raises:
            UnbalancedLedgerError: The fates don't add up to the rows.
            ConflictError: Other writers were always faster.
        """
        planner = Planner(self.catalogue, self.registry, self.store, slice_rows)
        self.reasons = planner.reasons
        again = set(sources) if full else set()

        def plan(tables: Tables, set_back: Mapping[str, str]) -> Plan | None:
            return planner.next(tables.ledger, tables.by_name(), tables.bronze, sources, again, set_back)

        yield from self._rounds(planner, sources, plan, again)

    def replay(self, sources: Sequence[str], reason: str | None = None) -> Iterator[Refined]:
        """Let open rows of the quarantine through that pass by now, in one round; what was begun before comes first."""
        yield from self.refine([])
        planner = Planner(self.catalogue, self.registry, self.store, SLICE)
        done = False

        def plan(tables: Tables, set_back: Mapping[str, str]) -> Plan | None:
            moment = time.time_ns() // 1000
            works = []
            judgement = Judgement(self.store, self.engine, tables.by_name(), tables.bronze)
            for work in [] if done else planner.replay(tables.ledger, tables.bronze, sources, moment):
                judge = self.registry.judge(work.registered)
                if judgement.find_passing(work.source, work.last, judge, reason)[1]:
                    works.append(work)
            return planner.plan(tables.ledger, tables.by_name(), works)

        for refined in self._rounds(planner, sources, plan, set()):
            done = done or any(work.kind is Kind.REPLAY for work in refined.works)
            yield refined

    def _rounds(self, planner: Planner, sources: Sequence[str], plan: NextPlan, again: set[str]) -> Iterator[Refined]:
        tries = 0
        while True:
            try:
                done = self._round(planner, sources, plan)
            except ConflictError:
                tries += 1
                if tries >= _TRIES:
                    raise
                continue
            if done is None:
                return
            tries = 0
            if not done.was_begun:
                again -= {work.source for work in done.works}
            yield done

    def tables(self, sources: Sequence[str]) -> Tables:
        """All tables that a round is about; the order in which they are read matters."""
        ledger = self._system(LEDGER)  # first; see the module's text
        known = dict.fromkeys([*sources, *self.registry.sources()])
        fed = self.registry.targets(known)
        silver = {
            name: self.store.ensure(spec_of(model))
            for name, model in self.catalogue.silver.items()
            if name in fed or self.store.find(name) is not None
        }
        duplicates = self._system(DUPLICATES)
        bronze = {source: found for source in known if (found := self.store.find(f"bronze.{source}"))}
        return Tables(ledger, silver, duplicates, bronze, self._system(QUARANTINE))  # the intent last

    def _round(self, planner: Planner, sources: Sequence[str], next_plan: NextPlan) -> Refined | None:
        tables = self.tables(sources)
        now = tables.by_name()
        set_back = planner.set_back(tables.ledger, now, tables.bronze)
        was_begun = tables.quarantine.mark(ROUND) > tables.ledger.mark(ROUND) and not set_back
        if was_begun:
            plan = read_plan(tables.quarantine, self.registry, tables.bronze, now)
        else:
            planned = next_plan(tables, set_back)
            if planned is None:
                return None
            plan = planned
        judges = {work.source: self.registry.judge(work.registered) for work in plan.works}
        targets = {work.source: judges[work.source].silver.name for work in plan.works}
        open_tables = [
            name
            for name in (QUARANTINE, DUPLICATES, *sorted(set(targets.values())))
            if now[name].mark(ROUND) < plan.number
        ]
        changes = Changes()
        if open_tables:
            if not was_begun:
                for judge in judges.values():
                    judge.check(self.engine)  # what can't run must not become an intent
            changes = self._judge(plan, judges, tables, was_begun=was_begun)
        nulls: dict[str, int] = {}
        for name in open_tables:
            change = changes.tables.get(name, Change())
            marks = plan.marks() if name == QUARANTINE else {ROUND: plan.number}
            written = replace_rows(
                self.store, self.engine, now[name], change.queries, marks=marks, gone=change.condition
            )
            if name in targets.values():
                nulls.update({f"{name}.{column}": rows for column, rows in written.nulls.items()})
            self.after(name)
        for fates in changes.fates.values():
            fates.forget(self.engine)
        return Refined(self._settle(tables, plan, judges, changes), nulls, plan.works, was_begun)

    def _judge(self, plan: Plan, judges: Mapping[str, Judge], tables: Tables, *, was_begun: bool) -> Changes:
        now = tables.by_name()
        before = {
            name: self.store.open(name, plan.before[name]) if name in plan.before and was_begun else snapshot
            for name, snapshot in now.items()
        }
        judgement = Judgement(self.store, self.engine, before, tables.bronze)
        changes = Changes()
        for work in plan.works:
            if work.kind is Kind.REPLAY and was_begun:
                judgement.take_resolved(work, tables.quarantine)
            judgement.add(changes, work, judges[work.source])
        return changes

    def _system(self, name: str) -> Snapshot:
        return self.store.ensure(system_spec(self.catalogue, name))

    def _settle(
        self, tables: Tables, plan: Plan, judges: Mapping[str, Judge], changes: Changes
    ) -> dict[str, dict[str, int]]:
        """Count the fates in the tables that hold them, and write the ledger."""
        counted: dict[str, dict[str, int]] = {}
        entries = []
        for work in plan.works:
            judge = judges[work.source]
            is_whole = work.kind is not Kind.NEW or work.source not in changes.fates
            if is_whole or work.source in changes.is_restated:
                # Older rows may have got another fate: all are counted, and the entry is what has changed.
                rows = Range(work.source, 0, work.last)
                counts = count_fates(self.store, self.engine, judge, rows, work.withdrawals)
                known = recorded(self.store, self.engine, work.source)
                entry = {name: counts[name] - known[name] for name in COUNTED}
            else:
                rows = Range(work.source, work.first, work.last)
                entry = counts = count_fates(self.store, self.engine, judge, rows, work.withdrawals)
            if not is_balanced(counts):
                raise UnbalancedLedgerError(
                    f"{work.source}: rows {rows.first} to {rows.last} don't balance: {counts['rows_ingested']} "
                    f"ingested, but {counts['loaded']} loaded + {counts['duplicates']} duplicates + "
                    f"{counts['quarantined']} quarantined + {counts['withdrawn']} withdrawn + {counts['erased']} "
                    "erased. Nothing was published."
                )
            counted[work.source] = entry
            entries.append(
                {
                    "run_id": self.run_id,
                    "source": work.source,
                    "first_row_id": work.first,
                    "last_row_id": work.last,
                    "contract_number": work.registered.number,
                    "recorded_at": datetime.now(timezone.utc),
                    "kind": work.kind.name.lower(),
                    "is_balanced": True,
                    **entry,
                }
            )
        commit(
            self.store,
            tables.ledger,
            pa.Table.from_pylist(entries, schema=tables.ledger.schema),
            marks=self._ledger_marks(tables, plan, judges, counted),
        )
        self.after(LEDGER)
        return counted

    def _ledger_marks(
        self, tables: Tables, plan: Plan, judges: Mapping[str, Judge], counted: Mapping[str, Mapping[str, int]]
    ) -> dict[str, int]:
        """The round; what each source has consumed; and the silver versions that gold may read.

        A silver table in which no row came or went keeps the version that it had, and so does one that is judged
        anew in several rounds, until the last of them.
        """
        marks = {ROUND: plan.number}
        changed = set()
        for work in plan.works:
            marks |= work.marks()
            if work.kind is Kind.REPLAY:  # the other rows were judged by the contract of before
                marks[f"contract:{work.source}"] = tables.ledger.mark(f"contract:{work.source}")
            else:
                marks[f"judge:{work.source}"] = judge_fingerprint(judges[work.source])
            was_unfinished = tables.ledger.mark(f"refine:{work.source}") < tables.ledger.mark(f"goal:{work.source}")
            loaded = counted[work.source]["loaded"] or counted[work.source]["conflicts"]
            if work.kind is not Kind.NEW or was_unfinished or loaded:
                changed.add(judges[work.source].silver.name)

        def mark(name: str) -> int:
            return marks[name] if name in marks else tables.ledger.mark(name)

        for source in tables.bronze:
            if mark(f"refine:{source}") < mark(f"goal:{source}"):
                judge = self.registry.judge(self.registry.version(source, mark(f"contract:{source}")))
                changed.discard(judge.silver.name)
        versions = {name: self.store.open(name).version for name in tables.by_name()}
        for name in tables.silver:
            known = tables.ledger.mark(f"read:{name}", -1)
            marks[f"read:{name}"] = versions[name] if known < 0 or name in changed else known
        bronze = {f"bronze.{source}": snapshot for source, snapshot in tables.bronze.items()}
        for name, snapshot in {**tables.by_name(), LEDGER: tables.ledger, **bronze}.items():
            marks[f"{RESTORED_MARK}:{name}"] = snapshot.mark(RESTORED_MARK)
            marks[f"{SEEN}:{name}"] = versions.get(name, snapshot.version)
        return marks
