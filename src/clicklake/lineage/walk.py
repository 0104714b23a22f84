"""Walks through the lineage, step by step, as rows for programs and as a Mermaid chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from clicklake.lineage.columns import Input
from clicklake.lineage.graph import Column, Lineage

VALUE = ("direct", "rows", "constant")
"""The influences that make the value; the others choose the rows."""


@dataclass(frozen=True)
class Step:
    """One column and one that it depends on; one step of a walk."""

    of: Column
    item: Input

    def row(self) -> dict[str, str | None]:
        """The step as an object of the machine output."""
        return {
            "table": self.of.table,
            "column": self.of.column,
            "upstream_table": self.item.table or None,
            "upstream_column": self.item.column or None,
            "influence": self.item.influence,
            "transformation": self.item.transformation,
        }


def up(lineage: Lineage, start: Column) -> Iterator[Step]:
    """Every step from a column up to the files; only what makes the value is followed further."""
    waiting, seen = [start], {start}
    while waiting:
        column = waiting.pop(0)
        for item in lineage.inputs_of(column):
            yield Step(column, item)
            above = Column(item.table, item.column)
            if item.influence in VALUE and item.table and above not in seen:
                seen.add(above)
                waiting.append(above)


def down(lineage: Lineage, start: Column) -> Iterator[Step]:
    """Every step from a column down to the reports; only what makes the value is followed further."""
    waiting, seen = [start], {start}
    while waiting:
        for column, item in lineage.uses(waiting.pop(0)):
            yield Step(column, item)
            if item.influence in VALUE and column not in seen:
                seen.add(column)
                waiting.append(column)


def table_steps(lineage: Lineage, start: str | None, *, is_down: bool = False) -> list[tuple[str, str]]:
    """Pairs of a table and one that it is made of: all that are above or below a table, or all there are."""
    if start is None:
        return [(table, above) for table in lineage.tables for above in lineage.upstream(table)]
    steps: dict[tuple[str, str], None] = {}
    waiting = [start]
    while waiting:
        table = waiting.pop(0)
        pairs = [(other, table) for other in lineage.downstream(table)] if is_down else []
        pairs = pairs or [(table, above) for above in lineage.upstream(table) if not is_down]
        waiting += [pair[0 if is_down else 1] for pair in pairs if pair not in steps]
        steps.update(dict.fromkeys(pairs))
    return list(steps)


def mermaid(pairs: Iterable[tuple[str, str]]) -> str:
    """A Mermaid flowchart of pairs of a name and one above it: data flows from left to right."""
    numbers: dict[str, str] = {}
    lines: dict[str, None] = {}
    for below, above in pairs:
        for name in (above, below):
            if name not in numbers:
                numbers[name] = f"n{len(numbers)}"
                lines[f'    {numbers[name]}["{name}"]'] = None
        lines[f"    {numbers[above]} --> {numbers[below]}"] = None
    return "\n".join(["flowchart LR", *lines])


def column_pairs(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """The steps that make values, as pairs of names for `mermaid`."""
    return [
        (str(step.of), str(Column(step.item.table, step.item.column)))
        for step in steps
        if step.item.influence in VALUE and step.item.table
    ]
