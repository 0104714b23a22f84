"""The scorecard says what is in the lake: every fault counted once, in its dimension, with the rows behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.cli.main import run
from clicklake.lake import Lake
from clicklake.quality.assess import Assessment, assess
from clicklake.quality.history import QUALITY

Clicks = Callable[..., Path]
VIEW = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
BUY = "u1,s1,2025-01-01 10:05:00,purchase,p1,12.50,success"
NOBODY = ",s2,2025-01-01 11:00:00,purchase,p1,30.25,success"
FAILED = ",s2,2025-01-01 11:05:00,purchase,p1,99.00,failed"
WHEN = "u2,s3,someday,purchase,p1,x,success"
STRANGE = "u2,,2025-01-02 09:00:00,teleport,,,"


def assessed(lake: Lake, *, keep: bool = False) -> Assessment:
    engine = lake.engine()
    try:
        return assess(lake.store, engine, lake.catalogue, lake.parameters, lake.settings.quality, keep=keep)
    finally:
        engine.close()


def measured(lake: Lake) -> dict[str, tuple[int, int, float | None]]:
    return {row["measure"]: (row["rows"], row["offending"], row["score"]) for row in assessed(lake).measures()}


@pytest.fixture
def filled(lake: Lake, clicks: Clicks) -> Lake:
    lake.run(click_events=clicks(VIEW, VIEW, BUY, NOBODY, FAILED, WHEN, "short", STRANGE))
    return lake


def test_faults_of_raw_rows_are_counted_by_rule_and_dimension(filled: Lake) -> None:
    found = measured(filled)
    assert found["bronze.click_events.missing_user_id"] == (8, 2, 75.0)
    assert found["bronze.click_events.invalid_timestamp"] == (8, 1, 87.5)
    assert found["bronze.click_events.malformed_row"] == (8, 1, 87.5)
    assert found["bronze.click_events.duplicates"] == (8, 1, 87.5)
    assert found["bronze.click_events.missing_amount"] == (8, 0, 100.0)


def test_columns_that_may_be_empty_are_told_and_no_fault(filled: Lake) -> None:
    rows = {row["measure"]: row for row in assessed(filled).measures()}
    session = rows["silver.events.session_id_complete"]
    assert (session["rows"], session["offending"], session["score"], session["filled_pct"]) == (3, 1, None, 66.666)
    user = rows["silver.events.user_id_complete"]
    assert (user["offending"], user["score"], user["verdict"]) == (0, 100.0, "ok")


def test_nulls_are_those_of_the_rows_whether_the_log_knows_them_or_not(filled: Lake) -> None:
    found = measured(filled)
    for table in ("silver.events", "gold.fact_events", "gold.dim_sessions"):
        columns = list(filled.catalogue.table(table).doc.columns)
        counts = ", ".join(f"count(*) - count({name}) as {name}" for name in columns)
        (row,) = filled.query(f"select {counts} from {table}").to_pylist()
        assert {name: found[f"{table}.{name}_complete"][1] for name in columns} == row


def test_unknown_values_and_lost_parents_are_faults_of_validity(filled: Lake) -> None:
    assert measured(filled)["silver.events.event_type_known"] == (3, 1, 66.666)
    row = next(r for r in assessed(filled).tables() if r["table"] == "silver.events")
    assert (row["validity"], row["verdict"]) == (66.666, "warn")
    assert measured(filled)["gold.fact_events.user_id_in_dim_users"] == (3, 0, 100.0)


def test_a_broken_key_and_a_broken_reference_are_found(tmp_path: Path, clicks: Clicks) -> None:
    """Two tables of a project that don't hold what they say, and whose checks warn only."""
    models = tmp_path / "models" / "gold"
    models.mkdir(parents=True)
    (tmp_path / "clicklake.yaml").write_text("lake: lake\n")
    (models / "orders_seen.sql").write_text(
        "select 'o' || cast(event_id % 2 as varchar) as order_id, "
        "case when amount is null then 'gone' else product_id end as product_id from silver.events"
    )
    (models / "orders_seen.yml").write_text(
        "description: One row per event.\ngrain: [order_id]\n"
        "references: [{columns: [product_id], table: gold.dim_products}]\n"
        "columns:\n  order_id: {type: string, description: The order.}\n"
        "  product_id: {type: string, description: The product.}\n"
    )
    lake = Lake(tmp_path / "lake", config=tmp_path / "clicklake.yaml")
    from clicklake.errors import CheckFailedError

    with pytest.raises(CheckFailedError):
        lake.run(click_events=clicks(VIEW, BUY, "u2,s1,2025-01-01 10:00:00,product_view,p1,,"))
    from clicklake.build.release import Release
    from clicklake.quality.measures import of_table
    from clicklake.quality.measuring import take
    from clicklake.quality.relations import Relations

    versions = {name: lake.store.open(name).version for name in ("gold.orders_seen", "gold.dim_products")}
    engine = lake.engine()
    relations = Relations(lake.store, engine, lake.catalogue, Release(1, None, "", versions))  # type: ignore[arg-type]
    taken = take(list(of_table(lake.catalogue.gold["gold.orders_seen"], lake.catalogue, {})), relations, [], {})
    engine.close()
    found = {item.measure.check: (item.rows, item.offending) for item in taken}
    assert found["order_id_unique"] == (3, 2)
    assert found["product_id_in_dim_products"] == (3, 2)


def test_what_has_not_changed_is_not_counted_again(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    first = assessed(filled, keep=True)
    from clicklake.quality import measuring

    monkeypatch.setattr(measuring, "_count", lambda *_: pytest.fail("counted again"))
    again = assessed(filled, keep=True)
    assert [(t.rows, t.offending) for t in again.taken] == [(t.rows, t.offending) for t in first.taken]
    kept = filled.query(f"select count(distinct run_id) as runs, count(*) as rows from {QUALITY}").to_pylist()
    assert kept == [{"runs": 1, "rows": len(first.taken)}], "nothing new, nothing kept"


def test_new_rows_are_counted_and_the_trend_has_both_times(filled: Lake, clicks: Clicks) -> None:
    assessed(filled, keep=True)
    filled.run(click_events=clicks("u9,s9,2025-01-03 09:00:00,beam,,,", name="more.csv"))
    found = next(r for r in assessed(filled, keep=True).measures() if r["measure"] == "silver.events.event_type_known")
    assert (found["rows"], found["offending"]) == (4, 2)
    assert found["trend"] == [66.666, 50.0]


def test_one_bad_row_among_many_is_never_100_percent() -> None:
    from clicklake.quality.measures import Measure
    from clicklake.quality.measuring import Taken

    measure = Measure("silver.a", "b", "validity", "")
    assert Taken(measure, 10_000_000, 1).score == 99.999
    assert Taken(measure, 3, 3).score == 0.0
    assert Taken(measure, 0, 0).score is None


def test_rows_behind_a_number_lead_on_to_trace(filled: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    lake = ["--lake", filled.path]
    assert run(["quality", "--show", "event_type_known", "--format", "json", *lake]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["event_type"], row["user_id"]) == ("teleport", "***")
    assert run(["trace", "silver.events", str(row["event_id"]), "--json", *lake]) == 0
    assert "teleport" in capsys.readouterr().out
    assert run(["quality", "--show", "missing_user_id", "--json", "--limit", "1", *lake]) == 0
    (rejected,) = json.loads(capsys.readouterr().out)
    assert run(["trace", "bronze.click_events", str(rejected["row_id"]), *lake]) == 0
    capsys.readouterr()
    assert run(["quality", "--show", "bronze.click_events.duplicates", "--format", "csv", *lake]) == 0
    assert capsys.readouterr().out.count("\n") == 2
    assert run(["quality", "--show", "event_type_known", "--show-pii", "--json", *lake]) == 0
    assert json.loads(capsys.readouterr().out)[0]["user_id"] == "u2"
    for shows, is_told in (([], True), (["--show-pii"], False)):
        assert run(["quality", "--show", "event_type_known", *shows, *lake]) == 0
        assert ("--show-pii shows it" in capsys.readouterr().err) == is_told


def test_a_name_that_means_nothing_or_too_much(filled: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["quality", "--show", "event_type_know", "--lake", filled.path]) == 2
    assert run(["quality", "--show", "user_id_complete", "--lake", filled.path]) == 2
    told = capsys.readouterr().err
    assert "there is no measure" in told and "silver.events.event_type_known" in told
    assert "measured in several tables: silver.events.user_id_complete" in " ".join(told.split())


def test_money_in_quarantine_is_that_of_rows_that_would_have_counted(
    filled: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["quality", "--json", "--lake", filled.path]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    (figure,) = told["impact"]
    assert (figure["impact"], figure["rows"], figure["value"]) == ("revenue_in_quarantine", 3, 30.25)


@pytest.mark.parametrize(
    ("thresholds", "code", "message"),
    [
        ("tables: {events: {fail_under: 70}}", 3, "silver.events.event_type_known: 66.666 % is under 70 % (1 rows)"),
        ("dimensions: {uniqueness: {fail_under: 90}}", 3, "bronze.click_events.duplicates: 87.5 % is under 90 %"),
        ("dimensions: {validity: {fail_under: 90}}, tables: {events: {fail_under: 0}}", 3, "malformed_row: 87.5 %"),
        ("tables: {events: {fail_under: 60}}", 0, ""),
    ],
)
def test_thresholds_are_exit_3(
    tmp_path: Path, filled: Lake, thresholds: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clicklake.yaml").write_text(f"quality: {{{thresholds}}}\n")
    assert run(["quality", "--lake", filled.path]) == code
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_rule_of_the_project_with_its_base_and_impact(
    tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quality").mkdir()
    (tmp_path / "clicklake.yaml").write_text("lake: lake\n")
    (tmp_path / "quality" / "cheap_purchase.yml").write_text(
        "dimension: accuracy\ntable: gold.fact_events\ndescription: Nothing is sold for less than 20.\n"
        "sql: select event_id, user_id as who, upper(user_id) as loud, amount from gold.fact_events "
        "where event_type = 'purchase' and amount < 20\n"
        "base: select count(*) from gold.fact_events where event_type = 'purchase'\n"
        "impact: {cheap_revenue: sum(amount)}\n"
    )
    file = clicks(VIEW, BUY, BUY.replace("12.50", "7.25"), BUY.replace("12.50", "25"))
    assert run(["run", f"click_events={file}"]) == 0
    capsys.readouterr()
    assert run(["quality", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    (rule,) = [row for row in told["measures"] if row["measure"] == "gold.fact_events.cheap_purchase"]
    assert (rule["rows"], rule["offending"], rule["score"], rule["dimension"]) == (3, 2, 33.333, "accuracy")
    assert [row["value"] for row in told["impact"] if row["impact"] == "cheap_revenue"] == [19.75]
    assert run(["quality", "--show", "cheap_purchase", "--json"]) == 0
    assert {(row["who"], row["loud"]) for row in json.loads(capsys.readouterr().out)} == {("***", "***")}


def test_a_rule_that_can_not_be_is_told_with_its_file(
    tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quality").mkdir()
    (tmp_path / "clicklake.yaml").write_text("lake: lake\n")
    rule = tmp_path / "quality" / "wrong.yml"
    rule.write_text("dimension: beauty\ntable: gold.fact_events\ndescription: Nice.\nsql: select 1\n")
    assert run(["run", f"click_events={clicks(VIEW)}"]) == 0
    assert run(["quality"]) == 2
    assert "wrong.yml:1: dimension must be one of completeness" in " ".join(capsys.readouterr().err.split())
    rule.write_text(
        "dimension: accuracy\ntable: gold.fact_events\ndescription: Nice.\nsql: select no from gold.fact_events\n"
    )
    assert run(["quality"]) == 2
    assert "gold.fact_events.wrong can't be measured" in " ".join(capsys.readouterr().err.split())
    rule.write_text("dimension: accuracy\ntable: gold.fact_event\ndescription: Nice.\nsql: select 1 as one\n")
    assert run(["quality"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "wrong.yml: there is no table 'gold.fact_event' (did you mean 'gold.fact_events'?)" in told


def test_the_gate_after_each_run_where_the_settings_say_so(
    tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has not changed still is what it was: a run without news says no too."""
    (tmp_path / "clicklake.yaml").write_text(
        "lake: lake\nquality: {when: after_run, tables: {events: {fail_under: 90}, fact_events: {warn_under: 100}}}\n"
    )
    for _ in range(2):
        assert run(["run", f"click_events={clicks(VIEW, STRANGE)}"]) == 3
        assert "silver.events.event_type_known: 50 % is under 90 %" in " ".join(capsys.readouterr().err.split())
    lake = Lake(tmp_path / "lake", config=tmp_path / "clicklake.yaml")
    kept = lake.query(f"select count(distinct run_id) as runs from {QUALITY}").to_pylist()
    stages = lake.query("select count(distinct run_id) as runs from ops.runs where stage = 'quality'").to_pylist()
    assert (kept, stages) == ([{"runs": 1}], [{"runs": 2}])
