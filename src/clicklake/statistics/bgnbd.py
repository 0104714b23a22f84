"""BG/NBD: how often customers buy, and whether they still do.

Fader, P. S., Hardie, B. G. S., Lee, K. L. (2005). "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model. Marketing Science 24 (2), 275-284.

While a customer is alive, purchases come at a rate lambda of the customer's own (a Poisson process); after any of them
the customer leaves for good with a probability p of the customer's own. Over customers lambda is Gamma(r, alpha), p is
Beta(a, b). Of a customer three numbers are enough: x repeat purchases, t_x the time from the first purchase to the last
one, T the time since the first one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clicklake.errors import FitError
from clicklake.statistics.likelihood import Array, maximise, part_of

SOURCE = (
    'Fader, Hardie, Lee (2005): "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model. '
    "Marketing Science 24 (2), 275-284"
)

LEAST_CUSTOMERS = 20
"""Customers from which four parameters are fitted; fewer tell next to nothing about them."""
LEAST_REPEAT_CUSTOMERS = 5
"""Customers with a repeat purchase, likewise: the others don't tell when somebody buys again."""

_LOWER = np.array([1e-4, 1e-4, 1e-4, 1e-4])
_UPPER = np.array([1e3, 1e4, 1e3, 1e4])
_STARTS = ((1.0, 1.0, 1.0, 1.0), (0.25, 0.1, 0.8, 2.5), (1.0, 0.3, 0.1, 1.0), (3.0, 1.0, 0.5, 5.0))
_STEPS = 200
_TAIL = 40  # what lies further out than e^-40 of the peak adds nothing
_TINY, _TINY_STEP = 1e-300, 1e-12
_ROWS = 2_000  # customers whose steps are in memory at once


@dataclass(frozen=True)
class BGNBD:
    """The model with its parameters.

    Args:
        r: Shape of the purchase rates.
        alpha: Scale of the purchase rates, in units of time.
        a: First shape of the probabilities to leave.
        b: Second shape of the probabilities to leave.
    """

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(
        cls,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        age: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> BGNBD:
        """The parameters of the largest likelihood.

        Args:
            frequency: Repeat purchases of each customer, x.
            recency: Time from the first to the last purchase, t_x; 0 without repeat purchase.
            age: Time since the first purchase, T.
            weights: How many customers each row stands for; one by default.

        Raises:
            FitError: There are too few customers, the numbers contradict each other, or the search fails.
        """
        x, t_x, old = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, recency, age))
        counts = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
        _check(x, t_x, old, counts)
        # In units of the mean age the parameters lie near the same starts, whatever the unit of time.
        unit = float(np.average(old, weights=counts))
        rows = (x, t_x / unit, old / unit, counts)
        part = part_of(x.size)
        rough = _Likelihood(*(values[part] for values in rows)) if part else None
        starts = (np.array(start) for start in _STARTS)
        what = "the model of purchases (BG/NBD)"
        r, alpha, a, b = map(float, maximise(_Likelihood(*rows), starts, _LOWER, _UPPER, what, rough))
        return cls(r, alpha * unit, a, b)

    def log_likelihood(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        age: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> float:
        """The logarithm of the likelihood of customers under these parameters."""
        x, t_x, old = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, recency, age))
        counts = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        return _Likelihood(x, t_x, old, counts)(parameters)[0] * float(counts.sum())

    def probability_alive(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Array:
        """The probability that each customer still buys; 1 without repeat purchase, since only purchases end it."""
        from scipy.special import expit

        x, t_x, old = (np.asarray(values, dtype=np.float64) for values in (frequency, recency, age))
        repeats = np.maximum(x, 1)
        odds = (
            np.log(self.a)
            - np.log(self.b + repeats - 1)
            + (self.r + x) * np.log((self.alpha + old) / (self.alpha + t_x))
        )
        return np.asarray(np.where(x > 0, expit(-odds), 1.0), dtype=np.float64)

    def expected_purchases(
        self, time: float, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> Array:
        """Purchases that each customer is expected to make in the next `time`.

        Equation 10 of the paper before its last step. That step writes an integral as the hypergeometric function 2F1,
        which overflows for frequent buyers, loses all digits where a is near 1, and is no number for large a and b. The
        integral has none of these faults: of those who are alive, p is Beta(a, b + x), and a customer with that p
        makes (1 - (1 + p time / (alpha + T)) ^ -(r + x)) / p purchases on average.
        """
        x, t_x, old = np.broadcast_arrays(
            *(np.asarray(values, dtype=np.float64) for values in (frequency, recency, age))
        )
        kinds, which = np.unique(np.stack([x.ravel(), old.ravel()]), axis=1, return_inverse=True)
        parts = np.array_split(kinds, max(1, kinds.shape[1] // _ROWS), axis=1)
        if_alive = np.concatenate([self._if_alive(time, x_part, old_part) for x_part, old_part in parts])
        alive = self.probability_alive(x, t_x, old)
        return np.asarray(if_alive[which.ravel()].reshape(x.shape) * alive, dtype=np.float64)

    def _if_alive(self, time: float, x: Array, old: Array) -> Array:
        """Purchases in the next `time` of customers who are alive: the mean over p, by the trapezoidal rule.

        On u = log(p / (1 - p)), stretched by sinh, the rule converges exponentially for any shape of the distribution:
        200 steps leave less than 1e-5 at the limits of the parameters, and 1e-9 within them.
        """
        if not x.size:
            return x
        a, b = self.a, (self.b + x)[:, None]
        width = np.minimum(1, np.sqrt(1 / a + 1 / b))
        left, right = np.arcsinh(_TAIL / (a * width) + 12), np.arcsinh(_TAIL / (b * width) + 12)
        steps = (left + right) * np.linspace(0, 1, _STEPS + 1) - left
        u = np.log(a / b) + width * np.sinh(steps)
        log_p = -np.logaddexp(0, -u)
        density = a * log_p - b * np.logaddexp(0, u) + np.log(np.cosh(steps))
        share = np.exp(density - density.max(axis=1, keepdims=True))
        p, shape, ratio = np.exp(log_p), (self.r + x)[:, None], (time / (self.alpha + old))[:, None]
        purchases = -np.expm1(-shape * np.log1p(p * ratio)) / np.maximum(p, _TINY)
        purchases = np.where(p * ratio < _TINY_STEP, shape * ratio, purchases)
        return np.asarray((share * purchases).sum(axis=1) / share.sum(axis=1), dtype=np.float64)


class _Likelihood:
    """The log-likelihood of a customer on average; equation 6 of the paper, in logarithms.

    Gamma functions depend on x alone and logarithms on one time alone: they are computed once for each value.
    """

    def __init__(self, x: Array, t_x: Array, old: Array, counts: Array) -> None:
        self.share = counts / counts.sum()
        self.x, self.which_x = np.unique(x, return_inverse=True)
        self.t_x, self.which_t_x = np.unique(t_x, return_inverse=True)
        self.old, self.which_old = np.unique(old, return_inverse=True)
        self.share_of_x = np.bincount(self.which_x, self.share)

    def __call__(self, parameters: Array) -> tuple[float, Array]:
        from scipy.special import betaln, expit, gammaln, psi

        r, alpha, a, b = map(float, parameters)
        x, share_of_x = self.x, self.share_of_x
        by_x = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
        log_old, log_t_x = np.log(alpha + self.old)[self.which_old], np.log(alpha + self.t_x)[self.which_t_x]
        shape = (r + x)[self.which_x]
        leaves = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1), -np.inf)[self.which_x]
        odds = leaves + shape * (log_old - log_t_x)  # of having left after the last purchase, in logarithms
        value = share_of_x @ by_x + self.share @ (np.logaddexp(0, odds) - shape * log_old)

        gone = self.share * expit(odds)
        alive = self.share - gone
        of_r = share_of_x @ (psi(r + x) - psi(r)) + np.log(alpha) - alive @ log_old - gone @ log_t_x
        alive_by_old = np.bincount(self.which_old, alive * shape)
        gone_by_t_x = np.bincount(self.which_t_x, gone * shape)
        of_alpha = r / alpha - alive_by_old @ (1 / (alpha + self.old)) - gone_by_t_x @ (1 / (alpha + self.t_x))
        of_a = share_of_x @ (psi(a + b) - psi(a + b + x)) + gone.sum() / a
        of_b = share_of_x @ (psi(a + b) - psi(a + b + x) + psi(b + x) - psi(b))
        of_b -= np.bincount(self.which_x, gone) @ (1 / (b + np.maximum(x, 1) - 1))
        return float(value), np.array([of_r, of_alpha, of_a, of_b])


def _check(x: Array, t_x: Array, old: Array, counts: Array) -> None:
    customers, repeated = int(counts.sum()), int(counts[x > 0].sum())
    if customers < LEAST_CUSTOMERS or repeated < LEAST_REPEAT_CUSTOMERS:
        raise FitError(
            f"too little data for a model of purchases: {customers:,} customers, {repeated:,} of them with a repeat "
            f"purchase; it takes {LEAST_CUSTOMERS} and {LEAST_REPEAT_CUSTOMERS}"
        )
    is_right = (x >= 0) & (t_x >= 0) & (t_x <= old) & ((x > 0) == (t_x > 0)) & np.isfinite(old)
    if not is_right.all():
        row = int(np.flatnonzero(~is_right)[0])
        raise FitError(
            f"a customer has frequency {x[row]:g}, recency {t_x[row]:g} and age {old[row]:g}: recency lies between 0 "
            "and age, and is 0 where there is no repeat purchase"
        )
