"""Gamma-Gamma against published numbers and simulated customers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from clicklake.errors import FitError
from clicklake.statistics.gamma_gamma import GammaGamma, _Likelihood

CDNOW = Path(__file__).parents[2] / "data" / "cdnow" / "customers.csv"
NOTE = GammaGamma(p=6.25, q=3.74, v=15.44)


@pytest.fixture(scope="module")
def cdnow():
    with CDNOW.open(encoding="utf-8") as file:
        return np.array([[float(row["x"]), float(row["zbar"])] for row in csv.DictReader(file)]).T


def test_parameters_of_cdnow_are_those_of_the_note(cdnow):
    repeated = cdnow[:, cdnow[0] > 0]
    assert repeated.shape[1] == 946
    model = GammaGamma.fit(*repeated)
    assert (model.p, model.q, model.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    assert model.mean == pytest.approx(35.17, abs=0.01)


def test_expected_values_of_cdnow_are_those_of_the_authors(cdnow):
    """The first ten customers; those without repeat purchase are worth the mean over all."""
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert NOTE.expected_value(*cdnow[:, :10]) == pytest.approx(expected, abs=0.06)


def test_an_average_of_many_purchases_is_believed():
    assert float(NOTE.expected_value(1, 100)) < 81
    assert float(NOTE.expected_value(10_000, 100)) == pytest.approx(100, rel=1e-3)


def test_the_value_without_a_repeat_purchase_is_ignored():
    assert NOTE.expected_value([0, 0], [500, np.nan]) == pytest.approx([NOTE.mean] * 2)


def test_parameters_of_simulated_customers_are_recovered():
    truth = GammaGamma(p=5.0, q=4.0, v=60.0)
    chance = np.random.default_rng(3)
    x = 1 + chance.poisson(4, 40_000)
    z = chance.gamma(truth.p * x) / (x * chance.gamma(truth.q, 1 / truth.v, x.size))
    model = GammaGamma.fit(x, z)
    assert (model.p, model.q, model.v) == pytest.approx((truth.p, truth.q, truth.v), rel=0.15)
    assert model.mean == pytest.approx(truth.mean, rel=0.01)
    assert 0 <= model.log_likelihood(x, z) - truth.log_likelihood(x, z) < 8  # half a chi-squared of three parameters
    assert GammaGamma.fit(x, z) == model


def test_the_currency_makes_no_difference(cdnow):
    x, z = cdnow[:, cdnow[0] > 0]
    dollars, yen = GammaGamma.fit(x, z), GammaGamma.fit(x, 150 * z)
    assert yen.v == pytest.approx(150 * dollars.v, rel=1e-4)
    assert (yen.p, yen.q) == pytest.approx((dollars.p, dollars.q), rel=1e-4)


def test_the_gradient_is_that_of_the_likelihood(cdnow):
    x, z = cdnow[:, cdnow[0] > 0]
    likelihood = _Likelihood(x, z, np.ones_like(x))
    for parameters in ([6.25, 3.74, 15.44], [0.5, 20.0, 300.0]):
        at = np.array(parameters)
        gradient = likelihood(at)[1]
        for i in range(3):
            step = np.zeros(3)
            step[i] = at[i] * 1e-5
            slope = (likelihood(at + step)[0] - likelihood(at - step)[0]) / (2 * step[i])
            assert gradient[i] == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_purchases_that_all_cost_the_same_are_fitted():
    x = np.arange(1.0, 31.0)
    model = GammaGamma.fit(x, np.full(30, 9.99))
    assert model.expected_value(x, np.full(30, 9.99)) == pytest.approx(np.full(30, 9.99), rel=0.02)


def test_too_few_customers_and_wrong_values_are_said():
    with pytest.raises(FitError, match="4 customers with a repeat purchase of more than 0; it takes 5"):
        GammaGamma.fit([1] * 4, [5] * 4)
    with pytest.raises(FitError, match="values above 0"):
        GammaGamma.fit([1] * 9, [5] * 8 + [0])
