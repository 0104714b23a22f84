"""Charts as SVG: a report's document says what, Altair lays it out, vl-convert draws it without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clicklake.reports.render.charts.plot import Plot, plot_of
from clicklake.reports.render.charts.svg import Painter
from clicklake.reports.render.result import Result

if TYPE_CHECKING:
    from clicklake.reports.render.charts.parts import Drawing

__all__ = ["HALF", "PHONE", "WIDE", "Figure", "Painter", "is_wide", "lay_out", "paint"]

HALF, WIDE, PHONE = 486, 1040, 318
"""Widths in pixels that a chart is drawn for; text keeps its size in all of them."""


@dataclass(frozen=True)
class Figure:
    """A report's chart.

    Args:
        title: What it shows.
        notes: What must be said about it, such as rows that it leaves out.
        drawings: SVG by width.
        is_wide: Whether it takes the whole width of the page.
    """

    title: str
    notes: tuple[str, ...]
    drawings: dict[int, Future[str]]
    is_wide: bool


def is_wide(result: Result) -> bool:
    """Whether a report's chart needs the whole width: what has many steps from left to right."""
    return result.doc.chart.kind in ("line", "area", "heatmap")


def paint(result: Result, painter: Painter, widths: Sequence[int] = ()) -> Figure | None:
    """Draw a report's chart.

    Args:
        result: The report.
        painter: Draws.
        widths: In pixels; those that a page needs, unless given.

    Returns:
        None where there is nothing to draw: no rows, no numbers, or a kind that is no chart.

    Raises:
        ContractError: The document names a column that the rows don't have.
    """
    plot = plot_of(result)
    if plot is None:
        return None
    widths = widths or ((WIDE, HALF, PHONE) if is_wide(result) else (HALF, PHONE))
    kind = result.doc.chart.kind
    drawings = {width: painter.draw(lay_out(kind, plot, width), plot.title) for width in widths}
    return Figure(plot.title, plot.notes, drawings, is_wide(result))


def lay_out(kind: str, plot: Plot, width: int) -> Drawing:
    """A plot as a chart of a width in pixels, before it is drawn."""
    # Altair takes most of a second to import: only where something is drawn.
    from altair.utils.schemapi import debug_mode

    from clicklake.reports.render.charts import bars, heatmap, lines

    with debug_mode(False):  # it would look at every part as it is put in, which takes half of the time
        if kind == "bar":
            return bars.bars(plot, width)
        if kind == "funnel":
            return bars.funnel(plot, width)
        if kind == "heatmap":
            return heatmap.heatmap(plot, width)
        return lines.lines(plot, width, is_filled=kind == "area")
