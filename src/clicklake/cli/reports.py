"""Running reports for the command line: one or all, printed or kept as files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clicklake.cli.context import Context
from clicklake.errors import UsageError

if TYPE_CHECKING:
    from clicklake.contracts.model import ReportDoc
    from clicklake.lake import Lake
    from clicklake.reports.render import Result

FORMATS = ("table", "json", "csv", "html")


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    names: Sequence[str]
    format: str
    since: str | None
    until: str | None
    limit: int | None
    parameters: Mapping[str, Any]
    out: Path | None
    explain: bool


def list_reports(context: Context, lake: Lake) -> None:
    """Name and title of each report."""
    reports = [lake.catalogue.report(name) for name in lake.catalogue.report_names]
    rows = [
        {"report": report.name, "title": report.doc.title, "fields": ", ".join(report.doc.columns)}
        for report in reports
    ]
    context.show(rows)


def run_reports(context: Context, lake: Lake, request: Request) -> None:
    """Run and show, or keep, the reports."""
    if request.format not in FORMATS:
        raise UsageError(f"--format {request.format}: allowed are {', '.join(FORMATS)}")
    if request.explain:
        for name in request.names:
            _explain(context, lake, name, request)
        return
    if lake.release() is None:
        context.say("nothing was published yet: clicklake run click_events=PATH, or clicklake demo")
    results = collect(lake, request, is_terminal=request.format == "table")
    if request.out is not None:
        _keep(context, lake, request, results)
    else:
        _print(context, lake, request, results)


def collect(lake: Lake, request: Request, *, is_terminal: bool) -> list[Result]:
    """The reports' rows, on one engine."""
    from clicklake.reports.render import Result
    from clicklake.reports.run import Asked, Window

    asked = []
    for name in request.names:
        doc = lake.catalogue.report(name).doc
        given = request.parameters
        if len(request.names) > 1:
            given = {key: value for key, value in given.items() if key in doc.parameters}
        is_shown = request.limit is None and is_terminal
        asked.append(Asked(name, doc.limit.terminal if is_shown else request.limit, given))
    results = []
    for item, rows in zip(asked, lake.reports(asked, request.since, request.until), strict=True):
        doc = lake.catalogue.report(item.name).doc
        shown_limit = item.limit if item.limit is not None else doc.limit.default
        is_cut = shown_limit is not None and len(rows) >= shown_limit
        results.append(
            Result(
                name=item.name,
                doc=doc,
                table=rows.table,
                currency=lake.settings.currency,
                window=str(Window(_date(request.since), _date(request.until))),
                total_rows=None,
                note=f"first {shown_limit:,} rows; --limit gives another number" if is_cut else _empty(doc, len(rows)),
            )
        )
    return results


def _empty(doc: ReportDoc, rows: int) -> str | None:
    return None if rows else doc.empty


def _date(value: str | None) -> Any:  # noqa: ANN401 - a date, checked when the report ran
    from datetime import date

    return date.fromisoformat(value) if value else None


def page(lake: Lake, results: Sequence[Result]) -> str:
    """One HTML page of results."""
    from clicklake.reports.render import to_html

    release = lake.release()
    facts = {
        "Lake": lake.path,
        "Release": f"{release.release_id}, {release.released_at:%Y-%m-%d %H:%M} UTC" if release else "none yet",
    }
    title = results[0].doc.title if len(results) == 1 else "Clickstream reports"
    return to_html(results, title=title, facts=facts)


def _print(context: Context, lake: Lake, request: Request, results: Sequence[Result]) -> None:
    from clicklake.reports.render import to_json, to_table, write_csv, write_json

    if request.format == "html":
        sys.stdout.write(page(lake, results))
        return
    for result in results if request.format in ("json", "csv") else ():
        if result.note and not result.table.num_rows:
            context.say(f"{result.name}: {result.note}")
    if request.format == "json" and len(results) == 1:
        write_json(results[0].table, sys.stdout)
    elif request.format == "json":
        parts = (f"{_quoted(result.name)}: {to_json(result.table).strip()}" for result in results)
        sys.stdout.write("{" + ",\n".join(parts) + "}\n")
    elif request.format == "csv":
        if len(results) > 1:
            raise UsageError("--all --format csv needs --out DIR: one file a report")
        write_csv(results[0].table, sys.stdout)
    else:
        for position, result in enumerate(results):
            if position:
                context.stdout.print()
            to_table(result, context.stdout)


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)


def _keep(context: Context, lake: Lake, request: Request, results: Sequence[Result]) -> None:
    """Files in a folder: one a report; HTML also as one page of all."""
    from rich.console import Console

    from clicklake.reports.render import to_table, write_csv, write_json

    folder = request.out
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    ending = {"table": "txt"}.get(request.format, request.format)
    for result in results:
        file = folder / f"{result.name}.{ending}"
        with file.open("w", encoding="utf-8", newline="") as stream:
            if request.format == "html":
                stream.write(page(lake, [result]))
            elif request.format == "json":
                write_json(result.table, stream)
            elif request.format == "csv":
                write_csv(result.table, stream)
            else:
                to_table(result, Console(file=stream, width=120))
    if request.format == "html" and len(results) > 1:
        (folder / "index.html").write_text(page(lake, results), encoding="utf-8")
    context.say(f"{len(results)} reports in {folder}")


def _explain(context: Context, lake: Lake, name: str, request: Request) -> None:
    from clicklake.reports.run import Window, report_tables

    report = lake.catalogue.report(name)
    sql = lake.report_sql(report, request.since, request.until, request.limit, dict(request.parameters))
    window = Window(_date(request.since), _date(request.until))
    release = lake.release()
    sources = [
        {"table": table, "version": dict(release.versions).get(table) if release else None}
        for table in report_tables(report)
    ]
    facts = {
        "report": name,
        "title": report.doc.title,
        "description": report.doc.description,
        "window": str(window),
        "release": release.release_id if release else None,
        "sources": sources,
        "fields": [{"field": field, "meaning": doc.description} for field, doc in report.doc.columns.items()],
        "sql": sql,
    }
    if context.json or request.format == "json":
        import json

        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
        return
    import sqlglot

    out = context.stdout
    out.print(f"[bold]{report.doc.title}[/bold] ({name})", soft_wrap=True)
    out.print(report.doc.description.strip(), soft_wrap=True, markup=False)
    out.print(f"Window: {window}")
    told = ", ".join(f"{source['table']} at version {source['version']}" for source in sources)
    out.print(f"Sources: {told or 'none'}")
    for field, doc in report.doc.columns.items():
        out.print(f"  {field}: {doc.description}", soft_wrap=True, markup=False)
    pretty = sqlglot.transpile(sql, read="duckdb", write="duckdb", pretty=True)[0]
    out.print(f"\n{pretty}", soft_wrap=True, markup=False)
