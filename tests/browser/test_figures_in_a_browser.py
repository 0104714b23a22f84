"""Overview, Funnel, Customers and Products show what the command line prints of the same days, sources and segments."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from browser import chromium
from browser.dashboard import (
    Rows,
    Served,
    choose,
    click_on,
    expect,
    labels,
    look,
    open_page,
    shows_rows,
    told,
)
from clicklake.cli.main import run
from clicklake.reports import formats

pytest.importorskip("streamlit", reason="the dashboard needs streamlit: pip install 'clicklake[dashboard]'")
from clicklake.dashboard.parts import ROWS  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.find() is None, reason=f"there is no browser: none of {', '.join(chromium.NAMES)}"),
]
Command = Callable[..., Rows]
Days = tuple[str, ...]
MOST = ("--limit", str(ROWS))
"""Rows that pages show."""
POPOVER = "[data-testid=stPopoverBody]"


def funnel(rows: Rows) -> list[str]:
    return told(rows, "Users in order", "users_in_order", "event_type")


def segments(rows: Rows) -> list[str]:
    return told(rows, "Customers", "customers", "segment")


def categories(rows: Rows) -> list[str]:
    return told(rows, "Revenue (USD)", "revenue", "category", form=formats.money)


@pytest.fixture()
def page(browser: chromium.Browser, served: Served) -> Callable[[str], None]:
    look(browser, "wide")
    return lambda path: open_page(browser, f"{served.url}/{path}")


def test_the_overview_draws_each_day(page, browser: chromium.Browser, report: Command, last_days: Days) -> None:
    page("")
    days = report("daily_figures", *last_days)
    assert len(days) == 30
    for header, name, form in (
        ("Revenue (USD)", "revenue", formats.money),
        ("Orders", "orders", formats.integer),
        ("Active users", "active_users", formats.integer),
        ("Conversion rate", "conversion_pct", formats.percent),
    ):
        expect(browser, labels(f".st-key-card-daily_figures-{name}"), told(days[::-1], header, name, "date", form=form))
    # The way down to the rows behind a line.
    click_on(browser, "Rows", ".st-key-card-daily_figures-revenue")
    shows_rows(browser, POPOVER, days)
    assert browser.messages == []


def test_the_rows_that_figures_are_computed_from(page, browser: chromium.Browser, command: Command) -> None:
    page("?since=2025-01-10&until=2025-01-12")
    # Few days are named each.
    texts = "[...document.querySelectorAll('.st-key-card-daily_figures-revenue text')].map((text) => text.textContent)"
    expect(browser, f"{texts}.filter((text) => text.endsWith(' Jan'))", ["10 Jan", "11 Jan", "12 Jan"])
    click_on(browser, "Computed from", "[class*=st-key-below-key_figures]")
    link = f"[...document.querySelectorAll('{POPOVER} a')].find((link) => link.innerText.includes('gold.fact_sales'))"
    browser.wait(link)
    browser.click(link)
    sql = "select * from gold.fact_sales where date_key >= 20250110 and date_key <= 20250112"
    rows = command("query", f"select count(*) as n from ({sql})", "--format", "json")[0]["n"]
    assert rows > 0
    told = "[...document.querySelectorAll('[data-testid=stCaptionContainer]')].map((e) => e.innerText)"
    expect(browser, f"{told}.some((text) => text.startsWith('{min(rows, ROWS)} of {rows:,} rows'))", True)
    assert browser.value("document.title") == "SQL · clicklake"
    assert browser.messages == []


def test_the_funnel_and_the_ways_to_a_purchase(
    page, browser: chromium.Browser, report: Command, last_days: Days
) -> None:
    page("funnel")
    expect(browser, labels(".st-key-card-funnel"), funnel(report("funnel", *last_days)))
    shows_rows(browser, ".st-key-card-purchase_paths-", report("purchase_paths", *last_days, *MOST))
    flows = report("purchase_flows", *last_days)
    shown = [label.partition(" session")[0] for label in browser.value(labels(".st-key-card-purchase-flows", " → "))]
    assert sorted(shown) == sorted(f"{row['from_step']} → {row['to_step']}: {row['sessions']:,}" for row in flows)
    click_on(browser, "Rows", ".st-key-card-purchase-flows")
    shows_rows(browser, POPOVER, flows)
    assert browser.messages == []


def test_a_funnel_of_one_s_own_and_a_timeline(
    page, browser: chromium.Browser, report: Command, last_days: Days
) -> None:
    user = report("customer_lifetime_value", *last_days)[0]["customer_id"]
    page(f"funnel?steps=product_view,purchase&by=device&within_days=3&order=at_all&user={user}")
    asked = ("--param", "steps=product_view,purchase", "--param", "by=device", "--param", "within_days=3")
    parts = report("funnel", *asked, *last_days)
    assert len({row["part"] for row in parts}) > 2
    shows_rows(browser, ".st-key-card-funnel", parts)
    ends = told(
        [row for row in parts if row["step"] == 2], "Share of first", "pct_of_first", "part", form=formats.percent
    )
    expect(browser, f"{labels('.st-key-card-funnel')}.sort()", sorted(ends))
    shows_rows(browser, ".st-key-card-timeline", report("user_timeline", "--user", user, *last_days, *MOST))
    assert browser.messages == []


def test_customers_and_their_segments(page, browser: chromium.Browser, report: Command, last_days: Days) -> None:
    page("customers")
    parts = report("rfm_segments", *last_days)
    expect(browser, labels(".st-key-card-rfm_segments-"), segments(parts))
    scores = told(report("rfm_grid", *last_days), "Customers", "customers", "f_score", "r_score")
    assert len(scores) == 25
    expect(browser, f"{labels('.st-key-card-rfm_grid-')}.sort()", sorted(scores))
    weeks = report("retention_cohorts", *last_days)
    weeks = told(weeks, "Retention rate", "retention_pct", "week_number", "cohort_week", form=formats.percent)
    expect(browser, labels(".st-key-card-retention_cohorts-"), weeks)
    users = report("user_segments", *last_days)
    expect(browser, labels(".st-key-card-user_segments-"), told(users, "User count", "user_count", "segment"))
    click_on(browser, "Rows", ".st-key-card-rfm_segments-")
    shows_rows(browser, POPOVER, parts)
    assert browser.messages == []


@pytest.mark.parametrize("name", ["customer_lifetime_value", "at_risk_customers"])
def test_single_customers(served: Served, browser: chromium.Browser, report: Command, name: str) -> None:
    look(browser, "wide")
    part = {"customer_lifetime_value": "Lifetime%20value", "at_risk_customers": "At%20risk"}[name]
    open_page(browser, f"{served.url}/customers?part={part}&period=all")
    rows = report(name, *MOST)
    assert rows
    shows_rows(browser, f".st-key-card-{name}-", rows, masked=("customer_id",), seconds=60)
    assert browser.messages == []


def test_products(
    page,
    browser: chromium.Browser,
    served: Served,
    report: Command,
    last_days: Days,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page("products")
    expect(
        browser, labels(".st-key-card-category_performance-"), categories(report("category_performance", *last_days))
    )
    tops = report("top_products", *last_days, "--limit", "10")
    expect(browser, labels(".st-key-card-top_products-"), told(tops, "Product views", "product_views", "product_id"))
    names = ("product_id", "category", "revenue", "margin", "units", "return_pct", "product_views", "add_to_carts")
    names = (*names, "purchases", "view_to_cart_pct", "cart_to_purchase_pct")
    performance = report("product_performance", *last_days, *MOST)
    shows_rows(browser, ".st-key-card-product_performance-", performance, *names)
    shows_rows(browser, ".st-key-card-product_affinity-", report("product_affinity", *last_days, *MOST))
    # All of them, as a file.
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    click_on(browser, "CSV", ".st-key-card-product_performance-")
    file, until = tmp_path / "product_performance.csv", time.monotonic() + 30
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    every = ("report", "product_performance", *last_days, "--limit", "100000", "--format", "csv")
    assert run(["--lake", served.lake, *every]) == 0
    assert file.read_bytes().decode() == capsys.readouterr().out
    assert browser.messages == []


FILTERED = {
    "funnel": (".st-key-card-funnel", "funnel", funnel, "web_events"),
    "customers": (".st-key-card-rfm_segments-", "rfm_segments", segments, "click_events"),
    "products": (".st-key-card-category_performance-", "category_performance", categories, "click_events"),
}


@pytest.mark.parametrize("name", FILTERED)
def test_filters_are_those_of_the_command_line(page, browser: chromium.Browser, report: Command, name: str) -> None:
    card, asked, drawn, source = FILTERED[name]
    seen: list[list[str]] = []

    def shows(*arguments: str) -> None:
        expected = drawn(report(asked, *arguments))
        assert expected and expected not in seen, "the command line's filter changes nothing"
        seen.append(expected)
        expect(browser, labels(card), expected)

    days = ("--since", "2025-01-10", "--until", "2025-02-20")
    page(f"{name}?since=2025-01-10&until=2025-02-20")
    shows(*days)
    choose(browser, "filter_segment", "High Activity")
    shows(*days, "--segment", "High Activity")
    choose(browser, "filter_source", source)
    shows(*days, "--segment", "High Activity", "--source", source)
    choose(browser, "filter_period", "All days")
    shows("--segment", "High Activity", "--source", source)
    assert browser.messages == []
