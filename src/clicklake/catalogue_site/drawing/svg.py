"""Boxes with rows and lines between them, as SVG that the page's style sheet colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from clicklake.catalogue_site.drawing.layout import Layout, Size, lay_out

_LETTER, _SMALL = 8.0, 7.1
"""Wide enough for the widest of the usual fonts, whichever a browser takes."""
_HEAD, _ROW, _PAD = 30.0, 21.0, 12.0


@dataclass(frozen=True)
class Row:
    """A line in a box: a name and a mark behind it."""

    name: str
    mark: str = ""


@dataclass(frozen=True)
class Box:
    """A box.

    Args:
        name: Unique; what is shown, unless there is a label.
        kind: The layer: colours its edge.
        link: Where it leads; none where empty.
        label: What is shown.
        rows: Lines below the head.
        is_here: Whether it is what the picture is about.
        title: What is told when it is pointed at.
    """

    name: str
    kind: str
    link: str = ""
    label: str = ""
    rows: Sequence[Row] = ()
    is_here: bool = False
    title: str = ""

    @property
    def size(self) -> Size:
        """How large it is drawn."""
        head = len(self.label or self.name) * _LETTER
        rows = (len(row.name) * _SMALL + (len(row.mark) * _SMALL + 14 if row.mark else 0) for row in self.rows)
        width = max(head, *rows, 40.0) + 2 * _PAD
        return Size(round(width), _HEAD + (len(self.rows) * _ROW + 6 if self.rows else 0))

    def port(self, row: str) -> float:
        """The height of a row's middle below the upper edge; the head's where there is no such row."""
        for number, item in enumerate(self.rows):
            if item.name == row:
                return _HEAD + 3 + (number + 0.5) * _ROW
        return _HEAD / 2


@dataclass(frozen=True)
class Line:
    """A line between two boxes, from the left one to the right one.

    Args:
        left: A box.
        right: A box.
        left_row: The row that it starts at.
        right_row: The row that it ends at.
        title: What is told when it is pointed at.
        ends: `arrow`, or `many-one` for relations.
        is_faint: Whether it is drawn in the background.
    """

    left: str
    right: str
    left_row: str = ""
    right_row: str = ""
    title: str = ""
    ends: Literal["arrow", "many-one"] = "arrow"
    is_faint: bool = False


def draw(
    boxes: Sequence[Box],
    lines: Sequence[Line],
    title: str,
    *,
    at_end: Sequence[str] = (),
    gap: tuple[float, float] = (64, 14),
) -> str:
    """A picture; its boxes are links.

    Args:
        boxes: In any order.
        lines: Between them.
        title: For those who don't see it.
        at_end: Boxes that stand at the right edge.
        gap: Between ranks, and between boxes.
    """
    by_name = {box.name: box for box in boxes}
    sizes = {box.name: box.size for box in boxes}
    layout = lay_out(sizes, [(line.left, line.right) for line in lines], at_end=at_end, gap=gap)
    drawn = [_line(line, by_name, layout) for line in sorted(lines, key=lambda line: not line.is_faint)]
    drawn += [_box(box, layout.places[box.name]) for box in boxes]
    width, height = layout.width + 4, layout.height + 4
    return (
        f'<svg class="picture" role="group" aria-label="{escape(title)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="-2 -2 {width:.0f} {height:.0f}">\n' + "\n".join(drawn) + "\n</svg>"
    )


def _box(box: Box, place: tuple[float, float]) -> str:
    x, y = place
    size = box.size
    parts = [
        f'<rect class="frame" width="{size.width:.0f}" height="{size.height:.0f}" rx="6"/>',
        f'<rect class="edge-mark" width="4" height="{size.height:.0f}" rx="2"/>',
        f'<text class="head" x="{_PAD}" y="{_HEAD / 2 + 4.5:.1f}">{escape(box.label or box.name)}</text>',
    ]
    if box.rows:
        parts.append(f'<path class="rule" d="M4,{_HEAD}H{size.width:.0f}"/>')
    for row in box.rows:
        at = box.port(row.name) + 4
        parts.append(f'<text class="row" x="{_PAD}" y="{at:.1f}">{escape(row.name)}</text>')
        if row.mark:
            parts.append(f'<text class="mark-text" x="{size.width - _PAD:.0f}" y="{at:.1f}">{escape(row.mark)}</text>')
    title = f"<title>{escape(box.title)}</title>" if box.title else ""
    here = " here" if box.is_here else ""
    group = (
        f'<g class="box kind-{escape(box.kind)}{here}" data-box="{escape(box.name)}" '
        f'transform="translate({x:.1f},{y:.1f})">{title}{"".join(parts)}</g>'
    )
    return f'<a href="{escape(box.link)}">{group}</a>' if box.link else group


def _line(line: Line, boxes: dict[str, Box], layout: Layout) -> str:
    left, right = boxes[line.left], boxes[line.right]
    (ax, ay), (bx, by) = layout.places[line.left], layout.places[line.right]
    bends = layout.bends.get((line.left, line.right), [])
    # A line that closes a circle leads back: it leaves and enters on the other sides.
    is_back = bx < ax
    a = (ax if is_back else ax + left.size.width, ay + left.port(line.left_row))
    b = (bx + right.size.width if is_back else bx, by + right.port(line.right_row))
    side = -1 if is_back else 1
    end = (b[0] - 7 * side, b[1]) if line.ends == "arrow" else b
    path = _curve([a, *bends, end], side)
    title = f"<title>{escape(line.title)}</title>" if line.title else ""
    faint = " faint" if line.is_faint else ""
    return (
        f'<g class="line{faint}" data-left="{escape(line.left)}" data-right="{escape(line.right)}">{title}'
        f'<path class="way" d="{path}"/>{_ends(line, a, b, side)}</g>'
    )


def _curve(points: Sequence[tuple[float, float]], side: int) -> str:
    x, y = points[0]
    path = [f"M{x:.1f},{y:.1f}"]
    for to_x, to_y in points[1:]:
        reach = max(abs(to_x - x) / 2, 16) * side
        path.append(f"C{x + reach:.1f},{y:.1f} {to_x - reach:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}")
        x, y = to_x, to_y
    return "".join(path)


def _ends(line: Line, a: tuple[float, float], b: tuple[float, float], side: int) -> str:
    (ax, ay), (bx, by) = a, b
    if line.ends == "arrow":
        return f'<path class="tip" d="M{bx:.1f},{by:.1f}l{-8 * side},-4v8z"/>'
    foot = f"M{ax + 10 * side:.1f},{ay:.1f}l{-10 * side},-5M{ax + 10 * side:.1f},{ay:.1f}l{-10 * side},5"
    return f'<path class="foot" d="{foot}M{bx - 7 * side:.1f},{by - 5:.1f}v10"/>'
