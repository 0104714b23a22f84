"""Which columns of rows show personal data: a notebook is a file that is passed on."""

from __future__ import annotations

import pyarrow as pa

from clicklake.access.reports import personal_columns
from clicklake.errors import ClicklakeError
from clicklake.lineage.columns import column_inputs
from clicklake.lineage.graph import Lineage
from clicklake.personal import columns_of
from clicklake.rows import About
from clicklake.sandbox import named_tables


def hidden_columns(about: About | None, schema: pa.Schema) -> set[str]:
    """The columns that are not shown as they are.

    Args:
        about: Where rows come from; of those that nobody knows anything of, none is hidden.
        schema: Their columns.
    """
    if about is None or about.is_open:
        return set()
    lineage = about.lake.lineage
    try:
        if about.report is not None:
            found = personal_columns(lineage, about.lake.catalogue.report(about.report))
        else:
            found = _of_query(lineage, about.sql or "", schema)
    except ClicklakeError:
        found = None
    if found is None:  # it can't be told: any text may be
        return {field.name for field in schema if _may_tell(field.type)}
    return found & set(schema.names)


def _of_query(lineage: Lineage, sql: str, schema: pa.Schema) -> set[str] | None:
    """Copies of personal data, texts that are made of it, and columns that are named like it."""
    tables = named_tables(sql)
    if tables is None:
        return None
    columns = {table: columns_of(lineage, table) for table in tables}
    personal = {(table, name) for table, known in columns.items() for name, is_personal in known.items() if is_personal}
    if not personal:
        return set()
    inputs = column_inputs(sql, {table: list(known) for table, known in columns.items()}, "query")
    if {name.lower() for name in inputs} != {name.lower() for name in schema.names}:
        return None
    found = {name for name in schema.names if name in {column for _, column in personal}}
    made_of = {
        name.lower(): [item for item in items if item.influence == "direct" and (item.table, item.column) in personal]
        for name, items in inputs.items()
    }
    for field in schema:
        own = made_of[field.name.lower()]
        if any(_may_tell(field.type) or item.transformation == "identity" for item in own):
            found.add(field.name)
    return found


def _may_tell(data_type: pa.DataType) -> bool:
    """Whether values may name somebody: numbers, times and truth values don't."""
    types = pa.types
    plain = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_temporal, types.is_null)
    return not any(is_kind(data_type) for is_kind in plain)
