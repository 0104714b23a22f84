"""Measure increments: `python -m benchmarks.increment`; adds its section to docs/performance.md.

One day of events goes into an empty lake, and into a lake that holds a year. Then many small increments go into one
lake, one after the other. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.data import Clicks, day, history
from benchmarks.goals import Verdict
from benchmarks.measure import DEFAULT_WORK, HERE, Cost, load_average, machine, run, say, warm
from benchmarks.own import Lake

HISTORY_ROWS, DAY_ROWS, MANY, MANY_ROWS = 18_000_000, 50_000, 1000, 1000
_DAY_FACTOR, _DAY_SECONDS, _MANY_FACTOR, _ENDS = 2.0, 2.0, 1.5, 10

_METHOD = """\
{rows:,} generated events of a year go into a lake by one `clicklake run`. Then comes the next day: {day:,} events of
the same people about the same products, by one `clicklake run` into that lake, and one into an empty lake: two whole
processes, each with everything from the CSV to the release. The files are in the page cache."""

_STAGES = """\
Read and written is what the process moved in each stage, whatever file it was, as the operating system counts it:
logs of tables, and the columns that are scanned to find duplicates and affected keys, are in it. Rows written are those
in new files. What grows with the history are these scans, the files of small tables that are written whole
(`gold.dim_users`), and nothing else."""

_MANY = """\
{many:,} increments of {rows:,} events each into one lake, in one process, small files being put together on the way.
The first {ends} took {first} each (median), the last {ends} {last}, the slowest of all {slowest}."""

_AGAIN = """\
Measure again: `make bench-increment`, with `ARGS="--rows N --day N --many N"` for other sizes; `--many 0` leaves the
many increments out."""


@dataclass(frozen=True)
class Day:
    """The run of a day's events, and its stages as `ops.runs` has them."""

    cost: Cost
    stages: list[dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where a goal is missed."""
    options = parse(arguments)
    work = options.work.expanduser().absolute()
    load = load_average()
    empty, on_history, year = measure_day(work, options.rows, options.day)
    many = measure_many(work, options.many, MANY_ROWS) if options.many else []
    verdicts = judge(options.rows, empty.cost, on_history.cost, many)
    text = document(options, load, year, empty, on_history, many, verdicts)
    print(text)
    report.keep(options.output, "benchmarks.increment", "make bench-increment", text)
    say(f"kept in {options.output}")
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.increment", description=__doc__)
    parser.add_argument("--rows", type=int, default=HISTORY_ROWS, help="events of the year")
    parser.add_argument("--day", type=int, default=DAY_ROWS, help="events of the day")
    parser.add_argument("--many", type=int, default=MANY, help=f"increments of {MANY_ROWS:,} events; 0: none")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for data and lakes")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    return parser.parse_args(arguments)


def measure_day(work: Path, rows: int, day_rows: int) -> tuple[Day, Day, Cost]:
    """The day on an empty lake, the day on the year, and the year itself."""
    data, next_day = history(work, rows), day(work, day_rows, rows)
    say("the day on an empty lake")
    lake = Lake(work / "runs" / "day")
    empty = _day(lake, next_day)
    lake.delete()
    say(f"a year of {rows:,} events")
    lake = Lake(work / "runs" / "year")
    warm(data.file)
    year = lake.run(data.file)
    say("the day on the year")
    on_history = _day(lake, next_day)
    lake.delete()
    return empty, on_history, year


def _day(lake: Lake, data: Clicks) -> Day:
    warm(data.file)
    return Day(lake.run(data.file), lake.last_run())


def measure_many(work: Path, count: int, rows: int) -> list[float]:
    """Seconds of each of many increments."""
    say(f"{count:,} increments of {rows:,} events")
    folder = work / "runs" / "many"
    shutil.rmtree(folder, ignore_errors=True)
    out = folder / "seconds.json"
    script = [sys.executable, HERE / "own_increments.py", folder / "lake", folder / "data", f"{count}", f"{rows}", out]
    run(script, log=folder / "log.txt")
    seconds = [float(taken) for taken in json.loads(out.read_text())]
    shutil.rmtree(folder)
    return seconds


def judge(rows: int, empty: Cost, on_history: Cost, many: Sequence[float]) -> list[Verdict]:
    """The goals, and whether they are met."""
    limit = _DAY_FACTOR * empty.seconds + _DAY_SECONDS
    what = f"a day on the year, at most {_DAY_FACTOR:.0f} x the day on an empty lake and {_DAY_SECONDS:.0f} s"
    verdicts = [Verdict(what, rows, on_history.seconds, limit, "s", True)]
    if many:
        first, last = _ends(many)
        what = f"the last {_ENDS} of {len(many):,} small increments against the first {_ENDS}"
        verdicts.append(Verdict(what, None, last / first, _MANY_FACTOR, "x", True))
    return verdicts


def _ends(many: Sequence[float]) -> tuple[float, float]:
    return statistics.median(many[:_ENDS]), statistics.median(many[-_ENDS:])


def document(
    options: argparse.Namespace,
    load: float,
    year: Cost,
    empty: Day,
    on_history: Day,
    many: Sequence[float],
    verdicts: Sequence[Verdict],
) -> str:
    """What was measured, the answer first."""
    processes = [
        report.process("The year", year),
        report.process("The day on an empty lake", empty.cost),
        report.process("The day on the year", on_history.cost),
    ]
    parts = [
        "## Increments",
        report.goals(verdicts),
        report.quiet(load),
        _METHOD.format(rows=options.rows, day=options.day),
        report.table(["Process", "Wall", "CPU", "Peak memory"], processes),
        stages(empty.stages, on_history.stages),
        _STAGES,
        _told_of_many(many),
        report.machine(machine(), []),
        _AGAIN,
    ]
    return "\n\n".join(part for part in parts if part)


def stages(empty: Sequence[Mapping[str, Any]], on_history: Sequence[Mapping[str, Any]]) -> str:
    """Each stage of the day: on an empty lake / on the year."""
    other = {_name(row): row for row in empty}
    rows = [
        [
            _name(row),
            *(_pair(other.get(_name(row), {}), row, column, unit) for column, unit in _COLUMNS.items()),
            str(row["reason"] or ""),
        ]
        for row in on_history
    ]
    headers = ["On an empty lake / on the year", "Seconds", "Rows in", "Rows written", "MB read", "MB written"]
    return report.table([*headers, "What was done"], rows)


_COLUMNS = {"seconds": "s", "rows_in": "", "rows_out": "", "read_bytes": "MB", "written_bytes": "MB"}


def _pair(empty: Mapping[str, Any], on_history: Mapping[str, Any], column: str, unit: str) -> str:
    return " / ".join(_cell(row.get(column), unit) for row in (empty, on_history))


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "MB":
        return f"{value / 1e6:,.1f}"
    return f"{value:.2f}" if unit else f"{value:,}"


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['stage']} {row['target'] or ''}".strip()


def _told_of_many(many: Sequence[float]) -> str:
    if not many:
        return ""
    first, last = (f"{seconds:.2f} s" for seconds in _ends(many))
    slowest = f"{max(many):.2f} s"
    return _MANY.format(many=len(many), rows=MANY_ROWS, ends=_ENDS, first=first, last=last, slowest=slowest)


if __name__ == "__main__":
    sys.exit(main())
