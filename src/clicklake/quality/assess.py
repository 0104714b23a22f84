"""Measuring a lake: what was found, what the thresholds say of it, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clicklake.build.release import Release, newest
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.quality_rule import DIMENSIONS
from clicklake.engines.base import Engine
from clicklake.engines.sql import Parameter
from clicklake.errors import QualityGateError
from clicklake.quality import history
from clicklake.quality.ledger import SourceLedger, read_ledger
from clicklake.quality.measuring import Taken, measures_of, take
from clicklake.quality.relations import Relations
from clicklake.runs import new_run_id
from clicklake.settings import QualitySettings
from clicklake.storage import Store

STATES = ("ok", "warn", "fail")
"""Verdicts, the best first."""


@dataclass(frozen=True)
class Assessment:
    """How good a lake's data is, measure by measure.

    Args:
        release: What was measured.
        taken: The measures.
        verdicts: By measure: `ok`, `warn` or `fail`; None where it has no score.
        trends: By measure: time and score of the last times it was measured, this one included.
        ledger: The fates of the sources' rows.
    """

    release: Release | None
    taken: list[Taken]
    verdicts: dict[str, str | None]
    ledger: list[SourceLedger]
    trends: dict[str, list[tuple[datetime, float | None]]] = field(default_factory=dict)

    def measures(self) -> list[dict[str, Any]]:
        """One row a measure."""
        return [
            {
                "measure": item.measure.name,
                "table": item.measure.table,
                "column": item.measure.column,
                "dimension": item.measure.dimension,
                "rows": item.rows,
                "offending": item.offending,
                "score": item.score if item.measure.is_scored else None,
                "filled_pct": item.score if item.measure.is_null_count else None,
                "verdict": self.verdicts[item.measure.name],
                "description": item.measure.description,
                "trend": [score for _, score in self.trends.get(item.measure.name, ())],
            }
            for item in self.taken
        ]

    def tables(self) -> list[dict[str, Any]]:
        """One row a table: the score of its worst measure in each dimension, and the worst verdicts."""
        found: dict[str, dict[str, Any]] = {}
        for item in self.taken:
            measure = item.measure
            row = found.setdefault(measure.table, {"table": measure.table, "rows": 0, **dict.fromkeys(DIMENSIONS)})
            row["rows"] = max(row["rows"], item.rows)
            row.setdefault("verdict", None)
            row.setdefault("verdicts", {})
            if not measure.is_scored or item.score is None:
                continue
            worst = row[measure.dimension]
            row[measure.dimension] = item.score if worst is None else min(worst, item.score)
            own = self.verdicts[measure.name]
            row["verdict"] = worse(row["verdict"], own)
            row["verdicts"][measure.dimension] = worse(row["verdicts"].get(measure.dimension), own)
        return list(found.values())


def assess(
    store: Store,
    engine: Engine,
    catalogue: Catalogue,
    parameters: Mapping[str, Parameter],
    settings: QualitySettings,
    *,
    keep: bool = False,
    run_id: str | None = None,
) -> Assessment:
    """Measure a lake as its readers see it.

    Args:
        store: The lake.
        engine: A new one.
        catalogue: The documents.
        parameters: What rules and checks name.
        settings: The thresholds.
        keep: Whether what is new is kept in `ops.quality`.
        run_id: The run that it is kept under; else it gets an id of its own.

    Raises:
        ContractError: A rule can't be measured.
    """
    release = newest(store)
    relations = Relations(store, engine, catalogue, release)
    ledger = read_ledger(store, engine)
    before = history.last_counts(store, engine)
    wanted = measures_of(catalogue, [entry.source for entry in ledger], parameters, relations)
    taken = take(wanted, relations, ledger, before)
    verdicts = {item.measure.name: verdict(item, settings) for item in taken}
    now = {item.measure.name: (item.inputs, item.rows, item.offending) for item in taken}
    if keep and any(before.get(name) != counts for name, counts in now.items()):
        number = release.release_id if release else None
        history.record(store, catalogue, taken, verdicts, run_id or new_run_id(), number)
    return Assessment(release, taken, verdicts, ledger, history.trends(store, engine))


def verdict(taken: Taken, settings: QualitySettings) -> str | None:
    """What the thresholds say of a measure."""
    if taken.score is None or not taken.measure.is_scored:
        return None
    warn, fail = settings.for_measure(taken.measure.table, taken.measure.dimension)
    if fail is not None and taken.score < fail:
        return "fail"
    return "warn" if warn is not None and taken.score < warn else "ok"


def worse(one: str | None, other: str | None) -> str | None:
    """The worse of two verdicts; None is no verdict."""
    known = [state for state in (one, other) if state is not None]
    return max(known, key=STATES.index) if known else None


def require_measures(taken: Sequence[Taken], settings: QualitySettings) -> None:
    """Let the gates of dimensions and tables speak.

    Raises:
        QualityGateError: A measure stays under its threshold.
    """
    under = []
    for item in taken:
        if verdict(item, settings) == "fail":
            bound = settings.for_measure(item.measure.table, item.measure.dimension)[1]
            under.append(f"{item.measure.name}: {item.score:g} % is under {bound:g} % ({item.offending:,} rows)")
    if under:
        example = next(i.measure.name for i in taken if verdict(i, settings) == "fail")
        raise QualityGateError("; ".join(under) + f". Look at `clicklake quality --show {example}`.")
