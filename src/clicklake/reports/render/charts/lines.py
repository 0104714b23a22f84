"""Lines and areas along time or numbers, from zero, with the end and the peak named at the line itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import altair as alt

from clicklake.reports.render.charts.parts import (
    ABOVE_NUMBERS,
    TEXT,
    canvas,
    colours,
    finish,
    from_zero,
    measure,
)
from clicklake.reports.render.charts.plot import Mark, Plot, step_of
from clicklake.reports.render.theme import LIGHT

_HEIGHT = 280
_DAY = 86_400_000
_LINE_OF_TEXT = 15


def lines(plot: Plot, width: int, *, is_filled: bool = False) -> alt.LayerChart:
    """A line for each series; the area beneath is filled where there is only one and that is asked for."""
    places = sorted({mark["place"] for mark in plot.marks})
    step = step_of(places)
    domain = from_zero(plot.marks, 0.1)
    x, y = _x(plot, places, step, width), _y(plot, domain)
    ends = _ends(plot, domain)
    layers = [_weekends(plot, x)] if any(mark["is_weekend"] for mark in plot.marks) else []
    base = canvas(_with_gaps(plot.marks, step if plot.is_time else None)).encode(x=x, y=y)
    colour = _colour(plot)
    if is_filled and plot.series is None:
        layers.append(base.mark_area(opacity=0.16, color=LIGHT["accent"], aria=False))
    layers.append(base.mark_line(strokeWidth=2, strokeJoin="round", aria=False).encode(color=colour))
    dots = canvas(_alone(plot.marks, step)).mark_circle(size=22, opacity=1, aria=False)
    layers.append(dots.encode(x=x, y=y, color=colour))
    layers += _labels(plot, ends, width, x, y, colour)
    layers.append(_hits(plot, step, x))
    return finish(*layers, width=width, height=_HEIGHT)


def _x(plot: Plot, places: list[float], step: float, width: int) -> alt.X:
    span = [places[0] - step / 2, places[-1] + step / 2]
    axis: dict[str, Any] = {"grid": False, "labelAngle": 0, "titleAnchor": "end", "titlePadding": 8}
    axis["tickCount"] = width // 90
    if not plot.is_time:
        if not plot.x.is_number:
            names = json.dumps([mark["x"] for mark in sorted(plot.marks, key=lambda mark: mark["place"])])
            axis["labelExpr"] = f"{names}[datum.value]"
        axis["tickMinStep"] = 1
        return alt.X("place:Q", title=plot.x.header, scale=_exact(span), axis=alt.Axis(**axis))
    if len(places) <= width // 90:
        axis["values"] = places
    elif step >= _DAY:
        axis["tickMinStep"] = _DAY
    first, last = (datetime.fromtimestamp(place / 1000, timezone.utc) for place in (places[0], places[-1]))
    days = (last - first).days
    axis["format"] = "%-d %b" if days <= 180 else "%b %Y" if days <= 1100 else "%Y"
    if plot.x.format == "timestamp" and days <= 3:
        axis["format"] = "%-d %b %H:%M"
    year = f", {first.year}" if first.year == last.year and days <= 180 else ""
    scale = alt.Scale(type="utc", domain=span, nice=False)
    return alt.X("place:T", title=f"{plot.x.header}{year}", scale=scale, axis=alt.Axis(**axis))


def _exact(domain: list[float]) -> alt.Scale:
    return alt.Scale(domain=domain, nice=False, zero=False)


def _y(plot: Plot, domain: list[float]) -> alt.Y:
    axis = measure(plot.value.format, domain, **ABOVE_NUMBERS)
    return alt.Y("y:Q", title=plot.value.header, scale=alt.Scale(domain=domain, nice=False), axis=axis)


def _colour(plot: Plot) -> alt.Color:
    """The accent for the largest series, greys for the others."""
    sums = dict.fromkeys(plot.names, 0.0)
    for mark in plot.marks:
        sums[mark["series"]] += mark["y"]
    names = sorted(sums, key=lambda name: -sums[name])
    return alt.Color("series:N", scale=alt.Scale(domain=names, range=colours(names)), legend=None)


def _with_gaps(marks: list[Mark], step: float | None) -> list[Mark]:
    """The marks, and an empty one where steps are missing: no line is drawn through days without data."""
    if step is None:
        return marks
    filled: list[Mark] = []
    for mark, before in zip(marks, [None, *marks], strict=False):
        same = before is not None and before["series"] == mark["series"]
        if before is not None and same and mark["place"] - before["place"] > step * 1.6:
            filled.append(before | {"place": before["place"] + step, "y": None})
        filled.append(mark)
    return filled


def _alone(marks: list[Mark], step: float) -> list[Mark]:
    """Marks without a neighbour, which a line doesn't show."""
    known = {(mark["series"], round(mark["place"] / step)) for mark in marks}
    return [
        mark for mark in marks if not {(mark["series"], round(mark["place"] / step) + side) for side in (-1, 1)} & known
    ]


def _weekends(plot: Plot, x: alt.X) -> alt.Chart:
    bands: list[Mark] = []
    for day in sorted({mark["place"] for mark in plot.marks if mark["is_weekend"]}):
        if bands and bands[-1]["until"] == day - _DAY / 2:
            bands[-1]["until"] = day + _DAY / 2
        else:
            bands.append({"place": day - _DAY / 2, "until": day + _DAY / 2})
    return _bands(bands, x, color=LIGHT["shade"], aria=False)


def _ends(plot: Plot, domain: list[float]) -> list[Mark]:
    """The last mark of each series with the text beside it, moved apart where they would overlap."""
    last = {mark["series"]: mark for mark in plot.marks}
    pixel = (domain[1] - domain[0]) / (_HEIGHT - 60)
    ends = sorted(last.values(), key=lambda mark: -float(mark["y"]))
    height = domain[1] + 1e9
    spread = []
    for end in ends:
        height = min(end["y"], height - _LINE_OF_TEXT * pixel)
        shown = f"{end['series']} {end['label']}" if plot.series else end["label"]
        spread.append(end | {"at": height, "shown": shown})
    return spread


def _labels(plot: Plot, ends: list[Mark], width: int, x: alt.X, y: alt.Y, colour: alt.Color) -> list[alt.Chart]:
    """Dots and texts at the end of each line, and at the peak of a single one."""
    texts: dict[str, Any] = {"fontSize": TEXT, "color": LIGHT["ink"], "aria": False}
    beside = canvas([end | {"y": end["at"]} for end in ends]).encode(x=x)
    drawn = [
        canvas(ends).mark_circle(size=44, opacity=1, aria=False).encode(x=x, y=y, color=colour),
        beside.mark_text(align="left", dx=8, **texts).encode(y=y, text=alt.Text("shown:N")),
    ]
    peak = max(plot.marks, key=lambda mark: float(mark["y"]))
    first, last = plot.marks[0]["place"], plot.marks[-1]["place"]
    where = (peak["place"] - first) / ((last - first) or 1.0)
    if plot.series is None and len(plot.marks) > 4 and where < 0.9:
        shown = peak | {"shown": f"{peak['label']} on {peak['x']}" if plot.is_time else peak["label"]}
        at_peak = canvas([shown]).encode(x=x, y=y)
        align = "left" if where < 0.2 else "right" if where > 0.8 else "center"
        drawn.append(at_peak.mark_circle(size=44, opacity=1, color=LIGHT["accent"], aria=False))
        drawn.append(at_peak.mark_text(align=align, dy=-11, **texts).encode(text=alt.Text("shown:N")))
    return drawn


def _hits(plot: Plot, step: float, x: alt.X) -> alt.Chart:
    """Invisible bands, one a place, that carry the tooltips."""
    tips: dict[float, list[str]] = {}
    for mark in plot.marks:
        tips.setdefault(mark["place"], []).append(mark["tip"])
    bands = [
        {"place": place - step / 2, "until": place + step / 2, "tip": "\n".join(lines)} for place, lines in tips.items()
    ]
    hits: alt.Chart = _bands(bands, x, color=LIGHT["ink"], opacity=0).encode(description=alt.Description("tip:N"))
    return hits


def _bands(bands: Sequence[Mark], x: alt.X, **style: Any) -> alt.Chart:  # noqa: ANN401
    """Bands from top to bottom."""
    drawn = canvas(list(bands)).mark_rect(**style)
    placed: alt.Chart = drawn.encode(x=x, x2=alt.X2("until"), y=alt.value(0), y2=alt.value("height"))
    return placed
