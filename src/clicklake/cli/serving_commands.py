"""Commands that serve the lake to others: dashboard, serve."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from clicklake.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(dashboard)
    app.command()(serve)


def dashboard(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")] = 8501,
    host: Annotated[str, typer.Option(help="The address to listen at; others than loopback need a login.")] = (
        "127.0.0.1"
    ),
    browser: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Show the lake in a browser: key figures, customers, products and more; stop it with ^C."""
    from clicklake.dashboard.server import require_streamlit, serve

    context: Context = ctx.obj
    require_streamlit()
    serve(context.open(), host, port, context.say, is_opened=browser)


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on; else the settings', else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Its port, 0 for a free one; else the settings', else 8470.")
    ] = None,
) -> None:
    """Answer HTTP requests: tables, reports, queries, quality, lineage and runs (REST API); stop it with ^C."""
    from clicklake.api import serve as answer

    context: Context = ctx.obj
    given = {name: value for name, value in {"api.host": host, "api.port": port}.items() if value is not None}
    lake = replace(context, overrides={**context.overrides, **given}).open()
    answer(lake, lambda text: typer.echo(text, err=True))
