"""What a round takes out of quarantine, duplicates and silver, and what it puts in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from clicklake.engines.base import Engine
from clicklake.engines.ranges import Ranges
from clicklake.engines.sql import quote, string
from clicklake.ingest.withdrawals import among, withdrawn
from clicklake.refine.compile import Judge
from clicklake.refine.judge import Fates, History, judge_rows
from clicklake.refine.plan import Kind, Work
from clicklake.refine.settle import DUPLICATES, QUARANTINE, Range
from clicklake.storage import Snapshot, Store


@dataclass
class Change:
    """What happens to one table.

    Args:
        gone: SQL conditions on rows; any of them means that a row goes.
        queries: Rows that come.
    """

    gone: list[str] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    @property
    def condition(self) -> str | None:
        """The conditions as one; None where there are none."""
        return " or ".join(f"({condition})" for condition in self.gone) or None


@dataclass
class Changes:
    """What a round does to the three kinds of tables.

    Args:
        fates: Of the rows that were judged, by source.
        tables: By table.
        is_restated: Sources some of whose older rows got another fate.
    """

    fates: dict[str, Fates] = field(default_factory=dict)
    tables: dict[str, Change] = field(default_factory=dict)
    is_restated: set[str] = field(default_factory=set)

    def of(self, table: str) -> Change:
        """The change of one table."""
        return self.tables.setdefault(table, Change())


class Judgement:
    """Judges the sources of a round, each in its way.

    Args:
        store: The lake.
        engine: Runs the queries.
        before: The tables as they were before the round.
        bronze: The bronze tables, by source.
    """

    def __init__(
        self, store: Store, engine: Engine, before: Mapping[str, Snapshot], bronze: Mapping[str, Snapshot]
    ) -> None:
        self.store, self.engine, self.before, self.bronze = store, engine, before, bronze
        self.now = datetime.now(timezone.utc).replace(tzinfo=None)

    def add(self, changes: Changes, work: Work, judge: Judge) -> None:
        """Judge one source's rows, and note what becomes of its tables."""
        if work.kind is Kind.NEW:
            self._new(changes, work, judge)
        elif work.kind is Kind.RESTART:
            self._restart(changes, work, judge)
        elif work.kind is Kind.REPLAY:
            self._replay(changes, work, judge)
        else:
            self._withdraw(changes, work, judge)
        fates = changes.fates[work.source]
        changes.of(judge.silver.name).queries.append(fates.loaded())
        changes.of(DUPLICATES).queries.append(
            f"select {string(work.source)} as source, row_id, event_id, is_conflict from {fates.duplicates}"
        )
        if fates.displaces:
            self._displace(changes, work, judge)

    def _new(self, changes: Changes, work: Work, judge: Judge) -> None:
        history = self._history(judge) if self.before[judge.silver.name].files else None
        changes.fates[work.source] = judge_rows(self.engine, judge, self._rows(work), history)
        self._quarantine(changes, work)

    def _restart(self, changes: Changes, work: Work, judge: Judge) -> None:
        changes.is_restated.add(work.source)
        own = f"source = {string(work.source)}"
        changes.of(judge.silver.name).gone.append(own)
        changes.of(DUPLICATES).gone.append(own)
        changes.fates[work.source] = judge_rows(self.engine, judge, self._rows(work))
        # A row that bronze has lost, because it was restored to an earlier version, is nobody's any more.
        known = self.bronze[work.source].maximum("row_id") or 0
        changes.of(QUARANTINE).gone.append(f"{own} and row_id > {known}")
        self._quarantine(changes, work)

    def _replay(self, changes: Changes, work: Work, judge: Judge) -> None:
        """The rows that pass are those that the intent has resolved, or will resolve with this moment."""
        changes.is_restated.add(work.source)
        passing = f"work.passing_{work.source}"
        changes.fates[work.source] = self.rehearse(work.source, judge)
        resolved = datetime(1970, 1, 1) + timedelta(microseconds=work.moment)
        condition = f"source = {string(work.source)} and row_id in (select row_id from {passing})"
        quarantine = self.engine.scan(self.before[QUARANTINE])
        changes.of(QUARANTINE).gone.append(condition)
        changes.of(QUARANTINE).queries.append(
            f"select * replace ('replayed' as status, timestamp {string(resolved.isoformat(sep=' '))} as resolved_at) "
            f"from ({quarantine}) where {condition}"
        )

    def _withdraw(self, changes: Changes, work: Work, judge: Judge) -> None:
        changes.is_restated.add(work.source)
        ranges = withdrawn(self.store, self.engine, work.source, work.withdrawals, work.withdrawn_before)
        own = f"source = {string(work.source)}"
        key = quote(judge.identity.row_id)
        duplicates = self.engine.scan(self.before[DUPLICATES])
        # Rows that were dropped in favour of a withdrawn one are judged again: one of them comes back.
        again = f"work.again_{work.source}"
        self.engine.execute(
            f"create or replace table {again} as select row_id from ({duplicates}) "
            f"where {own} and ({among(ranges, 'event_id')}) and not ({among(ranges)})"
        )
        changes.fates[work.source] = judge_rows(
            self.engine,
            judge,
            self._picked(work.source, again),
            lambda near: f"{self._history(judge)(near)} where not ({among(ranges, key)})",
        )
        changes.of(judge.silver.name).gone.append(f"{own} and ({among(ranges, key)})")
        changes.of(QUARANTINE).gone.append(f"{own} and ({among(ranges)})")
        changes.of(DUPLICATES).gone.append(f"{own} and (({among(ranges)}) or row_id in (select row_id from {again}))")

    def _displace(self, changes: Changes, work: Work, judge: Judge) -> None:
        """Silver rows whose place another takes go, and what was dropped in favour of them points to the new ones."""
        changes.is_restated.add(work.source)
        displaced = f"work.displaced_{work.source}"
        self.engine.execute(
            f"create or replace table {displaced} as select row_id, event_id "
            f"from {changes.fates[work.source].duplicates} where is_history"
        )
        own = f"source = {string(work.source)}"
        key = quote(judge.identity.row_id)
        changes.of(judge.silver.name).gone.append(f"{own} and {key} in (select row_id from {displaced})")
        moved = f"{own} and event_id in (select row_id from {displaced})"
        gone = changes.of(DUPLICATES).condition
        changes.of(DUPLICATES).queries.append(
            f"select old.source, old.row_id, new.event_id, true as is_conflict "
            f"from ({self.engine.scan(self.before[DUPLICATES])}) as old "
            f"join {displaced} as new on old.event_id = new.row_id "
            f"where old.{own}"
            + (f" and old.row_id not in (select row_id from ({self._matching(gone)}))" if gone else "")
        )
        changes.of(DUPLICATES).gone.append(moved)

    def _matching(self, condition: str) -> str:
        return f"select row_id from ({self.engine.scan(self.before[DUPLICATES])}) where {condition}"

    def _quarantine(self, changes: Changes, work: Work) -> None:
        """Bad rows go to quarantine; those that were there before keep their history, those that now pass too."""
        fates = changes.fates[work.source]
        version = string(work.registered.version)
        now = f"timestamp {string(self.now.isoformat(sep=' '))}"
        new = (
            f"select {string(work.source)} as source, row_id, raw, reasons, source_file, ingestion_timestamp, "
            f"{now} as quarantined_at, {version} as contract_version, 'open' as status, "
            f"cast(null as timestamp) as resolved_at from {fates.quarantine}"
        )
        rows = Range(work.source, work.first, work.last)
        own = f"source = {string(work.source)} and {rows.condition()}"
        before = self.before[QUARANTINE]
        if (before.maximum("row_id") or 0) < work.first or not self.engine.value(
            f"select count(*) from ({self.engine.scan(before)}) where {own}"
        ):
            changes.of(QUARANTINE).queries.append(new)
            return
        old = f"work.old_quarantine_{work.source}"
        self.engine.execute(f"create or replace table {old} as select * from ({self.engine.scan(before)}) where {own}")
        changes.of(QUARANTINE).gone.append(own)
        changes.of(QUARANTINE).queries += [
            "select new.* replace (case when old.status = 'open' then old.quarantined_at else new.quarantined_at end "
            f"as quarantined_at) from ({new}) as new left join {old} as old on new.row_id = old.row_id",
            f"select old.* replace ('replayed' as status, coalesce(resolved_at, {now}) as resolved_at) "
            f"from {old} as old anti join {fates.quarantine} as new on old.row_id = new.row_id "
            f"where old.row_id in (select row_id from {self._among_bronze(work)})",
        ]

    def _among_bronze(self, work: Work) -> str:
        return f"(select row_id from work.bronze_{work.source})"

    def _rows(self, work: Work) -> str:
        """The bronze rows of a range that were not withdrawn."""
        ranges = withdrawn(self.store, self.engine, work.source, work.withdrawals)
        inside = Range(work.source, work.first, work.last).condition()
        without = f" and not ({among(ranges)})" if ranges else ""
        return f"select * from ({self.engine.scan(self.bronze[work.source])}) where {inside}{without}"

    def _picked(self, source: str, ids: str) -> str:
        """Some bronze rows by their ids; the bounds let whole files and row groups be passed over."""
        low, high = self.engine.rows(f"select min(row_id), max(row_id) from {ids}")[0]
        scan = self.engine.scan(self.bronze[source])
        bounds = f"row_id between {low} and {high}" if low is not None else "false"
        return f"select * from ({scan}) where {bounds} and row_id in (select row_id from {ids})"

    def _history(self, judge: Judge) -> History:
        """The source's silver rows as they were before the round."""

        def history(near: Ranges | None) -> str:
            scan = self.engine.scan(self.before[judge.silver.name], ranges=near)
            return f"select * from (select * from ({scan}) where source = {string(judge.contract.source)})"

        return history

    def find_passing(self, source: str, last: int, judge: Judge, reason: str | None = None) -> tuple[int, int]:
        """Table `work.passing_<source>`: open rows of the quarantine that the judge lets through now.

        Args:
            source: The source.
            last: Rows up to this one.
            judge: Who judges.
            reason: Only rows that were rejected for it.

        Returns:
            How many rows are open, and how many of them pass.
        """
        scan = self.engine.scan(self.before[QUARANTINE])
        named = f" and list_contains(reasons, {string(reason)})" if reason else ""
        chosen = f"work.chosen_{source}"
        self.engine.execute(
            f"create or replace table {chosen} as select row_id from ({scan}) "
            f"where source = {string(source)} and row_id <= {last} and status = 'open'{named}"
        )
        rows, judged = f"work.chosen_rows_{source}", f"work.chosen_judged_{source}"
        self.engine.execute(f"create or replace view {rows} as {self._picked(source, chosen)}")
        self.engine.make_each(judged, judge.judged(rows), rows, keep=False)
        self.engine.execute(
            f"create or replace table work.passing_{source} as select {quote(judge.identity.row_id)} as row_id "
            f"from {judged} where array_length(reasons) = 0"
        )
        waiting = self.engine.value(f"select count(*) from {chosen}")
        return int(waiting), int(self.engine.value(f"select count(*) from work.passing_{source}"))

    def rehearse(self, source: str, judge: Judge) -> Fates:
        """The fates of the rows of `work.passing_<source>` beside those that silver has."""
        picked = self._picked(source, f"work.passing_{source}")
        return judge_rows(self.engine, judge, picked, self._history(judge))

    def take_resolved(self, work: Work, intent: Snapshot) -> None:
        """Table `work.passing_<source>`: the rows that the intent of a replay has resolved."""
        self.engine.execute(
            f"create or replace table work.passing_{work.source} as select row_id from ({self.engine.scan(intent)}) "
            f"where source = {string(work.source)} and epoch_us(resolved_at) = {work.moment}"
        )
