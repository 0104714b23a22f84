"""The parts of pages: figures with their definitions, charts, tables, and the way from each down to its rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from clicklake.contracts.model import Chart
from clicklake.dashboard import states
from clicklake.dashboard.charts import chart_of
from clicklake.dashboard.view import View
from clicklake.errors import ClicklakeError
from clicklake.reports import formats
from clicklake.reports.render import Result, write_csv
from clicklake.reports.render.result import Column

ROWS = 200
"""Rows of a report that a page shows; all are in the download."""
MOST_ROWS = 100_000
"""Rows of a download."""
_LOOKED_AT, _LONGEST, _LETTER, _SIGN = 5, 60, 7.2, 4
"""Rows by which the browser finds the width of a column; letters of a text that is shown in full; their width; and how
many letters wide the sign is that stands behind a heading."""


@contextmanager
def told() -> Iterator[None]:
    """What fails within is told in its place; the rest of the page stays."""
    try:
        yield
    except ClicklakeError as error:
        states.failure(error)


def heading(title: str, definition: str = "") -> None:
    """A part's title; its definition is shown by pointing at it."""
    st.subheader(title, anchor=False, help=states.plain(definition) or None)


def tiles(result: Result, names: Sequence[str], before: Result | None = None) -> None:
    """The one row of a report as large figures, each with its definition and its change.

    Args:
        result: The report; it has one row.
        names: Columns, in order.
        before: The same of the period before.
    """
    columns = {column.name: column for column in result.columns()}
    earlier = {column.name: column for column in before.columns()} if before else {}
    with st.container(horizontal=True, key=f"tiles-{result.name}"):
        for name in names:
            column = columns[name]
            shown = column.texts[0] if column.texts else formats.NULL
            change, told_change = _change(column, earlier.get(name))
            definition = column.description + (f"\n\n{told_change}" if told_change else "")
            st.metric(column.header, shown, change, help=states.plain(definition), border=True)


def _change(now: Column, before: Column | None) -> tuple[str | None, str]:
    """The change against the period before, for a tile and in words: of rates in points, of all else in percent."""
    if before is None or not now.values or not before.values:
        return None, ""
    new, old = now.values[0], before.values[0]
    told_before = f"The period before: {before.texts[0]}."
    if new is None or old is None:
        return None, told_before
    if now.format == "percent":
        difference = float(new) - float(old)
        return f"{formats.percent(difference).removesuffix('%')} points", told_before
    if not old:
        return None, told_before
    return formats.percent((float(new) - float(old)) / float(old) * 100), told_before


def card(
    view: View,
    name: str,
    *,
    chart: Chart | None = None,
    is_half: bool = False,
    as_table: bool = False,
    names: Sequence[str] = (),
    limit: int | None = ROWS,
    **parameters: Any,  # noqa: ANN401 - as the report declares them
) -> None:
    """A report's chart with its title, its definition, and the way down to its rows; an error in its place.

    Args:
        view: What is looked at.
        name: The report.
        chart: How it is drawn, other than its document says.
        is_half: Whether it stands beside another.
        as_table: Whether its rows are shown instead of its chart.
        names: The columns of the table; all unless given.
        limit: Rows at the most.
        **parameters: Values that the report declares.
    """
    with st.container(border=True, key=f"card-{name}-{chart.y if chart else ''}"), told():
        chart = Chart() if as_table else chart
        result = view.report(name, limit=limit, chart=chart, **parameters)
        draw(view, result, is_half=is_half, names=names, parameters=parameters)


def draw(
    view: View,
    result: Result,
    *,
    is_half: bool = False,
    names: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """A report's chart where it has one, else its table, with title, definition and way down."""
    definition = " ".join(result.doc.description.split())
    drawn = chart_of(result, is_dark=view.is_dark, is_phone=view.is_phone, is_half=is_half)
    heading(drawn[0] if drawn else result.doc.chart.title or result.doc.title, definition)
    notes: list[str] = []
    if not result.table.num_rows:
        states.no_rows(None if view.chosen.parameters else result.doc.empty)
        return
    if drawn:
        st.vega_lite_chart(spec=drawn[1], theme=None, width="stretch", key=_key(result, "chart"))
        notes = drawn[2]
    else:
        table(result, names=names)
    below(view, result, [*notes, result.note or ""], parameters=parameters, has_table=drawn is None)


def table(result: Result, *, names: Sequence[str] = (), height: int | None = None) -> None:
    """A report's rows as a table: numbers as everywhere, definitions on the heads of columns.

    Args:
        result: The report.
        names: Columns, in order; all unless given.
        height: In pixels, at the most; ten rows unless given. Fewer rows take less.
    """
    columns = result.columns(ROWS)
    if names:
        columns = [column for name in names for column in columns if column.name == name]
    import pandas

    frame = pandas.DataFrame({column.name: pandas.Series(column.values, dtype=_dtype(column)) for column in columns})
    shown = frame.style.format({column.name: partial(_shown, format=_format(column)) for column in columns})
    heads = {
        column.name: (st.column_config.NumberColumn if column.is_number else st.column_config.TextColumn)(
            column.header, help=states.plain(column.description) or None, width=_width(column)
        )
        for column in columns
    }
    needed = 35 * (len(frame) + 1) + 2
    size = min(needed, height or 35 * 11 + 2)
    st.dataframe(
        shown,
        row_height=35,
        hide_index=True,
        column_config=heads,
        height=size,
        key=_key(result, f"table-{'-'.join(names)}"),
        placeholder="–",
    )


def _dtype(column: Column) -> str:
    return "float64" if column.is_number else "object"


def _format(column: Column) -> Callable[[Any], str]:
    """How a cell is written: numbers that no document describes keep the places that their type has."""
    first = next((value for value in column.values if value is not None), None)
    if column.format == "number" and isinstance(first, Decimal):
        places = max(0, -int(first.as_tuple().exponent))
        return lambda value: formats.show(Decimal(f"{value:.{places}f}"), "number")
    return lambda value: formats.show(value, column.format)


def _shown(value: Any, format: Callable[[Any], str]) -> str:  # noqa: ANN401 - a cell
    return formats.NULL if value is None or value != value else format(value)


def _width(column: Column) -> int | None:
    """The width of a column in pixels where the browser would cut texts off: it looks at the first rows alone."""
    if column.is_number:
        return None
    lengths = [len(text) for text in column.texts]
    head = len(column.header) + _SIGN
    longest = max([head, *lengths])
    is_cut = max(lengths[:_LOOKED_AT], default=0) < longest <= _LONGEST
    return round(longest * _LETTER) + 18 if is_cut else None


def below(
    view: View,
    result: Result,
    notes: Sequence[str] = (),
    *,
    parameters: Mapping[str, Any] | None = None,
    has_table: bool = False,
) -> None:
    """What stands beneath a report: notes, its rows, all of them as CSV, its query, and what it is computed from."""
    if said := " · ".join(filter(None, notes)):
        st.caption(states.plain(said[:1].upper() + said[1:]))
    _ways_down(view.later(), result, parameters or {}, has_table)


@st.fragment
def _ways_down(view: View, result: Result, parameters: Mapping[str, Any], has_table: bool) -> None:
    """The ways from a report to its rows. What opens is drawn when it is opened, and nothing else anew."""
    row = st.container(horizontal=True, gap="small", vertical_alignment="center", key=_key(result, "below"))
    with row, told():
        if not has_table:
            rows = _popover("Rows", ":material/table_rows:", _key(result, "rows"))
            if rows.open:
                with rows:
                    table(result)
        st.download_button(
            "CSV",
            lambda: csv(view, result.name, parameters),
            f"{result.name}.csv",
            "text/csv",
            key=_key(result, "csv"),
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            help=f"All rows within the filters, {formats.integer(MOST_ROWS)} at the most.",
        )
        if not view.lake.catalogue.report(result.name).doc.fit:  # its query reads what was fitted, which no table keeps
            sql_link(view, report=result.name, **parameters)
        if behind := view.behind(result.name) if view.grants.may("query") else {}:
            computed_from = _popover("Computed from", ":material/account_tree:", _key(result, "behind"))
            if computed_from.open:
                with computed_from:
                    _links_to_rows(view, behind)


def _popover(label: str, icon: str, key: str) -> Any:  # noqa: ANN401 - a class of Streamlit's that it doesn't export
    return st.popover(label, icon=icon, type="tertiary", key=key, on_change="rerun")


def csv(view: View, name: str, parameters: Mapping[str, Any]) -> bytes:
    """The rows of a report within the filters, as `clicklake report --format csv` writes them."""
    stream = io.StringIO()
    write_csv(view.report(name, limit=MOST_ROWS, **parameters).table, stream)
    return stream.getvalue().encode()


def sql_link(view: View, label: str = "SQL", help: str = "The query behind it.", **query: str) -> None:
    """A link to the SQL page with a report's query (`report=`, and its parameters) or a text (`sql=`)."""
    page = view.pages.get("sql")
    if page is not None:
        asked = {**st.query_params.to_dict(), **{name: str(value) for name, value in query.items()}}
        st.page_link(page, label=label, icon=":material/code:", query_params=asked, help=help)


def _links_to_rows(view: View, behind: Mapping[str, str]) -> None:
    st.caption("The rows within the filters that these numbers are computed from:")
    for table, sql in behind.items():
        model = view.lake.catalogue.table(table)
        sql_link(view, table, states.plain(model.doc.description) if model else "", report="", sql=sql)


def _key(result: Result, what: str) -> str:
    return f"{what}-{result.name}-{result.doc.chart.kind}-{result.doc.chart.y}"
