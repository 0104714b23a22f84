"""Taking the measures: one scan a table, and nothing again that has not changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from clicklake.build.checks import repeated_ids
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.explain import closest
from clicklake.contracts.quality_rule import QualityRule
from clicklake.engines.sql import Parameter, quote, string
from clicklake.errors import ContractError, EngineError
from clicklake.quality.ledger import SourceLedger
from clicklake.quality.measures import DUPLICATES, Measure, of_rule, of_source, of_table
from clicklake.quality.relations import Relations
from clicklake.refine.registry import fingerprint
from clicklake.refine.settle import QUARANTINE


@dataclass(frozen=True)
class Taken:
    """A measure with what it found.

    Args:
        measure: What was measured.
        rows: Rows looked at.
        offending: Rows that break it.
        inputs: Fingerprint of what was read, and how.
    """

    measure: Measure
    rows: int
    offending: int
    inputs: int = 0

    @property
    def score(self) -> float | None:
        """Percent of rows that don't offend, cut to 3 decimals so that a single one shows; None without rows."""
        if not self.rows:
            return None
        return 100_000 * max(0, self.rows - self.offending) // self.rows / 1000


def measures_of(
    catalogue: Catalogue, sources: Iterable[str], parameters: Mapping[str, Parameter], relations: Relations
) -> list[Measure]:
    """All measures of a lake: of its sources as they come, its silver and gold tables, and the quality rules.

    Args:
        catalogue: The documents.
        sources: Those that the lake knows.
        parameters: What rules and checks name.
        relations: Which tables there are; one without rows has nothing to measure, nor a rule that reads it.
    """
    found: list[Measure] = []
    for source in sources:
        if source in catalogue.source_names:
            found += of_source(catalogue.contract(source))
    for model in (*catalogue.silver.values(), *catalogue.gold.values()):
        if relations.rows(model.name):
            found += of_table(model, catalogue, parameters)
    for rule in catalogue.quality_rules.values():
        _require_known(rule, catalogue)
        if all(relations.rows(name) for name in rule.tables):
            found.append(of_rule(rule, parameters))
    return found


def _require_known(rule: QualityRule, catalogue: Catalogue) -> None:
    """A misspelt table would be one without rows, and its rule never measured."""
    known = (*catalogue.silver, *catalogue.gold, *catalogue.system)
    wrong = [name for name in rule.tables if name not in known]
    if wrong and catalogue.project and rule.file.is_relative_to(catalogue.project):
        raise ContractError(f"there is no table {wrong[0]!r}{closest(wrong[0], known)}", file=rule.file)


def take(
    measures: Sequence[Measure],
    relations: Relations,
    ledger: Sequence[SourceLedger],
    known: Mapping[str, tuple[int, int, int]],
) -> list[Taken]:
    """Take measures, those of a table together.

    Args:
        measures: Which.
        relations: The tables.
        ledger: The fates of the sources' rows.
        known: By name, the inputs, rows and offending rows of the time before.
    """
    by_table: dict[str, list[Measure]] = {}
    for measure in measures:
        by_table.setdefault(measure.table, []).append(measure)
    found: dict[str, Taken] = {}
    for table, own in by_table.items():
        if table.startswith("bronze."):
            counted = _of_source(table.partition(".")[2], own, relations, ledger)
        else:
            counted = _of_table(table, own, relations, known)
        found |= {taken.measure.name: taken for taken in counted}
    return [found[measure.name] for measure in measures]


def _of_source(
    source: str, measures: Sequence[Measure], relations: Relations, ledger: Sequence[SourceLedger]
) -> list[Taken]:
    fates = next((entry for entry in ledger if entry.source == source), None)
    if fates is None:
        return [Taken(measure, 0, 0) for measure in measures]
    relations.attach(QUARANTINE)
    counts: dict[str | None, int] = dict(
        relations.engine.rows(
            "select reason, count(*) from (select unnest(reasons) as reason "
            f"from {QUARANTINE} where source = {string(source)} and status = 'open') group by reason"
        )
    )
    rows = fates.rows_ingested - fates.withdrawn - fates.erased
    return [
        Taken(measure, rows, fates.duplicates if measure.check == DUPLICATES else counts.get(measure.reason, 0))
        for measure in measures
    ]


def _of_table(
    table: str, measures: Sequence[Measure], relations: Relations, known: Mapping[str, tuple[int, int, int]]
) -> list[Taken]:
    rows = relations.rows(table)
    found, wanted = [], []
    for measure in measures:
        inputs = _inputs(measure, relations)
        if (before := known.get(measure.name)) and before[0] == inputs:
            found.append(Taken(measure, before[1], before[2], inputs))
        else:
            wanted.append((measure, inputs))
    logged = _nulls_in_log(relations, table) if wanted else {}
    conditions = []
    for measure, inputs in wanted:
        if measure.is_null_count and measure.column in logged:
            found.append(Taken(measure, rows, logged[measure.column], inputs))
        elif measure.condition is not None:
            conditions.append((measure, inputs))
        else:
            offending = _count(measure, relations)
            looked_at = _value(measure, relations, measure.base) if measure.base else rows
            found.append(Taken(measure, looked_at, min(offending, looked_at), inputs))
    return found + _in_one_scan(table, conditions, relations, rows)


def _in_one_scan(table: str, measures: Sequence[tuple[Measure, int]], relations: Relations, rows: int) -> list[Taken]:
    """Measures that look at one row at a time: all of them in one query."""
    if not measures:
        return []
    relations.attach(table)
    counts = ", ".join(
        f"count(*) - count({quote(str(measure.column))})"
        if measure.is_null_count
        else f"count(*) filter (where {measure.condition})"
        for measure, _ in measures
    )
    try:
        (values,) = relations.engine.rows(f"select {counts} from {table}")
    except EngineError as error:
        raise ContractError(f"{table}: its rules can't be measured. {error}") from error
    return [
        Taken(measure, _value(measure, relations, measure.base) if measure.base else rows, int(value), inputs)
        for (measure, inputs), value in zip(measures, values, strict=True)
    ]


def _count(measure: Measure, relations: Relations) -> int:
    relations.attach(*measure.reads)
    model = relations.catalogue.table(measure.table)
    has_ids = measure.count and measure.column and model and model.doc.columns[measure.column].type == "bigint"
    if has_ids and not relations.engine.is_distributed:  # all ids would come here
        counted = repeated_ids(relations.engine.stream(f"select {quote(str(measure.column))} from {measure.table}"))
        if counted == 0:
            return 0  # much faster than grouping; which rows they are, only grouping tells
    return _value(measure, relations, measure.count or f"select count(*) from ({measure.query}) as offending")


def _value(measure: Measure, relations: Relations, sql: str) -> int:
    relations.attach(*measure.reads)
    try:
        return int(relations.engine.value(sql) or 0)
    except EngineError as error:
        raise ContractError(f"{measure.name} can't be measured. {error}") from error


def _inputs(measure: Measure, relations: Relations) -> int:
    versions = [[name, relations.version(name)] for name in measure.reads]
    return fingerprint(json.dumps([versions, measure.condition, measure.query, measure.count, measure.base]))


def _nulls_in_log(relations: Relations, table: str) -> dict[str, int]:
    """Nulls by column, of the columns for which the log tells them of every file."""
    snapshot = relations.find(table)
    if snapshot is None:
        return {}
    actions: Any = snapshot.actions
    counts = {name[len("null_count.") :]: actions[name] for name in actions.column_names if name[:11] == "null_count."}
    return {
        name: int(pc.sum(values).as_py() or 0)
        for name, values in counts.items()
        if "." not in name and values.null_count == 0
    }
