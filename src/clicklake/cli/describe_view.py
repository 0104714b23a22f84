"""How `clicklake describe` shows a table to a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clicklake.cli.context import Context
from clicklake.dictionary.describe import Described
from clicklake.dictionary.facts import ColumnFacts, names
from clicklake.reports.formats import integer, percent, timestamp


def show(context: Context, found: Described) -> None:
    """The table in words, then its columns, then its rules."""
    facts, out = found.facts, context.stdout
    out.print(f"[bold]{facts.name}[/bold]: {facts.description}", soft_wrap=True)
    for label, value in _lines(found):
        out.print(f"{label + ':':<13}{value}", soft_wrap=True, markup=False)
    context.show([_column(column) for column in facts.columns], title="Columns")
    if facts.rules:
        context.show(
            [
                {
                    "rule": rule.name,
                    "severity": rule.severity,
                    "dimension": rule.dimension,
                    "columns": names(rule.columns),
                    "meaning": rule.description + (f" (source {rule.source})" if rule.source else ""),
                }
                for rule in facts.rules
            ],
            title="What must hold",
        )


def _lines(found: Described) -> Iterator[tuple[str, str]]:
    facts, state = found.facts, found.state
    if facts.purpose:
        yield "Purpose", facts.purpose
    yield "Owner", f"{facts.owner} ({facts.owner_from})" if facts.owner else "nobody is named (setting owners)"
    yield "Key", names(facts.grain)
    if facts.entity:
        yield "Version of", names(facts.entity)
    if facts.partition_by:
        yield "Partitions", names(facts.partition_by)
    for reference in facts.references:
        yield "References", f"{names(reference.columns)} -> {reference.table} ({names(reference.to)})"
    if facts.referenced_by:
        yield "Named by", names(facts.referenced_by)
    if facts.upstream:
        yield "Made of", names(facts.upstream)
    if facts.downstream:
        yield "Used by", names(facts.downstream)
    if state.is_there:
        at = f", release {state.release}" if state.release else ""
        files = "1 file" if state.files == 1 else f"{integer(state.files)} files"
        size = f"{integer(state.rows)} rows, {files}, {integer(state.bytes)} bytes"
        yield "Size", f"{size}, version {state.version}{at}"
    else:
        yield "Size", "the lake doesn't have it yet"
    if state.changed_at:
        newest = f", newest row {timestamp(state.newest)}" if state.newest else ""
        yield "Changed", f"{timestamp(state.changed_at.replace(microsecond=0))} UTC{newest}"
    for source, freshness in state.freshness.items():
        promised = f" (promised within {facts.freshness_hours:g} hours)" if facts.freshness_hours else ""
        yield "Freshness", f"{source} is {freshness}{promised}" if freshness != "never" else f"{source}: no file yet"
    for source, score in state.scores.items():
        if score is not None:
            yield "Quality", f"{source}: {percent(score)} of its rows could be loaded"


def _column(column: ColumnFacts) -> dict[str, Any]:
    notes = [
        "personal" if column.is_pii else "",
        f"key {column.key}" if column.key else "",
        "required" if column.is_required else "",
        "partition" if column.is_partition else "",
    ]
    return {
        "column": column.name,
        "type": column.type,
        "notes": ", ".join(filter(None, notes)),
        "references": names(column.references),
        "meaning": column.description,
    }
