"""Tables that need another one: they are there where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.build.graph import build_order
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.model import Model, TableDoc
from clicklake.errors import ContractError
from clicklake.lake import Lake

NEEDY = {"gold.order_amounts", "gold.purchase_days", "gold.click_order_reconciliation"}
COUNT = "select count(*) as n from gold.click_order_reconciliation"
ORDERS = """\
order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,status,updated_at
o1,1,u1,p1,2025-01-01 10:00:00,1,9.50,0,paid,2025-01-01 10:00:00
"""


def test_they_come_when_it_comes(lake: Lake, clicks: Callable[..., Path], tmp_path: Path) -> None:
    lake.run(click_events=clicks("u1,s1,2025-01-01 10:00:00,purchase,p1,9.50,success"))
    assert not NEEDY & set(lake.store.names())
    assert "gold.product_performance" in lake.store.names()
    assert lake.query(COUNT).to_pylist() == [{"n": 0}]
    orders = tmp_path / "orders.csv"
    orders.write_text(ORDERS, encoding="utf-8")
    lake.run(orders=orders)
    assert set(lake.store.names()) >= NEEDY
    (row,) = lake.query("select * from gold.click_order_reconciliation").to_pylist()
    assert (row["order_id"], row["customer_id"], row["tracking_status"]) == (None, "u1", "matched")


def test_they_are_built_behind_it() -> None:
    catalogue = Catalogue()
    order = [model.name for model in build_order(catalogue.gold, frozenset(catalogue.silver))]
    for name in NEEDY:
        assert order.index("gold.fact_sales") < order.index(name)


def test_an_unknown_one_is_named() -> None:
    columns = {"n": {"type": "bigint", "description": "A number."}}
    doc = TableDoc.model_validate(
        {"description": "One row per one.", "grain": ["n"], "columns": columns, "needs": ["gold.nothing"]}
    )
    with pytest.raises(ContractError, match=r"gold\.one .*gold\.nothing, which is no table"):
        build_order({"gold.one": Model("gold.one", doc, "select 1 as n", Path("one.yml"))})
