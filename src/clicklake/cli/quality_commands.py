"""Commands about quality: quality, quarantine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clicklake.cli import export_commands
from clicklake.cli.context import Context
from clicklake.own_folder import on_this_machine


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    scores = typer.Typer(invoke_without_command=True)
    scores.callback()(quality)
    export_commands.register(scores)
    app.add_typer(scores, name="quality")
    group = typer.Typer(help="The rows that were rejected, and why.", no_args_is_help=True)
    group.command("list")(quarantine_list)
    group.command("show")(quarantine_show)
    group.command("replay")(quarantine_replay)
    app.add_typer(group, name="quarantine")


def quality(
    ctx: typer.Context,
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", min=0, max=100, metavar="PCT", help="Exit 3 where a source's score is under it."),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option("--show", metavar="MEASURE", help="The rows behind a number, in place of the scorecard."),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--format", help="table, json or html; with --show table, json or csv.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="With --format html: write the page there.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="With --show: rows at the most.")] = 20,
    show_pii: Annotated[
        bool, typer.Option("--show-pii", help="With --show: personal data, which is masked otherwise.")
    ] = False,
    alert: Annotated[
        bool, typer.Option("--alert", help="Tell the channels of alerts.urls what has changed, as a run does.")
    ] = False,
) -> None:
    """Scorecard in five dimensions, thresholds, trend over runs, business impact, reasons, drift, ledger."""
    if ctx.invoked_subcommand:
        return
    from clicklake.cli.scorecard import page, show_rows, show_scorecard
    from clicklake.errors import UsageError
    from clicklake.quality.assess import require_measures
    from clicklake.quality.collect import collect
    from clicklake.quality.scorecard import require

    context: Context = ctx.obj
    allowed = ("table", "json", "csv") if show else ("table", "json", "html")
    chosen = output or ("json" if context.json else "table")
    if chosen not in allowed:
        raise UsageError(f"--format {chosen}: allowed are {', '.join(allowed)}")
    lake = context.open()
    if show:
        show_rows(context, lake, show, chosen, limit=limit, show_pii=show_pii)
        return
    context.json = chosen == "json"
    shown = collect(lake)
    if chosen == "html":
        _write(page(lake, shown), out)
    else:
        show_scorecard(context, shown)
    if alert:
        for problem in lake.alert(shown.assessment):
            context.say(f"[yellow]warning:[/yellow] {problem}")
    thresholds = lake.settings.quality
    least = {entry.source: thresholds.for_source(entry.source)[1] for entry in shown.card.ledger}
    if fail_under is not None:
        least = dict.fromkeys(least, fail_under)
    require(shown.card.ledger, least)
    require_measures(shown.assessment.taken, thresholds)


def _write(html: str, out: Path | None) -> None:
    """A page to a file, else to stdout."""
    import sys

    if out is None:
        sys.stdout.write(html)
    else:
        on_this_machine(out).parent.mkdir(parents=True, exist_ok=True)
        out.write_text(html, encoding="utf-8")


def quarantine_list(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
) -> None:
    """Count the rejected rows by source and reasons."""
    from clicklake.quarantine import list_reasons

    context: Context = ctx.obj
    rows = list_reasons(context.open(), source=source)
    if not rows and not context.json:
        context.say("no row is in quarantine")
        return
    context.show(rows)


def quarantine_show(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only rows that break this rule.")] = None,
    row_id: Annotated[int | None, typer.Option("--row-id", help="Only this row.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at the most.")] = 20,
    show_pii: Annotated[
        bool, typer.Option("--show-pii", help="Show personal data, which is masked otherwise.")
    ] = False,
) -> None:
    """Show rejected rows as they came, with every rule that they break."""
    from clicklake.quarantine import show

    context: Context = ctx.obj
    rows = show(context.open(), source=source, reason=reason, row_id=row_id, limit=limit, show_pii=show_pii)
    if not rows and not context.json:
        context.say("no such row is in quarantine")
        return
    context.show(rows)
    context.say_masked(rows)


def quarantine_replay(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only rows that break this rule.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would pass, and change nothing.")] = False,
) -> None:
    """Judge the open rows again by today's contracts; those that pass go through, once, and gold is restated."""
    from clicklake.cli.summary import leave, show_restated

    context: Context = ctx.obj
    lake = context.open()
    if dry_run:
        rows = lake.replay_preview(source, reason)
        if not rows and not context.json:
            context.say("no such row is in quarantine")
            return
        context.show(rows, title="What a replay would do; nothing was changed")
        return
    result = lake.replay(source, reason, progress=context.progress())
    show_restated(context, result, "no row in quarantine passes by today's contracts")
    leave(context, lake, result)
