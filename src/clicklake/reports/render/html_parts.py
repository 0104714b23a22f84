"""The parts of a page: tiles of figures, cards with charts, tables. All text from data is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from clicklake.reports.formats import NULL, integer
from clicklake.reports.render.charts import Figure
from clicklake.reports.render.result import Column, HtmlSection, Result, columns_of
from clicklake.reports.render.terminal import HINT, NO_ROWS

ROWS = 50
"""Rows of a table that are on the page; the others are counted."""

_LONG_TEXT = 60  # characters; beyond them a column may wrap


@dataclass(frozen=True)
class Entry:
    """A result's place on a page.

    Args:
        result: The result.
        anchor: Its id.
        figure: Its chart; None where nothing is drawn.
    """

    result: Result
    anchor: str
    figure: Figure | None

    @property
    def is_tiles(self) -> bool:
        """Whether its one row is shown as figures."""
        return self.result.doc.chart.kind == "kpi" and self.result.table.num_rows <= 1

    @property
    def is_drawn(self) -> bool:
        """Whether it has a card among the charts, be it an empty one."""
        if self.result.doc.chart.kind in ("none", "kpi"):
            return False
        return self.figure is not None or not self.result.table.num_rows


def tiles(entry: Entry) -> str:
    """The one row of a result as large figures; the chart's `y` is the largest."""
    result = entry.result
    main = result.doc.chart.y
    columns = sorted(result.columns(), key=lambda column: column.name != main)
    body = "".join(_tile(column, column.name == main, result.currency) for column in columns)
    inner = f"<dl class='tiles'>{body}</dl>" if result.table.num_rows else _empty()
    return (
        f"<section class='card kpis' id='{entry.anchor}'>{_heading(result, result.summary)}"
        f"{inner}{_below([result.note or ''])}</section>"
    )


def _tile(column: Column, is_main: bool, currency: str) -> str:
    if not column.values:
        return ""
    unit = f" <small>{escape(currency)}</small>" if column.format == "money" and currency else ""
    name = column.header.removesuffix(f" ({currency})") if unit else column.header
    return (
        f"<div class='tile{' first' if is_main else ''}'{_title(column)}><dt>{escape(name)}</dt>"
        f"<dd>{escape(column.texts[0])}{unit}</dd></div>"
    )


def card(entry: Entry) -> str:
    """A result's chart with its title, and a link to its rows."""
    result, figure = entry.result, entry.figure
    table = f"<a href='#{entry.anchor}-rows'>Table</a>"
    if figure is None:
        body, notes = _empty(), [result.note or ""]
    else:
        drawings = "".join(
            drawing.result().replace("<svg ", f'<svg class="w{width}" ', 1)
            for width, drawing in figure.drawings.items()
        )
        body = f"<figure><figcaption>{escape(figure.title)}</figcaption>{drawings}</figure>"
        notes = [*figure.notes, result.note or ""]
    wide = " wide" if figure and figure.is_wide else ""
    inner = f"{_heading(result, result.summary)}{body}{_below(notes, table)}"
    return f"<section class='card{wide}' id='{entry.anchor}'>{inner}</section>"


def data(entry: Entry, *, window: bool) -> str:
    """A result's rows, as far as they are on the page."""
    result = entry.result
    anchor = f"{entry.anchor}-rows" if entry.is_drawn else entry.anchor
    notes = [result.window if window else "", result.note or ""]
    heading = f"<section class='data' id='{anchor}'>{_heading(result, result.doc.description)}"
    if not result.table.num_rows:
        return f"{heading}{_empty()}{_below(notes)}</section>"
    shown = min(ROWS, result.table.num_rows)
    if shown < result.rows_in_all:
        notes.insert(0, f"First {integer(shown)} of {integer(result.rows_in_all)} rows.")
    columns = result.columns(ROWS)
    return f"{heading}{_table(columns, result.doc.title)}{_below(notes)}{_definitions(columns)}</section>"


def section(part: HtmlSection) -> str:
    """A part of the page that is no report."""
    mark = f" <small>{part.status}</small>" if part.status else ""
    style = f" class='status {part.status}'" if part.status else ""
    pieces = [f"<h2{style}>{escape(part.title)}{mark}</h2>"]
    if part.text:
        pieces.append(f"<p>{escape(part.text)}</p>")
    pieces.append(part.html)
    if part.table is not None and part.table.num_rows:
        columns = columns_of(part.table.slice(0, ROWS), part.docs, part.currency)
        pieces.append(_table(columns, part.title))
        if part.table.num_rows > ROWS:
            pieces.append(_below([f"First {ROWS} of {integer(part.table.num_rows)} rows."]))
        pieces.append(_definitions(columns))
    return f"<section class='data' style='margin-top:20px'>{''.join(pieces)}</section>"


def _heading(result: Result, text: str) -> str:
    paragraph = f"<p>{escape(text)}</p>" if text else ""
    return f"<h2>{escape(result.doc.title)}</h2>{paragraph}"


def _table(columns: Sequence[Column], name: str) -> str:
    classes = [_class(column) for column in columns]
    heads = "".join(
        f"<th scope='col'{' class=n' if column.is_number else ''}{_title(column)}>{escape(column.header)}</th>"
        for column in columns
    )
    rows = "".join(
        f"<tr>{''.join(_cell(text, style) for text, style in zip(row, classes, strict=True))}</tr>\n"
        for row in zip(*(column.texts for column in columns), strict=True)
    )
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(name)}'>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div>"
    )


def _class(column: Column) -> str:
    if column.is_number:
        return "n"
    return "long" if any(len(text) > _LONG_TEXT for text in column.texts) else ""


def _cell(text: str, style: str) -> str:
    names = f"{style} null".strip() if text == NULL else style
    return f"<td class='{names}'>{escape(text)}</td>" if names else f"<td>{escape(text)}</td>"


def _title(column: Column) -> str:
    return f" title='{escape(column.description)}'" if column.description else ""


def _definitions(columns: Sequence[Column]) -> str:
    """What the columns mean, for who can't point at a heading."""
    pairs = "".join(
        f"<dt>{escape(column.header)}</dt><dd>{escape(column.description)}</dd>"
        for column in columns
        if column.description
    )
    if not pairs:
        return ""
    return f"<details><summary>What the columns mean</summary><dl class='defs'>{pairs}</dl></details>"


def _below(notes: Sequence[str], link: str = "") -> str:
    texts = "".join(f"<span>{escape(note)}</span>" for note in notes if note)
    return f"<div class='below'>{texts}{link}</div>" if texts or link else ""


def _empty() -> str:
    command = escape(HINT).replace("`clicklake status`", "<code>clicklake status</code>")
    return f"<div class='empty'><strong>{NO_ROWS}</strong><span>{command}</span></div>"
