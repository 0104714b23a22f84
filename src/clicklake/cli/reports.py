"""Running reports for the command line: one or all, printed or kept as files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clicklake.cli.context import Context
from clicklake.errors import UsageError
from clicklake.own_folder import on_this_machine

if TYPE_CHECKING:
    from clicklake.lake import Lake
    from clicklake.reports.render import Result
    from clicklake.reports.run import Window

FORMATS = ("table", "json", "csv", "html")


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    names: Sequence[str]
    format: str
    since: str | None
    until: str | None
    as_of: str | None
    limit: int | None
    parameters: Mapping[str, Any]
    out: Path | None
    explain: bool


def list_reports(context: Context, lake: Lake) -> None:
    """Name and title of each report, its fields, and what may be given to it."""
    reports = [lake.catalogue.report(name) for name in lake.catalogue.report_names]
    rows = [
        {
            "report": report.name,
            "title": report.doc.title,
            "fields": ", ".join(report.doc.columns),
            "filters": ", ".join(name for name, refused in lake.filters(report.name).items() if refused is None),
            "parameters": ", ".join(report.doc.parameters),
        }
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
    results = collect(lake, request, is_terminal=request.format == "table", say=context.say)
    if request.out is not None:
        _keep(context, lake, request, results)
    else:
        _print(context, lake, request, results)


def collect(lake: Lake, request: Request, *, is_terminal: bool, say: Callable[[str], None]) -> list[Result]:
    """The reports' rows, on one engine; of several, those that can't be restricted as asked are left out."""
    from clicklake.reports.render import Result
    from clicklake.reports.run import Asked

    asked = []
    for name in request.names:
        doc = lake.catalogue.report(name).doc
        given = request.parameters
        if len(request.names) > 1:
            given = {key: value for key, value in given.items() if key in (*doc.parameters, *lake.catalogue.filters)}
            if refused := _refused(lake, name, given):
                say(f"{name} is left out: {refused}")
                continue
        is_shown = request.limit is None and is_terminal
        asked.append(Asked(name, doc.limit.terminal if is_shown else request.limit, given))
    results = []
    found = lake.reports(asked, request.since, request.until, request.as_of)
    if len(found) == 1 and found[0].failure:
        raise found[0].failure
    for item, rows in zip(asked, found, strict=True):
        doc = lake.catalogue.report(item.name).doc
        shown_limit = item.limit if item.limit is not None else doc.limit.default
        is_cut = shown_limit is not None and len(rows) >= shown_limit
        cut = f"first {shown_limit:,} rows; --limit gives another number" if is_cut else None
        notes = (rows.note, cut, None if len(rows) or rows.failure else doc.empty)
        results.append(
            Result(
                name=item.name,
                doc=doc,
                table=rows.table,
                currency=lake.settings.currency,
                window=str(_window(request)),
                total_rows=None,
                note=" · ".join(filter(None, notes)) or None,
            )
        )
    return results


def _refused(lake: Lake, name: str, given: Mapping[str, Any]) -> str | None:
    """Why a report can't be restricted as asked."""
    if not any(key in given for key in lake.catalogue.filters):
        return None
    return next((reason for key, reason in lake.filters(name).items() if key in given and reason), None)


def _window(request: Request) -> Window:
    from clicklake.reports.run import Window

    return Window(_date(request.since), _date(request.until), _date(request.as_of))


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

    _say_notes(context, request, results)
    if request.format == "html":
        sys.stdout.write(page(lake, results))
    elif request.format == "json" and len(results) == 1:
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


def _say_notes(context: Context, request: Request, results: Sequence[Result]) -> None:
    """What a reader must know, beside rows that are for machines: of the reports that say it, or have no rows."""
    for result in results if request.format in ("json", "csv") else ():
        if result.note and (result.doc.note or not result.table.num_rows):
            context.say(f"{result.name}: {result.note}")


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)


def _keep(context: Context, lake: Lake, request: Request, results: Sequence[Result]) -> None:
    """Files in a folder: one a report; HTML also as one page of all."""
    from rich.console import Console

    from clicklake.reports.render import to_table, write_csv, write_json

    folder = request.out
    assert folder is not None
    on_this_machine(folder).mkdir(parents=True, exist_ok=True)
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
    _say_notes(context, request, results)
    context.say(f"{len(results)} reports in {folder}")


def _explain(context: Context, lake: Lake, name: str, request: Request) -> None:
    from clicklake.reports.run import Asked

    asked = Asked(name, request.limit, request.parameters)
    facts = lake.explain(asked, request.since, request.until, request.as_of)
    if context.json or request.format == "json":
        import json

        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2, default=str) + "\n")
        return
    import sqlglot

    def tell(line: str) -> None:
        context.stdout.print(line, soft_wrap=True, markup=False)

    context.stdout.print(f"[bold]{facts['title']}[/bold] ({name})", soft_wrap=True)
    tell(facts["description"].strip())
    tell(f"Window: {facts['window']}")
    told = ", ".join(f"{source['table']} at version {source['version']}" for source in facts["sources"])
    tell(f"Sources: {told or 'none'}")
    for value, shown in facts.get("values", {}).items():
        tell(f"{value}: {shown}")
    _explain_fit(facts, tell)
    for field in facts["fields"]:
        tell(f"  {field['field']}: {field['meaning']}")
    tell(f"\n{sqlglot.transpile(facts['sql'], read='duckdb', write='duckdb', pretty=True)[0]}")


def _explain_fit(facts: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    if facts.get("fit_problem"):
        tell(f"Model: {facts['fit_problem']}")
    if not facts.get("fit"):
        return
    fit = dict(facts["fit"])
    parameters = ", ".join(f"{name} = {value:g}" for name, value in fit.pop("parameters").items())
    tell(f"Model: {fit.pop('model')}, {parameters}")
    for source in fit.pop("sources"):
        tell(f"  {source}")
    for name, value in fit.items():
        tell(f"  {name.replace('_', ' ')}: {value}")
