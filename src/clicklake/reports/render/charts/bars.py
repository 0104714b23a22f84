"""Bars from zero, lying or standing, and the steps of a funnel."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import altair as alt

from clicklake.reports import formats
from clicklake.reports.render.charts.parts import (
    ABOVE_NAMES,
    ABOVE_NUMBERS,
    TEXT,
    Marks,
    canvas,
    colours,
    finish,
    from_zero,
    measure,
    steps,
    text_width,
)
from clicklake.reports.render.charts.plot import Mark, Plot
from clicklake.reports.render.theme import LIGHT

_COLUMN_HEIGHT, _STEP = 260, 84
_LONGEST_LABEL = 0.38  # of the width, for the names beside lying bars


def bars(plot: Plot, width: int) -> alt.LayerChart:
    """Standing bars where their names fit beneath, such as hours and days of the week; else lying ones."""
    names = list(dict.fromkeys(mark["x"] for mark in plot.marks))
    room = (width - 40) / len(names)
    is_narrow = plot.x.format == "text" and (len(names) < 5 or text_width(*names) + 6 > room)
    return _lying(plot, names, width) if is_narrow else _standing(plot, names, width)


def _lying(plot: Plot, names: list[str], width: int) -> alt.LayerChart:
    label = min(text_width(*names), width * _LONGEST_LABEL)
    room = (text_width(*(mark["label"] for mark in plot.marks)) + 12) / (width - label - 20)
    domain = from_zero(plot.marks, room)
    x = alt.X(
        "y:Q",
        stack=None,
        title=plot.value.header,
        scale=alt.Scale(domain=domain, nice=False),
        axis=measure(plot.value.format, domain, count=width // 130, titleAnchor="end", titlePadding=8),
    )
    axis = alt.Axis(labelLimit=width * _LONGEST_LABEL, labelColor=LIGHT["ink"], **ABOVE_NAMES)
    y = alt.Y("x:N", sort=None, title=plot.x.header, axis=axis, scale=alt.Scale(paddingInner=0.35))
    base = canvas(plot.marks).encode(x=x, y=y, **_grouped(plot, "yOffset"))
    layers = [base.mark_bar(cornerRadiusEnd=2).encode(description=alt.Description("tip:N"), **_coloured(plot))]
    for sign, align in ((">=", "left"), ("<", "right")):
        text = base.mark_text(
            align=align, dx=6 if align == "left" else -6, fontSize=TEXT, color=LIGHT["ink"], aria=False
        )
        layers.append(text.encode(text=alt.Text("label:N")).transform_filter(f"datum.y {sign} 0"))
    row = (30 if len(names) > 4 else 46) * max(1.0, len(plot.names) * 0.7)
    return finish(*layers, width=width, height=round(row * len(names)) + 66)


def _standing(plot: Plot, names: list[str], width: int) -> alt.LayerChart:
    domain = from_zero(plot.marks, 0.09)
    y = alt.Y(
        "y:Q",
        stack=None,
        title=plot.value.header,
        scale=alt.Scale(domain=domain, nice=False),
        axis=measure(plot.value.format, domain, **ABOVE_NUMBERS),
    )
    room = (width - 50) / len(names)
    every = max(1, round((text_width(*names) + 10) / room + 0.49))
    x = alt.X("x:O", sort=None, title=plot.x.header, axis=steps(names[::every]), scale=alt.Scale(paddingInner=0.2))
    base = canvas(plot.marks).encode(x=x, y=y, **_grouped(plot, "xOffset"))
    bar = base.mark_bar(cornerRadiusEnd=2).encode(description=alt.Description("tip:N"), **_coloured(plot))
    text = base.mark_text(dy=-7, fontSize=TEXT, color=LIGHT["ink"], aria=False).encode(text=alt.Text("label:N"))
    fits = plot.series is None and text_width(*(mark["label"] for mark in plot.marks)) + 4 <= room
    peak = max(plot.marks, key=lambda mark: float(mark["y"]))
    shown = plot.marks if fits else [peak] if plot.series is None else []
    labels = text.properties(data=Marks(values=[mark for mark in shown if mark["y"] >= 0]))
    return finish(bar, labels, width=width, height=_COLUMN_HEIGHT)


def _grouped(plot: Plot, channel: str) -> dict[str, Any]:
    if plot.series is None:
        return {}
    offset = alt.YOffset if channel == "yOffset" else alt.XOffset
    return {channel: offset("series:N", sort=plot.names)}


def _coloured(plot: Plot) -> dict[str, Any]:
    if plot.series is None:
        return {"color": alt.ColorValue(LIGHT["accent"])}
    legend = alt.Legend(
        orient="top",
        offset=24,
        title=None,
        labelFontSize=TEXT,
        labelColor=LIGHT["ink"],
        symbolType="square",
        columns=max(1, int(60 / max(map(len, plot.names)))),
    )
    scale = alt.Scale(domain=plot.names, range=colours(plot.names))
    return {"color": alt.Color("series:N", scale=scale, legend=legend)}


def funnel(plot: Plot, width: int) -> alt.LayerChart:
    """Steps one beneath the other: each with its name and share of the first above its bar."""
    is_phone = width < 400
    most = max(mark["y"] for mark in plot.marks) or 1.0
    steps = [mark | {"most": most, "name": _name(mark["x"])} for mark in plot.marks]
    for step, before in zip(steps, [None, *steps], strict=False):
        step["text"] = _share(step, before, steps[0], is_phone)
    scale = alt.Scale(domain=[0, most], nice=False)
    y = alt.Y("x:N", sort=None, axis=None, scale=alt.Scale(paddingInner=0.58, paddingOuter=0.29))
    base = canvas(steps).encode(y=y)
    track = base.mark_bar(color=LIGHT["shade"], cornerRadius=3, aria=False)
    bar = base.mark_bar(color=LIGHT["accent"], cornerRadius=3)
    above: dict[str, Any] = {"dy": -_STEP * 0.33, "fontSize": TEXT + 1, "color": LIGHT["ink"], "aria": False}
    name = base.mark_text(align="left", **above).encode(text=alt.Text("name:N"), x=alt.value(0))
    share = base.mark_text(align="right", **above).encode(text=alt.Text("text:N"), x=alt.value("width"))
    x = alt.X("y:Q", stack=None, scale=scale, axis=None)
    return finish(
        track.encode(x=alt.X("most:Q", stack=None, scale=scale, axis=None)),
        bar.encode(x=x, description=alt.Description("tip:N")),
        name,
        share,
        width=width,
        height=_STEP * len(steps) + 8,
    )


def _name(event: str) -> str:
    return formats.label(event) if event.islower() and " " not in event else event


def _share(step: Mark, before: Mark | None, first: Mark, is_phone: bool) -> str:
    """12,345 · 38.2% of first; later steps also of the one before."""
    parts = [step["label"]]
    if before is not None and first["y"]:
        parts.append(f"{_percent(step, first)}{'' if is_phone else ' of first'}")
        if before is not first and before["y"] and not is_phone:
            parts.append(f"{_percent(step, before)} of previous")
    return " · ".join(parts)


def _percent(part: Mark, whole: Mark) -> str:
    """Rounded as the rates of the reports are: to two decimals, then to one."""
    rate = Decimal(str(part["y"])) / Decimal(str(whole["y"])) * 100
    return formats.percent(formats.decimal(rate).replace(",", ""))
