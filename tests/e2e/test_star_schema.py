"""Parents that come late, costs and refunds restate the order lines concerned, by themselves; any line leads back."""

from __future__ import annotations

from pathlib import Path

from clicklake.lake import Lake
from clicklake.trace.trace import trace

FILES = {
    "orders": (
        "order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,status,updated_at",
        "o1,1,c1,p1,2025-01-05 10:00:00,2,10.00,1.00,shipped,2025-01-05 10:00:00",
        "o2,1,c1,p2,2025-03-05 10:00:00,1,5.00,,shipped,2025-03-05 10:00:00",
        "o3,1,,p1,2025-03-06 10:00:00,1,10.00,,shipped,2025-03-06 10:00:00",
        *(f"o{n},1,c9,p9,2025-03-07 10:00:00,1,10.00,,shipped,2025-03-07 10:00:00" for n in range(10, 40)),
    ),
    "customers": ("customer_id,city,updated_at", "c1,Rome,2025-01-01 00:00:00", "c1,Oslo,2025-02-01 00:00:00"),
    "products": ("product_id,product_name,cost,updated_at", "p1,Cup,4.00,2025-01-01"),
    "refund": (
        "order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,status,updated_at",
        "o2,1,c1,p2,2025-03-05 10:00:00,1,5.00,,refunded,2025-03-20 10:00:00",
    ),
}


def _line(lake: Lake, order: str) -> tuple[object, ...]:
    columns = "customer_key, cost_amount, status, refund_date_key"
    (row,) = lake.query(f"select {columns} from gold.fact_sales where order_id = '{order}'").to_pylist()
    return tuple(value if value is None or isinstance(value, int) else str(value) for value in row.values())


def test_what_comes_late_restates_the_orders_concerned(lake: Lake, tmp_path: Path) -> None:
    files = {}
    for name, lines in FILES.items():
        files[name] = tmp_path / f"{name}.csv"
        files[name].write_text("\n".join(lines) + "\n")
    lake.run(orders=files["orders"])
    assert _line(lake, "o1") == ("c1@-infinity", None, "shipped", None)
    assert lake.query("select customer_id from gold.dim_customers where is_inferred order by 1").to_pylist() == [
        {"customer_id": "c1"},
        {"customer_id": "c9"},
    ]

    lake.run(customers=files["customers"])
    assert _line(lake, "o1") == ("c1@-infinity", None, "shipped", None)
    assert _line(lake, "o2") == ("c1@2025-02-01T00:00:00", None, "shipped", None)
    assert _line(lake, "o3") == (None, None, "shipped", None)

    lake.run(products=files["products"])
    assert [_line(lake, order)[1] for order in ("o1", "o2", "o3")] == ["8.00", None, "4.00"]

    result = lake.run(orders=files["refund"])
    assert "gold.fact_sales" in result.incremented
    assert _line(lake, "o2") == ("c1@2025-02-01T00:00:00", None, "refunded", 20250320)

    found = trace(lake, "gold.fact_sales", {"order_id": "o1"})
    assert (found.silver_table, found.row_count, len(found.stories)) == ("silver.orders", 1, 1)
    assert trace(lake, "gold.fact_sales", {"order_id": "o2"}).behind_count == 2, "its two versions"
    customer = trace(lake, "gold.dim_customers", {"customer_key": "c1@-infinity"})
    assert (customer.silver_table, customer.behind_count) == ("silver.customers", 2), "both versions are told of c1"
    inferred = trace(lake, "gold.dim_customers", {"customer_key": "c9@-infinity"}, limit=50)
    assert (inferred.silver_table, inferred.behind_count) == ("silver.orders", 30), "known from orders alone"
