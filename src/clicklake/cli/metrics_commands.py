"""Commands for monitoring: metrics."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from clicklake.cli.context import Context
from clicklake.errors import StorageError, UsageError
from clicklake.own_folder import on_this_machine

_LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=(.+)")


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(metrics)


def metrics(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there, in one step, as node_exporter needs it.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Stands at every series; may be repeated.")
    ] = None,
) -> None:
    """The lake's figures for Prometheus: rows by stage and fate, runs, table sizes and ages, quality."""
    labels = dict(map(_label, label or []))
    if out and out.suffix != ".prom":
        raise UsageError(f"--out {out}: the name must end in .prom; node_exporter reads no other file")
    from clicklake.metrics import exposition

    context: Context = ctx.obj
    text = exposition(context.open(), labels)
    if out is None:
        typer.echo(text, nl=False)
        return
    _write(on_this_machine(out), text)
    context.say(f"{out}: {text.count(b'# TYPE')} metrics")


def _label(text: str) -> tuple[str, str]:
    found = _LABEL.fullmatch(text)
    if not found or found[1].startswith("__"):
        raise UsageError(f"--label {text}: write NAME=VALUE, where NAME is of letters, digits and _")
    return found[1], found[2]


def _write(file: Path, text: bytes) -> None:
    unfinished = file.with_name(f".{file.name}.unfinished")  # node_exporter must never see half a file
    try:
        unfinished.write_bytes(text)
        os.replace(unfinished, file)
    except OSError as error:
        raise StorageError(f"{file} can't be written: {error.strerror or error}") from error
