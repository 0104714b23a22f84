"""A Sankey picture of steps, in Vega-Lite: bars for what stands at a place, ribbons between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clicklake.reports import formats
from clicklake.reports.render.theme import LIGHT

HEIGHT = 420
_GAP = 0.035
"""Between two bars, as a share of the height."""
_BAR = 0.09
"""Half the width of a bar, in places."""
_CURVE = 14
"""Points of a ribbon."""


@dataclass(frozen=True)
class Flow:
    """What went from one place to the next.

    Args:
        place: Of where it began, counted from the left.
        start: What stands there.
        end: What stands at the next place.
        size: How much went.
        told: What pointing at it says.
    """

    place: int
    start: str
    end: str
    size: float
    told: str


@dataclass
class _Bar:
    size: float
    top: float = 0.0
    left: float = 0.0
    right: float = 0.0


def flows_of(rows: Sequence[Mapping[str, Any]], most: int | None = None) -> list[Flow]:
    """The flows of report purchase_flows; the first place is the furthest from the purchase.

    Args:
        rows: The report.
        most: Steps before the purchase, where there is no room for all.
    """
    rows = [row for row in rows if most is None or row["steps_left"] <= most]
    first = max((row["steps_left"] for row in rows), default=0)
    return [
        Flow(
            place=first - row["steps_left"],
            start=row["from_step"],
            end=row["to_step"],
            size=row["sessions"],
            told=f"{row['from_step']} → {row['to_step']}: {_count(row['sessions'], 'session')} of "
            f"{_count(row['users'], 'user')}, {formats.percent(row['share_pct'])} of all with a purchase",
        )
        for row in rows
    ]


def sankey(flows: Sequence[Flow], last: str = "") -> dict[str, Any]:
    """The picture, in the light colours.

    Args:
        flows: From the left to the right.
        last: What is drawn in the accent: the end of all ways.
    """
    bars = _bars(flows)
    ribbons = _ribbons(flows, bars, last)
    boxes: list[dict[str, Any]] = [
        {
            "x": place - _BAR,
            "x2": place + _BAR,
            "y": bar.top,
            "y2": bar.top + bar.size,
            "middle": bar.top + bar.size / 2,
            "name": name,
            "told": f"{name}: {_count(round(bar.size * _scale(flows)), 'session')}",
            "kind": "last" if name == last else "bar",
        }
        for (place, name), bar in bars.items()
    ]
    places = max((flow.place for flow in flows), default=0) + 1
    x = {"type": "quantitative", "axis": None, "scale": {"domain": [-0.3, places + 0.75], "nice": False}}
    y = {"type": "quantitative", "axis": None, "scale": {"domain": [0, 1], "reverse": True, "nice": False}}
    colour = {"domain": ["bar", "last"], "range": [LIGHT["grey1"], LIGHT["accent"]]}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": HEIGHT,
        "background": LIGHT["surface"],
        "config": {"view": {"stroke": None}},
        "layer": [
            {
                "data": {"values": ribbons},
                "mark": {"type": "area", "opacity": 0.35, "interpolate": "linear"},
                "encoding": {
                    "x": {"field": "x", **x},
                    "y": {"field": "y", **y},
                    "y2": {"field": "y2"},
                    "detail": {"field": "flow", "type": "nominal"},
                    "color": {"field": "kind", "type": "nominal", "legend": None, "scale": colour},
                    "tooltip": {"field": "told", "type": "nominal", "title": "Step"},
                    "description": {"field": "told", "type": "nominal"},
                },
            },
            {
                "data": {"values": boxes},
                "mark": {"type": "rect"},
                "encoding": {
                    "x": {"field": "x", **x},
                    "x2": {"field": "x2"},
                    "y": {"field": "y", **y},
                    "y2": {"field": "y2"},
                    "color": {"field": "kind", "type": "nominal", "legend": None, "scale": colour},
                    "tooltip": {"field": "told", "type": "nominal", "title": "Here"},
                    "description": {"field": "told", "type": "nominal"},
                },
            },
            {
                "data": {"values": [box for box in boxes if box["y2"] - box["y"] > _GAP / 2]},
                "mark": {
                    "type": "text",
                    "align": "left",
                    "dx": 4,
                    "fontSize": 11,
                    "color": LIGHT["ink"],
                    "aria": False,
                },
                "encoding": {
                    "x": {"field": "x2", **x},
                    "y": {"field": "middle", **y},
                    "text": {"field": "name", "type": "nominal"},
                },
            },
        ],
    }


def _count(count: int, what: str) -> str:
    return f"{formats.integer(count)} {what}{'' if count == 1 else 's'}"


def _scale(flows: Sequence[Flow]) -> float:
    """How much the whole height stands for: the fullest place and its gaps."""
    return max((size / room for size, room in _places(flows).values()), default=1.0)


def _places(flows: Sequence[Flow]) -> dict[int, tuple[float, float]]:
    """By place what stands there, and the share of the height that its gaps leave."""
    sizes = _sizes(flows)
    found = {}
    for place in {place for place, _ in sizes}:
        here = [size for (at, _), size in sizes.items() if at == place]
        found[place] = (sum(here), max(0.3, 1 - _GAP * (len(here) - 1)))
    return found


def _sizes(flows: Sequence[Flow]) -> dict[tuple[int, str], float]:
    """What stands at each place: what comes or what goes, whichever is more."""
    ins: dict[tuple[int, str], float] = {}
    outs: dict[tuple[int, str], float] = {}
    for flow in flows:
        outs[flow.place, flow.start] = outs.get((flow.place, flow.start), 0) + flow.size
        ins[flow.place + 1, flow.end] = ins.get((flow.place + 1, flow.end), 0) + flow.size
    return {key: max(ins.get(key, 0), outs.get(key, 0)) for key in {**outs, **ins}}


def _bars(flows: Sequence[Flow]) -> dict[tuple[int, str], _Bar]:
    """The bars of each place, the largest on top, in shares of the height."""
    scale, sizes, bars = _scale(flows), _sizes(flows), {}
    for place in sorted({place for place, _ in sizes}):
        here = sorted((key for key in sizes if key[0] == place), key=lambda key: (-sizes[key], key[1]))
        gap = (1 - _places(flows)[place][1]) / max(1, len(here) - 1)
        top = 0.0
        for key in here:
            bars[key] = _Bar(sizes[key] / scale, top)
            top += bars[key].size + gap
    return bars


def _ribbons(flows: Sequence[Flow], bars: Mapping[tuple[int, str], _Bar], last: str) -> list[dict[str, Any]]:
    scale, points = _scale(flows), []
    ordered = sorted(flows, key=lambda f: (f.place, bars[f.place, f.start].top, bars[f.place + 1, f.end].top))
    for number, flow in enumerate(ordered):
        start, end, size = bars[flow.place, flow.start], bars[flow.place + 1, flow.end], flow.size / scale
        begin_y, end_y = start.top + start.right, end.top + end.left
        start.right += size
        end.left += size
        for step in range(_CURVE + 1):
            part = step / _CURVE
            bent = part * part * (3 - 2 * part)
            top = begin_y + (end_y - begin_y) * bent
            at = flow.place + _BAR + (1 - 2 * _BAR) * part
            kind = "last" if flow.end == last else "bar"
            points.append({"flow": number, "x": at, "y": top, "y2": top + size, "told": flow.told, "kind": kind})
    return points
