"""The program: global flags anywhere on the line, commands, and errors as messages with their exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from clicklake._version import __version__
from clicklake.cli import (
    access_commands,
    docs_commands,
    lake_commands,
    lineage_commands,
    maintenance,
    metrics_commands,
    pipeline_commands,
    project_commands,
    quality_commands,
    report_commands,
    serving_commands,
    stream_commands,
)
from clicklake.cli.context import Context
from clicklake.errors import ClicklakeError
from clicklake.interrupts import Interrupts

app = typer.Typer(
    name="clicklake",
    help="A clickstream and commerce lakehouse: raw events in, trusted tables and reports out.",
    epilog="The global options are accepted before and after the command. Start with: clicklake demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    pipeline_commands,
    stream_commands,
    report_commands,
    serving_commands,
    lake_commands,
    maintenance,
    quality_commands,
    lineage_commands,
    docs_commands,
    metrics_commands,
    access_commands,
    project_commands,
):
    group.register(app)

_WITH_VALUE = ("--lake", "--config", "--profile", "--engine", "--log-level")
_WITHOUT_VALUE = ("--json", "--debug")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clicklake {__version__}")
        raise typer.Exit


@app.callback()
def _globals(
    ctx: typer.Context,
    lake: Annotated[str | None, typer.Option(help="The lake's folder; else the settings', else ./lake.")] = None,
    config: Annotated[Path | None, typer.Option(help="The settings file; else clicklake.yaml here or above.")] = None,
    profile: Annotated[str | None, typer.Option(help="A profile of the settings file: dev, test, prod.")] = None,
    engine: Annotated[str | None, typer.Option(help="The engine: duckdb or spark.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Machine output on stdout, and nothing else there.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    ctx.obj = Context(lake, config, profile, engine, log_level, json, debug)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program and leave with its exit code."""
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(arguments: list[str]) -> int:
    """Run a command line.

    Returns:
        0 done, 1 the run failed, 2 wrong use or bad input, 3 a quality gate said no, 130 stopped by ^C, 143 by SIGTERM.
    """
    is_debug = "--debug" in arguments or bool(os.environ.get("CLICKLAKE_DEBUG"))
    with Interrupts() as interrupts:
        try:
            result = app(args=globals_first(arguments), standalone_mode=False)
        except (typer.Abort, KeyboardInterrupt):
            return _stopped(interrupts)
        except typer.Exit as leaving:
            return _stopped(interrupts) if interrupts.came else leaving.exit_code
        except Exception as error:
            if interrupts.came:  # an engine or writer that was interrupted gives an error of its own
                return _stopped(interrupts)
            if is_debug:
                raise
            return _told(error)
    if interrupts.came and result:  # typer makes a result of it
        return _stopped(interrupts)
    return result if isinstance(result, int) else 0


def _stopped(interrupts: Interrupts) -> int:
    """Say that a signal ended the run; the exit code that shells give to it."""
    print("stopped; run the same command again, nothing is lost or doubled", file=sys.stderr)
    return interrupts.exit_code()


def _told(error: Exception) -> int:
    """Say what went wrong, in words; the exit code."""
    if isinstance(error, ClicklakeError):
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # wrong use, as typer's own click tells it
        error.show()
        return int(error.exit_code)
    print(
        f"error: {type(error).__name__}: {error}\nThis is a fault of clicklake; --debug shows where.", file=sys.stderr
    )
    return 1


def globals_first(arguments: Sequence[str]) -> list[str]:
    """The same command line with the global options in front, wherever they stood."""
    front: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        name, _, value = argument.partition("=")
        if argument == "--":
            rest += arguments[position:]
            break
        if argument in _WITHOUT_VALUE or (name in _WITH_VALUE and value):
            front.append(argument)
        elif argument in _WITH_VALUE:
            front += arguments[position : position + 2]
            position += 1
        else:
            rest.append(argument)
        position += 1
    return [*front, *rest]
