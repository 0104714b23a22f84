"""How the records of a source are split over files, and over slices of time that fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from clicklake.synthetic.events import Floats
from clicklake.synthetic.rhythm import HOUR, Rhythm

SLICE_ROWS = 250_000
"""Most records of a slice; the numbers of sessions rely on it being below `2**18`."""


@dataclass(frozen=True)
class Slice:
    """A stretch of time that is generated at once.

    Args:
        number: Its place in the source, from 0.
        part: The file that it is written to, from 0.
        until: Records that arrive from this second on belong to a later slice.
        shares: The shares of the source's visits at its begin and end.
        first: Number of records planned before it.
        records: Number of records planned in it.
    """

    number: int
    part: int
    until: int
    shares: tuple[float, float]
    first: int
    records: int

    def quota(self, share: float) -> int:
        """Count its records with a property; over all slices the counts add up to the share of the whole."""
        return round((self.first + self.records) * share) - round(self.first * share)


def part_hours(days: int, files: int) -> list[int]:
    """Cut a period into files, at midnight where there are enough days.

    Returns:
        The hours at which files begin, then the end: `files + 1` numbers.
    """
    unit = 24 if files <= days else 1
    return [round(days * 24 / unit * part / files) * unit for part in range(files + 1)]


def slices(rhythm: Rhythm, hours: Sequence[int], rows: int) -> list[Slice]:
    """Plan the slices of a source.

    Args:
        rhythm: The traffic of its period.
        hours: The hours at which its files begin, then the end.
        rows: Records in all.

    Returns:
        The slices in order of time, at least one for each file, some of them without records.
    """
    plan: list[Slice] = []
    for part, (begin, end) in enumerate(zip(hours, hours[1:], strict=False)):
        low, high = (float(rhythm.shares[hour]) for hour in (begin, end))
        first, last = round(rows * low), round(rows * high)
        count = max(1, ceil((last - first) / SLICE_ROWS))
        shares: Floats = np.linspace(low, high, count + 1, dtype=np.float64)
        untils = [*rhythm.seconds(shares[1:-1]).tolist(), rhythm.begin + end * HOUR]
        starts = [first + (last - first) * step // count for step in range(count + 1)]
        for step, until in enumerate(untils):
            plan.append(
                Slice(
                    number=len(plan),
                    part=part,
                    until=until,
                    shares=(float(shares[step]), float(shares[step + 1])),
                    first=starts[step],
                    records=starts[step + 1] - starts[step],
                )
            )
    return plan
