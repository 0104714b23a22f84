"""Puts boxes into ranks from left to right, so that few lines cross: Sugiyama's method, kept small.

Kozo Sugiyama, Shojiro Tagawa, Mitsuhiko Toda: Methods for Visual Understanding of Hierarchical System Structures
(1981): ranks by longest path, helpers where a line passes a rank, order by the mean of the neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Edge: TypeAlias = tuple[str, str]
_SWEEPS = 12
_HELPER = 6.0  # the height that a line takes in a rank that it passes


@dataclass(frozen=True)
class Size:
    """How large a box is."""

    width: float
    height: float


@dataclass
class Layout:
    """Where boxes are, and by which points lines pass.

    Args:
        places: Upper left corner of each box.
        bends: For each line, the points in the ranks that it passes.
        width: Of the whole.
        height: Of the whole.
    """

    places: dict[str, tuple[float, float]]
    bends: dict[Edge, list[tuple[float, float]]]
    width: float
    height: float


@dataclass
class _Ranked:
    ranks: list[list[str]]
    sizes: dict[str, Size]
    left: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    right: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    chains: dict[Edge, list[str]] = field(default_factory=dict)


def lay_out(
    sizes: Mapping[str, Size],
    edges: Iterable[Edge],
    *,
    at_end: Iterable[str] = (),
    gap: tuple[float, float] = (64, 14),
) -> Layout:
    """Place boxes so that lines lead from left to right.

    Args:
        sizes: The boxes.
        edges: Lines between two of them, from the left one to the right one; a circle is cut where it closes.
        at_end: Boxes that stand in the last rank.
        gap: Between ranks, and between the boxes of a rank.
    """
    lines = [edge for edge in dict.fromkeys(edges) if edge[0] != edge[1]]
    forward = _without_circles(list(sizes), lines)
    ranks = _ranks(list(sizes), forward, set(at_end))
    graph = _ranked(sizes, forward, ranks)
    _order(graph)
    return _place(graph, sizes, gap)


def _without_circles(names: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """The lines without those that lead back."""
    right = defaultdict(list)
    for a, b in edges:
        right[a].append(b)
    state: dict[str, int] = {}
    back: set[Edge] = set()

    def visit(name: str) -> None:
        state[name] = 1
        for other in right[name]:
            if state.get(other) == 1:
                back.add((name, other))
            elif other not in state:
                visit(other)
        state[name] = 2

    for name in names:
        if name not in state:
            visit(name)
    return [edge for edge in edges if edge not in back]


def _ranks(names: Sequence[str], edges: Sequence[Edge], at_end: set[str]) -> dict[str, int]:
    """The longest way from a box without a line on its left."""
    left = defaultdict(list)
    for a, b in edges:
        left[b].append(a)
    found: dict[str, int] = {}

    def rank(name: str) -> int:
        if name not in found:
            found[name] = max((rank(other) + 1 for other in left[name]), default=0)
        return found[name]

    last = max(map(rank, names), default=0)
    return {name: last if name in at_end else found[name] for name in names}


def _ranked(sizes: Mapping[str, Size], edges: Sequence[Edge], ranks: Mapping[str, int]) -> _Ranked:
    """The boxes by rank, with a helper wherever a line passes a rank."""
    graph = _Ranked([[] for _ in range(max(ranks.values(), default=0) + 1)], dict(sizes))
    for name, rank in ranks.items():
        graph.ranks[rank].append(name)
    for a, b in edges:
        chain = [a]
        for rank in range(ranks[a] + 1, ranks[b]):
            helper = f"{a}\0{b}\0{rank}"
            graph.ranks[rank].append(helper)
            graph.sizes[helper] = Size(0, _HELPER)
            chain.append(helper)
        chain.append(b)
        graph.chains[a, b] = chain
        for one, other in zip(chain, chain[1:], strict=False):
            graph.right[one].append(other)
            graph.left[other].append(one)
    return graph


def _order(graph: _Ranked) -> None:
    """Order each rank by the mean place of the neighbours, back and forth; the order with fewest crossings stays."""
    best, fewest = [list(rank) for rank in graph.ranks], _crossings(graph)
    for sweep in range(_SWEEPS):
        is_right = sweep % 2 == 0
        neighbours = graph.left if is_right else graph.right
        for rank in graph.ranks[1:] if is_right else graph.ranks[-2::-1]:
            place = {name: number for names in graph.ranks for number, name in enumerate(names)}
            means = {
                name: sum(place[other] for other in neighbours[name]) / len(neighbours[name])
                if neighbours[name]
                else float(place[name])
                for name in rank
            }
            rank.sort(key=lambda name: means[name])  # noqa: B023 - used at once
        if (crossings := _crossings(graph)) < fewest:
            best, fewest = [list(rank) for rank in graph.ranks], crossings
    graph.ranks = best


def _crossings(graph: _Ranked) -> int:
    place = {name: number for names in graph.ranks for number, name in enumerate(names)}
    total = 0
    for rank in graph.ranks[:-1]:
        ends = [place[other] for name in rank for other in sorted(graph.right[name], key=place.__getitem__)]
        total += sum(a > b for number, a in enumerate(ends) for b in ends[number + 1 :])
    return total


def _place(graph: _Ranked, sizes: Mapping[str, Size], gap: tuple[float, float]) -> Layout:
    middles = _middles(graph, gap[1])
    tops = {name: middle - graph.sizes[name].height / 2 for name, middle in middles.items()}
    highest = min(tops.values(), default=0.0)
    x = 0.0
    places: dict[str, tuple[float, float]] = {}
    points: dict[str, list[tuple[float, float]]] = {}
    for rank in graph.ranks:
        width = max((graph.sizes[name].width for name in rank), default=0.0)
        for name in rank:
            if name in sizes:
                places[name] = (x, tops[name] - highest)
            else:
                y = middles[name] - highest
                points[name] = [(x, y), (x + width, y)]  # straight on between the boxes of the rank
        x += width + gap[0]
    bends = {edge: [p for name in chain[1:-1] for p in points[name]] for edge, chain in graph.chains.items()}
    height = max((places[name][1] + size.height for name, size in sizes.items()), default=0.0)
    lowest = max((y for passed in points.values() for _, y in passed), default=0.0)
    return Layout(places, bends, max(x - gap[0], 0.0), max(height, lowest))


def _middles(graph: _Ranked, gap: float) -> dict[str, float]:
    """The height of each box: near the mean of its neighbours, in order, without touching."""
    middles: dict[str, float] = {}
    for rank in graph.ranks:
        y = 0.0
        for name in rank:
            middles[name] = y + graph.sizes[name].height / 2
            y += graph.sizes[name].height + gap
    for sweep in range(_SWEEPS):
        neighbours = graph.left if sweep % 2 == 0 else graph.right
        for rank in graph.ranks if sweep % 2 == 0 else graph.ranks[::-1]:
            wanted = [
                sum(middles[other] for other in neighbours[name]) / len(neighbours[name])
                if neighbours[name]
                else middles[name]
                for name in rank
            ]
            for name, middle in zip(rank, _apart(rank, wanted, graph.sizes, gap), strict=True):
                middles[name] = middle
    return middles


def _apart(rank: Sequence[str], wanted: Sequence[float], sizes: Mapping[str, Size], gap: float) -> list[float]:
    """Heights in the order of a rank, as near as may be to those that are wanted."""

    def push(names: Sequence[str], heights: Sequence[float]) -> list[float]:
        found: list[float] = []
        for number, name in enumerate(names):
            least = float("-inf")
            if number:
                least = found[-1] + (sizes[names[number - 1]].height + sizes[name].height) / 2 + gap
            found.append(max(heights[number], least))
        return found

    down = push(rank, wanted)
    up = [-middle for middle in push(rank[::-1], [-height for height in wanted[::-1]])][::-1]
    return [(a + b) / 2 for a, b in zip(down, up, strict=True)]
