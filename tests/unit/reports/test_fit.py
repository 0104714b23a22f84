"""Values that are computed first, and columns that a fitted model adds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from clicklake.contracts.model import Report, ReportDoc
from clicklake.engines.duckdb import DuckDB
from clicklake.errors import ContractError, FitError, QueryError, UsageError
from clicklake.reports.explain import explain
from clicklake.reports.run import Window, plan, report_tables, run_reports
from clicklake.statistics.bgnbd import BGNBD
from clicklake.statistics.gamma_gamma import GammaGamma

HORIZON = {"horizon_days": 90, "discount_rate": 0.0}
SQL = """
with

customers as (
    select who, x as frequency, t_x as recency, age, cast(z as decimal(18, 2)) as monetary_value
    from gold.customers
    where who >= 0
)

select who, probability_alive, predicted_purchases, expected_value, clv from fitted order by who asc
"""
FIT = {"model": "bg_nbd", "rows": "customers", "value": "monetary_value"}
COLUMNS = {
    name: {"type": "double" if name != "who" else "bigint", "description": "as it says"}
    for name in ("who", "probability_alive", "predicted_purchases", "expected_value", "clv")
}


def report(sql: str = SQL, name: str = "worth", **doc: object) -> Report:
    document = {"title": "Worth", "description": "One row per customer.", "grain": ["who"], "columns": COLUMNS, **doc}
    return Report(name, ReportDoc.model_validate(document), sql, Path(f"{name}.sql"))


@pytest.fixture
def engine() -> Iterator[DuckDB]:
    """400 customers, of whom every third came back."""
    engine = DuckDB(memory_limit="256MB", threads=2)
    engine.execute("""
        create table gold.customers as
        select
            who, x, age, if(x > 0, 1 + (who * 13) % (age - 1), 0) as t_x, if(x > 0, 5 + who % 40, null) as z
        from (
            select range as who, if(range % 3 = 0, 1 + range % 7, 0) as x, 30 + range % 100 as age from range(400)
        )
    """)
    yield engine
    engine.close()


def run(engine: DuckDB, *reports: Report, window: Window | None = None, **parameters: object):
    window = window or Window()
    return run_reports(engine, [plan(engine, one, {**HORIZON, **parameters}, window, None) for one in reports])


# ---- fitted columns


def test_the_columns_are_the_predictions_of_the_models(engine: DuckDB) -> None:
    (rows,) = run(engine, report(fit=FIT))
    made = rows.table.to_pydict()
    given = engine.table("select * from gold.customers order by who").to_pydict()
    x, t_x, age = (np.array(given[name], dtype=float) for name in ("x", "t_x", "age"))
    z = np.array([value or 0 for value in given["z"]], dtype=float)
    model, values = BGNBD.fit(x, t_x, age), GammaGamma.fit(x[x > 0], z[x > 0])
    assert made["who"] == list(range(400))
    assert made["probability_alive"] == pytest.approx(model.probability_alive(x, t_x, age), rel=1e-5)
    assert made["predicted_purchases"] == pytest.approx(model.expected_purchases(90, x, t_x, age), rel=1e-5)
    assert made["expected_value"] == pytest.approx(values.expected_value(x, z), rel=1e-5)
    assert made["clv"] == pytest.approx(np.multiply(made["predicted_purchases"], made["expected_value"]), rel=1e-12)


def test_purchases_far_ahead_are_worth_less(engine: DuckDB) -> None:
    (plain,), (discounted,) = run(engine, report(fit=FIT)), run(engine, report(fit=FIT), discount_rate=0.2)
    share = np.divide(discounted.table["clv"].to_numpy(), plain.table["clv"].to_numpy())
    # Within 90 days a purchase loses between nothing and 1 - 1.2 ^ -(90 / 365), and purchases spread about evenly.
    assert np.all((share > 1.2 ** -(90 / 365)) & (share < 1))
    assert share == pytest.approx(np.full(400, 1.2 ** -(45 / 365)), rel=0.02)
    assert discounted.table["predicted_purchases"].to_pylist() == plain.table["predicted_purchases"].to_pylist()


def test_without_values_there_are_purchases_alone(engine: DuckDB) -> None:
    sql = SQL.replace(", expected_value, clv", "")
    columns = {name: COLUMNS[name] for name in ("who", "probability_alive", "predicted_purchases")}
    (rows,) = run(engine, report(sql, fit={**FIT, "value": None}, columns=columns))
    assert len(rows) == 400 and rows.columns == list(columns)


def test_a_fit_is_done_once_for_reports_with_the_same_step(engine: DuckDB, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, fit = [], BGNBD.fit
    monkeypatch.setattr(BGNBD, "fit", lambda *args, **more: fitted.append(1) or fit(*args, **more))
    few = report(SQL.replace("from fitted", "from fitted where clv > 1"), name="few", fit={**FIT, "optional": True})
    both = run(engine, report(fit=FIT), few)
    assert len(fitted) == 1
    assert 0 < len(both[1]) < 400
    other = report(SQL.replace("who >= 0", "who >= 100"), name="other", fit=FIT)
    assert [len(rows) for rows in run(engine, report(fit=FIT), other)] == [400, 300]
    assert len(fitted) == 3


def test_the_order_of_rows_changes_nothing(engine: DuckDB) -> None:
    (before,) = run(engine, report(fit=FIT))
    engine.execute("create or replace table gold.customers as select * from gold.customers order by hash(who)")
    (after,) = run(engine, report(fit=FIT))
    assert after.table == before.table


def test_too_little_data_is_a_failure_or_null_columns(engine: DuckDB) -> None:
    few = SQL.replace("who >= 0", "who < 9")
    needed, optional = run(engine, report(few, fit=FIT), report(few, name="less", fit={**FIT, "optional": True}))
    assert isinstance(needed.failure, FitError) and len(needed) == 0 and needed.columns == list(COLUMNS)
    assert needed.note == str(needed.failure) and "9 customers, 3 of them with a repeat purchase" in needed.note
    assert optional.failure is None and len(optional) == 9 and optional.note == needed.note
    assert optional.table["clv"].null_count == optional.table["probability_alive"].null_count == 9


def test_no_customer_at_all_is_no_failure(engine: DuckDB) -> None:
    (rows,) = run(engine, report(SQL.replace("who >= 0", "who < 0"), fit=FIT))
    assert (len(rows), rows.failure, rows.note) == (0, None, None)


def test_values_that_are_missing_or_zero_are_not_fitted(engine: DuckDB) -> None:
    engine.execute("update gold.customers set z = 0 where who % 6 = 0")
    (rows,) = run(engine, report(fit=FIT))
    assert rows.failure is None and min(rows.table["expected_value"].to_pylist()) > 0
    engine.execute("update gold.customers set z = null")
    (rows,) = run(engine, report(fit=FIT))
    assert "0 customers with a repeat purchase of more than 0" in str(rows.failure)


def test_a_step_that_is_not_there_is_named(engine: DuckDB) -> None:
    with pytest.raises(ContractError, match=r"worth.sql: fit.rows names 'people', which is no step of the SQL"):
        run(engine, report(fit={**FIT, "rows": "people"}))


def test_the_rows_are_read_by_name_only(engine: DuckDB) -> None:
    """A column that is called as one of ours, and `fitted` under another name."""
    sql = SQL.replace("select who, x as", "select who, 7 as x, x as").replace("who,", "f.who,", 2)
    sql = sql.replace("select f.who, 7", "select who, 7").replace("from fitted", "from fitted as f")
    (rows,) = run(engine, report(sql, fit=FIT))
    assert len(rows) == 400


def test_explain_tells_the_model(engine: DuckDB) -> None:
    planned = plan(engine, report(fit=FIT), HORIZON, Window(), None)
    facts = explain(engine, planned, Window(), None)
    fit = facts["fit"]
    assert fit["model"] == "BG/NBD with Gamma-Gamma" and "Fader, Hardie, Lee (2005)" in fit["sources"][0]
    assert list(fit["parameters"]) == ["r", "alpha", "a", "b", "p", "q", "v"]
    assert (fit["customers"], fit["repeat_customers"], fit["horizon_days"]) == (400, 134, 90)
    assert -1 <= fit["correlation_of_frequency_and_value"] <= 1
    assert facts["fit_problem"] is None and "fitted" in facts["sql"]
    assert report_tables(planned.report) == ["gold.customers"]


# ---- values and windows

DAYS = """
with final as (select cast(:first as bigint) as who, count(*) as n from gold.days where date_key >= :first)
select who, n from final order by who asc
"""
DAY_COLUMNS = {name: {"type": "bigint", "description": "as it says"} for name in ("who", "n")}


@pytest.fixture
def days(engine: DuckDB) -> Report:
    engine.execute("create table gold.days as select 20240101 + range as date_key from range(20)")
    values = {"first": "select min(date_key) from gold.days", "both": "select 1 + :first"}
    note = "from {first}, then {both}, {horizon_days} days"
    return report(DAYS, columns=DAY_COLUMNS, window="gold.days", values=values, note=note)


def test_values_see_all_days_and_the_report_its_window(engine: DuckDB, days: Report) -> None:
    (rows,) = run(engine, days, window=Window(since=date(2024, 1, 6)))
    assert rows.to_pylist() == [{"who": 20240101, "n": 15}]
    assert rows.note == "from 20240101, then 20240102, 90 days"


def test_a_value_goes_over_a_setting_of_its_name(engine: DuckDB, days: Report) -> None:
    (rows,) = run(engine, days, first="a setting")
    assert rows.to_pylist() == [{"who": 20240101, "n": 20}]


def test_a_note_that_names_nothing_is_none(engine: DuckDB, days: Report) -> None:
    engine.execute("delete from gold.days")
    assert run(engine, days)[0].note is None


def test_the_wrong_sql_of_a_value_names_it(engine: DuckDB) -> None:
    wrong = report(DAYS, columns=DAY_COLUMNS, values={"first": "select nothing from gold.customers"})
    with pytest.raises(QueryError, match=r"worth.sql: values.first: .*nothing"):
        run(engine, wrong)


def test_as_of_is_the_last_day_and_a_parameter(engine: DuckDB, days: Report) -> None:
    window = Window(until=date(2024, 1, 10), as_of=date(2024, 1, 4))
    assert str(window) == "the first day to 2024-01-04"
    assert window.parameters == {"since": None, "until": date(2024, 1, 4), "as_of": date(2024, 1, 4)}
    assert run(engine, days, window=window)[0].table["n"].to_pylist() == [4]
    assert Window(until=date(2024, 1, 3), as_of=date(2024, 1, 4)).last == date(2024, 1, 3)
    with pytest.raises(UsageError, match="--since 2024-02-01 is after --as-of 2024-01-04"):
        Window(since=date(2024, 2, 1), as_of=date(2024, 1, 4))
