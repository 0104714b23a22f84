"""Read-only SQL: an editor with the documentation of the tables beside it, rows as table, chart and CSV."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from clicklake.access import query
from clicklake.contracts.model import Chart, ReportDoc
from clicklake.dashboard import listing, parts, states, urls
from clicklake.dashboard.charts import chart_of
from clicklake.dashboard.lake.tables import columns_of
from clicklake.dashboard.view import View
from clicklake.reports.render import Result
from clicklake.reports.run import Asked
from clicklake.rows import Rows

_FIRST = "select event_type, count(*) as events\nfrom gold.fact_events\ngroup by event_type\norder by events desc"
_LAYERS = ("gold", "silver", "bronze", "ops")
_KINDS = {"none": "No chart", "bar": "Bars", "line": "Line", "area": "Area"}


def page(view: View) -> None:
    """Draw the page."""
    view.grants.require("query")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _editor(view)
    with right, parts.told():
        _tables(view)


def _editor(view: View) -> None:
    with parts.told():
        _take_url(view)
    st.session_state.setdefault("sql_text", _FIRST)
    text = st.text_area(
        "One SELECT on the tables beside",
        key="sql_text",
        height=280,
        help="Read only: one SELECT, on tables that may be read, with limits of time, memory and rows. Personal data "
        "is masked. The filters above don't change what is written here.",
    )
    if st.button("Run", type="primary", icon=":material/play_arrow:", key="sql_run"):
        st.session_state["sql_asked"] = text
        urls.keep("sql", text)
        _forget_report(view)
    asked = st.session_state.get("sql_asked")
    if asked is None:
        st.caption("Rows come when it is run.")
        return
    with parts.told():
        _rows(view, asked)


def _take_url(view: View) -> None:
    """Put what a link brings into the editor, once, and run it."""
    sql, report = urls.value("sql"), urls.value("report")
    days = view.chosen.days
    brought = (sql, report, str(days) if report else "", str(view.chosen.parameters) if report else "")
    if not (sql or report) or st.session_state.get("sql_brought") == brought:
        return
    st.session_state["sql_brought"] = brought
    text = _query_of(view, report) if report else sql
    st.session_state["sql_text"] = text
    st.session_state["sql_asked"] = text


def _query_of(view: View, name: str) -> str:
    """The SQL of a report within the filters, with the parameters that the URL names."""
    import sqlglot

    doc = view.lake.catalogue.report(name).doc
    given = {key: urls.value(key) for key in doc.parameters if key in st.query_params}
    days, has_days = view.chosen.days, bool(doc.window)
    facts = view.lake.explain(
        Asked(name, None, {**view.chosen.parameters, **given}),
        days.since if has_days else None,
        days.until if has_days else None,
    )
    return sqlglot.transpile(facts["sql"], read="duckdb", write="duckdb", pretty=True)[0]


def _forget_report(view: View) -> None:
    """What was written by hand is no report's query any more."""
    report = urls.value("report")
    if report and report in view.lake.catalogue.report_names:
        for name in ("report", *view.lake.catalogue.report(report).doc.parameters):
            urls.keep(name, "")
    st.session_state["sql_brought"] = (urls.value("sql"), "", "", "")


def _rows(view: View, sql: str) -> None:
    result = _result(_answer(view, sql))
    if not result.table.num_rows:
        st.info("The query is right, and finds no rows.", icon=":material/inbox:")
        return
    parts.table(result, height=380)
    shown = min(result.table.num_rows, parts.ROWS)
    told = f"{shown:,} of {result.table.num_rows:,} rows" + (f"; {result.note}" if result.note else "")
    st.caption(states.plain(told))
    st.download_button(
        "CSV",
        lambda: listing.csv(result.table),
        "query.csv",
        "text/csv",
        key="sql_csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
    _chart(view, result)


def _answer(view: View, sql: str) -> Rows:
    """The rows, kept as long as query and release are the same."""
    release = view.release
    key = (sql, release.release_id if release else None)
    kept = st.session_state.get("sql_answer")
    if kept is None or kept[0] != key:
        kept = (key, query(view.lake, view.grants, sql, release=release))
        st.session_state["sql_answer"] = kept
    answer: Rows = kept[1]
    return answer


def _result(rows: Rows) -> Result:
    doc = ReportDoc.model_construct(title="Query", description="", grain=(), columns={}, chart=Chart())
    return Result("query", doc, rows.table, "", "", note=rows.note)


def _chart(view: View, result: Result) -> None:
    columns = result.columns()
    numbers = [column.name for column in columns if column.is_number]
    if not numbers or len(columns) < 2:
        return
    with st.container(horizontal=True, key="sql-chart-choices", vertical_alignment="bottom"):
        kind = _pick("Chart", "sql_kind", list(_KINDS), "none", _KINDS)
        others = [column.name for column in columns]
        x = _pick("Across", "sql_x", others, next((name for name in others if name not in numbers), others[0]))
        y = _pick("Up", "sql_y", numbers, numbers[0])
    if kind == "none":
        return
    chart = Chart.model_validate({"kind": kind, "x": x, "y": y, "title": f"{y} by {x}"})
    drawn = chart_of(view.drawn(result, chart), is_dark=view.is_dark, is_phone=view.is_phone)
    if drawn is None:
        st.caption("These columns can't be drawn so.")
        return
    st.vega_lite_chart(spec=drawn[1], theme=None, width="stretch", key="sql_chart")
    if drawn[2]:
        st.caption(states.plain(" · ".join(drawn[2])))


def _pick(label: str, key: str, options: list[str], first: str, names: Mapping[str, str] | None = None) -> str:
    if st.session_state.get(key) not in options:
        st.session_state[key] = first
    picked = st.selectbox(label, options, key=key, format_func=lambda name: (names or {}).get(name, name), width=190)
    return picked or first


def _tables(view: View) -> None:
    names = sorted(view.grants.tables(), key=lambda name: (_LAYERS.index(name.partition(".")[0]), name))
    if not names:
        st.info("No table may be read.", icon=":material/lock:")
        return
    first = "gold.fact_events" if "gold.fact_events" in names else names[0]
    asked = urls.value("table", first)
    name = st.selectbox("Table", names, index=names.index(asked if asked in names else first), key="sql_table")
    name = name or first
    urls.keep("table", name, first)
    model = view.lake.catalogue.table(name)
    told = model.doc.description if model else "One row per record of every file, as it came."
    st.caption(states.plain(" ".join(told.split())))
    docs: listing.Docs = {
        "column": ("text", "The column."),
        "type": ("text", "Its type."),
        "meaning": ("text", "What it holds."),
    }
    parts.table(listing.result_of("sql-columns", name, columns_of(view, name), docs), height=520)
