"""When visitors come: evenings more than nights, weekends unlike weekdays, a little more every week."""

from __future__ import annotations

from datetime import date

import numpy as np

from clicklake.synthetic.events import Floats, Ints

HOUR = 3600
DAY = 24 * HOUR

_WEEKDAY = [12, 7, 4, 3, 3, 6, 14, 25, 34, 38, 40, 43, 50, 46, 42, 41, 44, 52, 64, 80, 92, 86, 58, 28]
_WEEKEND = [22, 14, 8, 5, 4, 5, 9, 18, 34, 54, 68, 74, 74, 72, 70, 70, 70, 72, 78, 86, 90, 80, 58, 36]
_GROWTH = 0.25
_DAILY_NOISE = 0.06


def hourly_volume(start: date, days: int, rng: np.random.Generator) -> Floats:
    """Say how busy each hour of a period is.

    Args:
        start: First day.
        days: Number of days.
        rng: Gives each day its own luck.

    Returns:
        `days * 24` weights, in no particular unit.
    """
    day = np.arange(days)
    is_weekend = (start.weekday() + day) % 7 >= 5
    profile = np.where(is_weekend[:, None], np.array(_WEEKEND, float), np.array(_WEEKDAY, float))
    level = (1 + _GROWTH * day / days) * np.exp(rng.normal(0, _DAILY_NOISE, days))
    return np.asarray((profile * level[:, None]).ravel())


class Rhythm:
    """A clock that runs with the traffic: it turns a share of a period's visits into a time.

    Args:
        begin: First second of the period, since 1970 (UTC).
        volume: Weights of its hours.
    """

    def __init__(self, begin: int, volume: Floats) -> None:
        self.begin = begin
        self.end = begin + len(volume) * HOUR
        cumulated = np.cumsum(volume)
        self.shares: Floats = np.concatenate([[0.0], cumulated / cumulated[-1]])
        """The share of the visits before each hour; one more than there are hours."""

    def seconds(self, shares: Floats) -> Ints:
        """Find the seconds (since 1970) before which these shares of the visits come."""
        hours = np.interp(shares, self.shares, np.arange(len(self.shares)))
        return np.asarray(self.begin + (hours * HOUR).astype(np.int64))
