"""Commands that serve the lake to others: dashboard."""

from __future__ import annotations

from typing import Annotated

import typer

from clicklake.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(dashboard)


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
