"""Who the customers are, who comes back, what they are worth, and who is about to be lost."""

from __future__ import annotations

import streamlit as st

from clicklake.dashboard.parts import card
from clicklake.dashboard.view import View


def page(view: View) -> None:
    """Draw the page."""
    left, right = st.columns(2, gap="small")
    with left:
        card(view, "rfm_segments", is_half=True)
    with right:
        card(view, "rfm_grid", is_half=True)
    card(view, "retention_cohorts", limit=None)
    card(view, "user_segments")
    card(view, "customer_lifetime_value")
    card(view, "at_risk_customers")
