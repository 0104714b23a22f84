"""What a run did: a structured log a run, and the same numbers in `ops.runs`, one row a stage."""

from __future__ import annotations

import json
import logging
import os
import resource
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from clicklake import _version
from clicklake.engines.usage import Usage
from clicklake.errors import ClicklakeError, StorageError

logger = logging.getLogger("clicklake")


@dataclass
class Stage:
    """One stage of a run; what isn't known stays null. Times are UTC, sizes bytes."""

    run_id: str
    command: str
    stage: str
    target: str
    status: str = "running"
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    finished_at: datetime | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    rows_rejected: int | None = None
    rows_duplicate: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    peak_memory_bytes: int | None = None
    spilled_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    executor_seconds: float | None = None
    tasks: int | None = None
    shuffle_read_bytes: int | None = None
    shuffle_written_bytes: int | None = None
    reason: str | None = None
    nulls: str | None = None
    score: float | None = None
    error: str | None = None
    version: str = _version.__version__

    def row(self) -> dict[str, Any]:
        """The stage as a row of `ops.runs`."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def told(self) -> dict[str, Any]:
        """What is known, for the log."""
        return {name: value for name, value in self.row().items() if value not in (None, "")}


class _Clocks:
    """What the process, and the executors that work for it, have used up to now."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.wall, self.cpu, self.moved = time.perf_counter(), time.process_time(), moved_bytes()
        self.usage = usage


@dataclass
class Run:
    """A command that changes the lake.

    Args:
        command: As the user typed it, without values.
        log_directory: Where `<run_id>.jsonl` is written; no file where None.
        progress: Is told each stage as it starts (True) and ends (False).
        listeners: Are told the same, and the whole run as a stage named `run`.
        usage: What executors have used since the run began; None where the engine has none.
    """

    command: str
    log_directory: Path | None = None
    progress: Callable[[Stage, bool], None] | None = None
    listeners: Sequence[Callable[[Stage, bool], None]] = ()
    usage: Callable[[], Usage | None] = lambda: None
    run_id: str = field(default_factory=lambda: new_run_id())
    stages: list[Stage] = field(default_factory=list)
    failures: list[ClicklakeError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._handler: logging.Handler | None = None
        if self.log_directory:
            try:
                self.log_directory.mkdir(parents=True, exist_ok=True)
                self._handler = _LogFile(self.log_directory / f"{self.run_id}.jsonl", encoding="utf-8")
            except OSError as error:
                raise StorageError(
                    f"the run's log can't be written in {self.log_directory}: {error.strerror or error}. "
                    "Nothing was done. The setting logs.directory names another folder."
                ) from error
            self._handler.setFormatter(JsonFormatter())
            self._handler.setLevel(logging.DEBUG)
            logger.addHandler(self._handler)
            logger.setLevel(logging.DEBUG)  # the handlers choose; without it the file would miss the stages
        self._whole = self._begin("run", "")

    @contextmanager
    def stage(self, name: str, target: str = "") -> Iterator[Stage]:
        """Measure one stage; it is logged and kept, whether it ends well or not."""
        stage = self._begin(name, target)
        begun = _Clocks(self.usage())
        if self.progress:
            self.progress(stage, True)
        try:
            yield stage
            stage.status = "failed" if stage.error else "done"
        except BaseException as error:
            stage.status, stage.error = "failed", str(error) or type(error).__name__
            raise
        finally:
            self._end(stage, begun)
            if self.progress:
                self.progress(stage, False)

    def failed(self, error: ClicklakeError) -> None:
        """Note a failure that does not stop the run."""
        self.failures.append(error)
        logger.error("%s", error, extra={"facts": {"run_id": self.run_id, "error": str(error)}})

    def close(self, error: BaseException | None = None) -> None:
        """End the run: its last line in the log, and its file."""
        whole = self._whole
        problems = [str(error) or type(error).__name__] if error else [str(failure) for failure in self.failures]
        whole.status, whole.error = ("failed", "; ".join(problems)) if problems else ("done", None)
        self._end(whole, self._begun)
        if self._handler:
            logger.removeHandler(self._handler)
            self._handler.close()
            self._handler = None

    def _begin(self, name: str, target: str) -> Stage:
        stage = Stage(self.run_id, self.command, name, target)
        if name == "run":
            self._begun = _Clocks()
        self.stages.append(stage)
        logger.debug("%s %s starts", name, target, extra={"facts": {"event": "start", **stage.told()}})
        for listener in self.listeners:
            listener(stage, True)
        return stage

    def _end(self, stage: Stage, begun: _Clocks) -> None:
        now = _Clocks(self.usage())
        stage.finished_at = datetime.now(timezone.utc)
        stage.seconds = round(now.wall - begun.wall, 3)
        stage.cpu_seconds = round(now.cpu - begun.cpu, 3)
        if now.moved and begun.moved:
            stage.read_bytes, stage.written_bytes = (b - a for a, b in zip(begun.moved, now.moved, strict=True))
        stage.peak_memory_bytes = peak_memory_bytes()
        if now.usage:
            self._note_executors(stage, now.usage - (begun.usage or Usage()))
        level = logging.ERROR if stage.status == "failed" else logging.INFO
        message = f"{stage.stage} {stage.target} {stage.status} in {stage.seconds:.2f} s".replace("  ", " ")
        logger.log(level, message, extra={"facts": {"event": "end", **stage.told()}})
        for listener in self.listeners:
            listener(stage, False)

    def _note_executors(self, stage: Stage, used: Usage) -> None:
        stage.executor_seconds, stage.tasks = round(used.seconds, 3), used.tasks
        stage.shuffle_read_bytes, stage.shuffle_written_bytes = used.shuffle_read_bytes, used.shuffle_written_bytes
        stage.spilled_bytes = used.spilled_bytes


class _LogFile(logging.FileHandler):
    """A log that a full disk cuts short, which is told once, and stops no run."""

    is_cut = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say it, instead of a traceback a line."""
        if not self.is_cut:
            self.is_cut = True
            logger.warning("the run's log %s is cut short: %s", self.baseFilename, sys.exc_info()[1])

    def close(self) -> None:
        """Close the file, even if what is left can't be written."""
        with suppress(OSError):
            super().close()


def new_run_id() -> str:
    """A run id: it sorts by time, and no two are the same."""
    return datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "-" + secrets.token_hex(3)


def peak_memory_bytes() -> int:
    """The process' largest resident set so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def moved_bytes() -> tuple[int, int] | None:
    """Bytes that the process has read and written, from memory or disk; None where the system doesn't tell."""
    try:
        told = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(told["rchar"]), int(told["wchar"])
    except (OSError, KeyError, ValueError):
        return None


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        facts = getattr(record, "facts", {})
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
                "level": record.levelname.lower(),
                "message": record.getMessage(),
                "process": os.getpid(),
                **facts,
            },
            default=str,
            ensure_ascii=False,
        )
