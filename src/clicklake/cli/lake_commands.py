"""Commands that look at a lake: status, tables, describe."""

from __future__ import annotations

from typing import Annotated

import typer

from clicklake.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (status, tables, describe):
        app.command()(command)


def status(ctx: typer.Context) -> None:
    """Sources, files, freshness, last run, last failure, and what to do next."""
    from dataclasses import asdict

    from clicklake.overview import status as read

    context: Context = ctx.obj
    lake = context.open()
    found = read(lake)
    if context.json:
        context.show([asdict(found)])
        return
    out = context.stdout
    out.print(f"Lake {lake.path}", soft_wrap=True)
    if found.sources:
        context.show(found.sources, title="Sources")
    if found.last_run:
        run = found.last_run
        out.print(f"Last run: {run['run_id']} ({run['command']}) {run['status']} in {run['seconds']:.1f} s")
    if found.last_failure:
        failure = found.last_failure
        out.print(f"Last failure: {failure['run_id']}: {failure['error']}", soft_wrap=True, markup=False)
    out.print(f"Release: {found.release or 'nothing is published yet'}")
    out.print("Next:")
    for step in found.next_steps:
        out.print(f"  {step}", soft_wrap=True, markup=False)


def tables(ctx: typer.Context) -> None:
    """Rows, files, bytes and version of each table."""
    from clicklake.overview import tables as read

    context: Context = ctx.obj
    rows = read(context.open())
    if not rows and not context.json:
        context.say("the lake has no tables yet: clicklake run click_events=PATH, or clicklake demo")
        return
    context.show(rows)


def describe(ctx: typer.Context, table: Annotated[str, typer.Argument(help="For example gold.dim_users.")]) -> None:
    """The columns of a table with their documentation."""
    from clicklake.overview import describe as read

    context: Context = ctx.obj
    lake = context.open()
    rows = read(lake, table)
    model = lake.catalogue.table(table)
    if model and not context.json:
        context.stdout.print(f"[bold]{table}[/bold]: {model.doc.description}", soft_wrap=True)
    context.show(rows)
