"""Measure orders beside clicks: `python -m benchmarks.commerce`; adds its section to docs/performance.md.

The same clicks go into an empty lake alone, and with the orders, customers, products and payments that belong to them;
each time from the files to every report. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.data import Shop, shop
from benchmarks.goals import GB, Verdict
from benchmarks.measure import DEFAULT_WORK, Cost, load_average, machine, say, warm
from benchmarks.own import Lake, LakeFacts

ROWS, ORDER_LINES, CUSTOMERS = 2_000_000, 500_000, 100_000
_FACTOR, _LIFETIME_SECONDS, _PEAK_GB = 1.6, 5.0, 2.0
_LIFETIME = "customer_lifetime_value"

_METHOD = """\
{rows} go into an empty lake, with `clicklake run` and `clicklake report --all --out DIR` behind it: the clicks alone,
then all of them; from the files to all gold tables, marts, checks and reports, two whole processes each."""

_AGAIN = """\
Measure again: `make bench-commerce`, with `ARGS="--rows N --order-lines N --customers N"` for other sizes."""


@dataclass
class Pair:
    """A run with all reports, alone and with commerce, each repetition.

    Args:
        alone: Clicks: the run and the reports.
        whole: All sources: the run and the reports.
        facts: What the last lake with all sources tells.
    """

    alone: list[tuple[Cost, Cost]] = field(default_factory=list)
    whole: list[tuple[Cost, Cost]] = field(default_factory=list)
    facts: LakeFacts | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where a goal is missed."""
    options = parse(arguments)
    work = options.work.expanduser().absolute()
    load = load_average()
    data = shop(work, options.rows, options.order_lines, options.customers)
    pair = measure(work, data, options.repeat)
    verdicts = judge(options.rows, pair)
    text = document(data, load, pair, verdicts)
    print(text)
    report.keep(options.output, "benchmarks.commerce", "make bench-commerce", text)
    say(f"kept in {options.output}")
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commerce", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="click events")
    parser.add_argument("--order-lines", type=int, default=ORDER_LINES)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--repeat", type=int, default=3, help="repetitions; medians are shown")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for data and lakes")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    return parser.parse_args(arguments)


def measure(work: Path, data: Shop, repeat: int) -> Pair:
    """Both, one after the other, in each repetition."""
    pair = Pair()
    for path in (data.clicks, *data.others.values()):
        for file in path.iterdir():
            warm(file)
    for number in range(1, repeat + 1):
        for costs, others in ((pair.alone, {}), (pair.whole, data.others)):
            say(f"repetition {number} of {repeat}: the clicks {'and all that belongs to them' if others else 'alone'}")
            lake = Lake(work / "runs" / "commerce")
            costs.append((lake.run(data.clicks, **others), lake.report(0)))
            if others and number == repeat:
                pair.facts = lake.facts()
            lake.delete()
    return pair


def judge(rows: int, pair: Pair) -> list[Verdict]:
    """The goals, and whether they are met."""
    assert pair.facts is not None
    ratio = statistics.median(_seconds(pair.whole)) / statistics.median(_seconds(pair.alone))
    lifetime = pair.facts.reports[_LIFETIME]
    peak = max(cost.peak_bytes for costs in pair.whole for cost in costs) / GB
    return [
        Verdict("clicks with commerce against clicks alone, files to all reports", rows, ratio, _FACTOR, "x", True),
        Verdict(f"{_LIFETIME} of {lifetime.rows:,} customers", None, lifetime.first, _LIFETIME_SECONDS, "s", False),
        Verdict("peak memory", rows, peak, _PEAK_GB, "GB", False),
    ]


def _seconds(costs: Sequence[tuple[Cost, Cost]]) -> list[float]:
    return [run.seconds + reports.seconds for run, reports in costs]


def document(data: Shop, load: float, pair: Pair, verdicts: Sequence[Verdict]) -> str:
    """What was measured, the answer first."""
    assert pair.facts is not None
    names = ("clicklake run", "clicklake report --all")
    processes = [
        report.process(f"{name}, {what}", costs[len(costs) // 2][place])
        for what, costs in (("clicks alone", _sorted(pair.alone)), ("with commerce", _sorted(pair.whole)))
        for place, name in enumerate(names)
    ]
    sizes = ", ".join(f"{truth['records']:,} {name}" for name, truth in _made(data))
    parts = [
        "## Orders beside clicks",
        report.goals(verdicts),
        report.quiet(load),
        _METHOD.format(rows=sizes),
        report.table(["Process", "Wall", "CPU", "Peak memory"], processes),
        report.stages(pair.facts.stages, _sorted(pair.whole)[len(pair.whole) // 2][0]),
        report.reports(pair.facts.reports),
        report.machine(machine(), []),
        _AGAIN,
    ]
    return "\n\n".join(part for part in parts if part)


def _made(data: Shop) -> list[tuple[str, dict[str, Any]]]:
    return [(name, truth) for name, truth in data.truth["sources"].items() if truth["records"]]


def _sorted(costs: Sequence[tuple[Cost, Cost]]) -> list[tuple[Cost, Cost]]:
    return sorted(costs, key=lambda pair: pair[0].seconds + pair[1].seconds)


if __name__ == "__main__":
    sys.exit(main())
