"""Command lines of the program as drivers of a cluster, beside the same ones with the engine in process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.points import VARIABLE

from spark.cluster.standalone import Standalone

TESTS = Path(__file__).parents[2]
LONGEST = 1800.0
"""Seconds after which a driver is taken for hung; the machines of CI are small."""


@dataclass
class Driver:
    """A command that runs.

    Args:
        process: Its process.
        output: Where stdout and stderr go.
    """

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def stdout(self) -> str:
        return (self.output / "out").read_text(errors="replace")

    @property
    def stderr(self) -> str:
        return (self.output / "err").read_text(errors="replace")

    def wait(self, code: int | None = 0) -> Driver:
        """Wait for its end, and for the right exit code."""
        try:
            found = self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert code is None or found == code, f"exit code {found}: {self.stderr[-3000:]}"
        return self

    def until(self, folder: Path, stage: str) -> None:
        """Wait until the run's log says that a stage begins.

        Args:
            folder: Where logs are.
            stage: Such as `refine`.
        """
        begun = time.monotonic()
        while not any('"event": "start"' in line and f'"stage": "{stage}"' in line for line in _lines(folder)):
            assert self.process.poll() is None, self.stderr
            assert time.monotonic() - begun < LONGEST
            time.sleep(0.1)


def _lines(folder: Path) -> list[str]:
    return [line for log in folder.glob("*.jsonl") for line in log.read_text(errors="replace").splitlines()]


class Site:
    """A cluster, a folder that all its machines see, and one that only the driver sees."""

    def __init__(self, cluster: Standalone, shared: Path, private: Path) -> None:
        self.cluster, self.shared, self._private = cluster, shared, private
        shared.mkdir(exist_ok=True)
        self._count = 0

    def spark(self, lake: Path, *argv: str, **more: Any) -> Driver:
        """Start a command whose engine is this cluster."""
        return self.start(lake, "--engine", "spark", *argv, **more)

    def start(
        self,
        lake: Path,
        *argv: str,
        faults: Mapping[str, object] | None = None,
        own_group: bool = False,
    ) -> Driver:
        """Start a command.

        Args:
            lake: The lake.
            *argv: What follows `clicklake --lake ...`.
            faults: Keys of `faults.points.install`.
            own_group: Whether it has a process group of its own, as in a terminal.
        """
        output = self._folder()
        settings = {"spark": {"master": self.cluster.url, "conf": dict(self.cluster.settings())}}
        (output / "clicklake.yaml").write_text(
            json.dumps({**settings, "logs": {"directory": str(lake.parent / "logs")}})
        )
        command = [sys.executable, "-m", "faults.driver", "--lake", str(lake), *argv]
        return self._run(command, output, {VARIABLE: json.dumps(dict(faults or {}))}, own_group)

    def submit(self, lake: Path, *argv: str) -> Driver:
        """Start a command by spark-submit, as platforms do; the settings name a master that is none."""
        import pyspark

        output = self._folder()
        (output / "clicklake.yaml").write_text(
            json.dumps({"spark": {"master": "spark://127.0.0.1:1"}, "logs": {"directory": str(lake.parent / "logs")}})
        )
        job = output / "job.py"
        job.write_text("from clicklake.spark_job import main\nmain()\n")
        conf = [part for name, value in self.cluster.settings().items() for part in ("--conf", f"{name}={value}")]
        submit = str(Path(pyspark.__file__).parent / "bin" / "spark-submit")
        command = [submit, "--master", self.cluster.url, *conf, str(job), "--lake", str(lake), *argv]
        return self._run(command, output, {"PYSPARK_PYTHON": sys.executable})

    def _folder(self) -> Path:
        self._count += 1
        output = self._private / f"run{self._count}"
        output.mkdir()
        return output

    def _run(self, command: Sequence[str], output: Path, more: Mapping[str, str], own_group: bool = False) -> Driver:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._private),
            "TMPDIR": str(self._private / "tmp"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join([str(TESTS), self.cluster.python_path]),
            **more,
        }
        if java := os.environ.get("JAVA_HOME"):
            environment["JAVA_HOME"] = java
        with open(output / "out", "wb") as out, open(output / "err", "wb") as err:
            process = subprocess.Popen(
                command, cwd=output, env=environment, stdout=out, stderr=err, start_new_session=own_group
            )
        return Driver(process, output)


def interrupt(driver: Driver) -> None:
    """^C in the terminal of a driver with a process group of its own: all its processes get it."""
    os.killpg(driver.process.pid, signal.SIGINT)


def members(group: int) -> list[int]:
    """The processes of a session that are still there."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(parts[3]) == group and parts[0] != "Z":
            found.append(int(status.parent.name))
    return found
