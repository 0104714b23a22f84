"""Two categories and a number: the more, the stronger the accent."""

from __future__ import annotations

import altair as alt

from clicklake.reports.render.charts.parts import ABOVE_NAMES, TEXT, canvas, finish, steps, text_width
from clicklake.reports.render.charts.plot import Plot
from clicklake.reports.render.theme import LIGHT

_ROW = 30
_FAINTEST = 0.07


def heatmap(plot: Plot, width: int) -> alt.LayerChart:
    """Cells with their value in them where it fits."""
    columns = list(dict.fromkeys(mark["x"] for mark in plot.marks))
    rows = list(dict.fromkeys(mark["row"] for mark in plot.marks))
    lowest, highest = min(0.0, *(m["y"] for m in plot.marks)), max(m["y"] for m in plot.marks)
    slope = (1 - _FAINTEST) / ((highest - lowest) or 1.0)
    marks = [mark | {"shade": _FAINTEST + slope * (mark["y"] - lowest)} for mark in plot.marks]
    room = (width - text_width(*rows) - 20) / len(columns)
    every = max(1, round((text_width(*columns) + 8) / room + 0.49))
    y_axis = alt.Axis(labelLimit=width * 0.35, labelColor=LIGHT["ink"], **ABOVE_NAMES)
    gaps = alt.Scale(paddingInner=0.06)
    base = canvas(marks).encode(
        x=alt.X("x:O", sort=None, title=plot.x.header, axis=steps(columns[::every]), scale=gaps),
        y=alt.Y("row:O", sort=None, title=plot.y.header, axis=y_axis, scale=gaps),
    )
    cells = base.mark_rect(color=LIGHT["accent"], cornerRadius=2).encode(
        fillOpacity=alt.FillOpacity("shade:Q", scale=None), description=alt.Description("tip:N")
    )
    layers = [cells]
    if text_width(*(mark["label"] for mark in marks)) + 6 <= room:
        for condition, colour in (("<", "ink"), (">=", "surface")):
            text = base.mark_text(fontSize=TEXT - 1, color=LIGHT[colour], aria=False).encode(text=alt.Text("label:N"))
            layers.append(text.transform_filter(f"datum.shade {condition} 0.5"))
    return finish(*layers, width=width, height=_ROW * len(rows) + 66)
