"""Commands about documentation: docs build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clicklake.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group = typer.Typer(help="The data catalogue as a static site.", no_args_is_help=True)
    group.command("build")(build)
    app.add_typer(group, name="docs")


def build(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or one that this made before.")],
    rows: Annotated[int, typer.Option(min=0, max=100, help="Sample rows of each table, personal data masked.")] = 5,
) -> None:
    """Write every table, column, rule, owner, picture of lineage and relations, sample rows, freshness and quality."""
    from clicklake.catalogue_site.build import build_site

    context: Context = ctx.obj
    built = build_site(context.open(), folder, rows=rows)
    if context.json:
        told = {"start": str(built.start), "pages": built.pages, "tables": built.tables, "removed": built.removed}
        context.show([told])
        return
    context.stdout.print(str(built.start), soft_wrap=True, markup=False)
    context.say(
        f"{built.pages} pages about {built.tables} tables; open {built.start} in a browser, no server is needed"
    )
