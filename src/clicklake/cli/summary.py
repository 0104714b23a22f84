"""What a run did, in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from clicklake.cli.context import Context

if TYPE_CHECKING:
    from clicklake.lake import Lake, RestatedResult, RunResult


def show_run(context: Context, lake: Lake, result: RunResult) -> None:
    """The files, the ledger of the run and the release."""
    if context.json:
        context.show([_as_row(result)])
        return
    for source, outcomes in result.files.items():
        counted: dict[str, int] = {}
        for outcome in outcomes:
            counted[outcome.status] = counted.get(outcome.status, 0) + 1
        told = ", ".join(f"{count:,} {status}" for status, count in sorted(counted.items()))
        context.say(f"{source}: files {told or 'none'}")
    for source, reason in result.rejudged.items():
        context.say(f"{source}: all rows were judged again, because {_because(reason)}")
    fates = [
        {
            "source": source,
            **{name: rows[name] for name in ("rows_ingested", "loaded", "duplicates", "quarantined")},
        }
        for source, rows in result.fates.items()
        if rows
    ]
    if fates:
        context.show(fates, title="Rows of this run, by their fate")
    elif result.fates or not (result.files or result.release):
        context.say("nothing new")
    for what, tables in (("built", result.rebuilt), ("incremented", result.incremented)):
        for name, reason in tables.items():
            context.say(f"{what} {name}: {reason}")
    if result.release:
        context.say(f"published release {result.release.release_id} in {result.seconds:.1f} s")


def show_restated(context: Context, result: RestatedResult, nothing: str) -> None:
    """What a replay or a withdrawal has changed.

    Args:
        context: Where to.
        result: What was done.
        nothing: What to say where nothing was.
    """
    if context.json:
        context.show(result.restated)
        return
    if not result.restated:
        context.say(nothing)
        return
    context.show(result.restated, title="What has changed: fates, rows and days of silver, measures before and after")
    for name, reason in result.rebuilt.items():
        context.say(f"built {name}: {reason}")
    if result.release:
        context.say(f"published release {result.release.release_id} in {result.seconds:.1f} s")


def _because(reason: str) -> str:
    return "it was asked for" if reason == "asked for" else reason


def _as_row(result: RunResult) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "status": "done" if result.ok else "failed",
        "seconds": result.seconds,
        "release": result.release.release_id if result.release else None,
        "files": [
            {
                "source": source,
                "file": o.file.path,
                "status": o.status,
                "records": o.stats.records,
                "error": o.error and str(o.error),
            }
            for source, outcomes in result.files.items()
            for o in outcomes
        ],
        "fates": [{"source": source, **rows} for source, rows in result.fates.items() if rows],
        "rejudged": [{"source": source, "reason": reason} for source, reason in result.rejudged.items()],
        "rebuilt": [{"table": name, "reason": reason} for name, reason in result.rebuilt.items()],
        "incremented": [{"table": name, "reason": reason} for name, reason in result.incremented.items()],
        "errors": [str(failure) for failure in result.failures],
    }


def leave(context: Context, lake: Lake, result: RunResult) -> None:
    """Exit 1 where files failed, 3 where a quality gate of the settings says no; warn where it warns."""
    from clicklake.quality.ledger import read_ledger
    from clicklake.quality.scorecard import require, verdicts

    engine = lake.engine()
    try:
        ledger = read_ledger(lake.store, engine)
    finally:
        engine.close()
    quality = lake.settings.quality
    for source, verdict in verdicts(ledger, quality).items():
        if verdict == "warn":
            score = next(entry.score for entry in ledger if entry.source == source)
            least = quality.for_source(source)[0]
            context.say(f"[yellow]warning:[/yellow] {source}: quality score {score:.2f} % is under {least:g} %")
    for item in result.quality.taken if result.quality else ():
        if result.quality and result.quality.verdicts[item.measure.name] == "warn":
            context.say(f"[yellow]warning:[/yellow] {item.measure.name}: {item.score:g} % ({item.offending:,} rows)")
    if result.failures:
        # Each was told when it happened; here is what it means for the whole.
        context.say(f"{len(result.failures)} of the run's files failed; everything else went in")
        raise typer.Exit(1)
    require(ledger, {entry.source: quality.for_source(entry.source)[1] for entry in ledger})
    if result.quality:
        from clicklake.quality.assess import require_measures

        require_measures(result.quality.taken, quality)
