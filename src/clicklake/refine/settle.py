"""Counting the fates: always in the tables that hold them, never by subtraction."""

from __future__ import annotations

from dataclasses import dataclass

from clicklake.engines.base import Engine
from clicklake.engines.sql import quote, string
from clicklake.ingest.withdrawals import among, withdrawn
from clicklake.refine.compile import Judge
from clicklake.refine.plan import ROUND
from clicklake.storage import Snapshot, Store

QUARANTINE, DUPLICATES, LEDGER = "silver.quarantine", "ops.duplicates", "ops.ledger"

FATES = ("loaded", "duplicates", "quarantined", "withdrawn", "erased")
COUNTED = ("rows_ingested", *FATES, "conflicts")


@dataclass(frozen=True)
class Range:
    """Row ids of one source, both ends included."""

    source: str
    first: int
    last: int

    def condition(self, column: str = "row_id") -> str:
        """SQL: a row id lies in the range."""
        return f"{column} between {self.first} and {self.last}"


def count_fates(store: Store, engine: Engine, judge: Judge, rows: Range, withdrawals: int) -> dict[str, int]:
    """The fates of a range of a source's rows, counted now.

    Args:
        store: The lake.
        engine: Counts.
        judge: Knows the silver table and its key.
        rows: The range.
        withdrawals: The newest withdrawal that is respected.
    """
    own = f"source = {string(rows.source)} and "
    ranges = withdrawn(store, engine, rows.source, withdrawals)

    def count(table: str, condition: str) -> int:
        snapshot = store.find(table)
        if snapshot is None:
            return 0
        return int(engine.value(f"select count(*) from ({engine.scan(snapshot)}) where {condition}"))

    bronze = f"bronze.{rows.source}"
    between = rows.condition()
    return {
        "rows_ingested": count(bronze, between),
        "loaded": count(judge.silver.name, own + rows.condition(quote(judge.identity.row_id))),
        "duplicates": count(DUPLICATES, own + between),
        "quarantined": count(QUARANTINE, f"{own} {between} and status = 'open'"),
        "withdrawn": count(bronze, f"{between} and ({among(ranges)})") if ranges else 0,
        "erased": 0,
        "conflicts": count(DUPLICATES, f"{own} {between} and is_conflict"),
    }


def recorded(store: Store, engine: Engine, source: str) -> dict[str, int]:
    """What the ledger's entries of a source add up to."""
    snapshot = store.find(LEDGER)
    if snapshot is None:
        return dict.fromkeys(COUNTED, 0)
    sums = ", ".join(f"cast(coalesce(sum({name}), 0) as bigint)" for name in COUNTED)
    row = engine.rows(f"select {sums} from ({engine.scan(snapshot)}) where source = {string(source)}")[0]
    return dict(zip(COUNTED, row, strict=True))


def is_balanced(counts: dict[str, int]) -> bool:
    """Whether every row has one fate."""
    return counts["rows_ingested"] == sum(counts[name] for name in FATES)


def settled(store: Store, ledger: Snapshot) -> dict[str, int]:
    """Versions of quarantine and duplicates as the ledger has counted them: another run may have gone on since."""
    done = ledger.mark(ROUND)
    found = {}
    for name in (QUARANTINE, DUPLICATES):
        snapshot = store.open(name)
        while snapshot.mark(ROUND) > done and snapshot.version:
            snapshot = store.open(name, snapshot.version - 1)
        found[name] = snapshot.version
    return found
