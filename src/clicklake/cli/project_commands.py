"""Commands about a project: init, source add, doctor."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
