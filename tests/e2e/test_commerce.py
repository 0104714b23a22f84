"""Generated clicks and commerce go through the whole lake: the numbers are those that the generator put in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clicklake.lake import Lake
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

NEWEST = """
    select *, coalesce(net_amount, quantity * unit_price - discount) as net from silver.orders
    qualify row_number() over (partition by order_id, line_id order by updated_at desc nulls last) = 1
"""
NEWEST_PAYMENTS = """
    select * from silver.payments
    qualify row_number() over (partition by payment_id order by updated_at desc nulls last) = 1
"""

Shop = tuple[Lake, dict[str, Any], dict[str, dict[str, int]]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    commerce = CommerceConfig(order_lines=8000, faulty_share=0.05, odd_share=0.15, duplicate_share=0.03)
    config = GeneratorConfig(rows=20_000, web_rows=2_000, files=2, days=40, products=800, commerce=commerce)
    truth: dict[str, Any] = generate(folder / "data", config)
    lake = Lake(folder / "lake")
    result = lake.run({name: str(folder / "data" / name) for name in truth["sources"]})
    return lake, truth, dict(result.fates)


SOURCES = ("click_events", "web_events", "customers", "products", "orders", "payments")


@pytest.mark.parametrize("source", SOURCES)
def test_every_row_has_the_fate_that_was_made_for_it(shop: Shop, source: str) -> None:
    lake, truth, fates = shop
    expected = truth["sources"][source]
    names = ("loaded", "duplicates", "quarantined")
    assert fates[source]["rows_ingested"] == expected["records"] > 0
    assert {name: fates[source][name] for name in names} == {name: expected[name] for name in names}
    reasons = lake.query(
        "select reason, count(*) as n from (select unnest(reasons) as reason from silver.quarantine "
        f"where source = '{source}') group by 1"
    ).to_pylist()
    assert {row["reason"]: row["n"] for row in reasons} == expected["reasons"]


def test_every_rule_of_commerce_that_rejects_is_broken(shop: Shop) -> None:
    lake, truth, _ = shop
    for source in ("customers", "products", "orders", "payments"):
        never = {"amount_above_bound"}
        rules = {rule.name for rule in lake.catalogue.contract(source).rules if rule.severity == "error"} - never
        broken = set(truth["sources"][source]["reasons"]) - {"malformed_row"}
        assert broken <= rules
        assert rules - broken <= {"invalid_updated_at"}


def test_the_booked_lines_add_up_to_the_net_revenue(shop: Shop) -> None:
    lake, truth, _ = shop
    (found,) = lake.query(
        f"""
        with newest as ({NEWEST})
        select count(distinct order_id) as orders, count(*) as order_lines,
            count(*) filter (status_class in ('booked', 'refunded')) as booked_lines,
            sum(net) filter (status_class in ('booked', 'refunded')) as net_revenue,
            sum(net) filter (status_class = 'refunded') as refunded,
            sum(net) filter (status_class = 'cancelled') as cancelled
        from newest"""
    ).to_pylist()
    expected = truth["totals"]["commerce"]
    assert {name: str(found[name]) for name in found} == {name: str(expected[name]) for name in found}
    assert Decimal(expected["net_revenue"]) > 100_000


def test_the_settled_payments_add_up_to_what_was_paid(shop: Shop) -> None:
    lake, truth, _ = shop
    (found,) = lake.query(
        f"""
        with newest as ({NEWEST_PAYMENTS})
        select count(*) as payments, count(*) filter (status_class = 'settled') as settled_payments,
            sum(amount) filter (status_class = 'settled') as paid,
            sum(amount) filter (status_class = 'refunded') as paid_back
        from newest"""
    ).to_pylist()
    expected = truth["totals"]["commerce"]
    assert {name: str(found[name]) for name in found} == {name: str(expected[name]) for name in found}


def test_orphans_and_oddities_are_loaded_and_counted(shop: Shop) -> None:
    lake, truth, _ = shop
    (found,) = lake.query(
        """
        select
            count(*) filter (customer_id is null) as without_customer,
            count(*) filter (customer_id not in (select customer_id from silver.customers)) as customer_not_in_file,
            count(*) filter (product_id not in (select product_id from silver.products)) as product_not_in_file,
            count(*) filter (status = 'lost_in_transit') as unknown_status
        from silver.orders"""
    ).to_pylist()
    defects = truth["sources"]["orders"]["defects"]
    assert found == {name: defects[name] for name in found}
    (paid,) = lake.query(
        "select count(*) as n from silver.payments where order_id not in (select order_id from silver.orders)"
    ).to_pylist()
    assert paid["n"] == truth["sources"]["payments"]["defects"]["without_order"]
    (people,) = lake.query(
        """
        select (select count(distinct customer_id) from silver.customers) as customers,
            (select count(distinct product_id) from silver.products) as products,
            (select count(*) from silver.customers where country not similar to '[A-Z]{2}') as unknown_countries,
            (select count(*) from silver.customers where email <> lower(trim(email))) as dirty_mails"""
    ).to_pylist()
    expected = truth["totals"]["commerce"]
    assert people == {
        "customers": expected["customers"],
        "products": expected["products"],
        "unknown_countries": 0,
        "dirty_mails": 0,
    }


def test_the_order_of_the_files_does_not_matter(shop: Shop, tmp_path: Path) -> None:
    lake, truth, _ = shop
    data = Path(lake.path).parent / "data"
    other = Lake(tmp_path / "other")
    for source in ("payments", "orders"):
        for file in sorted((data / source).iterdir(), reverse=True):
            other.run({source: str(file)})
    query = f"select order_id, line_id, status, net from ({NEWEST}) order by all"
    assert other.query(query).to_pylist() == lake.query(query).to_pylist()
