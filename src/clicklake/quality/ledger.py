"""The ledger of the whole lake: what each source brought, and the fate of every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import string
from clicklake.refine.refine import DUPLICATES, LEDGER, QUARANTINE
from clicklake.storage import Store


@dataclass(frozen=True)
class SourceLedger:
    """The fates of all rows of a source."""

    source: str
    rows_ingested: int
    loaded: int
    duplicates: int
    quarantined: int
    withdrawn: int
    erased: int
    conflicts: int

    @property
    def is_balanced(self) -> bool:
        """Whether every row has one fate."""
        return self.rows_ingested == self.loaded + self.duplicates + self.quarantined + self.withdrawn + self.erased

    @property
    def score(self) -> float | None:
        """Quality score: loaded / (loaded + quarantined) in percent, half up to 2 decimals; None without rows."""
        total = self.loaded + self.quarantined
        return (20_000 * self.loaded + total) // (2 * total) / 100 if total else None

    def row(self) -> dict[str, Any]:
        """For showing."""
        return {
            "source": self.source,
            "rows_ingested": self.rows_ingested,
            "loaded": self.loaded,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "withdrawn": self.withdrawn,
            "erased": self.erased,
            "balanced": self.is_balanced,
            "quality_score": self.score,
        }


def read_ledger(store: Store, engine: DuckDB) -> list[SourceLedger]:
    """The ledger's entries added up, by source in the order in which they came."""
    snapshot = store.find(LEDGER)
    if snapshot is None:
        return []
    fates = ("rows_ingested", "loaded", "duplicates", "quarantined", "withdrawn", "erased", "conflicts")
    sums = ", ".join(f"cast(sum({fate}) as bigint)" for fate in fates)
    rows = engine.rows(
        f"select source, {sums} from ({engine.scan(snapshot)}) group by source order by min(first_row_id)"
    )
    return [SourceLedger(*row) for row in rows]


def recount(store: Store, engine: DuckDB, catalogue: Catalogue, source: str) -> SourceLedger:
    """The fates of a source counted again in the tables that hold them, without the ledger.

    Rows that bronze took in but that were not refined yet have no fate: they are not counted.
    """
    ledger = store.find(LEDGER)
    last = ledger.mark(f"refine:{source}") if ledger else 0

    def count(table: str, condition: str) -> int:
        snapshot = store.find(table)
        if snapshot is None:
            return 0
        return int(engine.value(f"select count(*) from ({engine.scan(snapshot)}) where {condition}"))

    own = f"source = {string(source)}"
    target = catalogue.contract(source).options.silver_table
    return SourceLedger(
        source=source,
        rows_ingested=count(f"bronze.{source}", f"row_id <= {last}"),
        loaded=count(target, own),
        duplicates=count(DUPLICATES, own),
        quarantined=count(QUARANTINE, f"{own} and status = 'open'"),
        withdrawn=0,
        erased=0,
        conflicts=count(DUPLICATES, f"{own} and is_conflict"),
    )
