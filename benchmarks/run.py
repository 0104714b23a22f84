"""Measure clicklake against the floor and its peers: `python -m benchmarks.run`; writes docs/performance.md.

All of one run works on the same generated files. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import commerce, goals, increment, report
from benchmarks.data import clicks
from benchmarks.measure import DEFAULT_WORK, HERE, cores, load_average, machine, run, say, warm
from benchmarks.own import Lake, help_seconds
from benchmarks.peers import PEERS, Outcome, Peer, SkippedError, measure, python_for
from benchmarks.result import Result

_ROWS = (2_000_000, 20_000_000)
_WARM_UP_ROWS = 10_000

_METHOD = """\
What is measured, on the same generated file (`clicklake generate`: seeded, 2 % duplicates, 0.9 % faulty records):

- *The floor*: one parallel `COPY` of the CSV to Parquet by DuckDB, all columns as text, in a process of its own.
  No lakehouse can be cheaper: it would have to read the file and write its rows too.
- *clicklake*: `clicklake run click_events=FILE` into an empty lake (bronze, silver, quarantine, the star schema, the
  ledger, the checks, the release), then `clicklake report --all{limit} --out DIR`, two whole processes.
- *The peers*: one script with lazy Polars and one with PySpark on {cores} cores, as their users would write them, with
  Parquet: bronze, silver, quarantine, the same dimensions and fact, the same reports. They have no ledger, no checks,
  no transactions, and can't take a second file. Each runs as one whole process.

Wall time is that of the process from its start to its end, CPU time user and system time of all its threads, peak
memory the largest resident set of a process; GB is 10^9 bytes. The files are in the page cache, and everything ran
once on {warm_up:,} rows before.{repeat}"""

_AGAIN = """\
### Measure again

    make bench                              # {rows} rows, with the peers, the increments, and orders beside clicks
    make bench ARGS="--rows 2000000 --no-peers --repeat 3"
    make bench-increment                    # a day on a year of 18,000,000 events, and 1,000 small increments
    make bench-commerce                     # 2,000,000 clicks with 500,000 order lines against the clicks alone
    make bench-large ARGS="--small-disk"    # 200,000,000 rows

`--work DIR` says where the data, the lakes and the peers' environments go (they are kept there for the next time).
PySpark needs Java 17 or newer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where the programs disagree."""
    options = parse(arguments)
    work = options.work.expanduser().absolute()
    pythons, skipped = find_peers(options, work) if options.peers else ({}, [])
    load = load_average()
    say(f"warming up on {_WARM_UP_ROWS:,} rows")
    measure_size(_WARM_UP_ROWS, work, pythons, [], 1, options.report_limit)
    seconds_of_help = help_seconds(work / "logs")
    results = [
        measure_size(rows, work, pythons, skipped, options.repeat, options.report_limit) for rows in options.rows
    ]
    results[0].load = max(results[0].load, load)
    text = document(results, seconds_of_help, options)
    print(text)
    report.keep(options.output, "benchmarks.run", "make bench", text)
    say(f"kept in {options.output}")
    if options.increment_rows:
        increment.main(["--rows", f"{options.increment_rows}", "--work", f"{work}", "--output", f"{options.output}"])
    if options.commerce:
        commerce.main(["--work", f"{work}", "--output", f"{options.output}"])
    return 1 if any(result.disagreements() for result in results) else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--rows", type=int, action="append", help="records; several sizes are measured in turn")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for data, lakes and environments")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--repeat", type=int, default=1, help="repetitions; medians are shown")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    parser.add_argument(
        "--increment-rows", type=int, default=increment.HISTORY_ROWS, help="events of a year; 0: no increments"
    )
    parser.add_argument("--commerce", action=argparse.BooleanOptionalAction, default=True, help="orders beside clicks")
    parser.add_argument("--report-limit", type=int, default=0, help="rows of a report at the most; 0: its own limit")
    for peer in PEERS:
        parser.add_argument(f"--{peer.package}-python", type=Path, help=f"a Python that has {peer.requirement}")
    options = parser.parse_args(arguments)
    options.rows = options.rows or list(_ROWS)
    return options


def find_peers(options: argparse.Namespace, work: Path) -> tuple[dict[Peer, Path], list[Outcome]]:
    """The peers that can be measured with their Pythons, and the others with the reason."""
    pythons, skipped = {}, []
    for peer in PEERS:
        try:
            pythons[peer] = python_for(peer, work, getattr(options, f"{peer.package}_python"))
        except SkippedError as error:
            say(f"{peer.name} is skipped: {error}")
            skipped.append(Outcome(peer.name, skipped=str(error)))
    return pythons, skipped


def measure_size(
    rows: int, work: Path, pythons: dict[Peer, Path], skipped: Sequence[Outcome], repeat: int, limit: int
) -> Result:
    """Everything at one size; in each repetition one after the other."""
    data = clicks(work, rows)
    result = Result(rows, data.bytes, [data.truth], load_average())
    outcomes = {peer: Outcome(peer.name) for peer in pythons}
    result.peers = [*outcomes.values(), *skipped]
    runs = work / "runs"
    for number in range(1, repeat + 1):
        say(f"{rows:,} rows, repetition {number} of {repeat}: the floor")
        warm(data.file)
        _floor(result, data.file, runs / "floor")
        say("clicklake")
        lake = Lake(runs / "clicklake")
        result.runs.append(lake.run(data.file))
        result.reports.append(lake.report(limit))
        result.lakes.append(lake.facts())
        lake.delete()
        for peer, outcome in outcomes.items():
            if not outcome.skipped:
                say(peer.name)
                measure(peer, pythons[peer], data.file, runs / peer.package, outcome)
    return result


def _floor(result: Result, file: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    log = folder / "log.txt"
    result.floors.append(run([sys.executable, HERE / "floor.py", file, folder / "parquet"], log=log))
    result.copies.append(float(json.loads(log.read_text().splitlines()[-1])["copy_seconds"]))
    shutil.rmtree(folder)


def document(results: Sequence[Result], seconds_of_help: float, options: argparse.Namespace) -> str:
    """What was measured, the answer first."""
    versions = sorted({peer.version for result in results for peer in result.peers if peer.version})
    limit = f" --limit {options.report_limit}" if options.report_limit else ""
    repeat = f" Numbers are medians of {options.repeat} repetitions." if options.repeat > 1 else ""
    parts = [
        "## Goals",
        report.goals(goals.judge(results, seconds_of_help)),
        report.quiet(max(result.load for result in results)),
        "## How it is measured",
        _METHOD.format(cores=cores(), limit=limit, warm_up=_WARM_UP_ROWS, repeat=repeat),
        report.machine(machine(), versions),
        _AGAIN.format(rows=" and ".join(f"{rows:,}" for rows in _ROWS)),
    ]
    for result in results:
        parts += [
            f"## {result.rows:,} rows",
            report.processes(result),
            report.stages(result.stages, report.median(result.runs)),
            report.reports(result.report_times),
            report.sizes(result.csv_bytes, result.lake.bronze_bytes, result.lake.lake_bytes),
            report.agreement(result.facts, result.disagreements(), result.agreeing()),
        ]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.exit(main())
