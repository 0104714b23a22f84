"""What bad data means for the business: the money in quarantine, and what quality rules say of their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract
from clicklake.engines.sql import Parameter, quote, string
from clicklake.errors import ContractError, EngineError
from clicklake.quality.measuring import Taken
from clicklake.quality.relations import Relations
from clicklake.refine.compile import MALFORMED, Judge
from clicklake.refine.settle import QUARANTINE


def impact(
    catalogue: Catalogue,
    relations: Relations,
    sources: Iterable[str],
    taken: Sequence[Taken],
    parameters: Mapping[str, Parameter],
) -> list[dict[str, Any]]:
    """One row a figure: `impact`, `table`, `rows`, `value`, `description`.

    Args:
        catalogue: The documents.
        relations: The tables.
        sources: The sources of the lake.
        taken: What was measured.
        parameters: What the rules of contracts name.
    """
    found = []
    for source in sources:
        if source in catalogue.source_names:
            found += _in_quarantine(catalogue, relations, catalogue.contract(source), parameters)
    for item in taken:
        found += _of_rule(relations, item)
    return found


def _in_quarantine(
    catalogue: Catalogue, relations: Relations, contract: Contract, parameters: Mapping[str, Parameter]
) -> list[dict[str, Any]]:
    """The measures of the silver table, of the rows that can be read and are not in it."""
    silver = catalogue.silver.get(contract.options.silver_table)
    if silver is None or not silver.doc.measures:
        return []
    relations.attach(QUARANTINE)
    columns = ", ".join(f"raw ->> {string(_path(name))} as {quote(name)}" for name in (*contract.column_names, "extra"))
    engine, kept, rows = relations.engine, "work.in_quarantine", "work.readable_in_quarantine"
    engine.execute(
        f"create or replace view {kept} as select row_id, raw, source_file, ingestion_timestamp from {QUARANTINE} "
        f"where source = {string(contract.source)} and status = 'open' "
        f"and not list_contains(reasons, {string(MALFORMED)})"
    )
    bronze = (
        "(select row_id, source_file, ingestion_timestamp, cast(ingestion_timestamp as date) as ingestion_date, "
        f"cast(null as varchar) as corrupt_record, {columns} from {kept})"
    )
    engine.make_each(rows, Judge(contract, silver, parameters).standard(bronze), kept, keep=False)
    money = _money(relations, silver.doc.measures, rows)
    (found,) = engine.rows(f"select {', '.join(['count(*)', *money.values()])} from {rows}")
    return [
        {
            "impact": f"{name}_in_quarantine",
            "table": f"bronze.{contract.source}",
            "rows": int(found[0]),
            "value": value,
            "description": f"{name} of the rows in quarantine whose values can be read.",
        }
        for name, value in zip(money, found[1:], strict=True)
    ]


def _money(relations: Relations, aggregates: Mapping[str, str], rows: str) -> dict[str, str]:
    """Those of a table's measures that are amounts, and no counts."""
    values = ", ".join(f"{sql} as {quote(name)}" for name, sql in aggregates.items())
    types = relations.engine.table(f"select {values} from {rows} where false").schema
    return {name: _amount(aggregates[name]) for name in types.names if pa.types.is_decimal(types.field(name).type)}


def _amount(aggregate: str) -> str:
    return f"cast(coalesce({aggregate}, 0) as decimal(18, 2))"


def _path(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'


def _of_rule(relations: Relations, taken: Taken) -> list[dict[str, Any]]:
    measure = taken.measure
    if not measure.impact:
        return []
    relations.attach(*measure.reads)
    values = ", ".join(_amount(sql) for sql in measure.impact.values())
    try:
        (found,) = relations.engine.rows(f"select {values} from ({measure.query}) as offending")
    except EngineError as error:
        raise ContractError(f"{measure.name}: its impact can't be computed. {error}") from error
    return [
        {
            "impact": name,
            "table": measure.table,
            "rows": taken.offending,
            "value": value,
            "description": measure.description,
        }
        for name, value in zip(measure.impact, found, strict=True)
    ]
