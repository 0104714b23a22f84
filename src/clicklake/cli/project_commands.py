"""Commands about a project: init, source add, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clicklake.cli.context import Context

if TYPE_CHECKING:
    from clicklake.project.doctor import Finding


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(init)
    group = typer.Typer(help="The sources of a project.", no_args_is_help=True)
    group.command("add")(source_add)
    # A group of one command would otherwise be taken for that command.
    group.callback()(_sources)
    app.add_typer(group, name="source")
    app.command()(doctor)


def _sources() -> None:
    """The sources of a project."""


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder; it is made where it isn't there.")],
) -> None:
    """Make a project folder: clicklake.yaml, sources/, models/, reports/."""
    from clicklake.project.init import create_project

    context: Context = ctx.obj
    done = create_project(directory)
    if context.json:
        context.show([{"file": str(directory / name), "written": written} for name, written in done.items()])
        return
    out = context.stdout
    for name, written in done.items():
        out.print(f"{'wrote' if written else 'kept '} {directory / name}", soft_wrap=True, markup=False)
    context.say("Next:")
    for line in (
        *([] if directory.resolve() == Path.cwd() else [f"  cd {directory}"]),
        "  clicklake source add FILE        propose a contract for your file, and see which rows would pass",
        "  clicklake run NAME=FILE          load them, build the tables, publish",
        "  clicklake report --all           see the reports",
    ):
        context.say(line)


def source_add(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="CSV, NDJSON or Parquet, gzip or zstd or not; a folder or glob too.")],
    name: Annotated[str | None, typer.Option(help="The source's name; else the file's.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write contract and mapping without asking.")] = False,
    project: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The project; else where clicklake.yaml is, else here."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files of this name.")] = False,
    kind: Annotated[
        str | None,
        typer.Option(help="What it holds: events, orders, customers, products or payments; else what it looks like."),
    ] = None,
) -> None:
    """Look at a file, propose its contract and mapping, show what would pass."""
    from clicklake.cli.source_add import Wishes, add_source

    add_source(ctx.obj, Wishes(file, name, yes, project, force, kind))


def doctor(ctx: typer.Context) -> None:
    """Check the installation, the settings, the engine, the lake and its format version."""
    from clicklake.project.doctor import diagnose

    context: Context = ctx.obj
    overrides = {"engine": context.engine, "logs.level": context.log_level}
    findings = diagnose(lake=context.lake, config=context.config, profile=context.profile, overrides=overrides)
    problems = sum(finding.status == "problem" for finding in findings)
    if context.json:
        context.show([finding.row() for finding in findings])
    else:
        _print(context, findings)
    if problems:
        raise typer.Exit(1)


def _print(context: Context, findings: list[Finding]) -> None:
    from rich.text import Text

    out = context.stdout
    marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}
    area = ""
    for finding in findings:
        if finding.area != area:
            area = finding.area
            out.print(Text(area.capitalize(), style="bold"))
        mark, style = marks[finding.status]
        line = Text.assemble("  ", (mark, style), f" {finding.check}: ", finding.detail)
        out.print(line, soft_wrap=True)
        if finding.advice:
            out.print(Text(f"      → {finding.advice}"), soft_wrap=True)
    counted = {status: sum(finding.status == status for finding in findings) for status in ("problem", "warning")}
    told = [f"{rows} {status}{'s' if rows > 1 else ''}" for status, rows in counted.items() if rows]
    out.print(", ".join(told) or "Everything is in order.")
