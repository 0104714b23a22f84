"""A run that stops behind any commit leaves nothing wrong: the next one ends where a run in one piece ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.engines.duckdb import DuckDB
from clicklake.errors import UnbalancedLedgerError
from clicklake.lake import Lake
from clicklake.pipeline import Pipeline
from clicklake.quality.ledger import recount
from clicklake.refine import changes as changes_module
from clicklake.runs import Run

Clicks = Callable[..., Path]

RECORDS = [
    "u1,s1,2025-01-01 10:00:00,page_view,,,",
    "u1,s1,2025-01-01 10:00:00,page_view,,,",
    ",s1,2025-01-01 10:00:00,page_view,,,",
    "u2,s1,2025-01-01 10:00:00,purchase,p1,5,ok",
    "short",
]
COMMITS = ("silver.quarantine", "ops.duplicates", "silver.events", "ops.ledger")


class StoppedError(Exception):
    """Stands for a kill."""


def pipeline(lake: Lake, after: Callable[[str], None] = lambda table: None) -> Pipeline:
    return Pipeline(
        lake.store, lake.engine(), lake.catalogue, lake.parameters, Run("test"), after, lake.rule_parameters
    )


def content(lake: Lake) -> dict[str, list[str]]:
    queries = {
        "events": "select * exclude (ingestion_timestamp, ingestion_date, source_file) from silver.events",
        "quarantine": "select source, row_id, raw, reasons, status from silver.quarantine",
        "duplicates": "select * from ops.duplicates",
        "ledger": "select source, rows_ingested, loaded, duplicates, quarantined, is_balanced from ops.ledger",
    }
    return {name: sorted(map(str, lake.query(sql).to_pylist())) for name, sql in queries.items()}


@pytest.mark.parametrize("table", COMMITS)
def test_stopped_behind_a_commit(tmp_path: Path, clicks: Clicks, table: str) -> None:
    file = clicks(*RECORDS)
    whole = Lake(tmp_path / "whole")
    whole.run(click_events=file)

    def stop(committed: str) -> None:
        if committed == table:
            raise StoppedError

    broken = Lake(tmp_path / "broken")
    broken.ingest("click_events", file)
    with pytest.raises(StoppedError):
        pipeline(broken, stop).refine()
    broken.refine()
    assert content(broken) == content(whole)
    assert {broken.store.open(name).mark("round") for name in COMMITS} == {1}


def test_a_torn_range_is_finished_by_the_contract_that_began_it(tmp_path: Path, clicks: Clicks) -> None:
    file = clicks(*RECORDS)
    lake = Lake(tmp_path / "lake")
    lake.ingest("click_events", file)

    def stop(committed: str) -> None:
        if committed == "ops.duplicates":
            raise StoppedError

    with pytest.raises(StoppedError):
        pipeline(lake, stop).refine()
    stricter = Lake(tmp_path / "lake", overrides={"rules.max_amount": "1"})
    stricter.refine()
    entries = stricter.query("select kind, contract_number, loaded, quarantined from ops.ledger order by recorded_at")
    assert [tuple(row.values()) for row in entries.to_pylist()] == [("new", 1, 2, 2), ("restart", 2, -1, 1)]
    found = stricter.query("select reasons from silver.quarantine where reasons = ['amount_above_bound']").to_pylist()
    assert len(found) == 1


def test_a_rival_run_in_between_is_a_conflict_that_resolves(tmp_path: Path, clicks: Clicks) -> None:
    file = clicks(*RECORDS)
    lake = Lake(tmp_path / "lake")
    lake.ingest("click_events", file)
    rivals = []

    def rival(committed: str) -> None:
        if committed not in rivals:
            rivals.append(committed)
            pipeline(lake).refine()

    pipeline(lake, rival).refine()
    engine = lake.engine()
    counted = recount(lake.store, engine, lake.catalogue, "click_events")
    assert counted.is_balanced
    assert (counted.loaded, counted.duplicates, counted.quarantined) == (2, 1, 2)
    assert len(lake.query("select * from ops.ledger").to_pylist()) == 1


def test_fates_that_do_not_add_up_fail_the_run(tmp_path: Path, clicks: Clicks, monkeypatch: pytest.MonkeyPatch) -> None:
    real = changes_module.judge_rows

    def loses_a_row(engine: DuckDB, *args: object) -> object:
        fates = real(engine, *args)  # type: ignore[arg-type]
        engine.execute(f"insert into {fates.excluded} select min(row_id) from {fates.bronze}")
        return fates

    monkeypatch.setattr(changes_module, "judge_rows", loses_a_row)
    lake = Lake(tmp_path / "lake")
    with pytest.raises(UnbalancedLedgerError, match="5 ingested, but 1 loaded"):
        lake.run(click_events=clicks(*RECORDS))
    assert lake.release() is None


def test_a_second_refine_has_nothing_to_do(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(*RECORDS))
    versions = {name: lake.store.open(name).version for name in COMMITS}
    assert lake.refine().fates == {"click_events": {}}
    assert {name: lake.store.open(name).version for name in COMMITS} == versions
