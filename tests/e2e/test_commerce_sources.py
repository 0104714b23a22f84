"""Orders, customers, products and payments: from files as shops write them to silver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from clicklake.lake import Lake

Write: TypeAlias = Callable[..., Path]

ORDERS = (
    "order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,net_amount,currency,status,"
    "updated_at"
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return file


def rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in lake.query(sql).to_pylist()]


def test_order_lines_are_cleaned_and_versions_kept(lake: Lake, write: Write) -> None:
    orders = write(
        "orders.csv",
        ORDERS,
        "O1,1,C1,P1,2025-03-01T10:00:00Z,2,10.00,1.50,,USD,Completed,2025-03-01 10:00:00",
        "O1,1,C1,P1,2025-03-01T10:00:00Z,2,10.00,1.50,,USD,refunded,2025-03-05 10:00:00",
        "O1,1,C1,P1,2025-03-01 10:00:00,2.0,10.0, 1.5 ,,usd,completed,2025-03-01T10:00:00",  # as the first
        'O2,,,P2,31/12/2024,1,"$1,234.50",,,,On Hold,',
    )
    result = lake.run(orders=str(orders))
    assert result.fates["orders"]["loaded"] == 3 and result.fates["orders"]["duplicates"] == 1
    columns = (
        "order_id, line_id, customer_id, order_day, quantity, unit_price, discount, currency, status, status_class"
    )
    assert rows(lake, f"select {columns} from silver.orders order by order_id, updated_at") == [
        ("O1", "1", "C1", None, 2, Decimal("10.00"), Decimal("1.50"), "USD", "completed", "booked"),
        ("O1", "1", "C1", None, 2, Decimal("10.00"), Decimal("1.50"), "USD", "refunded", "refunded"),
        ("O2", "P2", None, date(2024, 12, 31), 1, Decimal("1234.50"), Decimal("0.00"), "USD", "on_hold", None),
    ]


BAD = [
    (",1,C,P,2025-01-01,1,1,0,,,paid,", ["missing_order_id"]),
    ("O,1,C,,2025-01-01,1,1,0,,,paid,", ["missing_product_id"]),
    ("O,1,C,P,,1,1,0,,,paid,", ["invalid_order_date"]),
    ("O,1,C,P,01-2025,1,1,0,,,paid,", ["invalid_order_date"]),
    ("O,1,C,P,2025-01-01,-1,1,0,,,paid,", ["invalid_quantity"]),
    ("O,1,C,P,2025-01-01,1.5,1,0,,,paid,", ["invalid_quantity"]),
    ("O,1,C,P,2025-01-01,1,-1,0,,,paid,", ["invalid_unit_price"]),
    ("O,1,C,P,2025-01-01,1,cheap,0,,,paid,", ["invalid_unit_price"]),
    ("O,1,C,P,2025-01-01,1,1,-1,,,paid,", ["invalid_discount"]),
    ("O,1,C,P,2025-01-01,1,1,0,x,,paid,", ["invalid_net_amount"]),
    ("O,1,C,P,2025-01-01,1,1,0,,,,", ["missing_status"]),
    ("O,1,C,P,2025-01-01,1,1,0,,,paid,soon", ["invalid_updated_at"]),
    ("O,1,C,P,2025-01-01,1,1,0,,EUR,paid,", ["unknown_currency"]),
    ("O,1,C,P,2025-01-01,1,€1,0,,,paid,", ["unknown_currency"]),
    ("O,1,C,P,2025-01-01,900000000,900000000,0,,,paid,", ["amount_above_bound"]),
    ("O,1,C,P,2025-01-01,900000000,0,0,,,paid,", ["amount_above_bound"]),
    ("O,1,C,P,2025-01-01,1,1,0,900000000000000,,paid,", ["amount_above_bound"]),
    ("O,1,C,P,2025-01-01,,,0,,,,", ["missing_status", "invalid_quantity", "invalid_unit_price"]),
]


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The reasons of each bad line, which came in one file."""
    folder = tmp_path_factory.mktemp("bad")
    file = folder / "orders.csv"
    file.write_text("\n".join([ORDERS, *(line for line, _ in BAD)]) + "\n", encoding="utf-8")
    lake = Lake(folder / "lake")
    lake.run(orders=str(file))
    return [reasons for (reasons,) in rows(lake, "select reasons from silver.quarantine order by row_id")]


@pytest.mark.parametrize("number", range(len(BAD)), ids=[line for line, _ in BAD])
def test_a_bad_line_is_quarantined_with_every_reason(rejected: list[list[str]], number: int) -> None:
    assert len(rejected) == len(BAD)
    assert rejected[number] == BAD[number][1]


def test_a_warning_is_no_reason_to_reject(lake: Lake, write: Write) -> None:
    odd = "O,1,,P,2025-01-02,1,1,5,9,,paid,2025-01-01"  # a guest, a discount above the price, another net amount
    lake.run(orders=str(write("orders.csv", ORDERS, odd)))
    assert rows(lake, "select count(*) from silver.orders") == [(1,)]


def test_customers_products_and_payments(lake: Lake, write: Write) -> None:
    customers = write(
        "customers.csv",
        "customer_id,first_name,last_name,email,phone,address,city,state,country,registration_date,segment,updated_at",
        "C1,Ann,Lee, Ann@X.com ,1,a,b,c,Deutschland,2024-01-01,gold,2024-01-01 00:00:00",
        "C2,Bob,Ray,bad,1,a,b,c,Atlantis,31.12.2023,,2024-01-01",
        ",Zoe,,,,,,,,never,,",
    )
    products = write(
        "products.csv",
        "product_id,product_name,category,subcategory,brand,price,cost,updated_at",
        "P1,Pen,Office,,Acme,$2.50,1,2024-01-01",
        "P2,Ink,Office,,Acme,€2.50,-1,2024-01-01",
    )
    payments = write(
        "payments.csv",
        "payment_id,order_id,payment_method,amount,currency,payment_date,status,updated_at",
        "Y1,O1,Credit Card,18.50,,2025-03-01 10:00:05,captured,2025-03-01 10:00:05",
        "Y2,O1,PayPal,1,,2025-03-01,Chargeback,2025-03-02",
        "Y3,,cash,-1,,x,,",
    )
    lake.run(customers=str(customers), products=str(products), payments=str(payments))
    assert rows(lake, "select customer_id, email, country, registration_date from silver.customers order by 1") == [
        ("C1", "ann@x.com", "DE", date(2024, 1, 1)),
        ("C2", "bad", "Atlantis", date(2023, 12, 31)),
    ]
    assert rows(lake, "select product_id, price, cost from silver.products") == [
        ("P1", Decimal("2.50"), Decimal("1.00"))
    ]
    assert rows(lake, "select payment_id, payment_method, amount, status_class from silver.payments order by 1") == [
        ("Y1", "credit_card", Decimal("18.50"), "settled"),
        ("Y2", "pay_pal", Decimal("1.00"), "refunded"),
    ]
    assert rows(lake, "select source, reasons from silver.quarantine order by source") == [
        ("customers", ["missing_customer_id", "invalid_registration_date"]),
        ("payments", ["missing_order_id", "missing_status", "invalid_amount", "invalid_payment_date"]),
        ("products", ["invalid_price", "invalid_cost"]),
    ]


def test_a_rate_lets_rows_of_another_currency_through(write: Write) -> None:
    config = write("clicklake.yaml", "lake: lake", "currency: USD")
    orders = write(
        "orders.csv", ORDERS, "O1,1,C,P,2025-02-01,2,€10,1,19,,paid,", "O2,1,C,P,2025-02-01,1,10,0,,CHF,paid,"
    )
    lake = Lake(config=config)
    lake.run(orders=str(orders))
    assert rows(lake, "select count(*) from silver.orders") == [(0,)]
    write("rates.csv", "currency,rate", "EUR,1.5")
    write("clicklake.yaml", "lake: lake", "currency: USD", "currency_rates: rates.csv")
    lake = Lake(config=config)
    lake.run()  # what the rules say now holds for the rows of before too
    found = rows(lake, "select unit_price, discount, net_amount, currency from silver.orders")
    assert found == [(Decimal("15.00"), Decimal("1.50"), Decimal("28.50"), "EUR")]
    assert rows(lake, "select reasons from silver.quarantine where status = 'open'") == [(["unknown_currency"],)]


def test_tables_of_sources_that_are_not_used_are_empty_and_not_there(lake: Lake, write: Write, clicks: Write) -> None:
    lake.run(customers=str(write("customers.csv", "customer_id,updated_at", "C1,2025-01-01")))
    assert "silver.events" not in lake.store.names() and "gold.fact_events" not in lake.store.names()
    assert rows(lake, "select count(*) from gold.fact_events") == [(0,)]
    assert lake.report("top_products").to_pylist() == []
    lake.run(click_events=str(clicks("u1,s1,2025-01-01 00:00:00,product_view,p1,,")))
    assert rows(lake, "select count(*) from gold.fact_events") == [(1,)]
    assert [row["product_id"] for row in lake.report("top_products").to_pylist()] == ["p1"]


def test_other_rates_don_t_concern_a_source_without_currencies(write: Write, clicks: Write) -> None:
    config = write("clicklake.yaml", "lake: lake", "currency_rates: rates.csv")
    write("rates.csv", "currency,rate", "EUR,1.5")
    events = clicks("u1,s1,2025-01-01 00:00:00,purchase,p1,5,")
    orders = write("orders.csv", ORDERS, "O1,1,C,P,2025-02-01,2,€10,1,19,,paid,")
    Lake(config=config).run(click_events=str(events), orders=str(orders))
    write("rates.csv", "currency,rate", "EUR,2.0")
    result = Lake(config=config).run()
    assert result.rejudged == {"orders": "its contract changed"}
    assert rows(Lake(config=config), "select unit_price from silver.orders") == [(Decimal("20.00"),)]
