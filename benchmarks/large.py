"""Measure a lake of 200,000,000 rows: `python -m benchmarks.large`; adds its section to docs/performance.md.

The rows come in parts that follow each other in time. Each is one `clicklake ingest`; then one `clicklake run` makes
silver and gold of all of them. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path

from benchmarks import report
from benchmarks.data import Clicks, part
from benchmarks.goals import LARGE_PEAK_GB, Verdict
from benchmarks.measure import DEFAULT_WORK, Cost, load_average, machine, say, warm
from benchmarks.own import Lake
from benchmarks.result import Result

_METHOD = """\
{rows:,} generated records in {parts} CSV files, all about the same users and products, one after the other in time.
Each file is one `clicklake ingest`; then one `clicklake run` judges all of them, builds gold, checks and publishes;
then `clicklake report --all{limit} --out DIR`. Each was done once."""

_AGAIN = """\
Measure again: `make bench-large`; with `ARGS="--small-disk"` each CSV file is deleted once it is in bronze, and made
anew the next time."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where the generator counted otherwise."""
    options = parse(arguments)
    work = options.work.expanduser().absolute()
    result = Result(options.rows, 0, [], load_average())
    lake = Lake(work / "runs" / "large")
    ingests = [_ingest(options, work, number, lake, result) for number in range(options.parts)]
    say("silver and gold")
    result.runs.append(lake.run())
    say("reports")
    result.reports.append(lake.report(options.report_limit))
    result.lakes.append(lake.facts())
    lake.delete()
    text = document(result, ingests, options)
    print(text)
    report.keep(options.output, "benchmarks.large", "make bench-large", text)
    say(f"kept in {options.output}")
    return 1 if result.disagreements() else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000_000, help="records of all parts")
    parser.add_argument("--parts", type=int, default=10, help="CSV files")
    parser.add_argument("--small-disk", action="store_true", help="delete each CSV file once it is in bronze")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for data and lake")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    parser.add_argument("--report-limit", type=int, default=0, help="rows of a report at the most; 0: its own limit")
    return parser.parse_args(arguments)


def _ingest(options: argparse.Namespace, work: Path, number: int, lake: Lake, result: Result) -> Cost:
    say(f"part {number + 1} of {options.parts}")
    data: Clicks = part(work, options.rows, options.parts, number)
    warm(data.file)
    cost = lake.ingest(data.file)
    result.csv_bytes += data.bytes
    result.truths.append(data.truth)
    if options.small_disk:
        shutil.rmtree(data.file.parent.parent)
    return cost


def document(result: Result, ingests: Sequence[Cost], options: argparse.Namespace) -> str:
    """What was measured, the answer first."""
    ingest, run, reports = reduce(add, ingests), result.runs[0], result.reports[0]
    whole = ingest + run + reports
    peak = Verdict("peak memory", options.rows, whole.peak_bytes / report.GB, LARGE_PEAK_GB, "GB", False)
    limit = f" --limit {options.report_limit}" if options.report_limit else ""
    rows = [
        report.process(f"{len(ingests)} x `clicklake ingest`", ingest),
        report.process("`clicklake run`", run),
        report.process("`clicklake report --all`", reports),
        report.process("**all**", whole),
    ]
    fastest, slowest = (pick(cost.seconds for cost in ingests) for pick in (min, max))
    parts = [
        f"## {options.rows:,} rows",
        report.goals([peak]),
        report.quiet(result.load),
        _METHOD.format(rows=options.rows, parts=options.parts, limit=limit),
        report.table(["Process", "Wall", "CPU", "Peak memory"], rows),
        f"The ingest of one file took from {fastest:.2f} s to {slowest:.2f} s.",
        report.stages(result.stages, ingest + run),
        report.reports(result.report_times),
        report.sizes(result.csv_bytes, result.lake.bronze_bytes, result.lake.lake_bytes),
        report.agreement(result.facts, result.disagreements(), result.agreeing()),
        report.machine(machine(), []),
        _AGAIN,
    ]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.exit(main())
