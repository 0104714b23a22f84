"""Commands that change a lake: demo, generate, run, ingest, unload, refine, build."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clicklake.cli.context import Context

if TYPE_CHECKING:
    from clicklake.lake import Lake, RunResult
    from clicklake.synthetic import GeneratorConfig


class Only(str, Enum):
    """What `generate` may be confined to."""

    CLICKS = "clicks"


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (demo, generate, run, ingest, unload, refine, build):
        app.command()(command)


def demo(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where the data and the lake go.")] = Path("demo"),
    rows: Annotated[int, typer.Option(min=1, help="Click events to generate.")] = 2_000_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 42,
) -> None:
    """Generate data, run everything, print the reports: the first thing a newcomer runs."""
    from clicklake.cli.demo import run_demo

    run_demo(ctx.obj, directory, rows, seed)


def generate(
    ctx: typer.Context,
    directory: Annotated[Path | None, typer.Argument(help="Where the files go.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Records of click_events; with --to, messages.")] = 100_000,
    web_rows: Annotated[int, typer.Option(min=0, help="Records of web_events.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same bytes.")] = 42,
    days: Annotated[int, typer.Option(min=1, help="Days of the period.")] = 90,
    files: Annotated[int, typer.Option(min=1, help="CSV files of click_events.")] = 1,
    duplicate_share: Annotated[float, typer.Option(min=0, max=0.5, help="Share of repeated records.")] = 0.02,
    late_share: Annotated[float, typer.Option(min=0, max=0.5, help="Share of records far behind their time.")] = 0.01,
    malformed_share: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of records that can't be split.")
    ] = 0.0005,
    compression: Annotated[str | None, typer.Option(help="gzip or zstd.")] = None,
    only: Annotated[
        Only | None, typer.Option(help="clicks: no orders, customers, products and payments beside them.")
    ] = None,
    order_lines: Annotated[
        int | None, typer.Option(min=1, help="Rows of orders; else what the purchases of the clicks bring.")
    ] = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Customers; else nearly all who may visit.")] = None,
    products: Annotated[int | None, typer.Option(min=1, help="Products; else 50 to 5,000, by the records.")] = None,
    to: Annotated[
        str | None, typer.Option(help="kafka://host:port/topic: web_events go there, a message each, not into files.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="With --to: messages a second; else all at once.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="With --to and --rate: for so long.")] = None,
    truth_file: Annotated[Path | None, typer.Option("--truth", help="With --to: the file for truth.json.")] = None,
) -> None:
    """Make synthetic, seeded clicks and the orders, customers, products and payments that fit them.

    A known share of it is bad, late or there twice; truth.json tells which, and what a lake must show.
    """
    from clicklake.errors import UsageError
    from clicklake.synthetic import CommerceConfig, GeneratorConfig
    from clicklake.synthetic import generate as make

    context: Context = ctx.obj
    if to:
        if directory or only or order_lines or customers or compression:
            raise UsageError("--to sends web_events alone: leave out DIR, --only, --compression and what orders need")
        if seconds and not rate:
            raise UsageError("--seconds needs --rate")
        messages = GeneratorConfig(
            rows=0,
            web_rows=max(1, round(seconds * rate)) if seconds and rate else rows,
            seed=seed,
            days=days,
            duplicate_share=duplicate_share,
            late_share=late_share,
            malformed_share=malformed_share,
            products=products,
        )
        _send(context, to, messages, rate, truth_file)
        return
    if directory is None or rate or seconds or truth_file:
        raise UsageError(
            "give the folder for the files, or with --to the topic (which --rate, --seconds, --truth need)"
        )
    if only and (order_lines or customers):
        raise UsageError("--only clicks makes neither orders nor customers; leave out --order-lines and --customers")
    config = GeneratorConfig(
        rows=rows,
        web_rows=web_rows,
        seed=seed,
        days=days,
        files=files,
        duplicate_share=duplicate_share,
        late_share=late_share,
        malformed_share=malformed_share,
        compression=compression,  # type: ignore[arg-type]
        products=products,
        commerce=None if only else CommerceConfig(order_lines=order_lines, customers=customers),
    )
    truth: dict[str, Any] = make(directory, config)
    if context.json:
        import json

        typer.echo(json.dumps(truth))
        return
    made = {name: told["records"] for name, told in truth["sources"].items() if told["records"]}
    for name, records in made.items():
        context.say(f"{directory / name}: {records:,} records")
    context.say(f"what was put in stands in {directory / 'truth.json'}")
    context.say("next: clicklake run " + " ".join(f"{name}={directory / name}" for name in made))


def _send(context: Context, to: str, config: GeneratorConfig, rate: float | None, truth_file: Path | None) -> None:
    """Generate into a topic, and say what was sent."""
    import json

    from clicklake.synthetic.send import send

    told, truth = send(to, config, rate, context.open().settings.kafka.options)
    if truth_file:
        truth_file.write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    if context.json:
        typer.echo(json.dumps({**told, "truth": truth}))
        return
    context.say(
        f"{told['topic']}: {told['messages']:,} messages, {told['bytes']:,} bytes in {told['seconds']:.1f} s, "
        f"{told['rate']:,.0f} a second"
    )
    if truth_file:
        context.say(f"what was put in stands in {truth_file}")


def run(
    ctx: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(metavar="SOURCE=PATH", help="Else the settings'.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would load and what not, and keep nothing.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Judge every row and build every gold table anew, whatever has changed.")
    ] = False,
) -> None:
    """Ingest, refine, build, check and publish."""
    context: Context = ctx.obj
    lake = context.open()
    paths = _paths(sources or [])
    if dry_run:
        from clicklake.cli.dry_run import show_dry_run

        show_dry_run(context, lake, paths)
        return
    result = lake.run(paths, full=full, progress=context.progress(lake.stages(len(paths))))
    _finish(context, lake, result)


def ingest(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="A source, for example click_events.")],
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs.")],
) -> None:
    """Bring files into bronze, and no further."""
    context: Context = ctx.obj
    lake = context.open()
    _finish(context, lake, lake.ingest(source, *paths, progress=context.progress(1)))


def unload(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="A source, for example click_events.")],
    file: Annotated[str, typer.Argument(help="The file as it was given, or the end of its path.")],
) -> None:
    """Withdraw a file's rows everywhere and restate what came from them; bronze keeps them, with that fate."""
    from clicklake.cli.summary import leave, show_restated

    context: Context = ctx.obj
    lake = context.open()
    result = lake.unload(source, file, progress=context.progress())
    show_restated(context, result, f"{file}: its rows were withdrawn already")
    leave(context, lake, result)


def refine(
    ctx: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="Else all.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Judge all rows anew, even if their contract has not changed.")
    ] = False,
) -> None:
    """Judge the new rows of bronze and load silver, and no further."""
    context: Context = ctx.obj
    lake = context.open()
    _finish(context, lake, lake.refine(*sources or [], full=full, progress=context.progress(1)))


def build(
    ctx: typer.Context,
    tables: Annotated[list[str] | None, typer.Argument(metavar="TABLE", help="With --full: only these.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Build the tables anew, even if they are up to date.")] = False,
) -> None:
    """Build gold from silver, check it and publish it."""
    from clicklake.errors import UsageError

    context: Context = ctx.obj
    if tables and not full:
        raise UsageError("tables are named to build them anew: clicklake build --full TABLE...")
    lake = context.open()
    _finish(context, lake, lake.build(full=tables or full, progress=context.progress(lake.stages(0) - 1)))


def _paths(sources: list[str]) -> dict[str, list[str]]:
    """`SOURCE=PATH` arguments, several paths a source."""
    from clicklake.errors import UsageError

    found: dict[str, list[str]] = {}
    for argument in sources:
        name, equals, path = argument.partition("=")
        if not equals or not name or not path:
            raise UsageError(f"{argument!r} is not SOURCE=PATH, for example click_events=data/clicks.csv")
        found.setdefault(name, []).append(path)
    return found


def _finish(context: Context, lake: Lake, result: RunResult) -> None:
    """Say what a run did, and leave with the exit code that it earned."""
    from clicklake.cli.summary import leave, show_run

    show_run(context, lake, result)
    leave(context, lake, result)
