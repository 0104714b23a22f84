"""Who the customers are, who comes back, what they are worth, and who is about to be lost."""

from __future__ import annotations

import streamlit as st

from clicklake.dashboard.parts import ROWS, card
from clicklake.dashboard.view import Asked, View

PARTS = ("Segments", "Lifetime value", "At risk")
"""What is shown at a time: models are fitted for those alone who want to see what they say."""


def first(view: View) -> Asked:
    """The reports that are shown where nothing was chosen on the page."""
    for name in ("rfm_segments", "rfm_grid"):
        yield name, {"limit": ROWS}, True
    yield "retention_cohorts", {"limit": None}, False
    yield "user_segments", {"limit": ROWS}, False


def page(view: View) -> None:
    """Draw the page."""
    part = st.segmented_control(
        "Part",
        PARTS,
        default=PARTS[0],
        required=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    if part == "Lifetime value":
        card(view, "customer_lifetime_value")
    elif part == "At risk":
        card(view, "at_risk_customers")
    else:
        _segments(view)


def _segments(view: View) -> None:
    left, right = st.columns(2, gap="small")
    with left:
        card(view, "rfm_segments", is_half=True)
    with right:
        card(view, "rfm_grid", is_half=True)
    card(view, "retention_cohorts", limit=None)
    card(view, "user_segments")
