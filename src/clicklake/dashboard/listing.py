"""Rows that are no report, such as runs and tables of the lake, shown as reports are: formats, definitions, a CSV."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from clicklake.contracts.model import Chart, ReportColumn, ReportDoc
from clicklake.dashboard import parts
from clicklake.dashboard.states import plain
from clicklake.reports.formats import Format, guess, integer
from clicklake.reports.render import Result, write_csv

Docs = Mapping[str, tuple[Format | None, str]]
"""By column its format, guessed where None, and what it means."""

_SEEN = 10
"""Rows that are seen of a table without moving it."""


def result_of(name: str, title: str, rows: Iterable[Mapping[str, Any]] | pa.Table, docs: Docs) -> Result:
    """Rows as a result; the columns are those that are documented, in that order.

    Args:
        name: Of the list, for keys and files.
        title: What stands above it.
        rows: The rows.
        docs: The columns.
    """
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist([{c: r.get(c) for c in docs} for r in rows])
    if not table.num_columns:
        table = pa.table({column: pa.array([], pa.string()) for column in docs})
    columns = {
        column: ReportColumn(
            type="string",
            description=meaning,
            format=_allowed(format or guess(column, table.schema.field(column).type)),
        )
        for column, (format, meaning) in docs.items()
    }
    doc = ReportDoc.model_construct(title=title, description="", grain=(), columns=columns, chart=Chart())
    return Result(name, doc, table.select(list(docs)), "", "")


def _allowed(format: Format) -> Any:  # noqa: ANN401 - a literal of the document's
    return "decimal" if format == "number" else format


def show(
    name: str,
    title: str,
    definition: str,
    rows: Iterable[Mapping[str, Any]] | pa.Table,
    docs: Docs,
    *,
    empty: str = "Nothing here yet.",
    height: int | None = None,
) -> Result:
    """Draw rows with a title, what they are, and all of them as CSV.

    Args:
        name: Of the list.
        title: What stands above it.
        definition: What a row is.
        rows: The rows.
        docs: The columns.
        empty: What is said where there are none.
        height: In pixels.
    """
    result = result_of(name, title, rows, docs)
    with st.container(border=True, key=f"card-{name}"):
        parts.heading(title, definition)
        if not result.table.num_rows:
            st.info(plain(empty), icon=":material/inbox:")
            return result
        parts.table(result, height=height)
        if (rows := result.table.num_rows) > _SEEN:
            shown = f", the first {integer(parts.ROWS)} of them above" if rows > parts.ROWS else ""
            st.caption(f"{integer(rows)} rows{shown}")
        st.download_button(
            "CSV",
            lambda: csv(result.table),
            f"{name}.csv",
            "text/csv",
            key=f"csv-{name}",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )
    return result


def csv(table: pa.Table) -> bytes:
    """Rows as `--format csv` writes them."""
    stream = io.StringIO()
    write_csv(table, stream)
    return stream.getvalue().encode()


def documented(columns: Mapping[str, Any], names: Sequence[str], formats: Mapping[str, Format] | None = None) -> Docs:
    """Some columns of a table's document."""
    return {name: ((formats or {}).get(name), columns[name].description) for name in names}
