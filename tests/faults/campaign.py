"""Cases: a lake goes through a scenario and is killed on the way; in the end it must be the lake that never was.

A case is made from two numbers, the campaign's seed and its own. Kills at named points and after failures come
again exactly; kills at a moment come at about the same time.
"""

from __future__ import annotations

import os
import random
import shutil
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from faults.audit import Findings, compare, examine
from faults.process import Process, exec_run, in_child, start, wait
from faults.scenario import Scenario, Step, make

BUCKETS = "FAULTS_BUCKETS"
"""Environment variable: the folder whose folders an S3 server has for buckets; then lakes are reached through it."""

CONFLICT = ("another writer committed first", "another run", "other writers", "commits of other writers")


@dataclass
class Undisturbed:
    """A scenario's lake that nothing happened to.

    Args:
        scenario: Its files and steps.
        found: What the lake holds in the end, and what is wrong with it.
        points: Names of the points that each step passes, in order.
        seconds: What each step takes.
    """

    scenario: Scenario
    found: Findings
    points: list[list[str]]
    seconds: list[float]


@dataclass
class Result:
    """What came of a case.

    Args:
        number: The case.
        kills: Times that it was killed.
        story: What happened, a line each.
        found: What is wrong with the lake in the end.
        unreached: Points where a kill was wanted, but that no run came to any more.
        failed: Runs that ended otherwise than by a kill or with their exit code, and what they said.
    """

    number: int
    kills: int = 0
    story: list[str] = field(default_factory=list)
    found: Findings = field(default_factory=Findings)
    failed: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """All that went wrong."""
        return [*self.failed, *self.found.faults()]


def undisturbed(folder: Path, seed: int, only: slice = slice(None)) -> Undisturbed:
    """Take a lake through a scenario, or some steps of it, in peace, and look at it."""
    shutil.rmtree(folder, ignore_errors=True)
    scenario = make(folder / "input", seed)
    scenario.steps = scenario.steps[only]
    if BUCKETS in os.environ:  # lakes on an object store are not backed up
        scenario.steps = [step for step in scenario.steps if step.argv[0] not in ("backup", "restore-backup")]
    points, seconds = [], []
    for number, step in enumerate(scenario.steps):
        trace = folder / f"points-{number}"
        trace.touch()
        process = start(_command(step, folder), folder, {"trace": str(trace)})
        wait(process)
        if problem := _problem(process, step, is_alone=True):
            raise RuntimeError(f"step {step.name!r} without any fault: {problem}")
        points.append(trace.read_text().splitlines())
        seconds.append(process.seconds)
    found: Findings = in_child(lambda: examine(folder / "lake"))
    return Undisturbed(scenario, found, points, seconds)


class Case:
    """One lake and what happens to it."""

    def __init__(self, folder: Path, calm: Undisturbed, seed: int, number: int) -> None:
        self.folder, self.calm, self.result = folder, calm, Result(number)
        self.rng = random.Random(f"{seed}/{number}")
        shutil.rmtree(folder, ignore_errors=True)

    def run(self, kills_a_step: int = 6) -> Result:
        """Go through the scenario with kills, finish, and compare.

        Args:
            kills_a_step: Attempts to kill each step, at the most.
        """
        open_steps: list[int] = []
        for number, step in enumerate(self.calm.scenario.steps):
            for _ in range(self.rng.randint(1, kills_a_step)):
                if self._attempt(number):
                    break  # it was faster than the kill: nothing is left to be killed
            may_wait = step.any_order and number + 1 < len(self.calm.scenario.steps)
            if may_wait and self.rng.random() < 0.25:
                self.result.story.append(f"{step.name}: left as it is")
                open_steps.append(number)
                continue
            for late in [*open_steps, number]:
                self._finish(late)
            open_steps = []
        self.look()
        return self.result

    def each_point(self, *, thorough: bool) -> Result:
        """Kill each step at each of its points, in order: what a kill left is where the next run starts.

        Args:
            thorough: Every point; else every moment between two commits, and those inside one of some tables.
        """
        waiting = self.folder / "waiting"
        waiting.parent.mkdir(parents=True, exist_ok=True)
        for number, points in enumerate(self.calm.points):
            names = [name for name in dict.fromkeys(points) if thorough or _is_chosen(name, is_new=number == 0)]
            waiting.write_text("".join(f"{name}\n" for name in names))
            while len(self.result.failed) < 10:
                left = waiting.read_text().splitlines()
                process = self._start(number, "run", {"kill_each": str(waiting)})
                wait(process)
                came = set(left) - set(waiting.read_text().splitlines())
                self._judge(process, number, f"{', '.join(came) or 'to the end'}", is_alone=True)
                if not process.killed:
                    break
            self.result.unreached += left
        self.look()
        return self.result

    def look(self) -> None:
        """Compare the lake with the one that nothing happened to."""
        lake, calm = self.folder / "lake", self.calm.found

        def look() -> Findings:
            found = examine(lake)
            compare(found, calm.content)
            found.wrong = [item for item in found.wrong if item not in calm.wrong]
            return found

        self.result.found = in_child(look)

    def _attempt(self, number: int) -> bool:
        """Start a step to be killed; whether it came to its end."""
        if self.rng.random() < 0.25:
            plans = [self._plan(number), self._plan(number)]
            workers = [self._start(number, f"worker{index}", *plan) for index, plan in enumerate(plans)]
            wait(*workers)
            for worker, plan in zip(workers, plans, strict=True):
                self._judge(worker, number, f"one of two, {_told(plan)}", is_alone=False)
            return not any(worker.killed for worker in workers)
        plan = self._plan(number)
        whole_interpreter = self.rng.random() < 0.02
        worker = self._start(number, "exec" if whole_interpreter else "run", *plan)
        wait(worker)
        self._judge(worker, number, _told(plan), is_alone=True)
        return not worker.killed

    def _plan(self, number: int) -> tuple[dict[str, object], float | None]:
        """Where to be killed: half of the time at a point, half at a moment."""
        if self.rng.random() < 0.5:
            return {"kill": self.rng.randrange(max(1, len(self.calm.points[number])))}, None
        return {}, self.rng.uniform(0.02, 1.1 * self.calm.seconds[number])

    def _start(
        self, number: int, name: str, faults: dict[str, object] | None = None, after: float | None = None
    ) -> Process:
        command = _command(self.calm.scenario.steps[number], self.folder)
        if name == "exec":
            return exec_run(command, self.folder, faults, None if after is None else after + 0.8)
        return start(command, self.folder, faults, after, name)

    def _judge(self, process: Process, number: int, plan: str, *, is_alone: bool) -> None:
        step = self.calm.scenario.steps[number]
        self.result.kills += process.killed and not process.hung
        end = "killed" if process.killed else f"exit {process.code}"
        self.result.story.append(f"{step.name}: {plan}: {end} after {process.seconds:.2f} s")
        if problem := _problem(process, step, is_alone=is_alone):
            self.result.failed.append(f"{step.name}: {plan}: {problem}")

    def _finish(self, number: int) -> None:
        """Run a step to its end, sometimes twice at once."""
        if self.rng.random() < 0.2:
            pair = [self._start(number, f"worker{index}") for index in range(2)]
            wait(*pair)
            for process in pair:
                self._judge(process, number, "two at once", is_alone=False)
        process = self._start(number, "run")
        wait(process)
        self._judge(process, number, "to the end", is_alone=True)


def campaign(
    folder: Path, seed: int, numbers: Iterator[int], kills: int, seconds: float = float("inf")
) -> Iterator[Result]:
    """Cases until so many kills were made or so much time is gone; each tenth case gets new input."""
    made, end = 0, time.monotonic() + seconds
    calm: tuple[int, Undisturbed] | None = None
    while made < kills and time.monotonic() < end:
        number = next(numbers)
        group = seed * 1000 + number // 10
        if calm is None or calm[0] != group:
            calm = group, undisturbed(folder / "undisturbed", group)
            if faults := calm[1].found.faults():  # no kill is to blame for these
                yield Result(number, story=[f"input {group}, without any kill"], failed=faults)
        result = Case(folder / f"case-{number}", calm[1], seed, number).run()
        made += result.kills
        if not result.faults():
            shutil.rmtree(folder / f"case-{number}")
        yield result


def _is_chosen(point: str, *, is_new: bool) -> bool:
    """The points of the short form: between all commits of a new lake, and those of silver in an increment."""
    kind, table, moment = point.split(":")
    if not is_new and not table.startswith("silver."):
        return False
    inside = table in ("?", "bronze.web_events", "silver.quarantine", "silver.events", "ops.ledger", "gold.dim_users")
    return (kind == "commit" and moment == "after") or (kind in ("file", "commit") and moment == "before" and inside)


def _command(step: Step, folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "settings" / f"{zlib.crc32(step.settings.encode()):08x}.yaml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(step.settings)
    return [*step.argv, "--lake", lake_of(folder), "--config", str(config)]


def lake_of(folder: Path) -> str:
    """The lake in a folder, as the program is told of it: its path, or its URL where a server keeps buckets there."""
    buckets = os.environ.get(BUCKETS)
    return str(folder / "lake") if buckets is None else f"s3://{(folder / 'lake').relative_to(buckets)}"


def _problem(process: Process, step: Step, *, is_alone: bool) -> str | None:
    """What is wrong with how a run ended; None where nothing is."""
    if process.hung:
        return "it hung"
    if process.killed:
        return None
    told = process.stderr
    is_beaten = not is_alone and process.code == 1 and any(text in told for text in CONFLICT)
    if "Traceback" in told or "fault of clicklake" in told or "panicked" in told:
        return f"exit {process.code}: {told.strip()[-1500:]}"
    if process.code != step.code and not is_beaten:
        return f"exit {process.code} and not {step.code}: {told.strip()[-1500:]}"
    return None


def _told(plan: tuple[dict[str, object], float | None]) -> str:
    faults, after = plan
    return f"to be killed at point {faults['kill']}" if after is None else f"to be killed after {after:.3f} s"
