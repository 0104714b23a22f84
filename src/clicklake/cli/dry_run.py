"""`clicklake run --dry-run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from clicklake.cli.context import Context

if TYPE_CHECKING:
    from clicklake.lake import Lake


def show_dry_run(context: Context, lake: Lake, paths: Mapping[str, Sequence[str]]) -> None:
    """Say what a run would do; exit 1 where a file can't be read."""
    from clicklake.quarantine import mask

    results = lake.dry_run(paths)
    if context.json:
        context.show(
            [
                {
                    "source": result.source,
                    **result.fates,
                    "reasons": [{"reason": name, "rows": rows} for name, rows in result.reasons.items()],
                    "drift": result.drift,
                    "errors": [str(error) for error in result.failures],
                }
                for result in results
            ]
        )
    else:
        context.show([{"source": result.source, **result.fates} for result in results], title="What would happen")
        for result in results:
            if result.reasons:
                rows = [{"reason": name, "rows": count} for name, count in result.reasons.items()]
                context.show(rows, title=f"{result.source}: why rows would be rejected")
                samples = [
                    {"reasons": ", ".join(s["reasons"]), "raw": mask(lake, result.source, s["raw"])}
                    for s in result.samples
                ]
                context.show(samples, title=f"{result.source}: some of them")
            for difference in result.drift:
                context.say(f"drift: {difference}")
            for error in result.failures:
                context.stderr.print(f"error: {error}", soft_wrap=True, markup=False)
        context.say("nothing was written")
    if any(result.failures for result in results):
        raise typer.Exit(1)
