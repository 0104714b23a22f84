"""Gamma-Gamma: what a purchase of a customer is worth.

Fader, P. S., Hardie, B. G. S. (2013). The Gamma-Gamma Model of Monetary Value. http://www.brucehardie.com/notes/025/

The values of a customer's purchases are Gamma(p, nu) with a nu of the customer's own; over customers nu is Gamma(q, v).
So an average of few purchases is drawn towards that of all customers, one of many is believed. The model takes for
granted that how much somebody spends has nothing to do with how often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clicklake.errors import FitError
from clicklake.statistics.likelihood import Array, maximise, part_of

SOURCE = "Fader, Hardie (2013): The Gamma-Gamma Model of Monetary Value. http://www.brucehardie.com/notes/025/"

LEAST_CUSTOMERS = 5
"""Customers with a repeat purchase from which three parameters are fitted."""

_LOWER = np.array([1e-3, 1.01, 1e-4])
_UPPER = np.array([1e3, 1e3, 1e4])
_STARTS = ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 2.0, 1.0), (50.0, 5.0, 0.1))


@dataclass(frozen=True)
class GammaGamma:
    """The model with its parameters.

    Args:
        p: Shape of the values of one customer's purchases.
        q: Shape of the distribution over customers; above 1, so that there is a mean.
        v: Scale of the distribution over customers, in money.
    """

    p: float
    q: float
    v: float

    @classmethod
    def fit(cls, frequency: npt.ArrayLike, value: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> GammaGamma:
        """The parameters of the largest likelihood.

        Args:
            frequency: Repeat purchases of each customer; 1 or more.
            value: What such a purchase was worth on average; above 0.
            weights: How many customers each row stands for; one by default.

        Raises:
            FitError: There are too few customers, a value is not above 0, or the search fails.
        """
        x, z = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, value))
        counts = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
        customers = int(counts.sum())
        if customers < LEAST_CUSTOMERS:
            raise FitError(
                f"too little data for a model of values: {customers:,} customers with a repeat purchase of more than "
                f"0; it takes {LEAST_CUSTOMERS}"
            )
        if not ((x >= 1) & (z > 0) & np.isfinite(z)).all():
            raise FitError("a model of values takes customers with a repeat purchase, and values above 0")
        unit = float(np.average(z, weights=counts))
        rows = (x, z / unit, counts)
        part = part_of(x.size)
        rough = _Likelihood(*(values[part] for values in rows)) if part else None
        starts = (np.array(start) for start in _STARTS)
        what = "the model of values (Gamma-Gamma)"
        p, q, v = map(float, maximise(_Likelihood(*rows), starts, _LOWER, _UPPER, what, rough))
        return cls(p, q, v * unit)

    @property
    def mean(self) -> float:
        """The value of a purchase over all customers."""
        return self.p * self.v / (self.q - 1)

    def log_likelihood(
        self, frequency: npt.ArrayLike, value: npt.ArrayLike, weights: npt.ArrayLike | None = None
    ) -> float:
        """The logarithm of the likelihood of customers' average values under these parameters."""
        x, z = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, value))
        counts = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
        return _Likelihood(x, z, counts)(np.array([self.p, self.q, self.v]))[0] * float(counts.sum())

    def expected_value(self, frequency: npt.ArrayLike, value: npt.ArrayLike) -> Array:
        """What the next purchase of each customer is worth; equation 5 of the note.

        Args:
            frequency: Repeat purchases of each customer; without any it is the mean over all.
            value: What such a purchase was worth on average; ignored without repeat purchase.
        """
        x, z = (np.asarray(values, dtype=np.float64) for values in (frequency, value))
        total = np.where(x > 0, x * z, 0.0)
        return np.asarray(self.p * (self.v + total) / (self.p * x + self.q - 1), dtype=np.float64)


class _Likelihood:
    """The log-likelihood of a customer on average; equation 1a of the note."""

    def __init__(self, x: Array, z: Array, counts: Array) -> None:
        self.x, self.z = x, z
        self.share = counts / counts.sum()
        self.values, which = np.unique(x, return_inverse=True)
        self.share_of = np.bincount(which, self.share)
        # What the parameters don't change is summed once.
        self.mean_x = float(self.share @ x)
        self.mean_log = float(self.share @ np.log(z))
        self.mean_x_log = float(self.share @ (x * np.log(z * x)))

    def __call__(self, parameters: Array) -> tuple[float, Array]:
        from scipy.special import gammaln, psi

        p, q, v = map(float, parameters)
        shapes = p * self.values
        total = self.x * self.z + v
        logs = np.log(total)
        mean_logs, mean_x_logs = float(self.share @ logs), float(self.share @ (self.x * logs))
        value = self.share_of @ (gammaln(shapes + q) - gammaln(shapes)) - gammaln(q) + q * np.log(v)
        value += p * (self.mean_x_log - mean_x_logs) - q * mean_logs - self.mean_log
        of_p = self.share_of @ (self.values * (psi(shapes + q) - psi(shapes))) + self.mean_x_log - mean_x_logs
        of_q = self.share_of @ psi(shapes + q) - psi(q) + np.log(v) - mean_logs
        of_v = q / v - self.share @ ((p * self.x + q) / total)
        return float(value), np.array([of_p, of_q, of_v])
