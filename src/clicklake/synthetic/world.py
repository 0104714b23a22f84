"""Who visits and what is sold: in both, few are seen much and many are seen rarely."""

from __future__ import annotations

from math import gcd
from statistics import NormalDist

import numpy as np

from clicklake.synthetic.events import Floats, Ints

_ACTIVITY_SIGMA = 1.6  # of a lognormal distribution
_ACTIVITY_STEPS = 2048
_KNOWN_AT_START = 0.5
_REDRAWS = 3
_ZIPF_SHIFT = 2.7
_PRICE_LOG_MEAN, _PRICE_LOG_SIGMA = 3.3, 0.9
_PRICE_BOUNDS = (1, 2500)


class World:
    """The people and the products of a data set.

    Args:
        users: Number of people.
        products: Number of products.
        period: First second of the data and the one after the last, since 1970 (UTC).
        rng: Shuffles popularity over the products and sets their prices.
    """

    def __init__(self, users: int, products: int, period: tuple[int, int], rng: np.random.Generator) -> None:
        self.users = users
        self._period = period
        self.products = products
        self._people = People(users)
        self._popularity = np.cumsum(1 / (np.arange(products) + _ZIPF_SHIFT))
        self._popularity /= self._popularity[-1]
        self._by_rank = rng.permutation(products) + 1
        prices = rng.lognormal(_PRICE_LOG_MEAN, _PRICE_LOG_SIGMA, products + 1)
        self.prices: Ints = np.rint(np.clip(prices, *_PRICE_BOUNDS) * 100).astype(np.int64)
        """Price in cents by the number of the product; the number 0 is not used."""

    def visitors(self, seconds: Ints, rng: np.random.Generator) -> Ints:
        """Draw the user of each session; users are new, one after another, all through the period.

        Args:
            seconds: When each session begins.
            rng: Draws the users.

        Returns:
            Numbers from 1.
        """
        begin, end = self._period
        elapsed = (seconds - begin) / (end - begin)
        known = np.ceil(self.users * (_KNOWN_AT_START + (1 - _KNOWN_AT_START) * elapsed)).astype(np.int64)
        chosen = self._people.draw(len(seconds), rng)
        for _ in range(_REDRAWS):
            unknown = np.flatnonzero(chosen >= known)
            chosen[unknown] = self._people.draw(len(unknown), rng)
        return chosen % known + 1

    def wares(self, count: int, rng: np.random.Generator) -> Ints:
        """Draw products by their popularity; numbers from 1."""
        ranks = np.searchsorted(self._popularity, rng.random(count), side="right")
        return np.asarray(self._by_rank[np.minimum(ranks, self.products - 1)])


class People:
    """Numbers of people, of whom few are active and many are not.

    Args:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._quantiles = np.linspace(0, 1, _ACTIVITY_STEPS + 1)
        self._activity = _shares_of_activity()
        self._stride = _coprime_stride(count)

    def draw(self, count: int, rng: np.random.Generator) -> Ints:
        """Draw some by their activity; numbers from 0."""
        ranks = np.interp(rng.random(count), self._activity, self._quantiles) * self.count
        return np.asarray(np.minimum(ranks.astype(np.int64), self.count - 1) * self._stride % self.count)


def _shares_of_activity() -> Floats:
    """Give the share of all sessions that the least active users have, up to each quantile."""
    normal = NormalDist()
    middles = ((step + 0.5) / _ACTIVITY_STEPS for step in range(_ACTIVITY_STEPS))
    activity = np.exp([_ACTIVITY_SIGMA * normal.inv_cdf(middle) for middle in middles])
    return np.concatenate([[0.0], np.cumsum(activity) / activity.sum()])


def _coprime_stride(users: int) -> int:
    """Find a step that visits every user once: neighbours in number shall not be so in activity."""
    stride = max(1, int(users * 0.618))
    while gcd(stride, users) != 1:
        stride += 1
    return stride
