"""What a report reads and shows, as far as grants are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from clicklake.contracts.filter_doc import Filter
from clicklake.contracts.model import Report
from clicklake.engines.sql import parse, tables_of
from clicklake.errors import ContractError, UnknownNameError
from clicklake.lineage.columns import ROWS, column_inputs
from clicklake.lineage.graph import REPORT
from clicklake.personal import columns_of
from clicklake.reports.run import report_tables

if TYPE_CHECKING:
    from clicklake.lineage.graph import Lineage


def columns_read(lineage: Lineage, report: Report) -> dict[str, set[str]]:
    """By table the columns that a report reads; where that can't be told, all of them."""
    names = report_tables(report)
    found: dict[str, set[str]] = {name: set() for name in names}
    try:
        inputs = [*lineage.inputs(f"{REPORT}{report.name}").values(), lineage.inputs_of_values(report.name)]
    except (ContractError, UnknownNameError):
        return {name: _all(lineage, name) for name in names}
    for item in (one for items in inputs for one in items):
        if item.table and item.column != ROWS:
            found.setdefault(item.table, set()).add(item.column)
    return found


def personal_columns(lineage: Lineage, report: Report) -> set[str] | None:
    """The columns of a report that show personal data; None where that can't be told: then any text may be.

    Numbers and dates that are made of personal columns, such as how many users there are, tell nobody's name.
    """
    try:
        inputs = lineage.inputs(f"{REPORT}{report.name}")
        personal = _personal(lineage, report)
    except (ContractError, UnknownNameError):
        return None
    found = {name for name in (*report.doc.columns, *inputs) if name in {column for _, column in personal}}
    for name, items in inputs.items():
        own = [item for item in items if item.influence == "direct" and (item.table, item.column) in personal]
        doc = report.doc.columns.get(name)
        if any(doc is None or doc.type in ("string", "map", "list") or i.transformation == "identity" for i in own):
            found.add(name)
    return found


def columns_filtered(lineage: Lineage, report: Report, parameters: Mapping[str, object]) -> dict[str, set[str]]:
    """By table the columns that decide which rows given filters leave."""
    found: dict[str, set[str]] = {}
    for known in _filters(lineage, parameters):
        if known.doc.members is None:
            for table in report_tables(report):
                has = [name for name in known.doc.columns if name in _all(lineage, table)]
                found.setdefault(table, set()).update(has[:1])
            continue
        tables = tables_of(known.doc.members, str(known.file))
        schema = {name: sorted(_all(lineage, name)) for name in tables}
        try:
            inputs = column_inputs(known.doc.members, schema, str(known.file))
        except ContractError:
            found.update({name: _all(lineage, name) for name in tables})
            continue
        for item in (one for items in inputs.values() for one in items):
            if item.table and item.column != ROWS:
                found.setdefault(item.table, set()).add(item.column)
    return found


def persons_asked(lineage: Lineage, report: Report, parameters: Mapping[str, object]) -> list[str]:
    """The given parameters that a report compares with personal data, and so choose a person."""
    given = {name for name, value in parameters.items() if value is not None}
    if not given:
        return []
    try:
        personal = {column.lower() for _, column in _personal(lineage, report)}
    except UnknownNameError:
        return sorted(given)
    found = {name for name in given if _chooses(report.sql, str(report.file), name, personal)}
    for known in _filters(lineage, parameters):
        members, columns = known.doc.members, {name.lower() for name in known.doc.columns}
        if personal & columns if members is None else _chooses(members, str(known.file), "value", personal):
            found.add(known.name)
    return sorted(found)


def _filters(lineage: Lineage, parameters: Mapping[str, object]) -> list[Filter]:
    return [known for name, known in lineage.catalogue.filters.items() if parameters.get(name) is not None]


def _chooses(sql: str, what: str, parameter: str, personal: set[str]) -> bool:
    for placeholder in parse(sql, what).find_all(exp.Placeholder):
        if placeholder.name != parameter:
            continue
        compared = placeholder.find_ancestor(exp.Predicate)
        if compared and any(column.name.lower() in personal for column in compared.find_all(exp.Column)):
            return True
    return False


def _all(lineage: Lineage, table: str) -> set[str]:
    try:
        return set(columns_of(lineage, table))
    except UnknownNameError:
        return set()


def _personal(lineage: Lineage, report: Report) -> set[tuple[str, str]]:
    return {
        (table, name)
        for table in report_tables(report)
        for name, is_personal in columns_of(lineage, table).items()
        if is_personal
    }
