"""What Prometheus is told of a lake is what the lake says of itself, and counters never go down."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from clicklake import overview
from clicklake.errors import MissingExtraError
from clicklake.lake import Lake
from clicklake.metrics import HttpMetrics, LakeMetrics, exposition
from clicklake.metrics.definitions import LAKE_METRICS, METRICS
from clicklake.quality.ledger import read_ledger
from clicklake.tables import append, system_spec

GOOD = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
OTHER = "u2,s2,2025-01-02 11:00:00,login,,,"
BAD = ",s1,never,purchase,p1,,"  # no user, no time, no amount


class Scraped:
    """A scrape by series."""

    def __init__(self, text: bytes) -> None:
        self.families = list(text_string_to_metric_families(text.decode()))
        self.series = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.series.get((name, tuple(sorted(labels.items()))))

    def by(self, name: str, *labels: str) -> dict[object, float]:
        """Values by the values of labels."""
        found = {}
        for (series, values), value in self.series.items():
            if series == name:
                key = tuple(dict(values)[label] for label in labels)
                found[key[0] if len(key) == 1 else key] = value
        return found


def scrape(metrics: LakeMetrics) -> Scraped:
    registry = CollectorRegistry()
    registry.register(metrics)
    return Scraped(generate_latest(registry))


@pytest.fixture
def metrics(lake: Lake):
    made = LakeMetrics(lake)
    yield made
    made.close()


def test_the_values_are_those_of_the_lake(lake: Lake, clicks, metrics):
    lake.run(click_events=clicks(GOOD, GOOD, OTHER, BAD))
    seen = scrape(metrics)

    tables = overview.tables(lake)
    assert seen.by("clicklake_table_rows", "table") == {row["table"]: row["rows"] for row in tables}
    assert seen.by("clicklake_table_bytes", "table") == {row["table"]: row["bytes"] for row in tables}
    assert seen.by("clicklake_table_files", "table") == {row["table"]: row["files"] for row in tables}
    assert seen.by("clicklake_table_version", "table") == {row["table"]: row["version"] for row in tables}
    released = {row["table"]: row["released"] for row in tables if row["released"] is not None}
    assert seen.by("clicklake_table_released_version", "table") == released and "gold.fact_events" in released
    committed = seen.by("clicklake_table_committed_timestamp_seconds", "table")
    now = datetime.now(timezone.utc).timestamp()
    assert set(committed) == {row["table"] for row in tables}
    assert all(now - 600 < at <= now for at in committed.values())

    engine = lake.engine()
    (entry,) = read_ledger(lake.store, engine)
    engine.close()
    fates = {"loaded": 2, "duplicate": 1, "quarantined": 1, "withdrawn": 0, "erased": 0}
    assert seen.by("clicklake_source_rows", "fate") == fates
    assert seen.by("clicklake_source_judged_rows_total", "fate") == {"loaded": 2, "duplicate": 1, "quarantined": 1}
    assert seen("clicklake_source_ingested_rows", source="click_events") == entry.rows_ingested == 4
    assert seen("clicklake_source_balanced", source="click_events") == 1
    assert round(100 * seen("clicklake_source_quality_ratio", source="click_events"), 2) == entry.score == 66.67
    reasons = {"missing_user_id": 1, "invalid_timestamp": 1, "missing_amount": 1}
    assert seen.by("clicklake_source_quarantined_rows", "reason") == reasons
    assert seen("clicklake_source_files_total", source="click_events", status="ingested") == 1
    assert seen("clicklake_source_freshness_seconds", source="click_events") == 48 * 3600
    assert now - 600 < seen("clicklake_source_ingested_timestamp_seconds", source="click_events") <= now

    release = lake.release()
    assert seen("clicklake_release_number") == release.release_id == 1
    assert seen("clicklake_release_timestamp_seconds") == pytest.approx(release.released_at.timestamp())
    runs = lake.query("select * from ops.runs").to_pylist()
    for stage in ("ingest", "refine", "build"):
        mine = [row for row in runs if row["stage"] == stage]
        written = seen("clicklake_stage_rows_total", stage=stage, fate="written")
        assert written == sum(row["rows_out"] for row in mine) > 0
        spent = seen("clicklake_stage_seconds_total", stage=stage)
        assert spent == pytest.approx(sum(row["seconds"] for row in mine))
    assert seen("clicklake_stage_rows_total", stage="refine", fate="rejected") == 1
    assert seen("clicklake_stage_rows_total", stage="refine", fate="duplicate") == 1
    assert seen("clicklake_runs_total", command="run", status="done") == 1
    whole = next(row for row in runs if row["stage"] == "run")
    assert seen("clicklake_last_run_seconds") == whole["seconds"]
    assert seen("clicklake_last_run_peak_memory_bytes") == whole["peak_memory_bytes"]
    assert seen("clicklake_last_run_success") == 1 and seen("clicklake_lake_up") == 1
    assert 0 < seen("clicklake_filesystem_free_bytes") <= seen("clicklake_filesystem_size_bytes")


def test_counters_only_rise_whatever_happens_to_the_rows(lake: Lake, clicks, metrics):
    before: dict[object, float] = {}

    def check() -> Scraped:
        seen = scrape(metrics)
        for key, value in before.items():
            assert seen.series[key] >= value, key
        before.update((key, value) for key, value in seen.series.items() if key[0].endswith("_total"))
        return seen

    lake.run(click_events=clicks(GOOD, BAD))
    check()
    lake.run(click_events=clicks(GOOD, OTHER, name="more.csv"))
    seen = check()
    assert seen("clicklake_source_judged_rows_total", source="click_events", fate="loaded") == 2
    assert seen("clicklake_source_rows", source="click_events", fate="duplicate") == 1
    assert seen("clicklake_runs_total", command="run", status="done") == 2
    lake.unload("click_events", "more.csv")
    seen = check()
    assert seen("clicklake_source_rows", source="click_events", fate="withdrawn") == 2
    assert seen("clicklake_source_files_total", source="click_events", status="withdrawn") == 1
    lake.refine("click_events", full=True)
    check()
    lake.optimize("ops.runs")
    assert lake.store.open("ops.runs").actions.num_rows == 1  # every file that was known is gone
    seen = check()
    runs = lake.query("select sum(seconds) as s from ops.runs where stage = 'refine'").to_pylist()
    assert seen("clicklake_stage_seconds_total", stage="refine") == pytest.approx(runs[0]["s"])


def test_a_scrape_without_news_reads_nothing(lake: Lake, clicks, metrics):
    lake.run(click_events=clicks(GOOD, BAD))
    first = scrape(metrics)
    metrics._engine.close()  # nothing can be read any more
    again = scrape(metrics)
    assert again("clicklake_lake_up") == 1
    changing = {"clicklake_scrape_seconds", "clicklake_filesystem_free_bytes"}
    assert {key: value for key, value in first.series.items() if key[0] not in changing} == {
        key: value for key, value in again.series.items() if key[0] not in changing
    }


def test_a_run_that_failed_shows_until_one_is_done(lake: Lake, clicks, metrics, tmp_path: Path):
    lake.run(click_events=clicks(GOOD))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no Parquet")
    assert not lake.run(click_events=broken).ok
    seen = scrape(metrics)
    assert seen("clicklake_last_run_success") == 0
    assert seen("clicklake_runs_total", command="run", status="failed") == 1
    assert seen("clicklake_stage_failures_total", stage="ingest") == 1
    assert seen("clicklake_source_files_total", source="click_events", status="failed") == 1
    lake.run(click_events=clicks(OTHER, name="more.csv"))
    assert scrape(metrics)("clicklake_last_run_success") == 1


def test_rows_that_wait_are_counted(lake: Lake, clicks, metrics):
    lake.ingest("click_events", clicks(GOOD, OTHER))
    seen = scrape(metrics)
    assert seen("clicklake_source_waiting_rows", source="click_events") == 2
    assert seen("clicklake_release_number") == 0 and seen("clicklake_release_timestamp_seconds") is None


def test_quality_is_the_worst_measure_of_the_newest_time(tmp_path: Path, clicks):
    lake = Lake(tmp_path / "lake", overrides={"quality.when": "after_run"})
    measured = [lake.run(click_events=clicks(GOOD, BAD)).quality, None]
    metrics = LakeMetrics(lake)
    measured[1] = lake.run(click_events=clicks(OTHER, OTHER, OTHER, name="more.csv")).quality
    for _ in range(2):
        seen = scrape(metrics)
    metrics.close()
    expected = {
        (row["table"], dimension): value / 100
        for row in measured[1].tables()
        for dimension, value in row.items()
        if dimension in ("completeness", "uniqueness", "validity", "accuracy", "consistency") and value is not None
    }
    assert seen.by("clicklake_quality_ratio", "table", "dimension") == pytest.approx(expected)
    assert min(expected.values()) < 1
    verdicts = [verdict for verdict in measured[1].verdicts.values() if verdict]
    assert seen.by("clicklake_quality_measures", "verdict") == {name: verdicts.count(name) for name in set(verdicts)}
    assert seen("clicklake_quality_measured_timestamp_seconds") > 1_700_000_000


def test_streams_have_their_lag_by_topic(lake: Lake, clicks, metrics):
    lake.run(click_events=clicks(GOOD))
    begun = datetime(2025, 1, 1, tzinfo=timezone.utc)
    common = {"source": "web_events", "topic": "clicks", "late": 2, "newest_event": begun, "first_version": 1}
    for lag, last in ((50, 3), (7, 9)):
        row = {**common, "messages": 100, "lag": lag, "last_version": last, "first_at": begun, "last_at": begun}
        append(lake.store, lake.catalogue, "ops.streams", [row])
        seen = scrape(metrics)
        assert seen("clicklake_stream_lag_messages", source="web_events", topic="clicks") == lag
    labels = {"source": "web_events", "topic": "clicks"}
    assert seen("clicklake_stream_messages_total", **labels) == 200
    assert seen("clicklake_stream_late_events_total", **labels) == 4
    assert seen("clicklake_stream_newest_event_timestamp_seconds", **labels) == begun.timestamp()
    assert seen("clicklake_stream_batch_timestamp_seconds", **labels) == begun.timestamp()
    assert seen("clicklake_source_ingested_timestamp_seconds", source="web_events") == begun.timestamp()


def test_files_of_before_may_lack_columns(lake: Lake, clicks):
    spec = system_spec(lake.catalogue, "ops.runs")
    few = [field for field in spec.schema if field.name not in ("peak_memory_bytes", "rows_duplicate")]
    old = lake.store.ensure(replace(spec, schema=pa.schema(few)))
    append(lake.store, lake.catalogue, "ops.runs", [])
    from clicklake.storage import commit

    row = {"run_id": "20200101", "command": "run", "stage": "run", "target": "", "status": "done", "seconds": 2.0}
    commit(lake.store, old, pa.Table.from_pylist([row], schema=old.schema), marks={})
    metrics = LakeMetrics(lake)
    assert scrape(metrics)("clicklake_last_run_seconds") == 2.0
    lake.run(click_events=clicks(GOOD))
    assert scrape(metrics)("clicklake_runs_total", command="run", status="done") == 2
    fresh = LakeMetrics(lake)  # old and new files at once
    assert scrape(fresh)("clicklake_runs_total", command="run", status="done") == 2
    metrics.close(), fresh.close()


def test_an_empty_lake_has_metrics(lake: Lake, metrics):
    seen = scrape(metrics)
    assert seen("clicklake_lake_up") == 1 and seen("clicklake_release_number") == 0
    assert not seen.by("clicklake_table_rows", "table")
    assert seen.by("clicklake_build_info", "version")


def test_a_lake_that_cannot_be_read_is_down_and_comes_back(lake: Lake, clicks, metrics, caplog):
    lake.run(click_events=clicks(GOOD))
    whole = Path(lake.path, "ops/ledger")
    (file,) = whole.glob("*.parquet")
    content = file.read_bytes()
    file.write_bytes(b"gone bad")
    seen = scrape(metrics)
    assert seen("clicklake_lake_up") == 0 and not seen.by("clicklake_table_rows", "table")
    assert "metrics can't be read" in caplog.text
    file.write_bytes(content)
    assert scrape(metrics)("clicklake_source_balanced", source="click_events") == 1


def test_looks_may_be_seconds_apart(lake: Lake, clicks):
    metrics = LakeMetrics(lake, seconds=3600)
    assert scrape(metrics)("clicklake_release_number") == 0
    lake.run(click_events=clicks(GOOD))
    assert scrape(metrics)("clicklake_release_number") == 0
    metrics.close()


def test_every_metric_is_named_and_told_as_prometheus_wants_it(lake: Lake, clicks):
    lake.run(click_events=clicks(GOOD, BAD))
    known = {definition.name: definition for definition in METRICS}
    assert len(known) == len(METRICS)
    for definition in METRICS:
        assert definition.name.startswith("clicklake_") and definition.help.endswith(".")
        assert (definition.kind == "counter") == definition.name.endswith("_total"), definition.name
    for family in Scraped(exposition(lake)).families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        definition = known[name]
        assert family.type == ("counter" if definition.kind == "counter" else "gauge")
        assert family.documentation == definition.help
        for sample in family.samples:
            assert sample.name == name and set(sample.labels) == set(definition.labels)
    assert {metric.name.removesuffix("_total") for metric in LAKE_METRICS} == {
        family.name for family in Scraped(exposition(lake)).families
    }


def test_labels_stand_at_every_series(lake: Lake, clicks):
    lake.run(click_events=clicks(GOOD))
    seen = Scraped(exposition(lake, {"lake": 'the "shop"\n'}))
    assert {dict(labels)["lake"] for _, labels in seen.series} == {'the "shop"\n'}


def test_requests_are_counted_and_timed():
    registry = CollectorRegistry()
    http = HttpMetrics(registry)
    http.observe("GET", "/v1/tables/{name}", 200, 0.004)
    http.observe("GET", "/v1/tables/{name}", 404, 2.0)
    seen = Scraped(generate_latest(registry))
    route = {"method": "GET", "route": "/v1/tables/{name}"}
    assert seen("clicklake_http_requests_total", **route, status="404") == 1
    assert seen("clicklake_http_request_seconds_count", **route) == 2
    assert seen("clicklake_http_request_seconds_bucket", **route, le="0.005") == 1
    assert not [name for name, _ in seen.series if name.endswith("_created")]


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "clicklake.metrics")
    with pytest.raises(MissingExtraError, match=r"pip install 'clicklake\[api\]'"):
        importlib.import_module("clicklake.metrics")
