"""What was measured before: the rows of `ops.quality`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.quality.measuring import Taken
from clicklake.storage import Store
from clicklake.tables import append

QUALITY = "ops.quality"
RUNS = 30
"""Times of measuring that a trend shows."""


def last_counts(store: Store, engine: Engine) -> dict[str, tuple[int, int, int]]:
    """By measure: inputs, rows and offending rows of the newest time."""
    snapshot = store.find(QUALITY)
    if snapshot is None:
        return {}
    rows = engine.rows(
        f"select measure, inputs, rows, offending from ({engine.scan(snapshot)}) "
        "qualify row_number() over (partition by measure order by measured_at desc, run_id desc) = 1"
    )
    return {measure: (inputs, count, offending) for measure, inputs, count, offending in rows}


def trends(store: Store, engine: Engine) -> dict[str, list[tuple[datetime, float | None]]]:
    """By measure: time and score, the newest last."""
    snapshot = store.find(QUALITY)
    if snapshot is None:
        return {}
    rows = engine.rows(
        f"select measure, measured_at, score from ({engine.scan(snapshot)}) where is_scored "
        f"qualify row_number() over (partition by measure order by measured_at desc, run_id desc) <= {RUNS} "
        "order by measure, measured_at"
    )
    found: dict[str, list[tuple[datetime, float | None]]] = {}
    for measure, at, score in rows:
        found.setdefault(measure, []).append((at, score))
    return found


def record(
    store: Store,
    catalogue: Catalogue,
    taken: Sequence[Taken],
    verdicts: Mapping[str, str | None],
    run_id: str,
    release_id: int | None,
) -> None:
    """Keep what was measured, for the trend and for the next time."""
    now = datetime.now(timezone.utc)
    rows: list[dict[str, Any]] = [
        {
            "run_id": run_id,
            "measured_at": now,
            "release_id": release_id,
            "measure": item.measure.name,
            "table_name": item.measure.table,
            "column_name": item.measure.column,
            "dimension": item.measure.dimension,
            "is_scored": item.measure.is_scored,
            "rows": item.rows,
            "offending": item.offending,
            "score": item.score,
            "verdict": verdicts.get(item.measure.name),
            "inputs": item.inputs,
        }
        for item in taken
    ]
    append(store, catalogue, QUALITY, rows)
