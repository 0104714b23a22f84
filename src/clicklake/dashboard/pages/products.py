"""What is looked at and sold, how well, and what goes together."""

from __future__ import annotations

import streamlit as st

from clicklake.contracts.model import Chart
from clicklake.dashboard.parts import ROWS, card
from clicklake.dashboard.view import Asked, View

_PERFORMANCE = (
    *("product_id", "category", "revenue", "margin", "units", "return_pct"),
    *("product_views", "add_to_carts", "purchases", "view_to_cart_pct", "cart_to_purchase_pct"),
)


def first(view: View) -> Asked:
    """The reports that are shown where nothing was chosen on the page."""
    yield "category_performance", {"limit": ROWS}, True
    yield "top_products", {"limit": 10}, True
    yield "product_performance", {"limit": ROWS, "chart": Chart()}, False
    yield "product_affinity", {"limit": ROWS}, False


def page(view: View) -> None:
    """Draw the page."""
    left, right = st.columns(2, gap="small")
    with left:
        card(view, "category_performance", is_half=True)
    with right:
        card(view, "top_products", is_half=True, limit=10)
    card(view, "product_performance", as_table=True, names=_PERFORMANCE)
    card(view, "product_affinity")
