"""The shop's rules on rows of which it is known by hand what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.duckdb import DuckDB
from clicklake.quality.measures import of_rule

RULES = Catalogue().quality_rules

SALES = """
    ('paid', '1', 'c1', 20250110, 10.00, true, null), ('paid', '2', 'c1', 20250110, 5.50, true, null),
    ('short', '1', 'c1', 20250111, 20.00, true, null), ('over', '1', 'c1', 20250111, 20.00, true, null),
    ('unpaid', '1', 'c2', 20250112, 7.25, true, null), ('open', '1', 'c2', 20250112, 99.00, false, null),
    ('back', '1', 'c2', 20250112, 50.00, true, 20250120), ('early', '1', 'c9', 20250201, 30.00, true, null)
"""
PAYMENTS = """
    ('p1', 'paid', 20250110, 10.00, true), ('p2', 'paid', 20250111, 5.50, true), ('p3', 'short', 20250111, 19.99, true),
    ('p4', 'over', 20250111, 25.00, true), ('p5', 'back', 20250112, 50.00, false),
    ('p6', 'nowhere', 20250112, 8.00, true),
    ('p7', 'early', 20250131, 30.00, true), ('p8', 'unpaid', 20250113, 7.25, false)
"""
EVENTS = """
    (1, 'purchase', true, 'paid', 20250110, 10.00, 2025, 1), (2, 'purchase', true, 'paid', 20250110, 5.50, 2025, 1),
    (3, 'purchase', true, 'short', 20250111, 18.00, 2025, 1), (4, 'purchase', false, 'over', 20250111, 1.00, 2025, 1),
    (5, 'purchase', true, 'lost', 20250111, 3.00, 2025, 1), (6, 'purchase', true, null, 20250201, 29.00, 2025, 2),
    (7, 'product_view', true, 'lost', 20250111, 3.00, 2025, 1)
"""
CUSTOMERS = """('c1', date '2025-01-01', true), ('c2', date '2025-01-12', true), ('c2', date '2026-01-01', false),
    ('c9', date '2025-02-02', true), ('c8', null, true)"""


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDB]:
    made = DuckDB()
    money = "cast(amount as decimal(18, 2))"
    made.execute(
        f"create view gold.fact_sales as select * exclude (amount), {money} as net_amount, "
        f"date_key // 10000 as order_year, date_key // 100 % 100 as order_month from (values {SALES}) as "
        "t(order_id, line_id, customer_id, date_key, amount, is_booked, refund_date_key)"
    )
    made.execute(
        f"create view gold.fact_payments as select * replace ({money} as amount) from (values {PAYMENTS}) as "
        "t(payment_id, order_id, date_key, amount, is_settled)"
    )
    made.execute(
        f"create view gold.fact_events as select * replace ({money} as amount) from (values {EVENTS}) as "
        "t(event_id, event_type, is_success, order_id, date_key, amount, event_year, event_month)"
    )
    made.execute(
        f"create view gold.dim_customers as select * from (values {CUSTOMERS}) as "
        "t(customer_id, registration_date, is_current)"
    )
    yield made
    made.close()


EXPECTED: dict[str, tuple[int, set[Any], dict[str, str]]] = {
    "payments_equal_order": (4, {"short", "over"}, {"paid_too_little": "0.01", "paid_too_much": "5.00"}),
    "orders_without_payment": (5, {"unpaid"}, {"revenue_without_payment": "7.25"}),
    "payments_without_order": (6, {"p6"}, {"payments_without_order": "8.00"}),
    "payment_after_order": (7, {"p7"}, {}),
    "order_after_registration": (8, {"early"}, {}),
    "tracked_amount_equals_order": (2, {"short"}, {"tracked_too_little": "2.00", "tracked_too_much": "0"}),
    "tracked_purchases_have_orders": (4, {5}, {"tracked_without_order": "3.00"}),
    "tracked_revenue_by_month": (2, {202501}, {}),
}


def test_every_rule_of_the_shop_is_tested() -> None:
    assert set(RULES) == set(EXPECTED)


def test_the_rules_of_the_shop_read_tables_and_columns_that_there_are() -> None:
    catalogue, engine = Catalogue(), DuckDB()
    for model in (*catalogue.silver.values(), *catalogue.gold.values()):
        engine.attach_empty(model.name, model.doc.schema)
    for rule in RULES.values():
        assert all(catalogue.table(name) for name in rule.tables), rule.name
        measure = of_rule(rule, {})
        assert engine.rows(str(measure.query)) == [] and engine.value(str(measure.base)) == 0
    engine.close()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_rule_finds_what_is_wrong_and_nothing_else(engine: DuckDB, name: str) -> None:
    rows, keys, impact = EXPECTED[name]
    measure = of_rule(RULES[name], {})
    assert engine.value(str(measure.base)) == rows
    assert {row[0] for row in engine.rows(str(measure.query))} == keys
    for figure, sql in measure.impact.items():
        assert engine.value(f"select coalesce({sql}, 0) from ({measure.query})") == Decimal(impact[figure])
    assert set(impact) == set(measure.impact)
