"""A generated shop: from the same silver rows both engines build the same gold, and give the same answers.

Each engine builds its tables from its own ones, in the order of a build. Reports run together, as `clicklake run`
runs them; checks and quality measures are taken of tables that have lost and doubled rows, so that they find some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from shop_cases import CATALOGUE

from clicklake.build.checks import run_checks
from clicklake.build.graph import build_order
from clicklake.build.strategies import select_typed
from clicklake.engines.duckdb import DuckDB
from clicklake.lake import Lake
from clicklake.quality.measures import Measure, of_rule, of_table
from clicklake.reports.filters import Filtering
from clicklake.reports.run import Window, plan, run_reports
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

from .comparing import assert_equal

if TYPE_CHECKING:
    from clicklake.engines.spark import Spark

ZONE = "Europe/Berlin"
GOLD = build_order(CATALOGUE.gold, frozenset(CATALOGUE.silver))

Tables = dict[str, pa.Table]
Both = dict[str, Any]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("shop")
    commerce = CommerceConfig(order_lines=6000, faulty_share=0.05, odd_share=0.15, duplicate_share=0.03)
    config = GeneratorConfig(rows=20_000, web_rows=2_000, days=40, products=300, commerce=commerce)
    truth: dict[str, Any] = generate(folder / "data", config)
    made = Lake(folder / "lake", overrides={"reporting_timezone": ZONE})
    made.run({name: str(folder / "data" / name) for name in truth["sources"]})
    return made


@pytest.fixture(scope="module")
def engines_of_shop(open_spark: Callable[..., Spark]) -> Iterator[Both]:
    duckdb = DuckDB(threads=2, reporting_timezone=ZONE)
    yield {"duckdb": duckdb, "spark": open_spark(ZONE)}
    duckdb.close()


@pytest.fixture(scope="module")
def silver(lake: Lake, engines_of_shop: Both) -> Both:
    """Both engines with the silver tables of a lake that the embedded engine made."""
    duckdb = engines_of_shop["duckdb"]
    for name in CATALOGUE.silver:
        snapshot = lake.store.find(name)
        assert snapshot is not None
        put(engines_of_shop, name, duckdb.table(duckdb.scan(snapshot)))
    return engines_of_shop


@pytest.fixture(scope="module")
def gold(lake: Lake, silver: Both) -> dict[str, Tables]:
    """By engine, the gold tables that it built."""
    found: dict[str, Tables] = {name: {} for name in silver}
    for model in GOLD:
        for name, engine in silver.items():
            found[name][model.name] = engine.table(select_typed(model, lake.parameters))
            put({name: engine}, model.name, found[name][model.name])
    return found


@pytest.fixture(scope="module")
def answers(lake: Lake, silver: Both, gold: dict[str, Tables]) -> dict[str, Tables]:
    """By engine, the rows of all reports."""
    reports = [CATALOGUE.report(name) for name in CATALOGUE.report_names]
    busy = "select customer_id from gold.fact_sales semi join gold.fact_events on customer_id = user_id"
    user = silver["duckdb"].value(f"{busy} group by all order by count(*) desc, 1 limit 1")
    given = {"user_timeline": {"user": user}}  # without one it has no row to compare
    found = {}
    for name, engine in silver.items():
        plans = [
            plan(engine, report, {**lake.parameters, **given.get(report.name, {})}, Window(), None)
            for report in reports
        ]
        made = run_reports(engine, plans)
        found[name] = {report.name: rows.table for report, rows in zip(reports, made, strict=True)}
    return found


@pytest.fixture(scope="module")
def spoilt(silver: Both, gold: dict[str, Tables]) -> Both:
    """Both engines with gold tables that have lost every seventh row, and have every eleventh twice."""
    for name, rows in gold["duckdb"].items():
        numbers = [n for n in range(len(rows)) if n % 7] + list(range(3, len(rows), 11))
        put(silver, name, rows.take(pa.array(numbers, pa.int64())))
    return silver


def put(engines: Both, name: str, rows: pa.Table) -> None:
    for engine in engines.values():
        engine.register("given_rows", rows)
        engine.execute(f"create or replace table {name} as select * from given_rows")


def test_gold_tables_are_equal(gold: dict[str, Tables], table: Any) -> None:
    made, expected = gold["spark"][table.name], gold["duckdb"][table.name]
    assert_equal(made, expected)
    assert len(expected) > 0


@pytest.mark.parametrize(
    "given",
    [{"source": "web_events"}, {"segment": "consumer"}, {"source": "click_events", "segment": "High Activity"}],
    ids=["source", "segment", "both"],
)
def test_reports_by_filters_are_equal(lake: Lake, silver: Both, gold: dict[str, Tables], given: dict[str, str]) -> None:
    """One that groups, one with a mart that is computed anew, one whose steps are restricted."""
    filtering = Filtering(CATALOGUE, given, lake.parameters)
    for report in map(CATALOGUE.report, ("conversion_funnel", "daily_sales_summary", "rfm_segments")):
        plans = {name: plan(each, report, lake.parameters, Window(), None, filtering) for name, each in silver.items()}
        made = {name: run_reports(silver[name], [item])[0].table for name, item in plans.items()}
        assert_equal(made["spark"], made["duckdb"])
        # Clicks bring no orders.
        assert (len(made["duckdb"]) > 0) != (report.name == "daily_sales_summary" and "source" in given)


def test_reports_are_equal(answers: dict[str, Tables], report: Any) -> None:
    made, expected = answers["spark"][report.name], answers["duckdb"][report.name]
    assert_equal(made, expected, in_order=True)
    assert len(expected) > 0


def test_checks_find_the_same(lake: Lake, spoilt: Both, table: Any) -> None:
    found = {
        name: [(r.name, r.offending) for r in run_checks(engine, table, CATALOGUE.gold, lake.parameters)]
        for name, engine in spoilt.items()
    }
    assert found["spark"] == found["duckdb"]
    assert any(offending for _, offending in found["duckdb"])


@pytest.mark.parametrize("name", [*CATALOGUE.silver, *CATALOGUE.gold])
def test_measures_of_tables_are_equal(lake: Lake, spoilt: Both, name: str) -> None:
    measures = list(of_table(CATALOGUE.table(name), CATALOGUE, lake.parameters))
    conditions = {m.check: m.condition for m in measures if m.condition}
    counts = ", ".join(f'count(*) filter (where {sql}) as "{check}"' for check, sql in conditions.items())
    assert_answers_equal(f"select {counts} from {name}", spoilt)
    for measure in measures:
        assert_measures_equal(measure, spoilt)


@pytest.mark.parametrize("name", CATALOGUE.quality_rules)
def test_quality_rules_are_equal(lake: Lake, spoilt: Both, name: str) -> None:
    assert_measures_equal(of_rule(CATALOGUE.quality_rules[name], lake.parameters), spoilt)


def assert_measures_equal(measure: Measure, engines: Both) -> None:
    """How many rows are looked at, how many offend, which they are, and what they are worth."""
    for sql in (measure.query, measure.base, measure.count):
        if sql:
            assert_answers_equal(sql, engines)
    if measure.impact:
        rows = measure.query or f"select * from {measure.table} where {measure.condition}"
        assert_answers_equal(f"select {', '.join(measure.impact.values())} from ({rows}) as offending", engines)


def assert_answers_equal(sql: str, engines: Both) -> None:
    made, expected = (engines[name].table(sql) for name in ("spark", "duckdb"))
    assert_equal(made.rename_columns(expected.column_names), expected, numbers=True)
