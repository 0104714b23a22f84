"""How far users come: a funnel of any steps, the ways to a purchase, and one user's timeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow.compute as pc
import streamlit as st

from clicklake.contracts.model import Chart
from clicklake.dashboard import parts, urls
from clicklake.dashboard.charts import chart_of
from clicklake.dashboard.filters import Days
from clicklake.dashboard.sankey import flows_of, sankey
from clicklake.dashboard.states import no_rows
from clicklake.dashboard.theme import repainted
from clicklake.dashboard.view import Asked, View
from clicklake.personal import MASK
from clicklake.reports.formats import integer, label

_BY = {"": "All users", "device": "Device", "category": "Product category", "referrer": "Referrer"}
_ORDER = {"in_order": "In this order", "at_all": "At all"}
_USERS = {"in_order": "users_in_order", "at_all": "users"}
_SHARE = {"in_order": "pct_in_order_of_first", "at_all": "pct_of_first"}

_STEPS_ON_A_PHONE = 3
"""Names beside the bars of more would lie on each other."""


def first(view: View) -> Asked:
    """The reports that are shown where nothing was chosen on the page."""
    known = view.lake.catalogue.report("funnel").doc.parameters
    yield "event_types", {"days": Days()}, False
    defaults = {name: known[name].default for name in ("steps", "by", "within_days")}
    yield "funnel", {**defaults, "chart": _steps_done("in_order")}, False
    yield "purchase_flows", {}, False
    yield "purchase_paths", {"limit": parts.ROWS, "chart": Chart()}, False


def page(view: View) -> None:
    """Draw the page."""
    with parts.told():
        _funnel(view)
    with st.container(border=True, key="card-purchase-flows"), parts.told():
        _flows(view)
    parts.card(view, "purchase_paths", as_table=True)
    with st.container(border=True, key="card-timeline"), parts.told():
        _timeline(view)


def _funnel(view: View) -> None:
    known = view.lake.catalogue.report("funnel").doc.parameters
    steps, by, within, order = _choices(view)
    given: dict[str, Any] = {"steps": ",".join(steps), "by": by, "within_days": within}
    for name, value in given.items():
        urls.keep(name, str(value), str(known[name].default))
    urls.keep("order", order, "in_order")
    with st.container(border=True, key="card-funnel"):
        if not steps:
            st.info("Choose the first step of the funnel above.", icon=":material/filter_alt:")
            return
        result = view.report("funnel", **given)
        if not by:
            parts.draw(view, view.drawn(result, _steps_done(order)), parameters=given)
            return
        # Of each part the last step: who came through.
        title = f"{_BY[by]}: users who came through, {_words(order)}"
        chart = Chart(kind="bar", x="part", y=_SHARE[order], title=title)
        ends = result.table.filter(pc.equal(result.table["step"], pc.max(result.table["step"])))
        drawn = chart_of(replace(view.drawn(result, chart), table=ends), is_dark=view.is_dark, is_phone=view.is_phone)
        parts.heading(drawn[0] if drawn else result.doc.title, view.definition("funnel"))
        if drawn:
            st.vega_lite_chart(spec=drawn[1], theme=None, width="stretch", key="funnel-by")
        parts.table(result)
        parts.below(view, result, [result.note or ""], parameters=given, has_table=True)


def _choices(view: View) -> tuple[list[str], str, int, str]:
    """What is asked for: steps, part, days, order; the URL comes first."""
    doc = view.lake.catalogue.report("funnel").doc.parameters
    default = str(doc["steps"].default)
    asked = [step.strip() for step in urls.value("steps", default).split(",") if step.strip()]
    seen = view.report("event_types", days=Days()).table["event_type"].to_pylist()  # the same whatever the days
    options = list(dict.fromkeys([*seen, *asked, *default.split(",")]))
    with st.container(horizontal=True, key="funnel-choices", vertical_alignment="bottom"):
        steps = st.multiselect(
            "Steps",
            options,
            default=list(dict.fromkeys(asked)),
            key="funnel_steps",
            max_selections=doc["steps"].most,
            help=f"{doc['steps'].description} They count in the order in which they are chosen.",
            width=520,
        )
        by_url, by_names = urls.value("by"), list(_BY)
        by = st.selectbox(
            "Told apart by",
            by_names,
            index=by_names.index(by_url) if by_url in _BY else 0,
            format_func=lambda name: _BY[name],
            key="funnel_by",
            help=doc["by"].description,
            width=180,
        )
        days = urls.value("within_days", str(doc["within_days"].default))
        within = st.number_input(
            "Within days",
            min_value=1,
            max_value=3650,
            value=min(3650, max(1, int(days))) if days.isdigit() else 30,
            key="funnel_days",
            help=doc["within_days"].description,
            width=130,
        )
        order_url = urls.value("order", "in_order")
        order = st.segmented_control(
            "Counted",
            list(_ORDER),
            default=order_url if order_url in _ORDER else "in_order",
            format_func=lambda name: _ORDER[name],
            key="funnel_order",
            required=True,
            help="In this order: each step strictly later than the one before. At all: whenever it was.",
        )
    return steps, by or "", int(within), order or "in_order"


def _steps_done(order: str) -> Chart:
    return Chart(kind="funnel", x="event_type", y=_USERS[order], title=f"Users who did each step, {_words(order)}")


def _words(order: str) -> str:
    return "in this order" if order == "in_order" else "in any order"


def _flows(view: View) -> None:
    result = view.report("purchase_flows")
    parts.heading("Ways to the first purchase of a session", view.definition("purchase_flows"))
    if not result.table.num_rows:
        no_rows(result.doc.empty)
        return
    most = _STEPS_ON_A_PHONE if view.is_phone else None
    drawing = sankey(flows_of(result.table.to_pylist(), most), last="purchase")
    st.vega_lite_chart(
        spec=repainted(drawing, is_dark=view.is_dark), theme=None, width="stretch", key="chart-purchase-flows"
    )
    told = "three" if view.is_phone else "five"
    st.caption(f"From the left to the right the last {told} steps before the purchase; a step that is repeated is one.")
    parts.below(view, result, [result.note or ""])


def _timeline(view: View) -> None:
    parts.heading("One user's timeline", view.definition("user_timeline"))
    user = st.text_input(
        "User",
        value=urls.value("user"),
        key="timeline_user",
        placeholder="user_id or customer_id",
        help="The same id in events and orders is the same person. It is not shown anywhere else.",
        type="default",
        width=320,
    ).strip()
    urls.keep("user", user)
    if not user:
        st.caption("Name a user to see their events, sessions and orders, one below the other.")
        return
    result = view.report("user_timeline", user=user)
    if not result.table.num_rows:
        no_rows("No event and no order of such a user in these days.")
        return
    kinds = result.table["kind"].to_pylist()
    sessions = pc.max(result.table["session_number"]).as_py() or 0
    facts = {"events": kinds.count("event"), "orders": kinds.count("order"), "sessions": sessions}
    st.caption(f"User {MASK}: " + ", ".join(f"{integer(count)} {label(name).lower()}" for name, count in facts.items()))
    parts.table(result, height=460)
    parts.below(view, result, [result.note or ""], parameters={"user": user}, has_table=True)
