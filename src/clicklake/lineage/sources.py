"""What a contract does to the columns of its source, as SQL that lineage is read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from clicklake.contracts.columns import PROVENANCE
from clicklake.contracts.contract import Contract
from clicklake.contracts.model import Model
from clicklake.contracts.types import ColumnType
from clicklake.engines.currency import without_needless
from clicklake.engines.sql import parse, quote, string, text
from clicklake.lineage.columns import Input

FROM_RECORDS = ("extra", "corrupt_record")
MADE = (*(name for name in PROVENANCE if name not in FROM_RECORDS), "ingestion_timestamp", "ingestion_date")
"""Columns of bronze that come from the record as a whole, and those that clicklake gives."""


def candidates(contract: Contract, model: Model) -> str:
    """Query: what the silver model reads, from the source's bronze table: its mapping, typed."""
    mapping = parse(contract.mapping, contract.file)
    mapped = {item.alias_or_name: text(item.unalias()) for item in mapping.find(exp.Select).expressions}  # type: ignore[union-attr]
    items = []
    for column in dict.fromkeys((*model.doc.columns, *MADE)):
        doc = model.doc.columns.get(column)
        if column == "source":
            value = string(contract.source)
        elif column in mapped:
            is_text = doc is None or doc.type in ("string", "map")
            value = (
                mapped[column] if is_text or doc is None else f"cast({mapped[column]} as {ColumnType(doc.type).sql})"
            )
        elif column in MADE:
            value = quote(column)
        else:
            value = "null"
        items.append(f"{value} as {quote(column)}")
    table = f"bronze.{contract.source}"
    cleanings = _cleanings(contract)
    if cleanings:
        table = f"(select * replace ({', '.join(cleanings)}) from {table}) as split_rows"
    return f"select {', '.join(items)} from {table}"


def without_conversion(contract: Contract, model: Model) -> str:
    """The silver model as it is for a source; one that knows no currency has no amounts to convert."""
    mapping = parse(contract.mapping, contract.file)
    given = {item.alias_or_name for item in mapping.find(exp.Select).expressions}  # type: ignore[union-attr]
    return text(without_needless(parse(model.sql, str(model.file)), given))


def _cleanings(contract: Contract) -> list[str]:
    """The columns that the contract cleans, each with what goes into it: `cleaned(text, how, ...)`."""
    signs = contract.beside
    found = []
    for name, cleaning in contract.cleanings.items():
        how = [string(value) for value in (cleaning.number_format, cleaning.case, cleaning.form) if value]
        default = [f"default := {string(cleaning.default)}"] if cleaning.default is not None else []
        beside = [quote(other) for other in signs.get(name, ())]
        found.append(f"cleaned({', '.join([quote(name), *how, *beside, *default])}) as {quote(name)}")
    return found


def rules(contract: Contract, mapped: Mapping[str, Sequence[Input]]) -> Iterator[Input]:
    """The columns that the contract's rules look at: they decide which rows there are."""
    for rule in contract.rules:
        if rule.severity != "error":
            continue
        names = dict.fromkeys(
            c.name.removesuffix("_text") for c in parse(rule.condition, rule.name).find_all(exp.Column)
        )
        for name in names:
            for item in mapped.get(name, ()):
                if item.influence == "direct":
                    yield Input(item.table, item.column, "filter", f"rule {rule.name}")
