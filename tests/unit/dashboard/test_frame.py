"""The frame of the dashboard: filters and their URL, the states without data, and what is said of errors."""

from __future__ import annotations

import shlex
import time
from datetime import date, timedelta

import pytest
from streamlit.util import calc_hash

from clicklake.cli.main import run
from clicklake.dashboard import opened
from clicklake.dashboard.filters import Choices, Days
from clicklake.lake import Lake
from clicklake.reports import formats


def tiles(app):
    return {tile.label: (tile.value, tile.delta) for tile in app.metric}


def expected(lake, since, until):
    row = lake.report("key_figures", since=since, until=until).to_pylist()[0]
    return formats.money(row["revenue"]), formats.integer(row["active_users"]), formats.percent(row["conversion_pct"])


def test_the_overview_shows_the_numbers_of_the_reports(lake_of_clicks, show):
    app = show(lake_of_clicks)
    assert not app.exception and not app.error and not app.warning
    revenue, users, rate = expected(lake_of_clicks, date(2025, 1, 14), date(2025, 1, 20))
    shown = tiles(app)
    # the last seven of twenty days: 23.50 to 29.50, before them 16.50 to 22.50
    assert shown["Revenue (USD)"] == (revenue, "35.9%") and revenue == "185.50"
    assert shown["Active users"][0] == users and shown["Conversion rate"][0] == rate
    assert app.query_params == {"period": "7d"}
    assert "2025-01-14 to 2025-01-20 · compared with 2025-01-07 to 2025-01-13" in app.caption[1].value
    assert [part.value for part in app.subheader][0] == "Revenue each day"


def test_every_figure_tells_what_it_means(lake_of_clicks, show):
    app = show(lake_of_clicks)
    columns = lake_of_clicks.catalogue.report("key_figures").doc.columns
    helps = {tile.label: tile.proto.help.replace("\\", "") for tile in app.metric}
    assert helps["Active users"].startswith(columns["active_users"].description)
    assert "The period before: 7." in helps["Active users"]
    assert helps["Conversion rate"].startswith(columns["conversion_pct"].description)


def test_what_is_chosen_is_shown_and_stands_in_the_url(lake_of_clicks, show):
    app = show(lake_of_clicks)
    app.selectbox(key="filter_period").select("all").run()
    assert app.query_params == {"period": "all"}
    assert tiles(app)["Revenue (USD)"] == (expected(lake_of_clicks, None, None)[0], "")
    assert "nothing to compare with" in app.caption[1].value
    app.selectbox(key="filter_period").select("own").run()
    app.date_input(key="filter_days").set_value((date(2025, 1, 3), date(2025, 1, 4))).run()
    assert app.query_params == {"since": "2025-01-03", "until": "2025-01-04"}
    assert tiles(app)["Revenue (USD)"][0] == "26.00"  # 12.50 and 13.50


def test_filters_stay_on_the_way_through_a_page_that_has_not_all_of_them(lake_of_clicks, show):
    app = show(lake_of_clicks, "overview", period="all", source="click_events")
    for page in ("lake", "products"):  # a click in the navigation opens a page without a query
        app._page_hash = calc_hash(page)
        app.query_params.clear()
        app.run()
        assert app.selectbox(key="filter_source").value == "click_events"
    assert app.selectbox(key="filter_period").value == "all"
    assert app.query_params == {"period": "all", "source": "click_events"}


def test_what_was_chosen_and_is_not_there_any_more_is_let_go(lake_of_clicks, show):
    app = show(lake_of_clicks, "overview")
    app.session_state["filters_chosen"] = {"filter_period": "all", "filter_segment": "Gone"}
    app._page_hash = calc_hash("lake")
    app.query_params.clear()
    app.run()
    app._page_hash = calc_hash("overview")
    app.query_params.clear()
    app.run()
    assert not app.exception and app.selectbox(key="filter_segment").value is None


def test_a_url_brings_what_it_says(lake_of_clicks, show):
    app = show(lake_of_clicks, since="2025-01-03", until="2025-01-04")
    assert tiles(app)["Revenue (USD)"] == ("26.00", "18.2%") and not app.warning
    app.query_params.update({"since": "2025-01-04"})  # as a person who types there
    assert tiles(app.run())["Revenue (USD)"][0] == "13.50"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"period": "fortnight"}, "period=fortnight is none of 7d, 30d"),
        ({"since": "<b>soon</b>"}, "is not a date such as 2025-01-31"),
        ({"since": "2025-01-09", "until": "2025-01-08"}, "since=2025-01-09 is after until=2025-01-08"),
    ],
)
def test_a_url_that_makes_no_sense_is_told(lake_of_clicks, show, query, said):
    app = show(lake_of_clicks, **query)
    assert said in app.warning[0].value.replace("\\", "") and "<b>" not in app.warning[0].value.replace("\\<", "")
    assert tiles(app)["Revenue (USD)"][0] and not app.exception


def test_an_empty_lake_says_what_to_do(tmp_path, show):
    app = show(Lake(tmp_path / "a lake"))
    assert not app.exception and not app.error
    assert [part.value for part in app.subheader] == ["Nothing has been published yet"]
    command = app.code[0].value
    assert command == f"clicklake --lake '{tmp_path / 'a lake'}' run click_events=events.csv"
    (tmp_path / "events.csv").write_text(
        "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\nu1,s1,2025-01-01 10:00:00,page_view,,,\n"
    )
    assert run([*shlex.split(command)[1:-1], f"click_events={tmp_path / 'events.csv'}"]) == 0
    assert tiles(show(Lake(tmp_path / "a lake")))["Active users"][0] == "1"


def test_the_parts_of_an_empty_lake_promise_nothing(tmp_path, show):
    app = show(Lake(tmp_path / "lake"), "lake")
    assert not app.exception and not app.error
    assert not any("are being measured" in part.value for part in app.info)


def test_days_without_rows_say_so(lake_of_clicks, show):
    app = show(lake_of_clicks, since="2030-01-01", until="2030-01-02")
    assert not app.exception and not app.error
    assert tiles(app)["Revenue (USD)"][0] == "0.00" and tiles(app)["Conversion rate"][0] == formats.NULL
    assert "No event and no booked order in these days." in app.info[0].value


def test_a_report_that_fails_is_told_in_its_place(tmp_path, show):
    (tmp_path / "clicklake.yaml").write_text("lake: lake\n")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "daily_figures.sql").write_text("select no_such_column as date from gold.fact_events\n")
    (tmp_path / "clicks.csv").write_text(
        "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\nu1,s1,2025-01-01 10:00:00,page_view,,,\n"
    )
    lake = Lake(config=tmp_path / "clicklake.yaml")
    lake.run(click_events=tmp_path / "clicks.csv")
    app = show(lake)
    assert not app.exception and tiles(app)["Active users"][0] == "1"
    assert "no_such_column" in app.warning[0].value.replace("\\", "")


def test_a_fault_of_the_program_is_not_shown_but_logged(lake_of_clicks, show, monkeypatch, caplog):
    app = show(lake_of_clicks)
    monkeypatch.setattr(opened.opened().serving, "report", lambda *_, **__: 1 / 0)
    app.run()
    assert not app.exception and "ZeroDivisionError" in app.error[0].value
    assert "division by zero" in caplog.text and "division by zero" not in app.error[0].value


def test_another_release_is_followed(tmp_path, show):
    rows = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n{},s,2025-01-01 10:00:00,page_view,,,\n"
    lake = Lake(tmp_path / "lake")
    for user in ("u1", "u2"):
        (tmp_path / f"{user}.csv").write_text(rows.format(user))
    lake.run(click_events=tmp_path / "u1.csv")
    app = show(lake)
    assert tiles(app)["Active users"][0] == "1" and app.caption[0].value.startswith("Release 1,")
    lake.run(click_events=tmp_path / "u2.csv")
    while opened.opened().serving.release.release_id < 2:  # it looks once a second
        time.sleep(0.05)
    app.run()
    assert app.caption[0].value.startswith("Release 2,") and tiles(app)["Active users"][0] == "2"


@pytest.mark.parametrize(
    ("days", "period"), [(1, "all"), (13, "all"), (14, "7d"), (59, "7d"), (60, "30d"), (180, "90d"), (900, "90d")]
)
def test_what_is_shown_first_can_be_compared(days, period):
    first = date(2025, 1, 1)
    assert Choices(first, first + timedelta(days=days - 1)).period == period


def test_the_period_before():
    choices = Choices(date(2025, 1, 1), date(2025, 3, 31))
    week = Days(date(2025, 1, 8), date(2025, 1, 14))
    assert choices.before(week) == Days(date(2025, 1, 1), date(2025, 1, 7))
    assert choices.before(Days(date(2025, 1, 7), date(2025, 1, 13))) is None
    assert choices.before(Days()) is None
