"""The rows behind a number of the scorecard, personal data masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from clicklake.contracts.catalogue import pick
from clicklake.contracts.columns import PROVENANCE
from clicklake.engines.sql import string
from clicklake.errors import ContractError, UnknownNameError
from clicklake.lineage.columns import column_inputs
from clicklake.lineage.graph import Lineage
from clicklake.personal import MASK
from clicklake.quality.ledger import read_ledger
from clicklake.quality.measures import DUPLICATES, Measure
from clicklake.quality.measuring import measures_of
from clicklake.quality.relations import Relations
from clicklake.quarantine import show
from clicklake.refine.settle import DUPLICATES as DUPLICATE_ROWS

if TYPE_CHECKING:
    from clicklake.build.release import Release
    from clicklake.engines.base import Engine
    from clicklake.lake import Lake


def find(measures: Sequence[Measure], name: str) -> Measure:
    """The measure of a name; the table may be left out where that is clear.

    Raises:
        UnknownNameError: There is none, or several.
    """
    known = {measure.name: measure for measure in measures}
    short = [measure for measure in measures if name in (measure.check, measure.name.partition(".")[2])]
    if name in known or not short:
        return pick(name, known, "measure")
    if len(short) > 1:
        raise UnknownNameError(f"{name} is measured in several tables: {', '.join(m.name for m in short)}")
    return short[0]


def offending(
    lake: Lake, engine: Engine, name: str, *, release: Release | None = None, limit: int = 20, show_pii: bool = False
) -> tuple[Measure, pa.Table]:
    """A measure and the rows that offend, as `rows_behind` finds them.

    Args:
        lake: The lake.
        engine: Reads.
        name: The measure, as `find` takes it.
        release: What is read; else the newest.
        limit: Rows at the most.
        show_pii: Whether personal data is shown.

    Raises:
        UnknownNameError: There is no such measure.
    """
    relations = Relations(lake.store, engine, lake.catalogue, release or lake.release())
    sources = [entry.source for entry in read_ledger(lake.store, engine)]
    measure = find(measures_of(lake.catalogue, sources, lake.parameters, relations), name)
    return measure, rows_behind(lake, relations, measure, limit=limit, show_pii=show_pii)


def rows_behind(
    lake: Lake, relations: Relations, measure: Measure, *, limit: int = 20, show_pii: bool = False
) -> pa.Table:
    """The rows that offend, with what names them: `row_id` or the table's key, for `clicklake trace`.

    Args:
        lake: The lake.
        relations: Its tables.
        measure: What they offend.
        limit: Rows at the most.
        show_pii: Whether personal data is shown.

    Raises:
        ContractError: The measure's SQL fails.
    """
    if measure.reason is not None:
        source = measure.table.partition(".")[2]
        found = show(lake, source=source, reason=measure.reason, limit=limit, show_pii=show_pii)
        return pa.Table.from_pylist(found)
    sql, reads = _query(measure)
    relations.attach(*reads)
    table = relations.engine.table(f"select * from ({sql}) as offending limit {int(limit)}")
    return table if show_pii else _masked(table, sql, measure, relations)


def _query(measure: Measure) -> tuple[str, Sequence[str]]:
    if measure.check == DUPLICATES and measure.table.startswith("bronze."):
        source = string(measure.table.partition(".")[2])
        return f"select * from {DUPLICATE_ROWS} where source = {source} order by row_id", (DUPLICATE_ROWS,)
    if measure.condition is not None:
        return f"select * from {measure.table} where {measure.condition}", measure.reads
    assert measure.query is not None
    return measure.query, measure.reads


def _masked(table: pa.Table, sql: str, measure: Measure, relations: Relations) -> pa.Table:
    """Without the values that come from personal data, whatever a query calls them."""
    lineage = Lineage(relations.catalogue)
    schema = {}
    for name in _query(measure)[1]:
        model = relations.catalogue.table(name)
        schema[name] = list(model.doc.columns) if model else []
    try:
        inputs = column_inputs(sql, schema, measure.name)
    except ContractError:
        inputs = {}  # it can't be followed: nothing is shown but what names a row
    harmless = {*PROVENANCE, "ingestion_timestamp", "ingestion_date"}

    def is_personal(name: str) -> bool:
        if name not in inputs:
            return name not in harmless
        made_of = [item for item in inputs[name] if item.influence == "direct"]
        return any(lineage.is_personal(item.table, item.column) for item in made_of)

    for position, name in enumerate(table.column_names):
        if is_personal(name):
            hidden = [None if value is None else MASK for value in table.column(position).to_pylist()]
            table = table.set_column(position, name, pa.array(hidden, pa.string()))
    return table
