"""What the numbers should be, and whether they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.own import ReportTime
from benchmarks.result import Result

FUNNEL = "conversion_funnel"
GB = 1e9
LARGE_PEAK_GB = 4.0
HELP_SECONDS = 0.3


@dataclass(frozen=True)
class Goal:
    """A bound on a number.

    Args:
        what: The number, in words.
        unit: Stands behind it.
        limit: The bound.
        value: Gives the number.
        rows: The size that it is for; None for all.
        may_equal: Whether the bound itself is good enough.
    """

    what: str
    unit: str
    limit: float
    value: Callable[[Result], float]
    rows: int | None = None
    may_equal: bool = False


@dataclass(frozen=True)
class Verdict:
    """A goal at a size, with what was measured."""

    what: str
    rows: int | None
    measured: float
    limit: float
    unit: str
    may_equal: bool

    @property
    def is_met(self) -> bool:
        """Whether the number keeps within its bound."""
        return self.measured <= self.limit if self.may_equal else self.measured < self.limit


def slowest(times: Mapping[str, ReportTime], *, without: str = "") -> float:
    """Seconds of the slowest report when it is called again."""
    return max(time.second for name, time in times.items() if name != without)


GOALS = (
    Goal("run and report, both processes", "s", 3.0, lambda r: r.both.seconds, 2_000_000),
    Goal("the slowest report", "s", 0.3, lambda r: slowest(r.report_times), 2_000_000),
    Goal(
        "run and report against the floor's process",
        "x",
        4.0,
        lambda r: r.both.seconds / r.floor.seconds,
        20_000_000,
        may_equal=True,
    ),
    Goal("peak memory of run and report", "GB", 2.0, lambda r: r.both.peak_bytes / GB, 20_000_000),
    Goal(
        "the slowest report but the funnel",
        "s",
        1.0,
        lambda r: slowest(r.report_times, without=FUNNEL),
        20_000_000,
    ),
    Goal("the funnel", "s", 2.0, lambda r: r.report_times[FUNNEL].second, 20_000_000),
    Goal("bytes of bronze for a byte of CSV", "x", 1 / 8, lambda r: r.bronze_share, may_equal=True),
)


def judge(results: Sequence[Result], help_seconds: float) -> list[Verdict]:
    """The goals of the sizes that were measured."""
    verdicts = [
        Verdict(goal.what, result.rows, goal.value(result), goal.limit, goal.unit, goal.may_equal)
        for result in results
        for goal in GOALS
        if goal.rows in (None, result.rows)
    ]
    return [*verdicts, Verdict("`clicklake --help`", None, help_seconds, HELP_SECONDS, "s", False)]
