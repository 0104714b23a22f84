"""Runs that callers start: each a process of its own, one at a time, and what is known of it while it goes on.

A run in another process takes nothing from those who read meanwhile but the machine's time, and leaves no memory
behind. It is the same `Lake.run`: should the server be killed, nothing is lost or doubled.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from clicklake.api.problems import ProblemError
from clicklake.runs import new_run_id

logger = logging.getLogger("clicklake")

_MOST_KNOWN = 100
_MOST_LINE = 1 << 20
_SECONDS_TO_STOP = 20.0


@dataclass
class Job:
    """A run that a caller has started.

    Args:
        id: Of the job; the run gets its own.
        command: `run` or `replay`.
        arguments: Its arguments.
        by: Who has started it.
        status: `starting`, `running`, `done` or `failed`.
        run_id: As `ops.runs` names it, once it is known.
        result: What the run did, at its end.
        error: Why it has failed.
        events: What has happened so far: stages that began and ended, the end.
    """

    id: str
    command: str
    arguments: Mapping[str, Any]
    by: str
    status: str = "starting"
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    finished_at: datetime | None = None
    run_id: str | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in ("done", "failed")

    def row(self) -> dict[str, Any]:
        """For callers."""
        return {
            "job": self.id,
            "command": self.command,
            "status": self.status,
            "run_id": self.run_id,
            "started_by": self.by,
            "started_at": _iso(self.started_at),
            "finished_at": _iso(self.finished_at),
            "error": self.error,
            "result": self.result,
        }

    async def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Something has happened."""
        async with self.changed:  # a job is never over before its last event is there
            if kind == "stage":
                self.status, self.run_id = "running", str(facts.get("run_id"))
            elif kind in ("done", "failed"):
                self.status, self.finished_at = kind, datetime.now(timezone.utc)
                self.error = facts.get("error")
                self.result = facts if kind == "done" else None
            self.events.append((kind, facts))
            self.changed.notify_all()

    async def follow(self, after: int, heartbeat: float) -> AsyncIterator[tuple[int, str, Mapping[str, Any]] | None]:
        """What happens behind an event until the end; None where nothing has for a while.

        Of a job that is over the end is always told, even to one who says to have seen it, or more.
        """
        position = min(after, len(self.events) - self.is_over)
        while True:
            while position < len(self.events):
                kind, facts = self.events[position]
                position += 1
                yield position, kind, facts
            if self.is_over:
                return
            try:
                async with self.changed:
                    if position >= len(self.events):
                        await asyncio.wait_for(self.changed.wait(), heartbeat)
            except asyncio.TimeoutError:
                yield None


class Jobs:
    """The runs of a server; only the event loop may use it.

    Args:
        given: How the lake is opened.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_closing = False

    def get(self, name: str) -> Job | None:
        """A job by its id, or its run's."""
        return self._jobs.get(name) or next((job for job in self._jobs.values() if job.run_id == name), None)

    @property
    def running(self) -> Job | None:
        """The one that is not over yet."""
        return next((job for job in self._jobs.values() if not job.is_over), None)

    def start(self, command: str, arguments: Mapping[str, Any], by: str) -> Job:
        """Start a run.

        Raises:
            ProblemError: One is running.
        """
        if running := self.running:
            raise ProblemError(
                409, "run-in-progress", f"job {running.id} is still running: follow /v1/runs/{running.id}/events"
            )
        if self.is_closing:
            raise ProblemError(503, "closing", "the server is being stopped", {"Retry-After": "5"})
        job = Job(f"job-{new_run_id()}", command, arguments, by)
        self._jobs[job.id] = job
        while len(self._jobs) > _MOST_KNOWN:
            self._jobs.popitem(last=False)
        self._task = asyncio.get_running_loop().create_task(self._run(job))
        return job

    async def _run(self, job: Job) -> None:
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "clicklake.api.child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_MOST_LINE,
                start_new_session=True,  # ^C in the terminal is for the server, which passes it on
            )
            assert process.stdin and process.stdout
            wanted = {"lake": self._given, "command": job.command, "arguments": dict(job.arguments)}
            process.stdin.write(json.dumps(wanted).encode())
            process.stdin.close()
            async for line in process.stdout:
                told = json.loads(line)
                await job.note(told["event"], told["data"])
            code = await process.wait()
            if not job.is_over:
                why = "the server was stopped" if self.is_closing else f"the run's process has ended with {code}"
                await job.note("failed", {"error": f"{why}; run again, nothing is lost or doubled"})
        except Exception:
            logger.exception("job %s", job.id)
            if not job.is_over:
                await job.note("failed", {"error": "this is a fault of the server; its log says more"})
        finally:
            self._process = None

    async def close(self) -> None:
        """Stop what is running; the next run goes on where it was."""
        self.is_closing = True
        process, task = self._process, self._task
        if process and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _SECONDS_TO_STOP)
            except asyncio.TimeoutError:
                process.kill()
        if task:
            await asyncio.wait([task], timeout=_SECONDS_TO_STOP)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
