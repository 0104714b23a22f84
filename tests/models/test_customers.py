"""Reports on customers against the same numbers computed in pandas, on purchases made up at random."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clicklake.statistics.bgnbd import BGNBD
from clicklake.statistics.gamma_gamma import GammaGamma

TODAY = date(2024, 12, 31)


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """2,000 order lines of 300 customers, some of them guests, some cancelled."""
    chance = np.random.default_rng(9)
    customer = np.floor(300 * chance.random(2_000) ** 2).astype(int)
    order = np.arange(2_000) // 2
    first = np.datetime64("2024-01-01")
    return pd.DataFrame(
        {
            "order_id": [f"o{number}" for number in order],
            "line_id": [f"l{number % 2}" for number in range(2_000)],
            "customer_id": [None if number % 17 == 0 else f"c{customer[number]:03d}" for number in order],
            "day": first + chance.integers(0, 366, 1_000)[order].astype("timedelta64[D]"),
            "net_amount": np.round(chance.gamma(2, 20, 2_000), 2),
            "is_booked": chance.random(1_000)[order] > 0.1,
        }
    )


@pytest.fixture
def made(lines, open_engine, shop):
    """Runs a report or model on them."""
    engine = open_engine()
    rows = lines.assign(date_key=lines.day.dt.strftime("%Y%m%d").astype(int)).drop(columns="day")
    sales = [{**row, "customer_id": row["customer_id"] or None} for row in rows.to_dict("records")]
    for row in sales:
        row["customer_id"] = row["customer_id"] if isinstance(row["customer_id"], str) else None
    inputs = {"gold.fact_sales": sales, "gold.fact_events": [{"event_id": 1, "date_key": 20241231}]}

    def run(name: str, **settings: object) -> pd.DataFrame:
        table = pa.Table.from_pylist(shop.run_model(engine, name, inputs, {**shop.settings, **settings}))
        return table.to_pandas()

    return run


@pytest.fixture
def booked(lines) -> pd.DataFrame:
    return lines[lines.is_booked & lines.customer_id.notna()]


def score(ranked: pd.Series) -> pd.Series:
    share = (ranked.rank(method="min") - 1) / (len(ranked) - 1)
    return np.minimum(1 + np.floor(5 * share), 5).astype(int)


def scored(booked: pd.DataFrame) -> pd.DataFrame:
    found = booked.groupby("customer_id").agg(
        last=("day", "max"), frequency=("order_id", "nunique"), monetary=("net_amount", "sum")
    )
    found["recency_days"] = (pd.Timestamp(TODAY) - found["last"]).dt.days
    found["r"], found["f"], found["m"] = (
        score(-found.recency_days),
        score(found.frequency),
        score(found.monetary.round(2)),
    )
    names = {
        **{(5, f): "Champions" for f in (4, 5)},
        **{(r, f): "Loyal Customers" for r in (3, 4) for f in (4, 5)},
        **{(r, f): "Potential Loyalists" for r in (4, 5) for f in (2, 3)},
        **{(5, 1): "New Customers", (4, 1): "Promising", (3, 3): "Need Attention"},
        **{(3, f): "About To Sleep" for f in (1, 2)},
        **{(r, 5): "Cannot Lose Them" for r in (1, 2)},
        **{(r, f): "At Risk" for r in (1, 2) for f in (3, 4)},
        **{(r, f): "Hibernating" for r in (1, 2) for f in (1, 2)},
    }
    assert len(names) == 25
    found["segment"] = [names[pair] for pair in zip(found.r, found.f, strict=True)]
    return found


def histories(booked: pd.DataFrame) -> pd.DataFrame:
    days = booked.groupby(["customer_id", "day"]).net_amount.sum().reset_index().sort_values(["customer_id", "day"])
    grouped = days.groupby("customer_id")
    found = pd.DataFrame({"first": grouped.day.min(), "last": grouped.day.max(), "monetary": grouped.net_amount.sum()})
    found["frequency"] = grouped.size() - 1
    found["recency"] = (found["last"] - found["first"]).dt.days
    found["age"] = (pd.Timestamp(TODAY) - found["first"]).dt.days
    repeats = found.frequency.where(found.frequency > 0)
    found["value"] = ((found.monetary - grouped.net_amount.first()) / repeats).round(2)
    return found


def test_segments_and_scores(made, booked) -> None:
    expected = scored(booked)
    mart = made("customer_segments").set_index("customer_id").sort_index()
    assert list(mart.index) == list(expected.index)
    for column, other in (
        *(("recency_days", "recency_days"), ("frequency", "frequency"), ("r_score", "r"), ("f_score", "f")),
        *(("m_score", "m"), ("rfm_segment", "segment")),
    ):
        assert list(mart[column]) == list(expected[other]), column
    assert mart.monetary.astype(float).to_numpy() == pytest.approx(expected.monetary.to_numpy())
    assert set(expected.segment) >= {"Champions", "Loyal Customers", "At Risk", "Hibernating"}

    report = made("rfm_segments").set_index("segment").sort_index().astype(float)
    groups = expected.groupby("segment")
    assert list(report.index) == list(groups.groups)
    assert list(report.customers) == list(groups.size())
    assert report.avg_recency_days.to_numpy() == pytest.approx(groups.recency_days.mean(), abs=0.0051)
    assert report.avg_frequency.to_numpy() == pytest.approx(groups.frequency.mean(), abs=0.0051)
    assert report.avg_monetary.to_numpy() == pytest.approx(groups.monetary.mean(), abs=0.0051)
    share = 100 * groups.monetary.sum() / expected.monetary.sum()
    assert report.revenue_share_pct.to_numpy() == pytest.approx(share, abs=0.0051)


def test_customers_at_risk(made, booked) -> None:
    found = histories(booked)
    repeated = found[found.frequency > 0]
    usual = round(repeated.recency.sum() / repeated.frequency.sum(), 2)
    gap = (repeated.recency + usual) / (repeated.frequency + 1)
    since = repeated.age - repeated.recency
    expected = repeated[since > 2 * gap.round(2)]
    report = made("at_risk_customers").set_index("customer_id")
    assert sorted(report.index) == sorted(expected.index) and 20 < len(report) < 150
    assert list(report.days_since) == list(since[report.index])
    assert report.expected_gap_days.astype(float).to_numpy() == pytest.approx(gap[report.index], abs=0.0051)
    assert report.monetary.is_monotonic_decreasing
    mart = made("customer_segments").set_index("customer_id")
    assert sorted(mart.index[mart.is_at_risk]) == sorted(expected.index)
    alive = made("customer_lifetime_value").set_index("customer_id").probability_alive
    assert list(report.probability_alive) == list(alive[report.index])


def test_lifetime_values(made, booked) -> None:
    expected = histories(booked)
    report = made("customer_lifetime_value", horizon_days=180).set_index("customer_id")
    assert report.clv.is_monotonic_decreasing
    expected = expected.loc[report.index]
    for column in ("frequency", "recency", "age"):
        assert list(report[column]) == list(expected[column]), column
    numbers = [expected[name].to_numpy(dtype=float) for name in ("frequency", "recency", "age")]
    repeated = expected.frequency > 0
    assert report.monetary_value[repeated].astype(float).to_numpy() == pytest.approx(
        expected.value[repeated], abs=0.0101
    )
    assert report.monetary_value[~repeated].isna().all()
    model = BGNBD.fit(*numbers)
    values = GammaGamma.fit(expected.frequency[repeated], expected.value[repeated])
    purchases = model.expected_purchases(180, *numbers)
    worth = purchases * values.expected_value(expected.frequency, expected.value.fillna(0))
    assert report.probability_alive.to_numpy() == pytest.approx(model.probability_alive(*numbers), abs=1e-3)
    assert report.predicted_purchases.to_numpy() == pytest.approx(purchases, rel=2e-3, abs=1e-3)
    assert report.clv.astype(float).to_numpy() == pytest.approx(worth, rel=5e-3, abs=0.05)
