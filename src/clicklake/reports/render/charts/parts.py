"""What all charts share: axes, numbers, sizes and colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import altair as alt
from rich.cells import cell_len

from clicklake.reports.formats import Format
from clicklake.reports.render.charts.plot import Mark
from clicklake.reports.render.theme import LIGHT, SERIES

Drawing: TypeAlias = "alt.Chart | alt.LayerChart"

ABOVE_NUMBERS: Mapping[str, Any] = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleAnchor": "end",
    "titleX": -36,
    "titleY": -10,
}
"""Where the title of an upright axis of numbers stands."""
ABOVE_NAMES: Mapping[str, Any] = {
    "titleAngle": 0,
    "titleAlign": "right",
    "titleX": -6,
    "titleY": -8,
    "titleBaseline": "bottom",
}
"""Where the title of an upright axis of names stands."""

TEXT = 12
LETTER = 6.9  # the width of a digit at that size


class Marks(alt.InlineData):
    """Marks that copies of a chart share: Altair copies layers more than once as it puts them together."""

    def __deepcopy__(self, memo: object) -> Marks:
        return self


def canvas(marks: list[Mark]) -> alt.Chart:
    """A chart of marks."""
    chart: alt.Chart = alt.Chart(Marks(values=marks))
    return chart


def finish(*layers: alt.Chart, width: int, height: int) -> alt.LayerChart:
    """Layers as one drawing of exactly this size."""
    chart = alt.layer(*layers).properties(
        width=width,
        height=height,
        background="transparent",
        padding={"left": 2, "right": 4, "top": 4, "bottom": 2},
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
    )
    axis: dict[str, Any] = {
        "labelFontSize": TEXT,
        "titleFontSize": TEXT,
        "labelColor": LIGHT["muted"],
        "titleColor": LIGHT["muted"],
        "titleFontWeight": "normal",
        "gridColor": LIGHT["line"],
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
    }
    done: alt.LayerChart = chart.configure(font="sans-serif").configure_axis(**axis).configure_view(stroke=None)
    return done


def measure(format: Format, domain: list[float], count: int = 4, **more: Any) -> alt.Axis:  # noqa: ANN401
    """An axis of numbers in round steps: 0, 20k, 40k."""
    largest = max(map(abs, domain))
    number = "replace(format(datum.value, '~s'), 'G', 'B')"
    if largest < 10_000:
        number = "format(datum.value, ',~f')"
    expression = f"replace({number}, '−', '-')" + (" + '%'" if format == "percent" else "")
    if format == "integer":
        more["tickMinStep"] = 1
    return alt.Axis(labelExpr=expression, tickCount=count, **more)


def steps(names: list[str]) -> alt.Axis:
    """An axis of categories from left to right; the names are those that have room."""
    return alt.Axis(labelAngle=0, values=names, titleAnchor="end", titlePadding=8, labelOverlap=False)


def text_width(*texts: str) -> float:
    """Roughly the width of the longest text in pixels."""
    return max(map(cell_len, texts), default=0) * LETTER


def from_zero(marks: list[Mark], room: float) -> list[float]:
    """A domain that holds zero and all marks, with this share of it as room for texts beyond them."""
    lowest, highest = min(0.0, *(m["y"] for m in marks)), max(0.0, *(m["y"] for m in marks))
    if lowest == highest:
        return [0.0, 1.0]
    is_below, is_above = lowest < 0, highest > 0
    room = min(max(room, 0.0), 0.6 / (is_below + is_above))
    beyond = room * (highest - lowest) / (1 - room * (is_below + is_above))
    return [lowest - is_below * beyond, highest + is_above * beyond]


def colours(names: list[str]) -> list[str]:
    """The colours of series: the accent for the first, then greys."""
    return [LIGHT[SERIES[min(place, len(SERIES) - 1)]] for place in range(len(names))]
