"""The pages show what the reports say, within the filters, with personal data masked."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from clicklake.access import LOCAL, Grants
from clicklake.dashboard import opened
from clicklake.dashboard.pages import PAGES
from clicklake.dashboard.parts import ROWS, csv
from clicklake.dashboard.view import View
from clicklake.errors import ForbiddenError
from clicklake.lake import Lake
from clicklake.reports import formats
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

CHARTS = {
    "overview": {
        "Revenue each day": ("daily_figures", "revenue"),
        "Active users who buy, each day": ("daily_figures", "conversion_pct"),
    },
    "customers": {
        "Customers in each segment": ("rfm_segments", "customers"),
        "Customers by how recently and how often they bought": ("rfm_grid", "customers"),
        "Share of each week's new users who come back": ("retention_cohorts", "retention_pct"),
        "Users in each segment of activity": ("user_segments", "user_count"),
    },
    "products": {
        "Revenue of each category": ("category_performance", "revenue"),
        "Views of the most viewed products": ("top_products", "product_views"),
    },
}
TABLES = {
    "customer_lifetime_value": ("customers", "clv", {"part": "Lifetime value"}),
    "at_risk_customers": ("customers", "monetary", {"part": "At risk"}),
    "product_performance": ("products", "revenue", {}),
    "product_affinity": ("products", "lift", {}),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with clicks of two sources, orders, customers and products."""
    folder: Path = tmp_path_factory.mktemp("shop")
    generate(folder / "data", GeneratorConfig(rows=4000, web_rows=2000, users=200, days=20, commerce=CommerceConfig()))
    lake = Lake(folder / "lake")
    names = ("click_events", "web_events", "orders", "customers", "products", "payments")
    lake.run(**{name: str(folder / "data" / name) for name in names})
    return lake


def drawn(app):
    """The texts of the marks of each chart, in the order of the page."""
    found = []
    for chart in app.get("vega_lite_chart"):
        spec = json.loads(chart.proto.spec)
        marks = [mark for layer in spec["layer"] for mark in layer["data"]["values"]]
        found.append({mark["label"] for mark in marks if "label" in mark})
    return found


def days_of(lake: Lake, period: str) -> dict[str, date]:
    if period == "all":
        return {}
    last = lake.report("data_range").to_pylist()[0]["last_day"]
    return {"since": last - timedelta(days=6), "until": last}


@pytest.mark.parametrize("page", CHARTS)
@pytest.mark.parametrize(
    "query", [{"period": "all"}, {"period": "7d", "source": "web_events"}], ids=["all", "a source"]
)
def test_charts_show_the_numbers_of_the_reports(shop, show, page, query):
    app = show(shop, page, **query)
    assert not app.exception and not app.error and not app.warning
    assert app.query_params == query
    charts = drawn(app)
    given = {**days_of(shop, query["period"]), **{key: value for key, value in query.items() if key == "source"}}
    for name, column in CHARTS[page].values():
        format_ = shop.catalogue.report(name).doc.columns[column].format
        rows = shop.report(name, **given).to_pylist()
        expected = {formats.show(row[column], format_) for row in rows if row[column] is not None}
        assert expected and any(expected <= labels for labels in charts), name
    assert set(CHARTS[page]) <= {part.value for part in app.subheader}


@pytest.mark.parametrize("name", TABLES)
def test_tables_show_the_rows_of_the_reports(shop, show, name):
    page, column, query = TABLES[name]
    app = show(shop, page, period="all", **query)
    assert app.query_params == {"period": "all", **query}
    rows = shop.report(name, limit=ROWS).to_pylist()
    frames = [frame.value for frame in app.dataframe if column in frame.value and len(frame.value) == len(rows)]
    assert rows and frames
    assert [float(row[column]) for row in rows] == [float(value) for value in frames[0][column]]


def test_rows_are_laid_out_when_they_are_opened(shop, show):
    app = show(shop, "overview", period="all")
    assert [part.proto.popover.label for part in app.get("popover")].count("Rows") == 4
    assert not app.dataframe


def test_personal_data_is_masked(shop, show):
    app = show(shop, "customers", period="all", part="Lifetime value")
    names = {row["customer_id"] for row in shop.report("customer_lifetime_value").to_pylist()}
    shown = {
        str(value) for frame in app.dataframe if "customer_id" in frame.value for value in frame.value["customer_id"]
    }
    assert shown and names and not shown & names and all(value.startswith("***") for value in shown)
    here = opened.opened()
    view = View(here.lake, here.serving, here.access.grants(LOCAL))
    written = csv(view, "customer_lifetime_value", {}).decode()
    assert not any(name in written for name in names)


def test_a_segment_restricts_every_page(shop, show):
    segment = shop.filter_values("segment").to_pylist()[0]["value"]
    for entry in PAGES:
        app = show(shop, entry.name, period="all", segment=segment)
        assert not app.exception and not app.error and not app.warning, entry.name
    everybody, some = (show(shop, "overview", period="all", **given) for given in ({}, {"segment": segment}))
    (row,) = shop.report("key_figures", segment=segment).to_pylist()
    shown = {tile.label: tile.value for tile in some.metric}
    assert shown["Active users"] == formats.integer(row["active_users"])
    assert shown != {tile.label: tile.value for tile in everybody.metric}


def test_what_a_role_may_not_see_is_told_in_its_place(shop, show, monkeypatch):
    app = show(shop, "products", period="all")
    assert not app.warning
    monkeypatch.setattr(Grants, "require_report", _refuse_affinity)
    app.run()
    assert [part.value for part in app.warning] == ["role local may not see report product\\_affinity"]
    assert "Products" in [part.value for part in app.subheader]


def _refuse_affinity(self, report, parameters=None):
    if report.name == "product_affinity":
        raise ForbiddenError("role local may not see report product_affinity")
