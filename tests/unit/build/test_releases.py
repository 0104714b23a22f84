"""The versions that a release names belong together, whatever other runs do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clicklake.lake import Lake
from clicklake.pipeline import Pipeline
from clicklake.runs import Run

Clicks = Callable[..., Path]


def fates(lake: Lake) -> tuple[int, ...]:
    """Loaded and quarantined by the ledger, then by the tables."""
    queries = (
        "select cast(coalesce(sum(loaded), 0) as bigint) as n from ops.ledger",
        "select cast(coalesce(sum(quarantined), 0) as bigint) as n from ops.ledger",
        "select count(*) as n from silver.events",
        "select count(*) as n from silver.quarantine",
        "select count(*) as n from gold.fact_events",
    )
    return tuple(lake.query(sql).to_pylist()[0]["n"] for sql in queries)


def test_a_run_that_refines_while_another_builds_is_not_half_in_its_release(
    tmp_path: Path, lake: Lake, clicks: Clicks
) -> None:
    lake.ingest("click_events", clicks("u1,s1,2025-01-01 10:00:00,page_view,,,"))
    lake.refine()
    pipeline = Pipeline(
        lake.store,
        lake.engine(),
        lake.catalogue,
        lake.parameters,
        Run("test"),
        rule_parameters=lake.rule_parameters,
    )
    builder = pipeline.build()
    other = Lake(lake.path)
    other.ingest("click_events", clicks("u2,s1,2025-01-01 10:00:00,page_view,,,", ",,,,,,", name="more.csv"))
    other.refine()
    pipeline.publish(builder)
    assert fates(lake) == (1, 0, 1, 0, 1)
    other.build()
    assert fates(lake) == (2, 1, 2, 1, 2)
