"""Commands that read: report, query."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clicklake.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(report)
    app.command()(query)


def report(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A report; --list names them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All reports.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Name the reports.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Definition, SQL, window and sources instead of rows.")
    ] = False,
    output: Annotated[str | None, typer.Option("--format", help="table, json, csv or html.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First day, for example 2025-01-31.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day, included.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="Take this day for today: later days are left out."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only what this source brought, such as web_events.")] = None,
    segment: Annotated[
        str | None, typer.Option(help="Only users and customers of this segment, such as Champions.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Rows at the most.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter of the report; repeat it for more."),
    ] = None,
    user: Annotated[str | None, typer.Option(help="One user, for reports on users.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write files there instead of printing.")] = None,
) -> None:
    """Print a report, or all of them, as table, JSON, CSV or HTML."""
    from clicklake.cli.reports import Request, list_reports, run_reports
    from clicklake.errors import UsageError

    context: Context = ctx.obj
    lake = context.open()
    if listed:
        list_reports(context, lake)
        return
    if every == (name is not None):
        raise UsageError("name one report, or --all; `clicklake report --list` names them")
    names = lake.catalogue.report_names if every else [str(name)]
    given = {"user": user, "source": source, "segment": segment}
    parameters = {**_parameters(param or []), **{key: value for key, value in given.items() if value is not None}}
    chosen = output or ("json" if context.json else "table")
    request = Request(names, chosen, since, until, as_of, limit, parameters, out, explain)
    run_reports(context, lake, request)


def _parameters(given: list[str]) -> dict[str, str]:
    from clicklake.errors import UsageError

    for text in given:
        if "=" not in text or text.startswith("="):
            raise UsageError(f"--param {text}: not NAME=VALUE, such as user=u42")
    return {name.strip(): value for name, _, value in (text.partition("=") for text in given)}


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT on bronze., silver., gold. and ops. tables.")],
    at: Annotated[
        str | None, typer.Option(metavar="VERSION|TIME", help="As of a release: its number, or the newest at a time.")
    ] = None,
    output: Annotated[str | None, typer.Option("--format", help="table, json or csv.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Rows shown at the most; 0 for all.")] = None,
) -> None:
    """Run read-only SQL on the lake."""
    import sys

    from clicklake.errors import UsageError
    from clicklake.reports.render import print_rows, write_csv, write_json

    context: Context = ctx.obj
    chosen = output or ("json" if context.json else "table")
    if chosen not in ("table", "json", "csv"):
        raise UsageError(f"--format {chosen}: allowed are table, json, csv")
    table = context.open().query(sql, at=at).table
    if limit:
        table = table.slice(0, limit)
    if chosen == "json":
        write_json(table, sys.stdout)
    elif chosen == "csv":
        write_csv(table, sys.stdout)
    else:
        print_rows(table, context.stdout, max_rows=None if limit is not None else 1000)
