"""Personal data: which columns hold it, and what is shown in its place."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from clicklake.engines.sql import quote, string
from clicklake.errors import UnknownNameError

if TYPE_CHECKING:
    from clicklake.contracts.catalogue import Catalogue
    from clicklake.lineage.graph import Lineage

MASK = "***"
"""What stands in place of personal data."""

RAW = ("extra", "corrupt_record")
"""What holds raw text of any kind, personal data among it."""


def columns_of(lineage: Lineage, table: str) -> dict[str, bool]:
    """The columns of a documented table, in its order, and whether they hold personal data.

    A column does whose document or contract says so, or that is a copy of one; and raw text of bronze.

    Raises:
        UnknownNameError: No document describes the table.
    """
    names = names_of(lineage, table)
    if lineage.catalogue.table(table) is not None:
        return {name: lineage.is_personal(table, name) for name in names}
    own = {column.name: column.is_pii for column in lineage.catalogue.contract(table.partition(".")[2]).columns}
    return {name: own.get(name, name in RAW) for name in names}


def names_of(lineage: Lineage, table: str) -> list[str]:
    """The columns of a documented table, in its order, without what takes longer to find out.

    Raises:
        UnknownNameError: No document describes the table.
    """
    catalogue = lineage.catalogue
    model = catalogue.table(table)
    if model is not None:
        return list(model.doc.columns)
    layer, _, source = table.partition(".")
    if layer != "bronze" or source not in catalogue.source_names:
        raise UnknownNameError(f"no document describes a table {table!r}")
    from clicklake.ingest.ingest import bronze_spec

    return list(bronze_spec(catalogue.contract(source)).schema.names)


def identifiers(catalogue: Catalogue) -> set[str]:
    """Names of columns that rows are told apart by or joined on: they are masked by a code, the others whole."""
    models = [*catalogue.silver.values(), *catalogue.gold.values()]
    return {name for model in models for name in model.doc.grain} | {
        name for model in models for reference in model.doc.references for name in reference.columns
    }


def masked(name: str) -> str:
    """SQL that shows a column's place, and nothing of what it holds but whether it is empty."""
    column = quote(name)
    return f"case when {column} is null or cast({column} as varchar) = '' then null else {string(MASK)} end"


def pseudonym(name: str, salt: str) -> str:
    """SQL that shows the mask and a code, equal where values are: they can be counted and joined, and not be read.

    Args:
        name: The column.
        salt: What nobody knows who may see the codes; with it codes could be looked up.
    """
    column = f"cast({quote(name)} as varchar)"
    code = f"substr(sha256({string(salt)} || {column}), 1, 16)"
    return f"case when {column} = '' then null else {string(MASK)} || {code} end"


def masked_value(value: object, salt: str | None) -> str | None:
    """What is shown in place of a value: as `masked` without a salt, as `pseudonym` with one."""
    if value is None or str(value) == "":
        return None
    return MASK if salt is None else MASK + sha256(f"{salt}{value}".encode()).hexdigest()[:16]
