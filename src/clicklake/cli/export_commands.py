"""Commands that tell other tools what must hold: quality export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clicklake.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group = typer.Typer(help="What must hold, told to other tools.", no_args_is_help=True)
    # With a callback, one command alone is still named on the command line.
    group.callback(help="What must hold, told to other tools.")(_export)
    group.command("great-expectations")(great_expectations)
    app.add_typer(group, name="export")


def _export() -> None:
    """What must hold, told to other tools."""


def great_expectations(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or one that this made before.")],
) -> None:
    """Write a Great Expectations 1.x project: a suite a table from contracts and documents, and a script to run it."""
    from clicklake.expectations.project import export

    context: Context = ctx.obj
    done = export(context.open(), folder)
    if context.json:
        context.show(
            {
                "table": suite.table,
                "expectations": len(suite.expectations),
                "not_exported": len(suite.not_exported),
            }
            for suite in done.suites
        )
        return
    context.stdout.print(str(done.folder / "validate.py"), soft_wrap=True, markup=False)
    context.say(
        f"{done.expectations} expectations for {len(done.suites)} tables; {done.not_exported} parts of rules can't be "
        f"told in Great Expectations, {done.folder / 'README.md'} says why"
    )
