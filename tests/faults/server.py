"""Forks runs for a test process, which itself has engines and can't be forked: one JSON object a line, in and out."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.process import TESTS, start, wait, warm_up


@dataclass(frozen=True)
class Run:
    """A run that is wanted.

    Args:
        argv: What follows `clicklake`.
        faults: Keys of `points.install`.
        signal: What it gets, and after how many seconds.
    """

    argv: Sequence[str]
    faults: Mapping[str, object] = field(default_factory=dict)
    signal: tuple[int, float] | None = None


@dataclass(frozen=True)
class Ended:
    """What came of it."""

    code: int
    stdout: str
    stderr: str


class Server:
    """Runs started in a clean process.

    Args:
        python_path: Where it finds its modules.
        variables: What its environment has beside.
    """

    def __init__(self, python_path: str, variables: Mapping[str, str] | None = None) -> None:
        environment = {"PYTHONPATH": python_path, "OPENBLAS_NUM_THREADS": "1", "PATH": os.environ.get("PATH", "")}
        environment |= variables or {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.server"],
            cwd=TESTS,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, folder: Path, *runs: Run) -> list[Ended]:
        """Start runs at the same time and wait for all of them."""
        assert self._process.stdin and self._process.stdout
        wanted = [{"argv": list(run.argv), "faults": dict(run.faults), "signal": run.signal} for run in runs]
        self._process.stdin.write(json.dumps({"folder": str(folder), "runs": wanted}) + "\n")
        self._process.stdin.flush()
        return [Ended(**answer) for answer in json.loads(self._process.stdout.readline())]

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def _serve() -> None:
    warm_up()
    for line in sys.stdin:
        wanted = json.loads(line)
        folder = Path(wanted["folder"])
        processes = [
            start(run["argv"], folder, run["faults"], name=f"run{number}") for number, run in enumerate(wanted["runs"])
        ]
        for run, process in zip(wanted["runs"], processes, strict=True):
            if run["signal"]:
                number, after = run["signal"]
                time.sleep(max(0.0, process.started + after - time.monotonic()))
                with contextlib.suppress(ProcessLookupError):
                    if not process.poll():
                        os.kill(process.pid, number)
        wait(*processes)
        answers = [{"code": p.code, "stdout": p.stdout, "stderr": p.stderr} for p in processes]
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C in a terminal ends the tests, which close this process
    _serve()
