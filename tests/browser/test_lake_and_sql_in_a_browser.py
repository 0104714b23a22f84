"""Lake and SQL show what the commands quality, quarantine, status, tables, history, describe and query print."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser import chromium
from browser.dashboard import (
    TILES,
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
from clicklake.reports import formats

pytest.importorskip("streamlit", reason="the dashboard needs streamlit: pip install 'clicklake[dashboard]'")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.find() is None, reason=f"there is no browser: none of {', '.join(chromium.NAMES)}"),
]
Command = Callable[..., Rows]

STAGES = """select stage, target, status, seconds, rows_in, rows_out, rows_rejected, rows_duplicate, bytes_out, score,
    reason, error from ops.runs where stage <> 'run' order by started_at, target"""
ROWS, DOCUMENTS = "[data-testid=stColumn]:nth-child(1)", "[data-testid=stColumn]:nth-child(2)"
"""The two sides of the page SQL."""
WRITTEN = "select event_type, count(*) as events, 1.50 as price from gold.fact_events group by 1 order by 2 desc"


def test_the_lake_in_all_its_parts(served: Served, browser: chromium.Browser, command: Command) -> None:
    look(browser, "wide")
    open_page(browser, f"{served.url}/lake")
    (quality,) = command("quality", "--format", "json")
    expect(browser, TILES, {row["source"]: formats.percent(row["quality_score"]) for row in quality["ledger"]})
    shows_rows(browser, ".st-key-card-trend", quality["trend"], "source", "recorded_at", "score")
    # The tables are measured beside the page, which draws itself anew then.
    dimensions = ("completeness", "uniqueness", "validity", "accuracy", "consistency")
    worst = ("fail", "warn", "ok", None)
    tables = sorted(quality["tables"], key=lambda row: worst.index(row["verdict"]))
    assert tables[0]["verdict"] != "ok"
    shows_rows(browser, ".st-key-card-scorecard", tables, "table", "rows", *dimensions, "verdict", seconds=120)
    faults = [row for row in quality["measures"] if row["score"] is not None and row["offending"]]
    faults.sort(key=lambda row: (worst.index(row["verdict"]), row["score"]))
    names = ("measure", "dimension", "rows", "offending", "score", "verdict", "description")
    shows_rows(browser, ".st-key-card-faults", faults, *names)

    for measure in (faults[0]["measure"], "bronze.click_events.missing_user_id"):
        browser.click("document.querySelector('.st-key-offending_measure input')")
        browser.type(measure)  # of a long list the first options are there alone
        choose(browser, "offending_measure", measure)
        offending = command("quality", "--show", measure, "--limit", "200", "--format", "json")
        assert offending
        shows_rows(browser, ".st-key-card-offending", offending)

    click_on(browser, "Quarantine")
    shows_rows(browser, ".st-key-card-reasons", command("quarantine", "list", "--json"))
    rejected = command("quarantine", "show", "--limit", "200", "--json")
    shows_rows(browser, ".st-key-card-rejected", rejected)
    choose(browser, "quarantine_rejected_of", "payments")
    of_source = command("quarantine", "show", "--source", "payments", "--limit", "200", "--json")
    assert 0 < len(of_source) < len(rejected)
    shows_rows(browser, ".st-key-card-rejected", of_source)

    click_on(browser, "Ledger and drift")
    shows_rows(browser, ".st-key-card-ledger", quality["ledger"])
    shows_rows(browser, ".st-key-card-drift", quality["drift"])

    click_on(browser, "Runs")
    (status,) = command("status", "--json")
    names = ("source", "files", "failed_files", "rows", "waiting", "quality_score", "last_ingested", "freshness")
    shows_rows(browser, ".st-key-card-sources", status["sources"], *names)
    names = ("run_id", "command", "status", "started_at", "seconds", "cpu_seconds", "peak_memory_bytes", "error")
    shows_rows(browser, ".st-key-card-runs", [status["last_run"]], *names)
    shows_rows(browser, ".st-key-card-stages", command("query", STAGES, "--format", "json"))

    click_on(browser, "Tables")
    tables = command("tables", "--json")
    shows_rows(browser, ".st-key-card-tables", tables)
    first = tables[0]["table"]
    names = (
        "version",
        "time",
        "operation",
        "rows_added",
        "rows_removed",
        "files_added",
        "files_removed",
        "bytes_added",
    )
    shows_rows(browser, ".st-key-card-history", command("history", first, "--json"), *names, "run_id")
    assert browser.messages == []


def test_sql_gives_what_the_command_line_gives(
    served: Served, browser: chromium.Browser, command: Command, report: Command, last_days: tuple[str, ...]
) -> None:
    look(browser, "wide")
    # The query behind a report, within the filters.
    open_page(browser, f"{served.url}/sql?report=category_performance")
    shows_rows(browser, ROWS, report("category_performance", *last_days))
    # One that is written by hand, and its chart.
    browser.click("document.querySelector('.st-key-sql_text textarea')")
    browser.value("document.activeElement.select()")
    browser.type(WRITTEN)
    click_on(browser, "Run")
    rows = command("query", WRITTEN, "--format", "json")
    shows_rows(browser, ROWS, rows)
    choose(browser, "sql_kind", "Bars")
    expect(browser, f"{labels(ROWS)}.sort()", sorted(told(rows, "Events", "events", "event_type")))
    columns = [
        {"column": row["column"], "type": row["type"], "meaning": row["description"]}
        for row in command("describe", "gold.fact_events", "--json")
    ]
    shows_rows(browser, DOCUMENTS, columns)
    assert browser.messages == []
