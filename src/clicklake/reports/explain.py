"""How a report comes about."""

from __future__ import annotations

from typing import Any

from clicklake.build.release import Release
from clicklake.engines.base import Engine
from clicklake.engines.sql import text
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
