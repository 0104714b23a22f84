"""BG/NBD against published numbers, against simulated customers, and at the limits of its arithmetic."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betaln, hyp2f1

from clicklake.errors import FitError
from clicklake.statistics.bgnbd import BGNBD, _Likelihood

CDNOW = Path(__file__).parents[2] / "data" / "cdnow" / "customers.csv"
PAPER = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)


@pytest.fixture(scope="module")
def cdnow():
    with CDNOW.open(encoding="utf-8") as file:
        rows = [[float(row[name]) for name in ("x", "t_x", "T")] for row in csv.DictReader(file)]
    return np.array(rows).T


def simulate(model: BGNBD, customers: int, longest: int, seed: int):
    """Customers that buy as the model says: x, t_x, T."""
    chance = np.random.default_rng(seed)
    rate = chance.gamma(model.r, 1 / model.alpha, customers)
    leaves = chance.beta(model.a, model.b, customers)
    age = chance.integers(longest // 4, longest, customers).astype(float)
    x, now, last, buys = np.zeros(customers), np.zeros(customers), np.zeros(customers), np.arange(customers)
    while buys.size:
        now[buys] += chance.exponential(1 / rate[buys])
        bought = buys[now[buys] <= age[buys]]
        x[bought] += 1
        last[bought] = now[bought]
        buys = bought[chance.random(bought.size) > leaves[bought]]
    return x, last, age


# ---- published


def test_parameters_of_cdnow_are_those_of_the_paper(cdnow):
    model = BGNBD.fit(*cdnow)
    assert (round(model.r, 3), round(model.alpha, 3), round(model.a, 3), round(model.b, 3)) == (
        *(0.243, 4.414, 0.793, 2.426),
    )
    assert round(model.log_likelihood(*cdnow), 1) == -9582.4


def test_expected_purchases_are_those_of_the_authors():
    """x = 2, t_x = 30.43, T = 38.86: 1.226 purchases in the next 39 weeks."""
    assert round(float(PAPER.expected_purchases(39, 2, 30.43, 38.86)), 3) == 1.226


def test_probability_alive_by_hand():
    """1 / (1 + a / (b + 1) ((alpha + T) / (alpha + t_x)) ^ (r + 2)), with (43.274 / 34.844) ^ 2.243 = 1.62579."""
    assert float(PAPER.probability_alive(2, 30.43, 38.86)) == pytest.approx(1 / (1 + 0.793 / 3.426 * 1.62579), rel=1e-5)
    assert float(PAPER.probability_alive(0, 0, 38.86)) == 1


# ---- recovered


@pytest.mark.parametrize(
    "truth",
    [
        BGNBD(0.6, 40.0, 0.8, 4.0),
        BGNBD(2.0, 60.0, 1.0, 6.0),
        BGNBD(1.2, 25.0, 2.5, 4.0),
    ],
    ids=["few buy often", "alike", "most leave"],
)
def test_parameters_of_simulated_customers_are_recovered(truth):
    x, t_x, age = simulate(truth, 40_000, 730, seed=5)
    model = BGNBD.fit(x, t_x, age)
    assert model.r == pytest.approx(truth.r, rel=0.06)
    assert model.alpha == pytest.approx(truth.alpha, rel=0.06)
    assert model.a / (model.a + model.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.06)
    assert model.a == pytest.approx(truth.a, rel=0.25)
    # Half a chi-squared of four parameters.
    assert 0 <= model.log_likelihood(x, t_x, age) - truth.log_likelihood(x, t_x, age) < 10


def test_predictions_hold_in_a_period_that_was_not_seen():
    truth = BGNBD(0.6, 40.0, 0.8, 4.0)
    chance = np.random.default_rng(11)
    n, seen, more = 40_000, 365.0, 180.0
    rate, leaves = chance.gamma(truth.r, 1 / truth.alpha, n), chance.beta(truth.a, truth.b, n)
    x, later, now, last, buys = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.arange(n)
    while buys.size:
        now[buys] += chance.exponential(1 / rate[buys])
        bought = buys[now[buys] <= seen + more]
        first = bought[now[bought] <= seen]
        x[first] += 1
        last[first] = now[first]
        later[bought] += now[bought] > seen
        buys = bought[chance.random(bought.size) > leaves[bought]]
    model = BGNBD.fit(x, last, np.full(n, seen))
    expected = model.expected_purchases(more, x, last, np.full(n, seen))
    for group in (x == 0, x == 1, (x > 1) & (x < 6), x >= 6):
        assert expected[group].mean() == pytest.approx(later[group].mean(), rel=0.05)


def test_days_or_weeks_make_no_difference(cdnow):
    x, t_x, age = cdnow
    weeks, days = BGNBD.fit(x, t_x, age), BGNBD.fit(x, 7 * t_x, 7 * age)
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-5)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-5)


def test_rows_with_weights_are_as_many_customers(cdnow):
    kinds, counts = np.unique(cdnow, axis=1, return_counts=True)
    assert kinds.shape[1] < 1_200
    one, all_ = BGNBD.fit(*kinds, weights=counts), BGNBD.fit(*cdnow)
    assert (one.r, one.alpha, one.a, one.b) == pytest.approx((all_.r, all_.alpha, all_.a, all_.b), rel=1e-6)
    assert one.log_likelihood(*kinds, weights=counts) == pytest.approx(all_.log_likelihood(*cdnow), rel=1e-9)


def test_the_same_data_give_the_same_parameters(cdnow):
    assert BGNBD.fit(*cdnow) == BGNBD.fit(*cdnow)


# ---- arithmetic


def test_the_gradient_is_that_of_the_likelihood(cdnow):
    likelihood = _Likelihood(*cdnow, np.ones(cdnow.shape[1]))
    for parameters in ([0.243, 4.414, 0.793, 2.426], [3.0, 0.2, 20.0, 0.01], [0.01, 900.0, 0.4, 70.0]):
        at = np.array(parameters)
        gradient = likelihood(at)[1]
        for i in range(4):
            step = np.zeros(4)
            step[i] = at[i] * 1e-5
            slope = (likelihood(at + step)[0] - likelihood(at - step)[0]) / (2 * step[i])
            assert gradient[i] == pytest.approx(slope, rel=1e-4, abs=1e-8)


def by_hypergeometric_function(model, time, x, t_x, age):
    """Equation 10 of the paper as it stands there."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    series = hyp2f1(r + x, b + x, a + b + x - 1, time / (alpha + age + time))
    if_alive = (a + b + x - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + time)) ** (r + x) * series)
    return if_alive / (1 + (x > 0) * a / (b + x - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x))


def test_expected_purchases_are_equation_10_where_that_can_be_computed():
    for parameters in itertools.product((0.2, 1.0, 4.0), (4.0, 60.0), (0.3, 0.8, 2.5), (2.0, 7.0)):
        model = BGNBD(*parameters)
        for x, t_x, age in ((1, 3, 100), (2, 30, 38), (20, 80, 100)):
            expected = by_hypergeometric_function(model, 100, x, t_x, age)
            assert float(model.expected_purchases(100, x, t_x, age)) == pytest.approx(expected, rel=1e-8)


def by_integral(model, time, x, age):
    """Expected purchases of a customer who is alive, by adaptive integration over log(p / (1 - p))."""
    a, b, shape, ratio = model.a, model.b + x, model.r + x, time / (model.alpha + age)

    def of(u):
        p = np.exp(-np.logaddexp(0, -u))
        density = np.exp(-a * np.logaddexp(0, -u) - b * np.logaddexp(0, u) - betaln(a, b))
        return density * (shape * ratio if p * ratio < 1e-9 else -np.expm1(-shape * np.log1p(p * ratio)) / p)

    middle, sd = np.log(a / b), np.sqrt(1 / a + 1 / b)
    edges = {middle + k * sd for k in (-30, -10, -5, -2, 0, 2, 5, 10, 30)} | {middle - 40 / a - 5, middle + 40 / b + 5}
    edges |= {-np.log(shape * ratio) + k for k in (-5, 0, 5)}
    pairs = itertools.pairwise(sorted(edges))
    return sum(quad(of, low, high, epsabs=0, epsrel=1e-9, limit=100)[0] for low, high in pairs)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("a", [0.002, 0.9999999, 1.0, 8.0, 1000.0])
def test_expected_purchases_where_equation_10_overflows_or_cancels(a):
    """Frequent buyers, an a near 1, customers who are all alike."""
    for r, alpha, b in ((0.05, 0.5, 0.1), (1.0, 100.0, 3000.0), (300.0, 5.0, 2.4)):
        model = BGNBD(r, alpha, a, b)
        for x, age, time in ((0, 100, 365), (20, 100, 365), (2000, 730, 3650)):
            expected = by_integral(model, time, x, age) * float(model.probability_alive(x, age, age))
            assert float(model.expected_purchases(time, x, age, age)) == pytest.approx(expected, rel=1e-5)


def test_predictions_keep_the_shape_of_what_they_are_asked_for(monkeypatch):
    monkeypatch.setattr("clicklake.statistics.bgnbd._ROWS", 3)
    x, t_x, age = np.arange(12.0).reshape(3, 4), 40 + np.arange(12.0).reshape(3, 4), 90.0
    both = PAPER.expected_purchases(30, np.where(x > 0, x, 0), np.where(x > 0, t_x, 0), age)
    one = [float(PAPER.expected_purchases(30, n, 40 + n if n else 0, age)) for n in range(12)]
    assert both.shape == (3, 4) and both.ravel() == pytest.approx(one, rel=1e-12)
    assert PAPER.expected_purchases(30, [], [], []).shape == (0,)


def test_a_frequent_buyer_who_is_long_gone_is_no_overflow():
    assert float(PAPER.probability_alive(5000, 10, 5000)) == pytest.approx(0, abs=1e-300)
    assert float(PAPER.expected_purchases(365, 5000, 10, 5000)) == pytest.approx(0, abs=1e-300)


# ---- data that can't be fitted


def test_too_few_customers_are_said():
    with pytest.raises(FitError, match="19 customers, 19 of them with a repeat purchase; it takes 20 and 5"):
        BGNBD.fit([2] * 19, [5] * 19, [9] * 19)


def test_nobody_came_back():
    with pytest.raises(FitError, match="1,000 customers, 0 of them with a repeat purchase"):
        BGNBD.fit([0] * 1000, [0] * 1000, range(1, 1001))


@pytest.mark.parametrize("row", [(2, 9, 8), (0, 3, 8), (1, 0, 8), (-1, 0, 8), (1, 1, np.inf)])
def test_numbers_that_contradict_each_other_are_named(row):
    x, t_x, age = np.array([(2, 5, 9)] * 30 + [row], dtype=float).T
    with pytest.raises(FitError, match=f"a customer has frequency {row[0]:g}, recency {row[1]:g} and age {row[2]:g}"):
        BGNBD.fit(x, t_x, age)


def test_customers_who_are_all_alike_are_fitted():
    """Each bought every tenth day: the likelihood has no peak, and ends where the bounds are."""
    ages = np.arange(30.0, 90.0)
    x = np.floor(ages / 10)
    model = BGNBD.fit(x, 10 * x, ages)
    next_month = model.expected_purchases(30, x, 10 * x, ages)
    assert np.all((next_month > 2) & (next_month < 4))
