"""The protocol of refine: four tables change, in an order in which a kill anywhere leaves nothing wrong.

1. `silver.quarantine` first, even if no row goes there: its commit is the *intent*. Its marks fix the range of each
   source and the contract version that judges it.
2. `ops.duplicates`, 3. the silver tables, 4. `ops.ledger`: the *commit point*.

Whoever finds the intent ahead of the ledger finishes that range first, as it was begun, and leaves out the tables
that carry its marks already. The ledger is read first and the intent last; on a conflict everything is read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import quote, string
from clicklake.errors import ConflictError, UnbalancedLedgerError
from clicklake.refine.judge import Fates, Range, judge_range
from clicklake.refine.registry import Registered, Registry
from clicklake.storage import Snapshot, Store, commit
from clicklake.tables import spec_of, system_spec

QUARANTINE, DUPLICATES, LEDGER = "silver.quarantine", "ops.duplicates", "ops.ledger"

SLICE = 24_000_000
"""Rows that are judged at a time: what is held in memory for each is a few bytes."""

_TRIES = 50


@dataclass
class Refined:
    """What one round did.

    Args:
        counts: By source: rows ingested, loaded, duplicates, quarantined, conflicts.
        nulls: Rows loaded without a value, by `table.column`.
        ranges: What was refined.
    """

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    nulls: dict[str, int] = field(default_factory=dict)
    ranges: list[Range] = field(default_factory=list)


@dataclass(frozen=True)
class _Plan:
    """One round: a range for each source that has new rows, and who judges it."""

    ranges: list[Range]
    registered: dict[str, Registered]

    def marks(self) -> dict[str, int]:
        """What the tables have consumed after the round."""
        found: dict[str, int] = {}
        for rows in self.ranges:
            found[f"refine:{rows.source}"] = rows.last
            found[f"contract:{rows.source}"] = self.registered[rows.source].number
        return found


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
        engine: DuckDB,
        catalogue: Catalogue,
        registry: Registry,
        run_id: str,
        after: Callable[[str], None] = lambda table: None,
    ) -> None:
        self.store, self.engine, self.catalogue, self.registry = store, engine, catalogue, registry
        self.run_id = run_id
        self.after = after

    def refine(self, sources: Sequence[str], slice_rows: int = SLICE) -> Iterator[Refined]:
        """Judge all new rows of the sources, a round at a time.

        Yields:
            What each round did.

        Raises:
            UnbalancedLedgerError: The fates of a range don't add up to its rows.
            ConflictError: Other writers were always faster.
        """
        tries = 0
        while True:
            try:
                done = self._round(sources, slice_rows)
            except ConflictError:
                tries += 1
                if tries >= _TRIES:
                    raise
                continue
            if done is None:
                return
            tries = 0
            yield done

    def _round(self, sources: Sequence[str], slice_rows: int) -> Refined | None:
        ledger = self._system(LEDGER)  # first; see the module's text
        silver = {name: self.store.ensure(spec_of(model)) for name, model in self.catalogue.silver.items()}
        duplicates = self._system(DUPLICATES)
        bronze = {source: found for source in self._all(sources) if (found := self.store.find(f"bronze.{source}"))}
        quarantine = self._system(QUARANTINE)  # last
        plan = self._unfinished(ledger, quarantine, bronze) or self._next(ledger, bronze, sources, slice_rows)
        if plan is None:
            return None
        marks = plan.marks()
        is_new = not _has(quarantine, marks)
        if is_new:
            _expect(quarantine, ledger, plan)
        judges = {rows.source: self.registry.judge(plan.registered[rows.source]) for rows in plan.ranges}
        if is_new:
            for judge in judges.values():
                judge.check(self.engine)  # what can't run must not become an intent
        targets = sorted({judge.silver.name for judge in judges.values()})
        open_targets = [name for name in targets if not _has(silver[name], marks)]
        fates: list[Fates] = []
        for rows in plan.ranges:
            judge = judges[rows.source]
            if judge.silver.name in open_targets:
                fates.append(judge_range(self.engine, judge, bronze[rows.source], silver[judge.silver.name], rows))
        if not _has(quarantine, marks):
            commit(self.store, quarantine, self._quarantined(fates, plan), marks=marks)
            self.after(QUARANTINE)
        if not _has(duplicates, marks):
            commit(self.store, duplicates, self._duplicates(fates, duplicates.schema), marks=marks)
            self.after(DUPLICATES)
        nulls: dict[str, int] = {}
        for name in open_targets:
            loaded = self._load(silver[name], [fate for fate in fates if fate.judge.silver.name == name], marks)
            nulls.update({f"{name}.{column}": rows for column, rows in loaded.nulls.items()})
            self.after(name)
        return Refined(self._settle(ledger, bronze, plan, marks), nulls, plan.ranges)

    def _all(self, sources: Sequence[str]) -> list[str]:
        """The sources asked for and those that an unfinished round may be about."""
        return list(dict.fromkeys([*sources, *self.registry.sources()]))

    def _unfinished(self, ledger: Snapshot, quarantine: Snapshot, bronze: Mapping[str, Snapshot]) -> _Plan | None:
        ranges, registered = [], {}
        for source in bronze:
            mark = f"refine:{source}"
            begun, done = quarantine.mark(mark), ledger.mark(mark)
            if begun > done:
                number = quarantine.mark(f"contract:{source}")
                registered[source] = self.registry.version(source, number)
                ranges.append(Range(source, self._first(done, registered[source]), begun))
        return _Plan(ranges, registered) if ranges else None

    def _next(
        self, ledger: Snapshot, bronze: Mapping[str, Snapshot], sources: Sequence[str], slice_rows: int
    ) -> _Plan | None:
        ranges, registered = [], {}
        for source in sources:
            if source not in bronze:
                continue
            last = bronze[source].maximum("row_id") or 0
            done = ledger.mark(f"refine:{source}")
            if last > done:
                registered[source] = self.registry.register(self.catalogue.contract(source))
                first = self._first(done, registered[source])
                ranges.append(Range(source, first, min(last, first + slice_rows - 1)))
        return _Plan(ranges, registered) if ranges else None

    def _first(self, done: int, registered: Registered) -> int:
        from clicklake.ingest.ingest import SOURCE_BITS

        return max(done, registered.source_number << SOURCE_BITS) + 1

    def _system(self, name: str) -> Snapshot:
        return self.store.ensure(system_spec(self.catalogue, name))

    def _quarantined(self, fates: Sequence[Fates], plan: _Plan) -> pa.RecordBatchReader:
        schema = self.catalogue.system[QUARANTINE].doc.schema
        now = string(datetime.now(timezone.utc).replace(tzinfo=None).isoformat(sep=" "))
        parts = [
            f"select {string(fate.rows.source)} as source, row_id, raw, reasons, source_file, ingestion_timestamp, "
            f"cast({now} as timestamp) as quarantined_at, "
            f"{string(plan.registered[fate.rows.source].version)} as contract_version, "
            f"'open' as status, cast(null as timestamp) as resolved_at from {fate.quarantine}"
            for fate in fates
        ]
        return self._chain(parts, schema)

    def _duplicates(self, fates: Sequence[Fates], schema: pa.Schema) -> pa.RecordBatchReader:
        parts = [
            f"select {string(fate.rows.source)} as source, row_id, event_id, is_conflict from {fate.duplicates}"
            for fate in fates
        ]
        return self._chain(parts, schema)

    def _load(self, silver: Snapshot, fates: Sequence[Fates], marks: Mapping[str, int]) -> Snapshot:
        """Add the loaded rows; where some take the place of older ones, these go in the same commit."""
        queries = [fate.loaded() for fate in fates]
        displaced = [row_id for fate in fates for row_id in fate.displaced]
        if not displaced:
            return commit(self.store, silver, self._chain(queries, silver.schema), marks=marks)
        key = quote(fates[0].judge.identity.row_id)
        self.engine.register("displaced", pa.table({"row_id": displaced}))
        touched = self.engine.files_with(silver, f"{key} in (select row_id from displaced)")
        scan = self.engine.scan(silver, [silver.uri(path) for path in touched])
        kept = f"select * from ({scan}) as kept anti join displaced on kept.{key} = displaced.row_id"
        rows = self._chain([kept, *queries], silver.schema)
        return commit(self.store, silver, rows, marks=marks, remove=touched)

    def _chain(self, queries: Sequence[str], schema: pa.Schema) -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            for query in queries:
                yield from self.engine.stream(query, schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _settle(
        self,
        ledger: Snapshot,
        bronze: Mapping[str, Snapshot],
        plan: _Plan,
        marks: Mapping[str, int],
    ) -> dict[str, dict[str, int]]:
        """Count the fates in the tables that hold them, and write the ledger."""
        counted: dict[str, dict[str, int]] = {}
        entries = []
        for rows in plan.ranges:
            target = self.registry.judge(plan.registered[rows.source]).silver
            entry = self._count(rows, bronze[rows.source], target.name)
            fates_sum = sum(entry[name] for name in ("loaded", "duplicates", "quarantined", "withdrawn", "erased"))
            entry["is_balanced"] = fates_sum == entry["rows_ingested"]
            if not entry["is_balanced"]:
                raise UnbalancedLedgerError(
                    f"{rows.source}: rows {rows.first} to {rows.last} don't balance: {entry['rows_ingested']} "
                    f"ingested, but {entry['loaded']} loaded + {entry['duplicates']} duplicates + "
                    f"{entry['quarantined']} quarantined. Nothing was published."
                )
            counted[rows.source] = {name: value for name, value in entry.items() if isinstance(value, int)}
            entries.append(
                {
                    "run_id": self.run_id,
                    "source": rows.source,
                    "first_row_id": rows.first,
                    "last_row_id": rows.last,
                    "contract_number": plan.registered[rows.source].number,
                    "recorded_at": datetime.now(timezone.utc),
                    **entry,
                }
            )
        versions = self._read_marks(ledger, plan, counted)
        commit(
            self.store,
            ledger,
            pa.Table.from_pylist(entries, schema=ledger.schema),
            marks={**marks, **versions},
        )
        self.after(LEDGER)
        return counted

    def _read_marks(self, ledger: Snapshot, plan: _Plan, counted: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
        """The versions that gold reads: a silver table in which no row came or went keeps the one that it had."""
        changed = {
            self.registry.judge(plan.registered[source]).silver.name
            for source, fates in counted.items()
            if fates["loaded"] or fates["conflicts"]
        }
        marks = {}
        for name in self.catalogue.silver:
            known = ledger.mark(f"read:{name}", -1)
            marks[f"read:{name}"] = self.store.open(name).version if name in changed or known < 0 else known
        return marks

    def _count(self, rows: Range, bronze: Snapshot, target: str) -> dict[str, int]:
        between = f"between {rows.first} and {rows.last}"
        source = f"source = {string(rows.source)}"

        def count(table: str, condition: str) -> int:
            scan = self.engine.scan(self.store.open(table))
            return int(self.engine.value(f"select count(*) from ({scan}) where {condition}"))

        doc = self.catalogue.silver[target].doc
        key = doc.identity.row_id if doc.identity else "row_id"
        ingested = self.engine.value(f"select count(*) from ({self.engine.scan(bronze)}) where row_id {between}")
        duplicates = self.engine.scan(self.store.open(DUPLICATES))
        # A row of this range may have taken the place of an older one, which then is a duplicate: it changes its fate.
        displaced = self.engine.value(
            f"select count(*) from ({duplicates}) where {source} and row_id < {rows.first} and event_id {between}"
        )
        return {
            "rows_ingested": int(ingested),
            "loaded": count(target, f"{source} and {key} {between}") - int(displaced),
            "duplicates": count(DUPLICATES, f"{source} and row_id {between}") + int(displaced),
            "quarantined": count(QUARANTINE, f"{source} and row_id {between} and status = 'open'"),
            "withdrawn": 0,
            "erased": 0,
            "conflicts": count(DUPLICATES, f"{source} and is_conflict and (row_id {between} or event_id {between})"),
        }


def _has(snapshot: Snapshot, marks: Mapping[str, int]) -> bool:
    """Whether a table has consumed all that the marks say."""
    return all(snapshot.mark(name) >= value for name, value in marks.items() if name.startswith("refine:"))


def _expect(quarantine: Snapshot, ledger: Snapshot, plan: _Plan) -> None:
    """A new round may only begin where the last one ended."""
    for rows in plan.ranges:
        mark = f"refine:{rows.source}"
        if quarantine.mark(mark) != ledger.mark(mark):
            raise ConflictError(f"{rows.source}: another run has moved on")
