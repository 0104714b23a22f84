"""The scorecard of orders, customers, products and payments: what their contracts and the shop's rules say."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_measures import measured

from clicklake.lake import Lake

ORDERS = "order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,net_amount,status,updated_at"


def write(folder: Path, name: str, header: str, *records: str) -> Path:
    file = folder / f"{name}.csv"
    file.write_text("\n".join([header, *records]) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def shop(lake: Lake, tmp_path: Path) -> Lake:
    orders = write(
        tmp_path,
        "orders",
        ORDERS,
        "o1,1,c1,p1,2025-01-01 10:00:00,2,10.00,1.00,19.00,booked,2025-01-01 10:00:00",
        "o2,1,c9,p9,2025-01-02 10:00:00,1,10.00,0.00,12.00,booked,2025-01-02 10:00:00",
        "o3,1,,p1,2025-01-03 10:00:00,1,10.00,0.00,,dreaming,2025-01-01 10:00:00",
    )
    customers = write(tmp_path, "customers", "customer_id,first_name,country,updated_at", "c1,Ann,DE,2024-01-01")
    lake.run(orders=orders, customers=customers)
    return lake


def test_warning_rules_are_measured_on_silver(shop: Lake) -> None:
    found = measured(shop)
    assert found["silver.orders.missing_customer_id"] == (3, 1, 66.666)
    assert found["silver.orders.updated_before_order"] == (3, 1, 66.666)
    assert found["silver.orders.status_known"] == (3, 1, 66.666)
    assert "bronze.orders.missing_customer_id" not in found, "its rows are in silver, not in quarantine"


def test_relationships_of_contracts_are_foreign_keys_of_silver(shop: Lake) -> None:
    found = measured(shop)
    assert found["silver.orders.customer_id_in_customers"] == (2, 1, 50.0), "a guest has none to look for"
    assert found["silver.orders.product_id_in_products"] == (3, 3, 0.0), "no product was ever delivered"


def test_versions_that_only_content_tells_apart_are_a_matter_of_uniqueness(lake: Lake, tmp_path: Path) -> None:
    lines = ["o1,,c1,p1,2025-01-01,2,10,,,booked,2025-01-01", "o1,,c1,p1,2025-01-01,3,10,,,booked,2025-01-01"]
    lake.run(orders=write(tmp_path, "orders", ORDERS, *lines, "o2,,c1,p1,2025-01-01,2,10,,,booked,2025-01-01"))
    found = measured(lake)
    assert found["silver.orders.versions_told_apart"] == (3, 2, 33.333)
    assert "silver.events.versions_told_apart" not in found
    assert found["silver.orders.order_date_complete"] == (3, 0, 100.0)
    assert found.get("silver.orders.order_day_complete", (0, 0, None))[2] is None, "a day is not required of each row"
