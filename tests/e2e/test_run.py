from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.errors import CheckFailedError, UnknownNameError, UsageError
from clicklake.lake import Lake
from clicklake.synthetic import GeneratorConfig, generate

Clicks = Callable[..., Path]
GOOD = "u1,s1,2025-01-01 10:00:00,page_view,,,"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("generated")
    truth = generate(folder, GeneratorConfig(rows=30_000, web_rows=3_000, files=3, days=20))
    return folder, truth


def test_the_generated_truth_comes_out(tmp_path: Path, generated: tuple[Path, dict[str, object]]) -> None:
    folder, truth = generated
    lake = Lake(tmp_path / "lake")
    result = lake.run(click_events=folder / "click_events", web_events=folder / "web_events")
    for source, expected in truth["sources"].items():  # type: ignore[attr-defined]
        fates = result.fates[source]
        assert fates["rows_ingested"] == expected["records"]
        assert {name: fates[name] for name in ("loaded", "duplicates", "quarantined")} == {
            name: expected[name] for name in ("loaded", "duplicates", "quarantined")
        }
        counted = lake.query(
            f"select reason, count(*) as n from (select unnest(reasons) as reason from silver.quarantine "
            f"where source = '{source}') group by 1"
        ).to_pylist()
        assert {row["reason"]: row["n"] for row in counted} == {k: v for k, v in expected["reasons"].items() if v}
    totals = truth["totals"]
    metrics = lake.report("revenue_metrics").to_pylist()[0]
    assert str(metrics["total_revenue"]) == totals["revenue"]  # type: ignore[index]
    (users,) = lake.query("select count(*) as n, sum(total_events) as e from gold.dim_users").to_pylist()
    assert (users["n"], int(users["e"])) == (totals["users"], totals["events"])  # type: ignore[index]


def test_an_unchanged_file_is_not_ingested_again_under_any_name(lake: Lake, clicks: Clicks, tmp_path: Path) -> None:
    file = clicks(GOOD)
    lake.run(click_events=file)
    again = lake.run(click_events=file)
    shutil.copy(file, tmp_path / "copy.csv")
    copied = lake.run(click_events=tmp_path / "copy.csv")
    statuses = [outcome.status for result in (again, copied) for outcome in result.files["click_events"]]
    assert statuses == ["skipped", "skipped"]
    assert lake.query("select count(*) as n from bronze.click_events").to_pylist() == [{"n": 1}]


def test_two_copies_in_one_run_are_ingested_once(lake: Lake, clicks: Clicks) -> None:
    one, two = clicks(GOOD, name="a.csv"), clicks(GOOD, name="b.csv")
    result = lake.run(click_events=[one, two])
    assert [outcome.status for outcome in result.files["click_events"]] == ["ingested", "skipped"]


def test_a_changed_file_is_ingested_again_and_its_old_rows_are_duplicates(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(GOOD))
    result = lake.run(click_events=clicks(GOOD, "u2,s1,2025-01-01 10:00:00,page_view,,,"))
    fates = result.fates["click_events"]
    assert (fates["rows_ingested"], fates["loaded"], fates["duplicates"]) == (2, 1, 1)


def test_a_file_that_cannot_be_read_does_not_stop_the_others(lake: Lake, clicks: Clicks, tmp_path: Path) -> None:
    good = clicks(GOOD, name="good.csv")
    whole = gzip.compress(b"UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n" + b"u5,,,,,,\n" * 9999)
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-20])
    (tmp_path / "also.csv").write_text("what;is;this\n1;2;3\n")
    result = lake.run(click_events=[tmp_path / "cut.csv.gz", good, tmp_path / "also.csv"])
    assert not result.ok
    told = sorted(str(failure) for failure in result.failures)
    assert "also.csv: line 1 names none" in told[0]
    assert "cut.csv.gz: the gzip file is cut short" in told[1]
    assert lake.query("select UserID from bronze.click_events").to_pylist() == [{"UserID": "u1"}]
    (run,) = lake.query("select status, error from ops.runs where stage = 'run'").to_pylist()
    assert run["status"] == "failed"
    assert "cut short" in run["error"]
    (tmp_path / "cut.csv.gz").write_bytes(whole)
    assert lake.run(click_events=tmp_path / "cut.csv.gz").fates["click_events"]["rows_ingested"] == 9999


def test_bronze_keeps_what_came(lake: Lake, clicks: Clicks) -> None:
    file = clicks(" u1 ,s1,2025-01-01 10:00:00,Page View,,1.239,", "bad,row")
    lake.run(click_events=file)
    found = lake.query(
        "select UserID, EventType, Amount, corrupt_record, source_file, data_source "
        "from bronze.click_events order by row_id"
    ).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (" u1 ", "Page View", "1.239", None, str(file), "click_events"),
        (None, None, None, "bad,row", str(file), "click_events"),
    ]


def test_hourly_folders_and_compression(lake: Lake, tmp_path: Path) -> None:
    event = {
        "user_id": "u1",
        "session_id": "s",
        "event_type": "click",
        "event_timestamp": "2025-01-01T10:00:00Z",
    }
    for hour, layout in enumerate(("2025/01/01/00", "year=2025/month=01/day=01/hour=01")):
        folder = tmp_path / "web" / layout
        folder.mkdir(parents=True)
        line = json.dumps({**event, "user_id": f"u{hour}"}).encode() + b"\n"
        (folder / "events.ndjson.gz").write_bytes(gzip.compress(line))
    lake.run(web_events=tmp_path / "web")
    assert lake.query("select count(distinct user_id) as n from gold.fact_events").to_pylist() == [{"n": 2}]


def test_nothing_is_published_where_a_check_fails(lake: Lake, clicks: Clicks, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.run(click_events=clicks(GOOD))
    before = lake.report("daily_active_users").to_pylist()
    model = lake.catalogue.gold["gold.fact_events"]
    half = type(model)(model.name, model.doc, f"select * from ({model.sql}) where false", model.file)
    monkeypatch.setitem(lake.catalogue.gold, "gold.fact_events", half)
    with pytest.raises(CheckFailedError, match=r"gold\.fact_events: rows_equal_silver"):
        lake.run(click_events=clicks("u2,s1,2025-01-02 10:00:00,page_view,,,", name="more.csv"))
    assert lake.report("daily_active_users").to_pylist() == before
    monkeypatch.undo()
    healed = Lake(lake.path).run()
    assert healed.release is not None
    assert len(Lake(lake.path).report("daily_active_users")) == 2


def test_a_run_without_news_publishes_nothing(lake: Lake, clicks: Clicks) -> None:
    file = clicks(GOOD)
    assert lake.run(click_events=file).release is not None
    again = lake.run(click_events=file)
    assert (again.release, again.rebuilt) == (None, {})


def test_readers_see_the_release_and_can_go_back(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(GOOD))
    lake.run(click_events=clicks("u2,s1,2025-01-02 10:00:00,page_view,,,", name="more.csv"))
    count = "select count(*) as n from gold.fact_events"
    assert [lake.query(count, at=at).to_pylist()[0]["n"] for at in (1, 2, None)] == [1, 2, 2]
    with pytest.raises(UnknownNameError, match="no release 9; there are 1 to 2"):
        lake.query(count, at=9)


def test_runs_are_logged_and_recorded(lake: Lake, clicks: Clicks) -> None:
    result = lake.run(click_events=clicks(GOOD, ",,,,,,"))
    stages = lake.query(
        f"select stage, target, status, rows_out from ops.runs where run_id = '{result.run_id}'"
    ).to_pylist()
    assert {(row["stage"], row["target"]) for row in stages} >= {
        ("run", ""),
        ("ingest", "click_events"),
        ("refine", ""),
        ("build", "gold.dim_users"),
        ("check", ""),
        ("publish", ""),
    }
    assert all(row["status"] == "done" for row in stages)
    lines = [json.loads(line) for line in (lake.log_directory / f"{result.run_id}.jsonl").read_text().splitlines()]
    ends = [line for line in lines if line.get("event") == "end"]
    assert len(ends) == len(stages)
    assert {"time", "level", "message", "seconds", "cpu_seconds", "peak_memory_bytes"} <= set(ends[0])


def test_a_dry_run_writes_nothing(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(GOOD))
    tables = {name: lake.store.open(name).version for name in lake.store.names()}
    (dry,) = lake.dry_run(
        {"click_events": clicks(GOOD, "u2,,2025-01-01 10:00:00,click,,,", ",,,,,,", "x", name="b.csv")}
    )
    assert dry.fates == {"ingested": 4, "loaded": 1, "duplicates": 1, "quarantined": 2}
    assert dry.reasons == {
        "invalid_timestamp": 1,
        "malformed_row": 1,
        "missing_event_type": 1,
        "missing_user_id": 1,
    }
    assert {name: lake.store.open(name).version for name in lake.store.names()} == tables


def test_wrong_names_are_told_before_anything_is_done(lake: Lake, clicks: Clicks) -> None:
    with pytest.raises(UnknownNameError, match="no source 'clik_events' .did you mean 'click_events'"):
        lake.run(clik_events=clicks(GOOD))
    with pytest.raises(UsageError, match="no such file"):
        lake.run(click_events="nothing.csv")
    with pytest.raises(UsageError, match="no such file"):
        lake.run(click_events=clicks(GOOD), web_events="nothing.ndjson")
    assert lake.store.names() == []


def test_an_empty_lake_has_reports_without_rows(lake: Lake) -> None:
    assert lake.report("top_products").to_pylist() == []
    assert [row["users"] for row in lake.report("conversion_funnel").to_pylist()] == [0, 0, 0]
    lake.run()
    assert lake.report("top_products").to_pylist() == []


def test_windows_are_inclusive(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(*[f"u1,s1,2025-01-0{day} 12:00:00,page_view,,," for day in range(1, 6)]))
    dates = [
        str(row["date"])
        for row in lake.report("daily_active_users", since="2025-01-02", until="2025-01-04").to_pylist()
    ]
    assert dates == ["2025-01-04", "2025-01-03", "2025-01-02"]
    with pytest.raises(UsageError, match="after --until"):
        lake.report("daily_active_users", since="2025-01-05", until="2025-01-01")
    with pytest.raises(UsageError, match="not a date"):
        lake.report("daily_active_users", since="yesterday")


def test_days_are_those_of_the_reporting_time_zone(tmp_path: Path, clicks: Clicks) -> None:
    file = clicks("u1,s1,2025-01-01 23:30:00,page_view,,,")
    lake = Lake(tmp_path / "lake", overrides={"reporting_timezone": "Europe/Berlin"})
    lake.run(click_events=file)
    assert [(str(r["date"])) for r in lake.report("daily_active_users").to_pylist()] == ["2025-01-02"]
    moved = Lake(tmp_path / "lake", overrides={"reporting_timezone": "UTC"})
    assert moved.run().rebuilt["gold.fact_events"] == "its model changed"
    assert [(str(r["date"])) for r in moved.report("daily_active_users").to_pylist()] == ["2025-01-01"]


def test_a_file_whose_note_was_prevented_by_a_kill_is_noted_by_the_next_run(
    lake: Lake, clicks: Clicks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clicklake.pipeline import Pipeline

    file = clicks(GOOD, "short")
    monkeypatch.setattr(Pipeline, "_record_files", lambda *_: None)
    lake.ingest("click_events", file)
    monkeypatch.undo()
    lake.run(click_events=file)
    found = lake.query("select source_file, status, records, corrupt_records from ops.files").to_pylist()
    assert [tuple(row.values()) for row in found] == [(str(file), "ingested", 2, 1)]


def test_each_file_is_noted_once_whatever_came_with_it(lake: Lake, clicks: Clicks) -> None:
    known, new = clicks(GOOD, name="known.csv"), clicks(GOOD, "short", name="new.csv")
    lake.run(click_events=known)
    lake.run(click_events=[known, new])
    found = lake.query("select source_file, records, bytes from ops.files order by ingested_at").to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (str(known), 1, known.stat().st_size),
        (str(new), 2, new.stat().st_size),
    ]


def test_an_unknown_event_type_is_loaded_and_shows_as_drift(lake: Lake, clicks: Clicks) -> None:
    file = clicks(GOOD, "u1,s1,2025-01-01 10:00:00,Wish List,,,", "u2,s1,2025-01-01 10:00:00,wish_list,,,")
    lake.run(click_events=file)
    found = lake.query("select kind, column_name, rows, detail, source_file from ops.drift").to_pylist()
    told = "'wish_list' is not among the contract's known values; the rows are loaded"
    assert [tuple(row.values()) for row in found] == [("new_value", "event_type", 2, told, str(file))]
    (row,) = lake.query("select event_category from gold.dim_event_types where event_type = 'wish_list'").to_pylist()
    assert row == {"event_category": "other"}
