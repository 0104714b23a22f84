"""Lineage on the terminal: trees of columns and of tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.tree import Tree

from clicklake.lineage.columns import ROWS, Input
from clicklake.lineage.graph import Column, Lineage
from clicklake.lineage.walk import VALUE

_LONGEST = 96


def column_tree(lineage: Lineage, start: Column, *, is_down: bool) -> Tree:
    """A column with what it is made of, or with what is made of it."""
    tree = Tree(_head(lineage, start.table, start.column, str(start)), guide_style="dim")
    seen: set[Column] = {start}
    (_add_uses if is_down else _add_inputs)(tree, lineage, start, seen)
    return tree


def table_tree(lineage: Lineage, start: str, *, is_down: bool) -> Tree:
    """A table with the tables that it is made of, or those that are made of it."""
    tree = Tree(_head(lineage, start, None, start), guide_style="dim")
    seen = {start}

    def add(branch: Tree, table: str) -> None:
        for other in lineage.downstream(table) if is_down else lineage.upstream(table):
            if other in seen and (lineage.downstream(other) if is_down else lineage.upstream(other)):
                branch.add(f"{escape(other)}  [dim](see above)[/dim]")
                continue
            seen.add(other)
            add(branch.add(_head(lineage, other, None, other, is_bold=False)), other)

    add(tree, start)
    return tree


def deciding(lineage: Lineage, column: Column) -> list[str]:
    """What decides which rows count for a column: a line for each condition, with the tables that it looks at."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for item in lineage.inputs_of(column):
        if item.influence not in VALUE:
            found.setdefault((item.influence, item.transformation), {})[f"{item.table}.{item.column}"] = None
    return [
        f"{influence:<6} {_short(text)}  [dim]{escape(', '.join(columns))}[/dim]"
        for (influence, text), columns in found.items()
    ]


def _add_inputs(tree: Tree, lineage: Lineage, column: Column, seen: set[Column]) -> None:
    for above, items in _grouped((item, Column(item.table, item.column)) for item in lineage.inputs_of(column)):
        if not above.table:
            tree.add(f"[dim]constant[/dim]{_told(items)}")
            continue
        branch = tree.add(_name(above) + _told(items))
        if above in seen and any(item.table for item in lineage.inputs_of(above)):
            branch.add("[dim]see above[/dim]")
        elif above not in seen:
            seen.add(above)
            _add_inputs(branch, lineage, above, seen)


def _add_uses(tree: Tree, lineage: Lineage, column: Column, seen: set[Column]) -> None:
    for below, items in _grouped((item, below) for below, item in lineage.uses(column)):
        branch = tree.add(_name(below) + _told(items))
        if below not in seen:
            seen.add(below)
            _add_uses(branch, lineage, below, seen)
        elif lineage.uses(below):
            branch.add("[dim]see above[/dim]")


def _grouped(pairs: Iterable[tuple[Input, Column]]) -> list[tuple[Column, list[Input]]]:
    """What makes values, by the column at the other end."""
    found: dict[Column, list[Input]] = {}
    for item, column in pairs:
        if item.influence in VALUE:
            found.setdefault(column, []).append(item)
    return list(found.items())


def _told(items: list[Input]) -> str:
    texts = list(dict.fromkeys(item.transformation for item in items))
    more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
    return "" if texts == ["identity"] else f"  [dim]{_short(texts[0])}{more}[/dim]"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return escape(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _name(column: Column) -> str:
    if column.column == ROWS:
        return f"{escape(column.table)} [dim](rows)[/dim]"
    return escape(str(column))


def _head(lineage: Lineage, table: str, column: str | None, name: str, *, is_bold: bool = True) -> str:
    meaning = lineage.description(table, column).partition(". ")[0]
    shown = f"[bold]{escape(name)}[/bold]" if is_bold else escape(name)
    return f"{shown}  [dim]{_short(meaning)}[/dim]" if meaning else shown
