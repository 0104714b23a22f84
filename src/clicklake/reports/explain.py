"""How a report comes about, and from which rows."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from clicklake.build.release import Release
from clicklake.contracts.model import Report
from clicklake.engines.base import Engine
from clicklake.engines.sql import DIALECT, text
from clicklake.reports.filters import Filtering
from clicklake.reports.run import Plan, Window, report_tables


def explain(engine: Engine, plan: Plan, window: Window, release: Release | None) -> dict[str, Any]:
    """Definition, window, sources, values, fitted model and SQL of a report.

    Args:
        engine: Where the report's tables are attached; fits its model.
        plan: The report.
        window: The days.
        release: What is read.
    """
    report, versions = plan.report, dict(release.versions) if release else {}
    tables = report_tables(report, plan.filtering)
    facts: dict[str, Any] = {
        "report": report.name,
        "title": report.doc.title,
        "description": report.doc.description,
        "window": str(window),
        "release": release.release_id if release else None,
        "sources": [{"table": table, "version": versions.get(table)} for table in tables],
        "fields": [{"field": field, "meaning": doc.description} for field, doc in report.doc.columns.items()],
    }
    if plan.filtering:
        facts["filters"] = dict(plan.filtering.given)
    if report.doc.values:
        facts |= {"values": dict(plan.values), "note": plan.note}
    if report.doc.fit:
        from clicklake.reports.fit import fit_rows

        fitted = fit_rows(engine, plan, plan.query, {})
        facts["fit"] = dict(fitted.facts) or None
        facts["fit_problem"] = str(fitted.problem) if fitted.problem else None
    return {**facts, "sql": text(plan.query)}


def rows_behind(report: Report, window: Window, filtering: Filtering) -> dict[str, str]:
    """The queries of the rows that a report is computed from, by table; of one with a window those that it restricts.

    Args:
        report: The report.
        window: The days; they restrict the tables that the document names as `window`.
        filtering: What the report is restricted by beside them.
    """
    found: dict[str, str] = {}
    for table in report.doc.window or report_tables(report):
        tree: exp.Expression = exp.select("*").from_(exp.to_table(table, dialect=DIALECT))
        if isinstance(tree, exp.Select) and (condition := window.condition()):
            tree = tree.where(condition)
        restricted = filtering.into_rows(report, table, tree)
        if restricted is not None:
            found[table] = text(restricted)
    return found
