"""What a stream shows: a line a batch on stderr, or a JSON object a batch on stdout with --json."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from clicklake.cli.context import Context
    from clicklake.lake import Lake
    from clicklake.stream.stream import Batch, Total


class Ticker:
    """Tells of each batch.

    Args:
        context: The global flags.
        lake: The lake.
        source: The source; the settings' only one where None.
    """

    def __init__(self, context: Context, lake: Lake, source: str | None) -> None:
        self._context = context
        topics = lake.settings.kafka.topics
        self._topic = topics.get(source or next(iter(topics), ""), "")

    def __call__(self, batch: Batch) -> None:
        """One batch was published."""
        from clicklake.stream.stream import facts

        told = facts(batch, self._topic)
        if self._context.json:
            typer.echo(json.dumps(told))
            return
        parts = [f"{told['messages']:,} messages"]
        parts += [f"{told[name]:,} {name}" for name in ("loaded", "duplicates", "quarantined") if told[name]]
        parts += [f"{told[name]:,} {name}" for name in ("tombstones", "empty", "late") if told[name]]
        parts.append(f"lag {told['lag']:,}")
        seconds = told["bronze_seconds"] + told["gold_seconds"]
        self._context.say(f"{time.strftime('%H:%M:%S')}  {', '.join(parts)}  {seconds:.2f} s")

    def stopping(self) -> None:
        """A signal came."""
        self._context.say("stopping behind the commit at hand; ^C again stops at once")

    def end(self, total: Total) -> None:
        """The stream has ended well."""
        done = total.appended
        if self._context.json:
            return
        self._context.say(
            f"{done.messages:,} messages of {self._topic} in {total.commits:,} commits: {done.records:,} rows, "
            f"{total.fates.get('loaded', 0):,} loaded, {total.fates.get('duplicates', 0):,} duplicates, "
            f"{total.fates.get('quarantined', 0):,} quarantined, {done.late:,} late"
        )
