"""Maximum likelihood for parameters that are positive: several starts, and a look at whether the end is an optimum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from clicklake.errors import FitError

Array: TypeAlias = npt.NDArray[np.float64]
Objective: TypeAlias = Callable[[Array], tuple[float, Array]]
"""From parameters to the log-likelihood of one observation on average, and its gradient by each parameter."""

_FLAT = 1e-5
"""The slope by the logarithm of a parameter at which the likelihood counts as level. A tenth of a percent of a
parameter is then worth 1e-8 a row: what is left of the search is far below what any sample can tell."""

_FEW = 5_000
"""Rows whose likelihood costs next to nothing."""


def maximise(
    objective: Objective, starts: Iterable[Array], lower: Array, upper: Array, what: str, rough: Objective | None = None
) -> Array:
    """The parameters at which a log-likelihood is largest.

    The search runs on the parameters' logarithms, so that they stay positive and a step means the same ratio anywhere.

    Args:
        objective: The log-likelihood of an observation with its gradient.
        starts: Where the search begins; the best of all ends wins.
        lower: The least values.
        upper: The largest values; a likelihood that goes on rising ends there.
        what: The model, for the message.
        rough: The objective on a part of the data: its best end is then the only start.

    Raises:
        FitError: No start leads to an optimum.
    """
    begins = list(starts)
    if rough is not None and (found := _best(rough, begins, lower, upper)) is not None:
        begins = [found]
    best = _best(objective, begins, lower, upper)
    if best is None:
        raise FitError(f"{what} can't be fitted: no search for its parameters came to an end")
    return best


def part_of(rows: int) -> slice | None:
    """Rows for a rough search, spread evenly; None where there are so few that all may be searched from each start."""
    return slice(None, None, rows // _FEW) if rows > 2 * _FEW else None


def _best(objective: Objective, starts: Iterable[Array], lower: Array, upper: Array) -> Array | None:
    from scipy.optimize import minimize

    def negative(logs: Array) -> tuple[float, Array]:
        parameters = np.exp(logs)
        value, gradient = objective(parameters)
        return -value, -gradient * parameters

    bounds = np.log(np.column_stack([lower, upper]))
    options = {"maxiter": 1000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 20}
    ends = []
    for start in starts:
        begin = np.clip(np.log(start), bounds[:, 0], bounds[:, 1])
        # A search that goes astray for a moment may leave the range of floating point numbers; the end is checked.
        with np.errstate(all="ignore"):
            found = minimize(negative, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if np.isfinite(found.fun) and _slope(found.x, found.jac, bounds) < _FLAT:
            ends.append((float(found.fun), found.x))
    return np.exp(min(ends, key=lambda end: end[0])[1]) if ends else None


def _slope(logs: Array, gradient: Array, bounds: Array) -> float:
    """The steepest slope of those along which the bounds allow a step."""
    step = np.clip(logs - gradient, bounds[:, 0], bounds[:, 1]) - logs
    return float(np.max(np.abs(step)))
