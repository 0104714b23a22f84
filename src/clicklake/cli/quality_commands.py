"""Commands about quality: quality, quarantine."""

from __future__ import annotations

from typing import Annotated

import typer

from clicklake.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(quality)
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
) -> None:
    """Scores by source and dimension, reasons, trend over runs, drift, ledger."""
    from clicklake.quality.scorecard import require, scorecard

    context: Context = ctx.obj
    lake = context.open()
    engine = lake.engine()
    try:
        card = scorecard(lake.store, engine, lake.catalogue, lake.settings.quality)
    finally:
        engine.close()
    ledger = [{**entry.row(), "verdict": card.verdicts[entry.source]} for entry in card.ledger]
    if context.json:
        facts = {"ledger": ledger, "dimensions": card.dimensions, "reasons": card.reasons}
        context.show([{**facts, "trend": card.trend, "drift": card.drift}])
    elif not ledger:
        context.say("nothing was refined yet: clicklake run click_events=PATH, or clicklake demo")
    else:
        context.show(ledger, title="Ledger: every row has one fate")
        context.show(card.dimensions, title="Scores by dimension (percent of rows without a fault)")
        if card.reasons:
            context.show(card.reasons, title="Why rows are in quarantine")
        for source in {row["source"]: None for row in card.trend}:
            scores = [row["score"] for row in card.trend if row["source"] == source]
            if len(scores) > 1:
                told = f"{scores[0]:.2f} % to {scores[-1]:.2f} %, {len(scores)} runs"
                context.stdout.print(f"Trend of {source}: {sparkline(scores)}  {told}")
        if card.drift:
            context.show(card.drift, title="Drift: where files differ from their contract")
    least = {entry.source: lake.settings.quality.for_source(entry.source)[1] for entry in card.ledger}
    if fail_under is not None:
        least = dict.fromkeys(least, fail_under)
    require(card.ledger, least)


def sparkline(values: list[float | None]) -> str:
    """A row of bars, the lowest value the lowest."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    bars = "▁▂▃▄▅▆▇█"
    steps = [
        bars[-1] if high == low else bars[int((v - low) / (high - low) * 7)] if v is not None else " " for v in values
    ]
    return "".join(steps)


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
