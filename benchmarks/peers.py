"""The peers: programs that do the same work with other engines, each in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import HERE, Cost, FailedError, cores, run
from benchmarks.own import JOURNEY_ROWS

_OLDEST_JAVA = 17


class SkippedError(Exception):
    """A peer can't be measured here."""


@dataclass(frozen=True)
class Peer:
    """How a peer is installed and called.

    Args:
        name: For people.
        package: What must be importable.
        requirement: What to install.
        needs_java: Whether it needs Java.
    """

    name: str
    package: str
    requirement: str
    needs_java: bool = False

    @property
    def script(self) -> Path:
        """The program."""
        return HERE / f"peer_{self.package}.py"


POLARS = Peer("Polars", "polars", "polars==2.1.0")
PYSPARK = Peer("PySpark", "pyspark", "pyspark==4.2.0", needs_java=True)
PEERS = (POLARS, PYSPARK)


@dataclass
class Outcome:
    """What a peer took and answered.

    Args:
        name: The peer.
        skipped: Why it was not measured, or could not be measured to the end.
        costs: One a repetition.
        version: What ran.
        seconds: Of the last repetition, by what was done.
        fates: What became of the rows.
        answers: Rows by report.
    """

    name: str
    skipped: str | None = None
    costs: list[Cost] = field(default_factory=list)
    version: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    fates: dict[str, int] = field(default_factory=dict)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def measure(peer: Peer, python: Path, clicks: Path, folder: Path, outcome: Outcome) -> None:
    """Run a peer once on a file of click events; its tables are deleted afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    out = folder / "tables"
    spark = [str(cores())] if peer.needs_java else []
    command = [python, peer.script, clicks, out, *spark, str(JOURNEY_ROWS)]
    try:
        cost = run(command, log=folder / "log.txt", environment={"SPARK_LOCAL_IP": "127.0.0.1"})
    except FailedError as error:
        print(error, file=sys.stderr)
        outcome.skipped = "it failed, perhaps for want of memory"
        return
    result = json.loads((out / "result.json").read_text())
    outcome.costs.append(cost)
    outcome.version, outcome.seconds = result["version"], result["seconds"]
    outcome.fates, outcome.answers = result["fates"], result["reports"]
    shutil.rmtree(folder, ignore_errors=True)


def python_for(peer: Peer, work: Path, given: Path | None) -> Path:
    """A Python that can import a peer's package; an environment is made in the work folder where none is given.

    Raises:
        SkippedError: It can't be had.
    """
    if peer.needs_java:
        _require_java()
    if given:
        if not _imports(given, peer.package):
            raise SkippedError(f"the Python that was named has no {peer.package}")
        return given
    folder = work / "environments" / peer.requirement
    python = folder / "bin" / "python"
    if not _imports(python, peer.package):
        _install(folder, python, peer.requirement)
    return python


def _install(folder: Path, python: Path, requirement: str) -> None:
    print(f"installing {requirement}", file=sys.stderr)
    steps: Sequence[list[str]] = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            print(done.stderr.strip(), file=sys.stderr)
            raise SkippedError(f"{requirement} could not be installed")


def _imports(python: Path, package: str) -> bool:
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", f"import {package}"], capture_output=True).returncode == 0


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        raise SkippedError("there is no Java")
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', told)
    if not version or int(version.group(1)) < _OLDEST_JAVA:
        raise SkippedError(f"Java is older than {_OLDEST_JAVA}")
