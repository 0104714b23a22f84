"""Altair charts to small inline SVG, in a thread beside the one that lays them out."""

from __future__ import annotations

import re
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from clicklake.reports.render.charts.parts import Drawing

_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_NOISE = frozenset({"aria-hidden", "aria-label", "aria-roledescription", "pointer-events", "role", "class"})
# What the page's style sheet or SVG itself says already.
_DEFAULTS = {("opacity", "1"), ("stroke-width", "1"), ("font-family", "sans-serif"), ("font-size", "12px")}


class Painter:
    """Draws charts; as a context it starts the drawing engine before the first chart is there."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="charts")

    def __enter__(self) -> Painter:
        self._pool.submit(_svg, {"mark": "point", "data": {"values": [{}]}})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=error is not None)

    def draw(self, chart: Drawing, title: str) -> Future[str]:
        """Draw a chart; its title is for those who don't see it."""
        spec = chart.to_dict(validate=False)
        return self._pool.submit(lambda: tidy(_svg(spec), title))


def _svg(spec: dict[str, Any]) -> str:
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return drawn


def tidy(svg: str, title: str) -> str:
    """SVG for the inside of a page: without namespaces, tips as titles, coordinates to 0.1 pixel."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        label, is_mark = element.get("aria-label"), element.tag == "path"
        for name, value in list(element.attrib.items()):
            if name in _NOISE or (name, value) in _DEFAULTS:
                del element.attrib[name]
            else:
                element.set(name, _NUMBER.sub(lambda match: f"{float(match[0]):.1f}", value))
        if label and is_mark:
            element.set("class", "mark")
            ElementTree.SubElement(element, "title").text = label
    _prune(root)
    size = {name: root.attrib.pop(name) for name in ("width", "height", "viewBox")}
    root.attrib.clear()
    root.attrib.update(size | {"role": "img", "aria-label": title})
    return ElementTree.tostring(root, encoding="unicode")


def _prune(parent: ElementTree.Element) -> None:
    """Remove what draws nothing."""
    for child in list(parent):
        _prune(child)
        is_empty_group = child.tag == "g" and not len(child)
        is_invisible = child.tag == "path" and child.get("d") in ("", "M0,0h0v0h0Z")
        if is_empty_group or is_invisible:
            parent.remove(child)
