"""Showing how good the data is: the scorecard, and the rows behind its numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from clicklake.cli.context import Context

if TYPE_CHECKING:
    from clicklake.lake import Lake
    from clicklake.quality.collect import Shown


def show_scorecard(context: Context, shown: Shown) -> None:
    """The scorecard for people, or with --json for programs."""
    card, found = shown.card, shown.assessment
    if context.json:
        context.show([shown.row()])
        return
    if not shown.card.ledger:
        context.say("nothing was refined yet: clicklake run click_events=PATH, or clicklake demo")
        return
    context.show(shown.card.sources(), title="Ledger: every row has one fate")
    context.show(
        [{name: value for name, value in row.items() if name != "verdicts"} for row in found.tables()],
        title="Scorecard: the worst measure of each dimension (percent of rows without a fault)",
    )
    faults = [
        {
            "measure": row["measure"],
            "dimension": row["dimension"],
            "offending": row["offending"],
            "score": row["score"],
            "verdict": row["verdict"],
            "trend": sparkline(row["trend"]),
        }
        for row in found.measures()
        if row["score"] is not None and row["offending"]
    ]
    if faults:
        context.show(faults, title="Measures with faults; `clicklake quality --show MEASURE` shows the rows")
    if card.reasons:
        context.show(card.reasons, title="Why rows are in quarantine")
    if shown.impact:
        context.show(shown.impact, title="What it means for the business")
    for source in {row["source"]: None for row in card.trend}:
        scores = [row["score"] for row in card.trend if row["source"] == source]
        if len(scores) > 1:
            told = f"{scores[0]:.2f} % to {scores[-1]:.2f} %, {len(scores)} runs"
            context.stdout.print(f"Trend of {source}: {sparkline(scores)}  {told}")
    if card.drift:
        context.show(card.drift, title="Drift: where files differ from their contract")


def page(lake: Lake, shown: Shown) -> str:
    """The scorecard as one HTML page."""
    from clicklake.quality.page import quality_page

    release = shown.assessment.release
    facts = {
        "Lake": lake.path,
        "Release": f"{release.release_id}, {release.released_at:%Y-%m-%d %H:%M} UTC" if release else "none yet",
    }
    return quality_page(shown.assessment, shown.card, shown.impact, facts=facts, currency=lake.settings.currency)


def show_rows(context: Context, lake: Lake, name: str, output: str, *, limit: int, show_pii: bool) -> None:
    """The rows behind a measure."""
    from clicklake.quality.show import offending
    from clicklake.reports.render import print_rows, write_csv, write_json

    engine = lake.engine()
    try:
        measure, rows = offending(lake, engine, name, limit=limit, show_pii=show_pii)
    finally:
        engine.close()
    if output == "json":
        write_json(rows, sys.stdout)
    elif output == "csv":
        write_csv(rows, sys.stdout)
    elif not rows.num_rows:
        context.say(f"{measure.name}: no row offends. {measure.description}")
    else:
        context.say(f"{measure.name} ({measure.dimension}): {measure.description}")
        print_rows(rows, context.stdout)
        context.say(f"first {rows.num_rows:,} rows at the most; clicklake trace leads from a row to its file")
        context.say_masked(rows.to_pylist())


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
