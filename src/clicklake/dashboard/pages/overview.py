"""What was bought and who was there, against the period before, and day by day."""

from __future__ import annotations

import streamlit as st

from clicklake.contracts.model import Chart
from clicklake.dashboard.parts import below, card, told
from clicklake.dashboard.parts import tiles as draw_tiles
from clicklake.dashboard.view import Asked, View

_FIGURES = ("revenue", "orders", "average_order_value", "active_users", "conversion_pct")
_LINES = {
    "revenue": "Revenue each day",
    "orders": "Orders each day",
    "active_users": "Users active each day",
    "conversion_pct": "Active users who buy, each day",
}


def first(view: View) -> Asked:
    """The reports that are shown where nothing was chosen on the page."""
    yield "key_figures", {}, False
    if view.chosen.before:
        yield "key_figures", {"days": view.chosen.before}, False
    for column in _LINES:
        yield "daily_figures", {"limit": None, "chart": _line(column)}, True


def page(view: View) -> None:
    """Draw the page."""
    with told():
        now = view.report("key_figures")
        before = view.report("key_figures", days=view.chosen.before) if view.chosen.before else None
        draw_tiles(now, _FIGURES, before)
        compared = f"compared with {before.window}" if before else "nothing to compare with: no such days before"
        below(view, now, [now.window, compared, now.note or ""], has_table=True)
    for pair in (("revenue", "orders"), ("active_users", "conversion_pct")):
        for place, column in zip(st.columns(2, gap="small"), pair, strict=True):
            with place:
                card(view, "daily_figures", chart=_line(column), is_half=True, limit=None)


def _line(column: str) -> Chart:
    return Chart(kind="line", x="date", y=column, title=_LINES[column])
