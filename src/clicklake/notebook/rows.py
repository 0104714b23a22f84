"""Rows as a table in a notebook."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace

from clicklake.contracts.model import ReportColumn
from clicklake.notebook.hidden import hidden_columns
from clicklake.notebook.style import frame, quiet, scroll, words
from clicklake.personal import MASK, identifiers, masked_value
from clicklake.reports.formats import NULL, integer, show
from clicklake.reports.render.result import Column, columns_of
from clicklake.rows import Rows

SHOWN = 20
"""Rows on the page; the others are counted."""

_LONGEST = 300  # characters of a value
_LONG_TEXT = 60  # beyond them a column may wrap
_CODE = len(MASK) + 8  # of a code: enough to tell a page's rows apart
_SALT = secrets.token_hex(16)
"""Codes in place of personal data are equal where values are, within one session."""


def rows_html(rows: Rows) -> str:
    """A table of the first rows, formats as everywhere, personal data hidden."""
    title, docs, currency = _told(rows)
    head = f"<p class='head'><strong>{words(title)}</strong></p>" if title else ""
    if rows.failure is not None:
        return frame(f"{head}<p class='bad'>{words(str(rows.failure))}</p>")
    hidden = hidden_columns(rows.about, rows.table.schema)
    with_code = identifiers(rows.about.lake.catalogue) if rows.about and hidden else set()
    columns = [
        _hide(column, column.name in with_code) if column.name in hidden else column
        for column in columns_of(rows.table.slice(0, SHOWN), docs, currency, plain_names=True)
    ]
    body = scroll(_table(columns), title or "Rows") if columns else ""
    return frame(head + body + quiet(_count(rows), rows.note or "") + _remark(hidden))


def _told(rows: Rows) -> tuple[str, Mapping[str, ReportColumn], str]:
    """Title, meanings of columns and currency, where rows are of a report."""
    about = rows.about
    if about is None or about.report is None:
        return "", {}, ""
    doc = about.lake.catalogue.report(about.report).doc
    return doc.title, doc.columns, about.lake.settings.currency


def _hide(column: Column, with_code: bool) -> Column:
    shown = [masked_value(value, _SALT if with_code else None) for value in column.values]
    return replace(column, format="text", values=[text and text[:_CODE] for text in shown])


def _count(rows: Rows) -> str:
    if not len(rows):
        return "No rows."
    counted = f"{integer(len(rows))} row{'' if len(rows) == 1 else 's'}"
    return f"The first {SHOWN} of {counted}" if len(rows) > SHOWN else counted


def _remark(hidden: set[str]) -> str:
    if not hidden:
        return ""
    names = ", ".join(sorted(hidden))
    return (
        f"<p class='quiet'>Personal data is hidden: {words(names)}. "
        "<code>.show_pii()</code> shows it; <code>.to_pandas()</code> and the others have it.</p>"
    )


def _table(columns: list[Column]) -> str:
    heads = "".join(
        f"<th scope='col'{_number(column)}{_title(column)}>{words(column.header)}</th>" for column in columns
    )
    lines = zip(*(_cells(column) for column in columns), strict=True)
    body = "".join(f"<tr>{''.join(cells)}</tr>\n" for cells in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table>"


def _cells(column: Column) -> list[str]:
    texts = [_cut(show(value, column.format)) for value in column.values]
    style = _number(column) or (" class='long'" if any(len(text) > _LONG_TEXT for text in texts) else "")
    nothing = style.replace("class='", "class='null ") or " class='null'"
    return [f"<td{nothing if text == NULL else style}>{words(text)}</td>" for text in texts]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({integer(len(text))} characters)"


def _number(column: Column) -> str:
    # The style beside the class: a notebook that is opened again drops style sheets of what it doesn't trust.
    return " class='n' style='text-align:right'" if column.is_number else ""


def _title(column: Column) -> str:
    return f" title='{words(column.description)}'" if column.description else ""
