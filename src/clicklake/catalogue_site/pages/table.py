"""The page of one table."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from clicklake.catalogue_site.gathered import Gathered
from clicklake.catalogue_site.parts import (
    code,
    empty,
    facts,
    grid,
    mark,
    page,
    picture,
    section,
    table_link,
    table_path,
    words,
)
from clicklake.catalogue_site.pictures import around, column_picture, lineage_picture, relation_picture
from clicklake.dictionary import ColumnFacts, RuleFacts, TableFacts
from clicklake.dictionary.state import TableState
from clicklake.lineage.graph import Column
from clicklake.reports.formats import guess, integer, percent, show, timestamp
from clicklake.reports.render.result import columns_of

ROOT = "../"

SEVERITY = {
    "fail": ("stops the release", "A release is published only where this holds."),
    "warn": ("warns", "A release is published either way; the run tells it."),
    "reject": ("rejects the row", "A row that breaks it goes to quarantine."),
    "count": ("counts", "A row that breaks it is loaded, and counted."),
}


def table_page(site: Gathered, name: str) -> str:
    """Everything about a table."""
    known, state = site.tables[name], site.states[name]
    parts = list(_sections(site, known, state))
    contents = "".join(f"<a href='#{anchor}'>{escape(title)}</a>" for anchor, title, _ in parts)
    head = (
        f"<p class='layer kind-{known.layer}'>{known.layer}</p><h1>{escape(name)}</h1>"
        f"<p class='lead'>{words(known.description)}</p>"
    )
    if known.purpose:
        head += f"<p>{words(known.purpose)}</p>"
    body = "".join(section(anchor, title, html) for anchor, title, html in parts)
    about = facts(_about(site, known, state))
    nav = f"<nav class='contents' aria-label='On this page'>{contents}</nav>"
    return page(site, table_path(name), name, f"{head}{about}{nav}{body}", here=name)


def _about(site: Gathered, known: TableFacts, state: TableState) -> dict[str, str]:
    owner = f"{escape(known.owner)} <small>{escape(known.owner_from)}</small>" if known.owner else ""
    promised = f" <small>promised: within {known.freshness_hours:g} h</small>" if known.freshness_hours else ""
    names = "<br>".join(
        f"{mark(kind, 'good' if kind == 'fresh' else 'warning' if kind == 'late' else '')} {escape(source)}{promised}"
        for source, kind in state.freshness.items()
    )
    scores = "<br>".join(
        f"<strong>{percent(score)}</strong> of {escape(source)} could be loaded"
        for source, score in state.scores.items()
        if score is not None
    )
    if not scores and known.layer == "gold" and state.release:
        checks = sum(rule.severity == "fail" for rule in known.rules)
        scores = f"{mark(f'{checks} checks held', 'good')} before release {state.release}"
    return {
        "Rows": f"<strong>{integer(state.rows)}</strong>" if state.is_there else "the lake doesn't have it yet",
        "Owner": owner or "<span class='muted'>nobody is named</span>",
        "Key": ", ".join(f"<code>{escape(column)}</code>" for column in known.grain),
        "Version of": ", ".join(f"<code>{escape(column)}</code>" for column in known.entity),
        "Partitions": ", ".join(f"<code>{escape(column)}</code>" for column in known.partition_by),
        "Changed": f"{timestamp(state.changed_at.replace(microsecond=0))}" if state.changed_at else "",
        "Newest row": timestamp(state.newest) if state.newest else "",
        "Freshness": names,
        "Quality": scores,
        "Size": f"{_bytes(state.bytes)} in {integer(state.files)} {'file' if state.files == 1 else 'files'}"
        if state.is_there
        else "",
        "Version": _version(state),
        "Contract": f"version {escape(known.version)}" if known.version else "",
        "Built": {"append": "by appending", "keys": "by affected keys", "rebuild": "anew"}.get(known.strategy, ""),
    }


def _version(state: TableState) -> str:
    if state.version is None:
        return ""
    return f"{state.version}" + (f", release {state.release}" if state.release else "")


def _bytes(size: int | None) -> str:
    value, unit = float(size or 0), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def _sections(site: Gathered, known: TableFacts, state: TableState) -> Iterator[tuple[str, str, str]]:
    yield "columns", "Columns", _columns(site, known)
    if known.rules:
        yield "rules", "What must hold", rules_table(known.rules, known.name)
    if state.measures:
        yield "quality", "Quality", _measures(state)
    drawing = relation_picture(site, ROOT, around(site, known), f"Relations of {known.name}", known.name)
    if drawing:
        yield "relations", "Relations", picture(drawing, "Relations", "Many rows on the left name one on the right.")
    drawing = lineage_picture(site, ROOT, known.name) if known.name in site.lineage.tables else ""
    if drawing:
        yield "lineage", "Lineage", picture(drawing, "Lineage", "Data flows from left to right.") + _near(site, known)
    drawing = column_picture(site, ROOT, known)
    if drawing:
        yield "made-of", "Where columns come from", picture(drawing, "Columns") + _inputs(site, known)
    yield "sample", "Sample rows", _sample(site, known)
    if known.sql:
        yield "sql", "SQL", code(known.sql)


def _columns(site: Gathered, known: TableFacts) -> str:
    rows = [
        (
            f"column-{escape(column.name)}",
            [
                f"<a class='name' href='#column-{escape(column.name)}'><code>{escape(column.name)}</code></a>",
                f"<span class='type'>{escape(column.type)}</span>",
                _meaning(site, column),
                "".join(_marks(column)),
            ],
        )
        for column in known.columns
    ]
    return grid(["Column", "Type", "Meaning", ""], rows, f"Columns of {known.name}")


def _meaning(site: Gathered, column: ColumnFacts) -> str:
    told = words(column.description)
    for reference in column.references:
        table, _, other = reference.rpartition(".")
        told += f"<br><small>names {table_link(site, table, ROOT, other)}</small>"
    if column.values:
        values = ", ".join(f"<code>{escape(value)}</code>" for value in column.values)
        told += f"<details><summary>{len(column.values)} known values</summary>{values}</details>"
    return told


def _marks(column: ColumnFacts) -> Iterator[str]:
    if column.key:
        yield mark("key", "accent", f"Place {column.key} in the key")
    if column.is_pii:
        yield mark("personal", "warning", "Personal data: masked wherever rows are shown")
    if column.is_required:
        yield mark("required")
    if column.is_partition:
        yield mark("partition", "", "Files are parted by it")


def rules_table(rules: tuple[RuleFacts, ...], label: str) -> str:
    """Rules with what they mean and do."""
    rows = []
    for rule in rules:
        verb, meaning = SEVERITY[rule.severity]
        told = words(rule.description) + (f" <small>source {escape(rule.source)}</small>" if rule.source else "")
        if rule.sql:
            title = "broken where" if rule.kind == "rule" else "rows that offend"
            told += f"<details><summary>{title}</summary>{code(rule.sql)}</details>"
        columns = "<br>".join(f"<code>{escape(column)}</code>" for column in rule.columns)
        name = f"<code class='name'>{escape(rule.name)}</code>"
        rows.append(
            (f"rule-{escape(rule.name)}", [name, told, columns, escape(rule.dimension), mark(verb, "", meaning)])
        )
    return grid(["Rule", "Meaning", "Columns", "Dimension", ""], rows, f"Rules of {label}")


def _measures(state: TableState) -> str:
    rows = []
    for item in state.measures:
        verdict = item["verdict"]
        kind = {"ok": "good", "warn": "warning", "fail": "bad"}.get(str(verdict), "")
        score = f"{item['score']:.3f}%" if item["score"] is not None else "–"
        name = escape(str(item["measure"]).removeprefix(f"{item['table_name']}."))
        cells = [f"<code>{name}</code>", escape(str(item["dimension"])), integer(item["offending"])]
        rows.append(("", [*cells, integer(item["rows"]), score, mark(str(verdict or "–"), kind)]))
    heads = ["Measure", "Dimension", "Offending", "Rows", "Score", ""]
    return grid(heads, rows, "Measures of quality", numbers=(2, 3, 4))


def _near(site: Gathered, known: TableFacts) -> str:
    """The picture's neighbours in words."""
    parts = []
    for label, names in (("Made of", known.upstream), ("Used by", known.downstream)):
        links = ", ".join(table_link(site, name, ROOT) for name in names)
        parts.append(f"<p class='near'><strong>{label}</strong> {links or 'nothing'}</p>")
    return "".join(parts)


def _inputs(site: Gathered, known: TableFacts) -> str:
    """For each column what it comes from, in words."""
    rows = []
    for column in known.columns:
        items = site.lineage.inputs_of(Column(known.name, column.name))
        lines = dict.fromkeys(
            f"{table_link(site, item.table, ROOT, '' if item.column == '*' else item.column) if item.table else ''} "
            f"{mark(item.influence)} "
            + ("" if item.transformation == "identity" else f"<code class='sql'>{escape(item.transformation)}</code>")
            for item in items
        )
        rows.append(("", [f"<code>{escape(column.name)}</code>", "<br>".join(lines)]))
    told = grid(["Column", "Comes from"], rows, "What columns come from")
    return f"<details><summary>The same in words, with what chooses the rows</summary>{told}</details>"


def _sample(site: Gathered, known: TableFacts) -> str:
    table = site.samples.get(known.name)
    if table is None or not table.num_rows:
        return empty("No rows yet. `clicklake run` brings some in.")
    columns = columns_of(table, {}, plain_names=True)
    kinds = [guess(column.name, table.schema.field(column.name).type) for column in columns]
    numbers = tuple(place for place, kind in enumerate(kinds) if kind in ("number", "integer", "percent"))
    cells = [
        [_value(show(value, kind)) for value in column.values] for column, kind in zip(columns, kinds, strict=True)
    ]
    rows = [("", list(row)) for row in zip(*cells, strict=True)]
    note = (
        "<p class='note'>From the newest file. Personal data, and all raw text that may hold some, is masked (***).</p>"
    )
    return note + grid([column.name for column in columns], rows, f"Sample rows of {known.name}", numbers)


def _value(text: str) -> str:
    return f"<span class='muted'>{escape(text)}</span>" if text in ("–", "***") else escape(text)
