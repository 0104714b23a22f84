"""Measure both engines and a script: `python -m benchmarks.engines`; adds its section to docs/performance.md.

The same click events go into an empty lake with the embedded engine, with Spark, and through a PySpark script that
writes the same tables as Parquet. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import peers, report
from benchmarks.data import clicks
from benchmarks.goals import Verdict
from benchmarks.measure import DEFAULT_WORK, cores, load_average, machine, say, warm
from benchmarks.own import Lake

SIZES = (2_000_000, 20_000_000)
MEMORY = "6GB"
"""Of Spark, in both programs that use it."""

CORES = (4, 8, 16, 32, 64, 128)
_EMBEDDED, _SPARK, _SCRIPT = "clicklake, DuckDB", "clicklake, Spark", "PySpark script"
_ENVIRONMENTS: Mapping[str, dict[str, str]] = {
    _EMBEDDED: {},
    _SPARK: {"CLICKLAKE_ENGINE": "spark", "CLICKLAKE_SPARK__MEMORY": MEMORY, "SPARK_LOCAL_IP": "127.0.0.1"},
}

_METHOD = """\
From the file to all tables, whole processes with their start, each on all cores. The script writes bronze, silver,
quarantine, dimensions and facts as Parquet; clicklake does that too, and names each duplicate, keeps the ledger, builds
the marts, checks everything and publishes. Reports are left out."""

_SLOPES = """\
With a fixed part and a part by the row, {what}. Were Spark's part by the row shared evenly by more cores of this kind,
and the embedded engine on the {cores} cores of this machine:"""

_AGAIN = """\
Measure again: `make bench-engines`, with `ARGS="--rows N N"` for other sizes."""


@dataclass
class Times:
    """Wall seconds by program, each repetition."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, program: str, seconds: float) -> None:
        """Note a repetition."""
        self.seconds.setdefault(program, []).append(seconds)

    def median(self, program: str) -> float:
        """Of all repetitions."""
        return statistics.median(self.seconds[program])


@dataclass(frozen=True)
class Line:
    """Seconds as a straight line over rows: `fixed + slope x rows`."""

    fixed: float
    slope: float

    @classmethod
    def through(cls, times: Mapping[int, float]) -> Line:
        """The line through two measurements."""
        (few, short), (many, long) = sorted(times.items())
        slope = (long - short) / (many - few)
        return cls(short - slope * few, slope)

    def on(self, factor: float) -> Line:
        """The part by the row shared by so many times as many cores."""
        return Line(self.fixed, self.slope / factor)

    def reaches(self, other: Line) -> float | None:
        """Rows from which this one takes less time than another; None where that never comes."""
        if self.slope >= other.slope:
            return None
        return max(0.0, (self.fixed - other.fixed) / (other.slope - self.slope))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where a goal is missed."""
    options = parse(arguments)
    work = options.work.expanduser().absolute()
    load = load_average()
    found = {rows: measure(work, rows, options.repeat) for rows in options.rows}
    verdicts = judge(found)
    text = document(found, load, verdicts)
    print(text)
    report.keep(options.output, "benchmarks.engines", "make bench-engines", text)
    say(f"kept in {options.output}")
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=SIZES, help="click events, a smaller and a larger number")
    parser.add_argument("--repeat", type=int, default=2, help="repetitions; medians are shown")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for data and lakes")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    return parser.parse_args(arguments)


def measure(work: Path, rows: int, repeat: int) -> Times:
    """All programs, one after the other, in each repetition.

    Raises:
        SkippedError: The script can't be run here.
    """
    data, times = clicks(work, rows), Times()
    python = peers.python_for(peers.PYSPARK, work, Path(sys.executable))
    warm(data.file)
    for number in range(1, repeat + 1):
        say(f"{rows:,} rows, repetition {number} of {repeat}")
        for program, environment in _ENVIRONMENTS.items():
            lake = Lake(work / "runs" / "engines", environment)
            times.add(program, lake.run(data.file).seconds)
            lake.delete()
        outcome = peers.Outcome(_SCRIPT)
        peers.measure(peers.PYSPARK, python, data.file, work / "runs" / "script", outcome)
        if outcome.skipped:
            raise peers.SkippedError(outcome.skipped)
        times.add(_SCRIPT, outcome.costs[-1].seconds - outcome.seconds["reports"])
    return times


def judge(found: Mapping[int, Times]) -> list[Verdict]:
    """The goals, and whether they are met."""
    return [
        Verdict("clicklake on Spark against the script", rows, t.median(_SPARK) / t.median(_SCRIPT), 1.0, "x", True)
        for rows, t in found.items()
    ]


def document(found: Mapping[int, Times], load: float, verdicts: Sequence[Verdict]) -> str:
    """What was measured, the answer first."""
    programs = (_EMBEDDED, _SPARK, _SCRIPT)
    rows = [
        [f"{program}, {size:,} rows", f"{times.median(program):.1f} s", f"{size / times.median(program):,.0f}"]
        for size, times in found.items()
        for program in programs
    ]
    lines = {program: Line.through({size: t.median(program) for size, t in found.items()}) for program in programs}
    told = "; ".join(f"{name}: {line.fixed:.1f} s + {1e6 * line.slope:.2f} s a million" for name, line in lines.items())
    wins = [[f"{n}", _rows(lines[_SPARK].on(n / cores()).reaches(lines[_EMBEDDED]))] for n in CORES]
    parts = [
        "## Both engines, and a script",
        report.goals(verdicts),
        report.quiet(load),
        _METHOD,
        report.table(["Program", "Wall", "Rows a second"], rows),
        _SLOPES.format(what=told, cores=cores()),
        report.table(["Cores of the cluster", "Spark takes less time from"], wins),
        report.machine(machine(), []),
        _AGAIN,
    ]
    return "\n\n".join(part for part in parts if part)


def _rows(number: float | None) -> str:
    return "never" if number is None else f"{number:,.0f} rows"


if __name__ == "__main__":
    sys.exit(main())
