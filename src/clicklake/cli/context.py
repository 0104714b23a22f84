"""What every command shares: the global flags, output on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from clicklake.lake import Lake
    from clicklake.runs import Stage


@dataclass
class Context:
    """The global flags.

    Args:
        lake: --lake.
        config: --config.
        profile: --profile.
        engine: --engine.
        log_level: --log-level.
        json: --json: machine output on stdout and nothing else there.
        debug: --debug: tracebacks.
        overrides: Settings that a command's own options stand for, by dotted key.
    """

    lake: str | None = None
    config: Path | None = None
    profile: str | None = None
    engine: str | None = None
    log_level: str | None = None
    json: bool = False
    debug: bool = False
    overrides: Mapping[str, object] = field(default_factory=dict)

    def open(self, lake: str | None = None) -> Lake:
        """The lake that the flags and settings name."""
        from clicklake.lake import Lake

        overrides = {"engine": self.engine, "logs.level": self.log_level, **self.overrides}
        opened = Lake(lake or self.lake, config=self.config, profile=self.profile, overrides=overrides)
        start_logging(opened.settings.logs.level, is_quiet=self.json)
        return opened

    @property
    def stdout(self) -> Console:
        """For results."""
        from rich.console import Console

        # Where nobody looks at a terminal, long lines stay whole, so that other programs can read them.
        return Console(width=None if sys.stdout.isatty() else _piped_width(), highlight=False)

    @property
    def stderr(self) -> Console:
        """For everything that is no result."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """A line for a person; not with --json."""
        if not self.json:
            self.stderr.print(text, soft_wrap=True)

    def say_masked(self, shown: Iterable[Mapping[str, Any]]) -> None:
        """Where personal data was masked, say how to see it."""
        from clicklake.personal import MASK

        if any(MASK in str(value) for row in shown for value in row.values()):
            self.say(f"{MASK} is personal data; --show-pii shows it")

    def show(self, rows: pa.Table | Iterable[Mapping[str, Any]], title: str | None = None) -> None:
        """Rows: a table for a person, a list of objects with --json."""
        import pyarrow as pa

        from clicklake.reports.render import print_rows, write_json

        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist([dict(row) for row in rows])
        if self.json:
            write_json(table, sys.stdout)
        else:
            if title:
                self.stdout.print()
            print_rows(table, self.stdout, title=title)

    def progress(self, stages: int | None = None) -> Callable[[Stage, bool], None] | None:
        """Shows stages as they run, on a terminal; else None.

        Args:
            stages: How many there will be, where that is known.
        """
        if self.json or not sys.stderr.isatty():
            return None
        return _Progress(self.stderr, stages)


class _Progress:
    """A bar over the stages with the running one, and a line above it for each that is done."""

    def __init__(self, console: Console, stages: int | None) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<32}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=stages)

    def __call__(self, stage: Stage, begins: bool) -> None:
        name = f"{stage.stage} {stage.target}".strip()
        if begins:
            self._bar.update(self._task, description=name)
            self._bar.start()
            return
        rows = "" if not stage.rows_out else f"{stage.rows_out:,} rows"
        mark = "[red]✗[/red]" if stage.status == "failed" else "[green]✓[/green]"
        self._bar.console.print(f"{mark} {name:<32}{rows:>20} {stage.seconds or 0:>8.2f} s")
        self._bar.advance(self._task)
        if stage.status == "failed" or stage.stage == "publish" or self._bar.finished:
            self._bar.stop()


def start_logging(level: str, *, is_quiet: bool) -> None:
    """Send the log to stderr: warnings and errors, more by --log-level."""
    import logging

    root = logging.getLogger()
    if not root.handlers:
        # Py4J tells of ^C by `logging.exception`, which without a handler makes one that tells everything twice.
        root.addHandler(logging.NullHandler())
    logger = logging.getLogger("clicklake")
    logger.setLevel(logging.DEBUG)
    for handler in list(logger.handlers):
        if handler.get_name() == "stderr":
            logger.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name("stderr")
    # Stages are shown by the progress; their log lines are for those who ask for them.
    least = logging.WARNING if level == "info" else getattr(logging, level.upper())
    handler.setLevel(logging.ERROR if is_quiet and level == "info" else least)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)


def _piped_width() -> int:
    import os

    return int(os.environ.get("COLUMNS", "0") or 0) or 160
