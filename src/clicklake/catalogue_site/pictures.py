"""What is drawn: how tables are made of each other, and how they refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clicklake.catalogue_site.drawing.svg import Box, Line, Row, draw
from clicklake.catalogue_site.gathered import Gathered
from clicklake.catalogue_site.parts import place_of
from clicklake.dictionary import ReferenceFacts, TableFacts
from clicklake.lineage.columns import ROWS
from clicklake.lineage.graph import FILE, REPORT
from clicklake.lineage.walk import VALUE, table_steps

_MOST_COLUMNS = 80
"""Lines of columns up to which a picture can be read."""


def lineage_picture(site: Gathered, root: str, table: str | None = None) -> str:
    """How tables are made of each other: all, or those above and below one; empty where there are none."""
    lineage = site.lineage
    if table is None:
        pairs = table_steps(lineage, None)
        pairs = [pair for pair in pairs if not pair[0].startswith("ops.")]
    else:
        pairs = [*table_steps(lineage, table), *table_steps(lineage, table, is_down=True)]
    pairs = list(dict.fromkeys(pairs))
    names = list(dict.fromkeys(name for below, above in pairs for name in (above, below)))
    names.sort(key=lineage.tables.index)
    if not names:
        return ""
    boxes = [_table_box(site, name, root, is_here=name == table) for name in names]
    lines = [Line(above, below) for below, above in pairs]
    reports = [name for name in names if name.startswith(REPORT)]
    title = f"What {table} is made of, and what is made of it" if table else "How all tables are made of each other"
    return draw(boxes, lines, title, at_end=reports, gap=(56, 10))


def _table_box(site: Gathered, name: str, root: str, *, is_here: bool) -> Box:
    place = place_of(site, name)
    kind = _kind(name)
    label = name.removeprefix(FILE).removeprefix(REPORT)
    label = f"{label} files" if kind == "file" else label
    title = site.tables[name].description if name in site.tables else ""
    if kind == "report":
        title = site.reports[label].doc.title
    return Box(name, kind, root + place if place else "", label, is_here=is_here, title=title)


def _kind(name: str) -> str:
    if name.startswith(FILE):
        return "file"
    return "report" if name.startswith(REPORT) else name.partition(".")[0]


def column_picture(site: Gathered, root: str, facts: TableFacts) -> str:
    """Which columns of which tables a table's columns come from, one step up; empty where there is nothing to see."""
    lineage = site.lineage
    if facts.name not in lineage.tables or facts.layer == "ops":
        return ""
    used: dict[str, dict[str, None]] = {}
    lines: dict[tuple[str, str, str], Line] = {}
    for column, items in lineage.inputs(facts.name).items():
        for item in items:
            if item.influence not in VALUE or not item.table:
                continue
            row = "rows" if item.column == ROWS else item.column
            used.setdefault(item.table, {})[row] = None
            told = f"{column}: {item.transformation}"
            is_faint = item.influence == "rows"
            key = (item.table, row, column)
            lines.setdefault(key, Line(item.table, facts.name, row, column, told, is_faint=is_faint))
    if not lines or sum(map(len, used.values())) > _MOST_COLUMNS:
        return ""
    boxes = []
    for table, rows in used.items():
        known = [column for column in lineage.columns(table) if column in rows]
        ordered = [*known, *(row for row in rows if row not in known)]
        box = _table_box(site, table, root, is_here=False)
        boxes.append(Box(box.name, box.kind, box.link, box.label, [Row(row) for row in ordered], title=box.title))
    own = [Row(column.name) for column in facts.columns]
    boxes.append(Box(facts.name, facts.layer, "", facts.name, own, is_here=True))
    return draw(boxes, list(lines.values()), f"Which columns {facts.name} is made of", gap=(150, 18))


def relations(site: Gathered, names: Iterable[str]) -> list[tuple[str, ReferenceFacts]]:
    """The foreign keys between tables."""
    wanted = set(names)
    return [
        (name, reference)
        for name in site.tables
        if name in wanted
        for reference in site.tables[name].references
        if reference.table in wanted
    ]


def relation_picture(site: Gathered, root: str, names: Sequence[str], title: str, here: str = "") -> str:
    """An entity-relationship diagram: tables with their key and foreign key columns; empty without relations."""
    found = relations(site, names)
    if not found:
        return ""
    related = {name for child, reference in found for name in (child, reference.table)}
    pointed: dict[str, set[str]] = {}
    for child, reference in found:
        pointed.setdefault(child, set()).update(reference.columns)
        pointed.setdefault(reference.table, set()).update(reference.to)
    boxes = []
    for name in names:
        if name not in related:
            continue
        facts = site.tables[name]
        rows = [
            Row(column.name, _marks(facts, column.name))
            for column in facts.columns
            if column.name in (facts.entity or facts.grain) or column.name in pointed[name]
        ]
        boxes.append(Box(name, facts.layer, f"{root}tables/{name}.html", name, rows, name == here, facts.description))
    lines = [
        Line(
            child,
            reference.table,
            reference.columns[-1],
            reference.to[-1],
            f"{child} ({', '.join(reference.columns)}) names a row of {reference.table} ({', '.join(reference.to)})",
            "many-one",
        )
        for child, reference in found
        if child != reference.table
    ]
    return draw(boxes, lines, title, gap=(90, 20))


def _marks(facts: TableFacts, name: str) -> str:
    is_pointing = any(name in reference.columns for reference in facts.references)
    is_key = name in (facts.entity or facts.grain)
    return " ".join(filter(None, ("PK" if is_key else "", "FK" if is_pointing else "")))


def around(site: Gathered, facts: TableFacts) -> list[str]:
    """A table with those that it names and that name it."""
    near = {facts.name, *facts.referenced_by, *(reference.table for reference in facts.references)}
    return [name for name in site.tables if name in near]
