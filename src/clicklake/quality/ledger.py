"""The ledger of the whole lake: what each source brought, and the fate of every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.refine.registry import Registry
from clicklake.refine.settle import COUNTED, LEDGER, Range, count_fates
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


def read_ledger(store: Store, engine: Engine) -> list[SourceLedger]:
    """The ledger's entries added up, by source in the order in which they came."""
    snapshot = store.find(LEDGER)
    if snapshot is None:
        return []
    sums = ", ".join(f"cast(sum({name}) as bigint)" for name in COUNTED)
    rows = engine.rows(
        f"select source, {sums} from ({engine.scan(snapshot)}) group by source order by min(last_row_id)"
    )
    return [SourceLedger(row[0], **dict(zip(COUNTED, row[1:], strict=True))) for row in rows]


def recount(store: Store, engine: Engine, catalogue: Catalogue, source: str) -> SourceLedger:
    """The fates of a source counted again in the tables that hold them, without the ledger.

    Rows that bronze took in but that were not refined yet have no fate: they are not counted.
    """
    ledger = store.find(LEDGER)
    if ledger is None:
        return SourceLedger(source, **dict.fromkeys(COUNTED, 0))
    registry = Registry(store, catalogue, {})
    judge = registry.judge(registry.version(source, ledger.mark(f"contract:{source}")))
    rows = Range(source, 0, ledger.mark(f"refine:{source}"))
    return SourceLedger(source, **count_fates(store, engine, judge, rows, ledger.mark(f"withdrawals:{source}")))
