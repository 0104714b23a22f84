"""Filters by source and segment: the rows of reports against SQL that was written for the purpose."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from clicklake.cli.main import run
from clicklake.errors import UnknownNameError, UsageError
from clicklake.lake import Lake
from clicklake.reports.run import Asked
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

SOURCES = ("click_events", "web_events", "orders")
HIGH = "user_id in (select user_id from gold.dim_users where total_events >= 20)"
CONSUMERS = "(select customer_id from gold.dim_customers where is_current and segment = 'consumer')"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with clicks of two sources, orders, customers and products."""
    folder = tmp_path_factory.mktemp("filters")
    generate(folder / "data", GeneratorConfig(rows=6000, web_rows=4000, users=300, days=20, commerce=CommerceConfig()))
    names = ("click_events", "web_events", "orders", "customers", "products", "payments")
    Lake(folder / "lake").run(**{name: str(folder / "data" / name) for name in names})
    return str(folder / "lake")


@pytest.fixture
def filled(path: str) -> Lake:
    return Lake(path)


def answer(lake: Lake, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in lake.query(sql).to_pylist()]


def report(lake: Lake, name: str, **given: object) -> list[dict[str, object]]:
    return lake.report(name, **given).to_pylist()


# ---- by source


def test_a_source_leaves_its_own_events(filled: Lake) -> None:
    made = report(filled, "hourly_engagement", source="web_events")
    expected = answer(
        filled,
        "select event_hour, count(distinct user_id), count(*) from gold.fact_events "
        "where source = 'web_events' group by 1 order by 1",
    )
    assert [(row["hour"], row["active_users"], row["events"]) for row in made] == expected
    assert expected


@pytest.mark.parametrize(
    ("name", "key", "measures"),
    [
        ("daily_active_users", "date", ("events",)),
        ("top_products", "product_id", ("product_views", "add_to_carts", "revenue")),
        ("conversion_by_device", "device", ("events", "purchases", "revenue")),
        ("daily_sales_summary", "date", ("units", "net_amount", "refund_amount")),
        ("monthly_sales_summary", "month", ("orders", "units", "net_amount", "refund_amount")),
        ("weekday_weekend", "day_type", ("events", "revenue")),
    ],
)
def test_sums_over_sources_are_the_whole(filled: Lake, name: str, key: str, measures: tuple[str, ...]) -> None:
    whole = {row[key]: [row[measure] for measure in measures] for row in report(filled, name, limit=10**6)}
    sums = {value: [0] * len(measures) for value in whole}
    for source in SOURCES:
        for row in report(filled, name, source=source, limit=10**6):
            sums[row[key]] = [total + row[measure] for total, measure in zip(sums[row[key]], measures, strict=True)]
    assert sums == whole and whole


def test_revenue_of_sources_adds_up(filled: Lake) -> None:
    parts = [report(filled, "revenue_metrics", source=source)[0]["total_revenue"] for source in SOURCES]
    assert sum(parts) == report(filled, "revenue_metrics")[0]["total_revenue"]
    assert parts[0] > 0 and parts[1] > 0 and parts[2] == 0


def test_purchases_are_clicks_where_the_source_has_no_orders(filled: Lake) -> None:
    whole, web = filled.report("rfm_segments"), filled.report("rfm_segments", source="web_events")
    assert "purchases from orders" in whole.note and "only source web_events" in web.note
    assert "purchases from clicks" in web.note
    today = answer(filled, "select max(date_key) from gold.fact_events")[0][0]
    assert f"{today}"[:4] in web.note, "today is the lake's, not the source's"
    buyers = "select count(distinct user_id) from gold.fact_events where source = 'web_events' and "
    ((expected,),) = [answer(filled, buyers + "event_type = 'purchase' and is_success")]
    assert (sum(row["customers"] for row in web.to_pylist()),) == expected


def test_the_window_holds_within_a_source(filled: Lake) -> None:
    days = answer(filled, "select date from gold.dim_dates order by date")
    first, last = days[3][0], days[8][0]
    made = report(filled, "daily_active_users", source="click_events", since=first, until=last)
    keys = f"{first:%Y%m%d} and {last:%Y%m%d}"
    expected = answer(
        filled,
        "select date_key, count(*) from gold.fact_events where source = 'click_events' "
        f"and date_key between {keys} group by 1 order by 1 desc",
    )
    assert [(int(f"{row['date']:%Y%m%d}"), row["events"]) for row in made] == expected


# ---- by segment


def test_a_segment_by_activity_leaves_its_users(filled: Lake) -> None:
    made = report(filled, "conversion_funnel", segment="High Activity")
    for row in made:
        success = "and is_success" if row["event_type"] == "purchase" else ""
        sql = f"select count(distinct user_id) from gold.fact_events where event_type = '{row['event_type']}' {success}"
        assert [(row["users"],)] == answer(filled, f"{sql} and {HIGH}")
    assert made[0]["users"] < report(filled, "conversion_funnel")[0]["users"]


def test_a_segment_of_the_shop_leaves_orders_of_its_customers(filled: Lake) -> None:
    made = report(filled, "weekly_sales_summary", segment="consumer")
    expected = answer(
        filled,
        "select count(distinct order_id), sum(quantity), sum(net_amount) from gold.fact_sales "
        f"where is_booked and customer_id in {CONSUMERS}",
    )
    sums = tuple(sum(row[name] for row in made) for name in ("orders", "units", "net_amount"))
    assert [sums] == expected and sums[0]


def test_a_mart_without_the_column_is_computed_from_what_has_it(filled: Lake) -> None:
    made = report(filled, "daily_sales_summary", segment="consumer")
    expected = answer(
        filled,
        "select date_key, count(distinct order_id), count(distinct customer_id), sum(net_amount) from gold.fact_sales "
        f"where is_booked and customer_id in {CONSUMERS} group by 1 order by 1",
    )
    booked = [row for row in made if row["orders"]]
    fields = ("orders", "customers", "net_amount")
    assert [(int(f"{row['date']:%Y%m%d}"), *(row[name] for name in fields)) for row in booked] == expected
    refunds = answer(
        filled,
        "select sum(net_amount) from gold.fact_sales where is_booked and refund_date_key is not null "
        f"and customer_id in {CONSUMERS}",
    )
    assert [(sum(row["refund_amount"] for row in made),)] == refunds
    keys = [int(row["date"].strftime("%Y%m%d")) for row in made]
    part = report(filled, "daily_sales_summary", segment="consumer", since=made[2]["date"], until=made[4]["date"])
    assert [int(row["date"].strftime("%Y%m%d")) for row in part] == keys[2:5]


def test_a_segment_by_rfm_is_told_of_as_it_is_among_all(filled: Lake) -> None:
    whole = {row["segment"]: row for row in report(filled, "rfm_segments")}
    for name in list(whole)[:3]:
        (row,) = report(filled, "rfm_segments", segment=name)
        assert {**row, "revenue_share_pct": None} == {**whole[name], "revenue_share_pct": None}
        assert row["revenue_share_pct"] == 100


def test_predictions_are_those_among_all_customers(filled: Lake) -> None:
    whole = report(filled, "customer_lifetime_value")
    members = {row[0] for row in answer(filled, CONSUMERS[1:-1])}
    made = report(filled, "customer_lifetime_value", segment="consumer")
    assert made == [row for row in whole if row["customer_id"] in members]
    assert 0 < len(made) < len(whole)
    assert report(filled, "customer_lifetime_value", segment="consumer", limit=3) == made[:3]


def test_source_and_segment_hold_together(filled: Lake) -> None:
    (made,) = report(filled, "revenue_metrics", source="web_events", segment="High Activity")
    sql = (
        "select count(distinct user_id), sum(amount) from gold.fact_events where event_type = 'purchase' "
        f"and is_success and source = 'web_events' and {HIGH}"
    )
    assert [(made["purchasers"], made["total_revenue"])] == answer(filled, sql)


# ---- what can't be, and what is not there


def test_a_report_says_why_it_takes_no_filter(filled: Lake) -> None:
    with pytest.raises(UsageError, match=r"click_order_reconciliation takes no --source: it compares"):
        filled.report("click_order_reconciliation", source="orders")
    assert filled.filters("click_order_reconciliation")["segment"] is None
    for name in filled.catalogue.report_names:
        refused = {key for key, reason in filled.filters(name).items() if reason}
        assert refused == ({"source"} if name == "click_order_reconciliation" else set()), name


def test_an_unknown_value_names_those_there_are(filled: Lake) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no segment 'consumers'.*consumer.*High Activity"):
        filled.report("top_products", segment="consumers")
    with pytest.raises(UnknownNameError, match=r"there is no source 'web'.*click_events"):
        filled.report("top_products", source="web")
    assert report(filled, "top_products", source="payments") == [], "a source that has no events"
    with pytest.raises(UsageError, match="has no parameter nobody"):
        filled.report("top_products", nobody="x")


def test_a_lake_without_data_has_no_rows_and_no_error(tmp_path: Path) -> None:
    empty = Lake(tmp_path / "empty")
    assert report(empty, "top_products", source="web_events", segment="anything") == []
    assert empty.filter_values("segment").to_pylist() == []


def test_values_of_filters_are_those_of_the_data(filled: Lake) -> None:
    values = {row["value"]: row["size"] for row in filled.filter_values("source").to_pylist()}
    assert set(values) == set(SOURCES)
    (events,) = answer(filled, "select count(*) from gold.fact_events where source = 'web_events'")
    assert (values["web_events"],) == events
    segments = filled.filter_values("segment").to_pylist()
    assert {row["kind"] for row in segments} == {"activity", "customers", "rfm"}
    for row in segments:
        filled.report("top_products", segment=row["value"], limit=1)


# ---- a project's own reports, marts and filters


@pytest.fixture
def project(path: str, tmp_path: Path) -> Path:
    for folder in ("reports", "filters"):
        (tmp_path / folder).mkdir()
    (tmp_path / "clicklake.yaml").write_text(f"lake: {path}\n")
    (tmp_path / "reports" / "users_now.sql").write_text(
        "select count(*) as users, sum(u.total_spent) as spent from (gold.dim_users as u "
        "inner join gold.dim_sessions as s on u.user_id = s.user_id)"
    )
    (tmp_path / "reports" / "totals.sql").write_text("select sum(total_events) as events from gold.dim_users")
    (tmp_path / "reports" / "raw.sql").write_text("select count(*) as n from bronze.web_events")
    (tmp_path / "filters" / "device.yml").write_text(
        "title: Device\ndescription: Only events of one device.\ncolumns: [device_type]\n"
        "unaffected: [gold.dim_dates]\n"
        "values: select device_type as value, null as kind, count(*) as size from gold.fact_events group by 1\n"
    )
    return tmp_path / "clicklake.yaml"


def test_own_reports_are_restricted_too(project: Path) -> None:
    lake = Lake(config=project)
    ((users, spent),) = answer(
        lake,
        "select count(*), sum(u.total_spent) from gold.dim_users as u "
        f"inner join gold.dim_sessions as s on u.user_id = s.user_id where u.{HIGH}",
    )
    assert report(lake, "users_now", segment="High Activity") == [{"users": users, "spent": spent}]
    (web,) = answer(lake, "select count(*) from silver.events where source = 'web_events'")
    assert report(lake, "totals", source="web_events") == [{"events": Decimal(web[0])}]
    with pytest.raises(UsageError, match=r"raw takes no --segment: bronze.web_events has no column user_id"):
        lake.report("raw", segment="High Activity")


def test_a_filter_of_a_project_s_own(project: Path) -> None:
    lake = Lake(config=project)
    (row,) = report(lake, "conversion_by_device", device="mobile")
    assert row == next(row for row in report(lake, "conversion_by_device") if row["device"] == "mobile")
    with pytest.raises(UsageError, match=r"takes no --device: silver.orders has no column device_type"):
        lake.report("product_performance", device="mobile")


# ---- the command line


def test_the_command_line_takes_them(path: str, filled: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--source", "web_events", "--segment", "High Activity", "--lake", path]
    assert run(["report", "daily_active_users", "--format", "json", *given]) == 0
    made = json.loads(capsys.readouterr().out)
    expected = report(filled, "daily_active_users", source="web_events", segment="High Activity")
    assert [row["events"] for row in made] == [row["events"] for row in expected]
    assert run(["report", "daily_active_users", *given]) == 0
    assert "only source web_events, segment High Activity" in capsys.readouterr().out
    assert run(["report", "daily_active_users", "--explain", "--json", *given]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["filters"] == {"source": "web_events", "segment": "High Activity"}
    assert {"gold.customer_segments", "gold.dim_users"} <= {source["table"] for source in facts["sources"]}


def test_all_reports_leave_out_those_that_can_t(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--all", "--format", "json", "--source", "web_events", "--lake", path]) == 0
    out, err = capsys.readouterr()
    made = json.loads(out)
    assert "click_order_reconciliation" not in made and "top_products" in made
    assert "click_order_reconciliation is left out: " in err


def test_wrong_use_is_told(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "top_products", "--segment", "Nobody", "--lake", path]) == 2
    assert "there is no segment 'Nobody'" in capsys.readouterr().err
    assert run(["report", "top_products", "--param", "user", "--lake", path]) == 2
    assert "not NAME=VALUE" in capsys.readouterr().err
    assert run(["report", "user_journey", "--param", "user=nobody", "--lake", path, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_list_says_what_each_takes(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--list", "--json", "--lake", path]) == 0
    listed = {row["report"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed["top_products"]["filters"] == "segment, source"
    assert listed["click_order_reconciliation"]["filters"] == "segment"
    assert listed["user_journey"]["parameters"] == "user"


def test_reports_without_filters_have_the_query_they_had(filled: Lake) -> None:
    """Nothing is put into it: the SQL is that of the file, with its values."""
    for name in filled.catalogue.report_names:
        sql = filled.explain(Asked(name))["sql"].lower()
        assert "filter_segment" not in sql and "filtered_" not in sql
