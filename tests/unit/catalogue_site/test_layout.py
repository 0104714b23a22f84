"""Boxes don't touch, lines lead to the right, and circles don't hang."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicklake.catalogue_site.drawing.layout import Size, lay_out
from clicklake.catalogue_site.drawing.svg import Box, Line, Row, draw

NAMES = [f"t{number}" for number in range(12)]
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(EDGES)
def test_boxes_never_touch(edges: list[tuple[str, str]]) -> None:
    sizes = {name: Size(60 + 9 * number, 30 + 7 * number) for number, name in enumerate(NAMES)}
    layout = lay_out(sizes, edges)
    assert set(layout.places) == set(NAMES)
    for a, b in combinations(NAMES, 2):
        (ax, ay), (bx, by) = layout.places[a], layout.places[b]
        beside = ax + sizes[a].width <= bx or bx + sizes[b].width <= ax
        above = ay + sizes[a].height <= by or by + sizes[b].height <= ay
        assert beside or above, (a, b)
    for name, (x, y) in layout.places.items():
        assert x >= 0 and y >= -0.01
        assert x + sizes[name].width <= layout.width + 0.01 and y + sizes[name].height <= layout.height + 0.01


def test_lines_lead_to_the_right_and_pass_ranks_between_boxes() -> None:
    sizes = {name: Size(50, 30) for name in "abcd"}
    layout = lay_out(sizes, [("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")], at_end="d")
    x = {name: place[0] for name, place in layout.places.items()}
    assert x["a"] < x["b"] < x["c"] == x["d"]
    (before, behind) = layout.bends["a", "c"]
    assert before[1] == behind[1]
    top, bottom = layout.places["b"][1], layout.places["b"][1] + 30
    assert not top <= before[1] <= bottom


def test_few_lines_cross() -> None:
    names = [f"{side}{number}" for side in "lr" for number in range(6)]
    edges = [(f"l{number}", f"r{5 - number}") for number in range(6)]
    places = lay_out({name: Size(40, 20) for name in names}, edges).places
    left = sorted((places[a][1], places[b][1]) for a, b in edges)
    assert [right for _, right in left] == sorted(right for _, right in left)


@pytest.mark.parametrize("edges", [[("a", "a")], [("a", "b"), ("b", "a")], [("a", "b"), ("b", "c"), ("c", "a")]])
def test_circles_and_boxes_that_name_themselves(edges: list[tuple[str, str]]) -> None:
    names = sorted({name for edge in edges for name in edge})
    lines = [Line(a, b, ends="many-one") for a, b in edges if a != b]
    drawn = draw([Box(name, "gold") for name in names], lines, "circle")
    assert drawn.count('class="way"') == len(lines)


def test_text_in_pictures_is_escaped() -> None:
    drawn = draw([Box("a<b", "gold", 'x"y', "<i>", [Row("<r>", "<m>")], title="<t>")], [], 'the "title"')
    assert "<i>" not in drawn and "<r>" not in drawn and "<m>" not in drawn and "<t>" not in drawn
    assert 'href="x&quot;y"' in drawn
