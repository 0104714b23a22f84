"""Rows as tables on a terminal, made for 80 columns, with colours or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from clicklake.contracts.model import ReportColumn
from clicklake.reports.formats import NULL, integer, text
from clicklake.reports.render.result import Column, Result, columns_of
from clicklake.reports.render.theme import TERMINAL

NO_ROWS = "No rows in this window."
HINT = "Widen --since and --until; `clicklake status` shows which data is there."

_GAPS = (2, 1)  # spaces between columns; the second where the first don't fit
_NARROWEST_TEXT = 12  # text wraps at this width, never below
_SHORTEST_BAR, _LONGEST_BAR = 8, 20
_LONG = 50  # rows from which a table is written without rich's
_EIGHTHS = " ▏▎▍▌▋▊▉"


def to_table(result: Result, console: Console) -> None:
    """Print a report: title, meaning, rows, and what isn't shown.

    A report of kind kpi with one row is a list of names and values. So is each row of a table that is too
    wide.
    """
    doc = result.doc
    _line(console, doc.title, TERMINAL["title"])
    _line(console, result.summary)
    _line(console, " · ".join(filter(None, (result.window, result.note))), TERMINAL["quiet"])
    if not result.table.num_rows:
        console.print()
        _line(console, NO_ROWS)
        _line(console, HINT, TERMINAL["quiet"])
        return
    columns = result.columns()
    if doc.chart.kind == "kpi" and result.table.num_rows == 1:
        console.print()
        _records(columns, console)
    else:
        _rows(columns, console, bars=_bars(result, columns))
    _rest(console, result.table.num_rows, result.rows_in_all, " (--limit)")


def print_rows(
    table: pa.Table,
    console: Console,
    *,
    title: str | None = None,
    max_rows: int | None = None,
    docs: Mapping[str, ReportColumn] | None = None,
) -> None:
    """Print any table.

    Args:
        table: The rows.
        console: Where to.
        title: A line above.
        max_rows: Show the first ones only, and say so.
        docs: Columns with a document get a header for people and its format; others keep their name.
    """
    if title:
        _line(console, title, TERMINAL["title"])
    if not table.num_rows:
        _line(console, "No rows.", TERMINAL["quiet"])
        return
    shown = table.slice(0, max_rows)
    _rows(columns_of(shown, docs or {}, plain_names=True), console)
    _rest(console, shown.num_rows, table.num_rows, "")


def _rows(columns: Sequence[Column], console: Console, bars: Column | None = None) -> None:
    """A table where it fits, else one list a row."""
    console.print()
    least = sum(map(_narrowest, columns))
    gap = next((gap for gap in _GAPS if least + gap * (len(columns) - 1) <= console.width), None)
    if gap is None:
        _records(columns, console)
        return
    # The box puts one space between columns, the padding the rest.
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0))
    table.header_style = TERMINAL["header"]
    cells = [[_cell(value, console) for value in column.texts] for column in columns]
    room = console.width - gap * (len(columns) - 1)
    length = min(room - gap - sum(map(_natural, columns)), _LONGEST_BAR)
    has_bars = bars is not None and length >= _SHORTEST_BAR
    widths = _widths(columns, room - (gap + length) * has_bars)
    for column, width in zip(columns, widths, strict=True):
        justify: JustifyMethod = "right" if column.is_number else "left"
        table.add_column(Text(column.header), justify=justify, overflow="fold", width=width)
    if bars and has_bars:
        table.add_column(Text(bars.header), style=TERMINAL["bar"], width=length)
        cells.append([Text(bar) for bar in _drawn(bars.values, length, console)])
    is_long = len(cells[0]) > _LONG and not has_bars
    rest = _lines(columns, cells, widths, gap) if is_long else None
    for row in zip(*(column[: 1 if rest else None] for column in cells), strict=True):
        table.add_row(*row)
    console.print(table)
    if rest:
        console.print(rest, no_wrap=True, overflow="ignore", crop=False)


def _lines(columns: Sequence[Column], cells: Sequence[Sequence[Text]], widths: Sequence[int], gap: int) -> Text | None:
    """All rows but the first as rich's table would write them, in a fifth of its time; None where a value wraps."""
    lines = Text()
    for row in zip(*(column[1:] for column in cells), strict=True):
        for place, (column, cell, width) in enumerate(zip(columns, row, widths, strict=True)):
            missing = width - cell.cell_len
            if missing < 0 or not cell.plain.isprintable():
                return None
            if place:
                lines.append(" " * gap)
            if column.is_number:
                lines.append(" " * missing)
            lines.append_text(cell)
            if not column.is_number:
                lines.append(" " * missing)
        lines.append("\n")
    lines.right_crop(1)
    return lines


def _widths(columns: Sequence[Column], room: int) -> list[int]:
    """The least widths, then as far as there is room what spares values, and then headers, a line break."""
    widths = [_narrowest(column) for column in columns]
    for wanted in ([_natural(c) for c in columns], [max(_natural(c), cell_len(c.header)) for c in columns]):
        for place, want in enumerate(wanted):
            widths[place] += max(0, min(want - widths[place], room - sum(widths)))
    return widths


def _records(columns: Sequence[Column], console: Console) -> None:
    """Each row as a list of names and values."""
    count = len(columns[0].values) if columns else 0
    is_aligned = all(column.is_number for column in columns)
    names = max((cell_len(column.header) for column in columns), default=0)
    for row in range(count):
        if count > 1:
            _line(console, f"row {integer(row + 1)}", TERMINAL["quiet"])
        grid = Table.grid(padding=(0, _GAPS[0]))
        grid.add_column(min_width=min(names, console.width // 2), overflow="fold")
        grid.add_column(justify="right" if is_aligned else "left", overflow="fold")
        for column in columns:
            grid.add_row(Text(column.header), _cell(column.texts[row], console))
        console.print(grid)
        if row + 1 < count:
            console.print()


def _rest(console: Console, shown: int, total: int, how: str) -> None:
    if shown < total:
        console.print()
        _line(console, f"showing {integer(shown)} of {integer(total)}{how}", TERMINAL["quiet"])


def _line(console: Console, written: str, style: str = "") -> None:
    if written:
        console.print(Text(text(" ".join(written.split())), style=style))


def _cell(written: str, console: Console) -> Text:
    if written == NULL:
        return Text(NULL if _is_unicode(console) else "-", style=TERMINAL["quiet"])
    return Text(written)


def _natural(column: Column) -> int:
    """The width at which no value wraps, and the header takes two lines at the most."""
    words = column.header.split()
    lines = ((" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(len(words) + 1))
    header = min(max(map(cell_len, pair)) for pair in lines)
    return max([header, 1, *map(cell_len, column.texts)])


def _narrowest(column: Column) -> int:
    """The width at which no word of the header and no value but text wraps."""
    values = max(map(cell_len, column.texts), default=0)
    if column.format == "text":
        values = min(values, _NARROWEST_TEXT)
    return max([1, values, *map(cell_len, column.header.split())])


def _bars(result: Result, columns: Sequence[Column]) -> Column | None:
    """The column that the report's chart draws, where a bar beside each row says something."""
    chart = result.doc.chart
    if chart.kind not in ("bar", "line", "area", "funnel") or chart.series or result.table.num_rows < 2:
        return None
    return next((column for column in columns if column.name == chart.y and column.is_number), None)


def _drawn(values: Sequence[object], width: int, console: Console) -> list[str]:
    """Bars from zero, in eighths of a character where the terminal has them."""
    numbers = [0.0 if value is None else float(str(value)) for value in values]
    lengths = [number if 0 < number < float("inf") else 0.0 for number in numbers]
    longest = max(lengths) or 1.0
    bars = []
    for length in lengths:
        whole, part = divmod(round(length / longest * width * 8), 8)
        bars.append("█" * whole + _EIGHTHS[part].strip() if _is_unicode(console) else "#" * whole)
    return bars


def _is_unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")
