"""The scorecard: scores by source and dimension, reasons, trend, drift, and what the thresholds say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.errors import QualityGateError
from clicklake.quality.ledger import SourceLedger, read_ledger
from clicklake.refine.compile import MALFORMED
from clicklake.refine.settle import LEDGER, QUARANTINE
from clicklake.settings import QualitySettings
from clicklake.storage import Store

DRIFT = "ops.drift"


@dataclass(frozen=True)
class Scorecard:
    """How good the lake's data is.

    Args:
        ledger: Fates by source.
        dimensions: One row a source and dimension: `rows`, `failed`, `score`.
        reasons: One row a source and reason: `rows`, `share_pct` of the rows ingested, `description`.
        trend: One row a source and run, newest last: `score`.
        drift: One row a source and difference, newest first.
        verdicts: By source: `ok`, `warn` or `fail`, against the thresholds.
    """

    ledger: list[SourceLedger]
    dimensions: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    trend: list[dict[str, Any]] = field(default_factory=list)
    drift: list[dict[str, Any]] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)

    def sources(self) -> list[dict[str, Any]]:
        """The sources, each with its fates and its verdict."""
        return [{**entry.row(), "verdict": self.verdicts[entry.source]} for entry in self.ledger]


def scorecard(store: Store, engine: Engine, catalogue: Catalogue, settings: QualitySettings) -> Scorecard:
    """Read the scorecard from the lake's tables."""
    ledger = read_ledger(store, engine)
    reasons = _reasons(store, engine, catalogue, ledger)
    return Scorecard(
        ledger=ledger,
        dimensions=_dimensions(catalogue, ledger, reasons),
        reasons=reasons,
        trend=_trend(store, engine),
        drift=_drift(store, engine),
        verdicts=verdicts(ledger, settings),
    )


def verdicts(ledger: Sequence[SourceLedger], settings: QualitySettings) -> dict[str, str]:
    """What the thresholds of the settings say of each source."""
    found = {}
    for entry in ledger:
        warn, fail = settings.for_source(entry.source)
        score = 100.0 if entry.score is None else entry.score
        found[entry.source] = "fail" if fail is not None and score < fail else "warn" if score < warn else "ok"
    return found


def require(ledger: Sequence[SourceLedger], least: Mapping[str, float | None]) -> None:
    """Let a quality gate speak.

    Args:
        ledger: The sources' fates.
        least: The score that each source must reach.

    Raises:
        QualityGateError: A source stays under it.
    """
    under = [
        f"{entry.source}: quality score {entry.score:.2f} % is under {bound:g} %"
        for entry in ledger
        if (bound := least.get(entry.source)) is not None and entry.score is not None and entry.score < bound
    ]
    if under:
        raise QualityGateError("; ".join(under) + ". Look at `clicklake quarantine list`.")


def _reasons(
    store: Store, engine: Engine, catalogue: Catalogue, ledger: Sequence[SourceLedger]
) -> list[dict[str, Any]]:
    snapshot = store.find(QUARANTINE)
    if snapshot is None:
        return []
    ingested = {entry.source: entry.rows_ingested for entry in ledger}
    rows = engine.rows(
        "select source, reason, count(*) as n from ("
        f"select source, unnest(reasons) as reason from ({engine.scan(snapshot)}) where status = 'open'"
        ") group by all order by source, n desc, reason"
    )
    return [
        {
            "source": source,
            "reason": reason,
            "rows": count,
            "share_pct": round(100 * count / ingested[source], 3) if ingested.get(source) else None,
            "description": _described(catalogue, source, reason)[0],
        }
        for source, reason, count in rows
    ]


def _described(catalogue: Catalogue, source: str, reason: str) -> tuple[str, str]:
    """Description and dimension of a rule."""
    if reason == MALFORMED:
        return "The row could not be split into the contract's columns.", "validity"
    if source in catalogue.source_names:
        for rule in catalogue.contract(source).rules:
            if rule.name == reason:
                return rule.description, rule.dimension
    return "A rule that today's contract doesn't have.", "validity"


def _dimensions(
    catalogue: Catalogue, ledger: Sequence[SourceLedger], reasons: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    found = []
    for entry in ledger:
        failed = {"completeness": 0, "uniqueness": entry.duplicates, "validity": 0, "accuracy": 0}
        for reason in reasons:
            if reason["source"] == entry.source:
                dimension = _described(catalogue, entry.source, reason["reason"])[1]
                failed[dimension] = failed.get(dimension, 0) + reason["rows"]
        for dimension, count in failed.items():
            total = entry.rows_ingested
            score = None if not total else round(max(0.0, 100 * (1 - count / total)), 3)
            found.append(
                {
                    "source": entry.source,
                    "dimension": dimension,
                    "rows": total,
                    "failed": count,
                    "score": score,
                }
            )
    return found


def _trend(store: Store, engine: Engine, runs: int = 30) -> list[dict[str, Any]]:
    """Scores of the rows that each run brought; what gives older rows another fate is no news about quality."""
    snapshot = store.find(LEDGER)
    if snapshot is None:
        return []
    rows = engine.rows(f"""
        with runs as (
            select source, run_id, min(recorded_at) as recorded_at, sum(loaded) as loaded,
                sum(quarantined) as quarantined, sum(rows_ingested) as rows_ingested
            from ({engine.scan(snapshot)}) where kind = 'new' group by source, run_id
        )
        select source, run_id, recorded_at, cast(rows_ingested as bigint),
            round(100.0 * loaded / (loaded + quarantined), 2)
        from runs where loaded + quarantined > 0 and loaded >= 0
        qualify row_number() over (partition by source order by recorded_at desc) <= {runs}
        order by source, recorded_at""")
    names = ("source", "run_id", "recorded_at", "rows_ingested", "score")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _drift(store: Store, engine: Engine) -> list[dict[str, Any]]:
    snapshot = store.find(DRIFT)
    if snapshot is None:
        return []
    rows = engine.rows(
        "select source, kind, column_name, detail, count(distinct source_file) as files, "
        f"cast(sum(rows) as bigint) as rows, max(seen_at) as last_seen from ({engine.scan(snapshot)}) "
        "group by source, kind, column_name, detail order by last_seen desc, source, kind, column_name"
    )
    names = ("source", "kind", "column_name", "detail", "files", "rows", "last_seen")
    return [dict(zip(names, row, strict=True)) for row in rows]
