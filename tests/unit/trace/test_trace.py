"""From a row to what is behind it, and from a raw row to its one fate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.cli.main import run
from clicklake.errors import ClicklakeError, UnknownNameError, UsageError
from clicklake.lake import Lake
from clicklake.trace.fate import Story, source_of
from clicklake.trace.reader import Reader, files_of
from clicklake.trace.trace import Trace, trace

Clicks = Callable[..., Path]
VIEW = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
BUY = "u1,s1,2025-01-01 10:05:00,purchase,p1,12.50,success"
HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
OTHER = "u2,,2025-02-01 23:30:00,page_view,,,"
BAD = ",s1,2025-01-01 10:00:00,purchase,p1,-5,"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files: seen twice, rejected, and a conflict of a source's own ids."""
    folder = tmp_path_factory.mktemp("trace")
    lake = Lake(folder / "lake")
    lake.run(click_events=_clicks(folder / "first.csv", VIEW, BUY, VIEW, BAD, "short"))
    web = folder / "web.ndjson"
    event = {"user_id": "u9", "event_type": "purchase", "event_timestamp": "2025-03-01T00:00:00Z"}
    with web.open("w") as file:
        for amount in ("2.00", "1.00"):
            meta = {"event_id": "e1", "product_id": "p7", "amount": amount}
            file.write(json.dumps({**event, "metadata": meta}) + "\n")
    lake.run(click_events=_clicks(folder / "second.csv", OTHER, VIEW), web_events=web)
    return folder / "lake"


@pytest.fixture
def filled(built: Path) -> Lake:
    """To read."""
    return Lake(built)


@pytest.fixture
def changing(built: Path, tmp_path: Path) -> Lake:
    """To change."""
    shutil.copytree(built, tmp_path / "lake")
    return Lake(tmp_path / "lake")


def _clicks(file: Path, *records: str) -> Path:
    file.write_text("\n".join([HEADER, *records]) + "\n")
    return file


def rows(lake: Lake, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in lake.query(sql).to_pylist()]


def only(found: Trace) -> Story:
    (told,) = found.stories
    return told


def ids(lake: Lake, source: str = "click_events") -> list[int]:
    return [int(str(row[0])) for row in rows(lake, f"select row_id from bronze.{source} order by row_id")]


def test_an_event_leads_to_its_raw_row_and_file(filled: Lake) -> None:
    view, *_ = ids(filled)
    found = trace(filled, "gold.fact_events", {"event_id": str(view)})
    told = only(found)
    assert (found.row_count, found.rows[0]["event_id"], found.release) == (1, view, 2)
    assert (told.source, told.row_id, told.fate) == ("click_events", view, "loaded")
    assert told.silver and told.silver["event_id"] == view
    assert isinstance(told.raw, dict) and told.raw["Timestamp"] == "2025-01-01 10:00:00"
    assert (Path(told.file["path"]).name, told.file["row"], told.file["rows"]) == ("first.csv", 1, 5)


def test_the_rows_that_were_dropped_for_an_event_are_named_with_their_places(filled: Lake) -> None:
    first, _, again, _, _, _, later = ids(filled)
    told = only(trace(filled, "silver.events", {"event_id": str(first)}))
    assert told.duplicate_count == 2
    places = [(row["row_id"], Path(row["path"]).name, row["row"]) for row in told.duplicates]
    assert places == [(again, "first.csv", 3), (later, "second.csv", 2)]
    assert only(trace(filled, "silver.events", {"event_id": str(first)}, limit=1)).duplicate_count == 2


def test_every_raw_row_has_one_fate(filled: Lake) -> None:
    told = [
        only(trace(filled, f"bronze.{source}", {"row_id": str(row_id)}))
        for source in ("click_events", "web_events")
        for row_id in ids(filled, source)
    ]
    fates = [item.fate for item in told]
    assert fates == ["loaded", "loaded", "duplicate", "quarantined", "quarantined", "loaded", "duplicate"] + [
        "duplicate",
        "loaded",
    ]
    ledger = rows(filled, "select sum(loaded), sum(duplicates), sum(quarantined) from ops.ledger")
    assert ledger == [(fates.count("loaded"), fates.count("duplicate"), fates.count("quarantined"))]
    assert all(item.contract and item.contract["number"] == 1 for item in told)
    (conflict,) = (item for item in told if "other content" in item.told)
    assert (
        conflict.source == "web_events"
        and conflict.silver
        and conflict.silver["event_id"] == ids(filled, "web_events")[1]
    )


def test_a_rejected_row_tells_its_reasons_and_its_contract(filled: Lake) -> None:
    bad = ids(filled)[3]
    told = only(trace(filled, "silver.quarantine", {"row_id": str(bad)}))
    assert set(told.quarantine[0]["reasons"]) == {"missing_user_id", "invalid_amount"}
    assert told.contract and told.contract["version"] == told.quarantine[0]["contract_version"]
    assert "quarantined for" in told.told and told.silver is None and told.gold == []


def test_a_row_is_judged_by_the_contract_of_its_time(changing: Lake, clicks: Clicks) -> None:
    stricter = Lake(changing.path, overrides={"rules.max_amount": 10})
    stricter.run(click_events=clicks("u3,s3,2025-01-05 10:00:00,page_view,,,", name="third.csv"))
    told = only(trace(stricter, "bronze.click_events", {"row_id": str(ids(stricter)[-1])}))
    assert told.contract and told.contract["number"] == 2


def test_a_replayed_row_keeps_its_history_and_names_the_contract_that_let_it_through(
    tmp_path: Path, clicks: Clicks
) -> None:
    file = clicks(VIEW, BUY)
    Lake(tmp_path / "lake", overrides={"rules.max_amount": 10}).run(click_events=file)
    lake = Lake(tmp_path / "lake", overrides={"rules.max_amount": 1000})
    lake.replay()
    view, buy = (only(trace(lake, "bronze.click_events", {"": str(row_id)})) for row_id in ids(lake))
    assert (buy.fate, [entry["status"] for entry in buy.quarantine]) == ("loaded", ["replayed"])
    assert buy.contract and view.contract and (view.contract["number"], buy.contract["number"]) == (1, 2)


def test_a_withdrawn_row_says_so_and_the_next_one_takes_its_place(changing: Lake) -> None:
    first, _, again, *_, later = ids(changing)
    path = only(trace(changing, "silver.events", {"": str(first)})).file["path"]
    changing.unload("click_events", path)
    fates = {row_id: only(trace(changing, "bronze.click_events", {"": str(row_id)})) for row_id in ids(changing)}
    assert (fates[first].fate, fates[again].fate, fates[later].fate) == ("withdrawn", "withdrawn", "loaded")
    assert "clicklake unload" in fates[first].told and fates[first].silver is None
    with pytest.raises(ClicklakeError, match="withdrawn with its file"):
        trace(changing, "gold.fact_events", {"": str(first)})


def test_what_was_not_refined_yet_waits(changing: Lake, clicks: Clicks) -> None:
    changing.ingest("click_events", clicks(OTHER.replace("u2", "u5"), name="new.csv"))
    told = only(trace(changing, "bronze.click_events", {"row_id": str(ids(changing)[-1])}))
    assert told.fate == "waiting" and told.contract is None


@pytest.mark.parametrize(
    ("table", "keys", "events"),
    [
        ("gold.dim_users", {"": "u1"}, 2),
        ("gold.dim_sessions", {"user_id": "u1", "session_id": "s1"}, 2),
        ("gold.dim_products", {"product_id": "p1"}, 2),
        ("gold.dim_event_types", {"": "purchase"}, 2),
        ("gold.dim_dates", {"": "20250101"}, 2),
        ("gold.dim_dates", {"": "20250102"}, 0),
    ],
)
def test_a_coarser_row_leads_to_the_events_behind_it(
    filled: Lake, table: str, keys: dict[str, str], events: int
) -> None:
    found = trace(filled, table, keys, limit=1)
    assert (found.silver_table, found.behind_count, len(found.behind)) == ("silver.events", events, min(events, 1))


def test_a_coarser_row_of_one_event_is_followed_at_once(filled: Lake) -> None:
    assert only(trace(filled, "dim_users", {"": "u2"})).told.startswith("loaded into silver.events")


def test_days_are_those_of_the_reporting_time_zone(tmp_path: Path, clicks: Clicks) -> None:
    lake = Lake(tmp_path / "lake", overrides={"reporting_timezone": "Asia/Tokyo"})
    lake.run(click_events=clicks(OTHER))
    assert trace(lake, "gold.dim_dates", {"": "20250202"}).behind_count == 1


def test_an_event_names_the_gold_rows_that_it_counts_in(filled: Lake) -> None:
    told = only(trace(filled, "silver.events", {"event_id": str(ids(filled)[1])}, show_pii=True))
    keys = {place["table"]: place["key"] for place in told.gold}
    assert keys == {
        "gold.customer_segments": {"customer_id": "u1"},
        "gold.dim_dates": {"date_key": 20250101},
        "gold.dim_event_types": {"event_type": "purchase"},
        "gold.dim_products": {"product_id": "p1"},
        "gold.dim_sessions": {"user_id": "u1", "session_id": "s1"},
        "gold.dim_users": {"user_id": "u1"},
        "gold.fact_events": {"event_id": ids(filled)[1]},
        "gold.product_clicks": {"product_id": "p1", "event_year": 2025, "event_month": 1},
        "gold.product_performance": {"product_id": "p1"},
    }
    for table, key in keys.items():
        assert trace(filled, table, {name: str(value) for name, value in key.items()}).row_count == 1


def test_an_empty_value_means_that_there_is_none(filled: Lake) -> None:
    assert trace(filled, "gold.fact_events", {"product_id": ""}).rows[0]["event_type"] == "page_view"
    assert trace(filled, "bronze.click_events", {"UserID": ""}).row_count == 2  # one could not be split


def test_python_has_it_too(filled: Lake) -> None:
    view, *_ = ids(filled)
    assert only(filled.trace("gold.fact_events", {"event_id": view})).file["row"] == 1
    assert filled.lineage.inputs("gold.fact_events")["event_id"][0].table == "silver.events"


def test_several_rows_are_listed(filled: Lake) -> None:
    found = trace(filled, "gold.fact_events", {"product_id": "p1"}, limit=1)
    assert (found.row_count, len(found.rows), found.stories) == (2, 1, [])
    assert trace(filled, "ops.duplicates", {"event_id": str(ids(filled)[0])}).row_count == 2


def test_personal_data_is_masked_unless_asked_for(filled: Lake) -> None:
    good, again, line = (ids(filled)[position] for position in (0, 2, 4))
    for table, row_id in (("silver.events", good), ("bronze.click_events", again), ("bronze.click_events", line)):
        key = {"": str(row_id)}
        hidden, shown = (repr(trace(filled, table, key, show_pii=flag).to_dict()) for flag in (False, True))
        assert "u1" not in hidden and "short" not in hidden
        assert hidden != shown
    assert only(trace(filled, "bronze.click_events", {"": str(line)}, show_pii=True)).raw == "short"


def test_only_files_that_may_hold_the_row_are_opened(filled: Lake) -> None:
    bronze = filled.store.open("bronze.click_events")
    first, last = ids(filled)[0], ids(filled)[-1]
    assert len(bronze.files) == 2
    assert [len(files_of(bronze, "row_id", number)) for number in (first, last, last + 1)] == [1, 1, 0]
    engine = filled.engine()
    try:
        assert source_of(Reader(filled, engine, filled.release()), first) == "click_events"
    finally:
        engine.close()


def test_a_number_that_is_no_event_is_told_with_what_became_of_it(filled: Lake) -> None:
    _, _, again, bad, *_ = ids(filled)
    with pytest.raises(ClicklakeError, match=rf"quarantined for .*trace bronze.click_events row_id={bad}") as refused:
        trace(filled, "gold.fact_events", {"event_id": str(bad)})
    assert refused.value.exit_code == 1
    with pytest.raises(ClicklakeError, match="repeats row"):
        trace(filled, "silver.events", {"": str(again)})
    with pytest.raises(ClicklakeError, match="no row with event_id=5$"):
        trace(filled, "silver.events", {"": "5"})


@pytest.mark.parametrize(
    ("table", "keys", "error", "told"),
    [
        ("gold.fact_event", {"": "1"}, UnknownNameError, "did you mean 'gold.fact_events'"),
        ("gold.fact_events", {"event": "1"}, UnknownNameError, "did you mean 'event_id'"),
        ("gold.fact_events", {"event_id": "x"}, UsageError, "'x' is no bigint"),
        ("gold.dim_sessions", {"": "x"}, UsageError, "user_id=VALUE session_id=VALUE"),
        ("gold.dim_users", {}, UsageError, "user_id=VALUE"),
        ("silver.events", {"metadata": "x"}, UsageError, "single values"),
        ("ops.runs", {"": "x"}, UsageError, "not made of raw rows"),
    ],
)
def test_wrong_use(filled: Lake, table: str, keys: dict[str, str], error: type[UsageError], told: str) -> None:
    with pytest.raises(error, match=told) as refused:
        trace(filled, table, keys)
    assert refused.value.exit_code == 2


def test_quotes_in_values_do_no_harm(filled: Lake) -> None:
    with pytest.raises(ClicklakeError, match="no row"):
        trace(filled, "gold.dim_users", {"user_id": "' or 1=1 --"})


@pytest.mark.parametrize("table", ["gold.fact_events", "silver.events", "bronze.click_events"])
def test_an_empty_lake(lake: Lake, table: str) -> None:
    with pytest.raises(UnknownNameError, match="clicklake run"):
        trace(lake, table, {"": "1"})


def test_the_command_tells_it_to_people_and_programs(
    filled: Lake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # the folder of a test may have a long name
    first, _, again, bad, *_ = ids(filled)
    path = ["--lake", filled.path]
    assert run([*path, "trace", "gold.fact_events", f"event_id={first}"]) == 0
    told = capsys.readouterr().out
    for text in ("first.csv", "row 1 of the 5", f"loaded into silver.events as event_id {first}", "2 dropped for it"):
        assert text in told
    assert [line for line in told.splitlines() if line != line.rstrip()] == []
    assert run([*path, "trace", "dim_users", "u1"]) == 0
    assert "Behind it: 2 rows of silver.events" in capsys.readouterr().out
    assert run([*path, "--json", "trace", "bronze.click_events", str(again)]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["stories"][0]["fate"] == "duplicate" and found["stories"][0]["silver"]["event_id"] == first
    assert run([*path, "trace", "bronze.click_events", "ProductID=p1"]) == 0
    listed = capsys.readouterr().out
    assert "bronze.click_events: 5 rows" in listed and str(first) in listed and "u1" not in listed
    assert run([*path, "trace", "silver.quarantine", str(bad)]) == 0
    assert '"Amount": "-5"' in capsys.readouterr().out
    assert run([*path, "trace", "gold.fact_events", str(bad)]) == 1
    assert capsys.readouterr().out == ""
