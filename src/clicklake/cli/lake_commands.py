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
    if found.streams:
        shown = [{**row, "last_batch": row["last_batch"].replace(tzinfo=None)} for row in found.streams]
        context.show(shown, title="Streams")
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


def describe(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help="For example gold.dim_users.")],
    full: Annotated[
        bool, typer.Option("--full", help="With --json: one object with all that is known, not a list of columns.")
    ] = False,
) -> None:
    """What a table holds: columns, key, references, rules, owner, partitions, size, freshness, quality."""
    from clicklake.dictionary.describe import describe as read

    context: Context = ctx.obj
    found = read(context.open(), table)
    if context.json and full:
        typer.echo(found.to_json())
        return
    if context.json:
        context.show(column.row() for column in found.facts.columns)
        return
    from clicklake.cli.describe_view import show

    show(context, found)
