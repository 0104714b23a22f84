"""Processes measured as wholes, and facts about the machine.

The process that measures uses the standard library only and stays small: a child starts as a copy of its parent, so
that a large parent would show in the child's peak of memory.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path

DEFAULT_WORK = Path.home() / ".cache" / "clicklake-benchmarks"
HERE = Path(__file__).parent
CLICKLAKE = str(Path(sys.executable).with_name("clicklake"))
_TAIL = 2000


class FailedError(Exception):
    """A process that was to be measured ended badly."""


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Args:
        seconds: Wall time.
        cpu_seconds: User and system time, of all its threads and of the processes that it waited for.
        peak_bytes: Largest resident set; of several processes that of the largest.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: float

    def __add__(self, later: Cost) -> Cost:
        """Two processes, one after the other."""
        peak = max(self.peak_bytes, later.peak_bytes)
        return Cost(self.seconds + later.seconds, self.cpu_seconds + later.cpu_seconds, peak)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each number."""
    return Cost(*(statistics.median(getattr(cost, item.name) for cost in costs) for item in fields(Cost)))


def run(command: Sequence[str | Path], *, log: Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a process and measure it.

    Args:
        command: The program and its arguments.
        log: Gets what it prints; its folder is the working directory.
        environment: Variables to set for it.

    Raises:
        FailedError: It ended with another code than 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={**_plain_environment(), **(environment or {})},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_bytes()[-_TAIL:].decode(errors="replace").strip()
        raise FailedError(f"{Path(command[0]).name} ended with {process.returncode}: {tail}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def output(command: Sequence[str | Path], folder: Path) -> str:
    """What a process prints; it is not measured.

    Raises:
        FailedError: It ended with another code than 0.
    """
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=_plain_environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise FailedError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-_TAIL:].strip()}")
    return done.stdout


def warm(file: Path) -> None:
    """Read a file, so that whoever reads it next finds it in memory and nobody pays for the disk."""
    buffer = bytearray(1 << 20)
    with file.open("rb", buffering=0) as stream:
        while stream.readinto(buffer):
            pass


def data_bytes(folder: Path) -> int:
    """Bytes of the Parquet files of a table, or of all tables below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*.parquet") if "_delta_log" not in file.parts)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_average() -> float:
    """Processes that wanted a core in the last minute; on a quiet machine nearly 0."""
    return os.getloadavg()[0]


def machine() -> dict[str, str]:
    """What the numbers depend on; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    facts = {
        "Cores": f"{cores()}",
        "Processor": _processor(),
        "Memory": f"{memory:.0f} GiB",
        "System": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for package in ("clicklake", "duckdb", "deltalake", "pyarrow"):
        facts[package] = metadata.version(package)
    return facts


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def _plain_environment() -> dict[str, str]:
    """Ours without the settings of the person who measures."""
    # Who installs a package has its bytecode; without it each process compiles its modules anew.
    left_out = ("CLICKLAKE_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
