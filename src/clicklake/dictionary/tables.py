"""Collects what contracts, table documents and lineage say about a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract
from clicklake.contracts.explain import closest
from clicklake.contracts.model import Model
from clicklake.contracts.types import from_arrow
from clicklake.dictionary.facts import ColumnFacts, ReferenceFacts, RuleFacts, TableFacts
from clicklake.dictionary.rules import bronze_rules, gold_rules, quality_rules, silver_rules
from clicklake.errors import UnknownNameError
from clicklake.personal import RAW

if TYPE_CHECKING:
    from clicklake.lineage.graph import Lineage

_BRONZE = {
    "extra": "Columns that the contract doesn't know, as JSON.",
    "corrupt_record": "The raw record where it could not be split into the contract's columns; null elsewhere.",
    "row_id": "The row, unique in the lake, rising with ingestion.",
    "source_file": "The file that brought the row, or kafka://TOPIC/PARTITION.",
    "source_version": "Size and content hash of that file; of a topic what tells it from others of its name.",
    "data_source": "The source.",
    "ingestion_timestamp": "When the row entered bronze, UTC.",
    "ingestion_date": "The day the row entered bronze, UTC.",
}


def table_names(catalogue: Catalogue) -> list[str]:
    """Every table that documents describe, in the order of the layers."""
    bronze = [f"bronze.{source}" for source in catalogue.source_names]
    models = [*catalogue.silver, *catalogue.gold, *catalogue.system]
    layers = ("silver", "gold", "ops")
    return bronze + sorted(models, key=lambda name: layers.index(name.partition(".")[0]))


def table_facts(lineage: Lineage, name: str, owners: Mapping[str, str] | None = None) -> TableFacts:
    """What the documents say about a table; no table of a lake is needed.

    Args:
        lineage: Of the project.
        name: The table.
        owners: Who answers for tables, sources and layers, by the settings.

    Raises:
        UnknownNameError: No document describes the table.
    """
    catalogue = lineage.catalogue
    model = catalogue.table(name)
    layer, _, source = name.partition(".")
    if model is not None:
        return _of_model(lineage, model, owners or {})
    if layer != "bronze" or source not in catalogue.source_names:
        known = table_names(catalogue)
        raise UnknownNameError(f"there is no table {name!r}{closest(name, known)}. Known: {', '.join(known)}")
    return _of_bronze(lineage, catalogue.contract(source), owners or {})


def _of_bronze(lineage: Lineage, contract: Contract, owners: Mapping[str, str]) -> TableFacts:
    from clicklake.ingest.ingest import bronze_spec

    name = f"bronze.{contract.source}"
    rules = tuple(bronze_rules(lineage, contract))
    own = {column.name: column for column in contract.columns}
    by_column = _by_column(rules)
    columns = []
    for item in bronze_spec(contract).schema:
        column = own.get(item.name)
        columns.append(
            ColumnFacts(
                name=item.name,
                type=from_arrow(item.type).name,
                description=column.description if column else _BRONZE[item.name],
                is_pii=column.is_pii if column else item.name in RAW,
                key=1 if item.name == "row_id" else None,
                is_required=column.is_required if column else False,
                is_partition=item.name == "ingestion_date",
                rules=by_column.get(item.name, ()),
            )
        )
    owner, owner_from = _owner(name, owners, contract.owner, (contract,))
    return TableFacts(
        name=name,
        description="One row per record of every file, as it came.",
        columns=tuple(columns),
        grain=("row_id",),
        entity=contract.key,
        owner=owner,
        owner_from=owner_from,
        sources=(contract.source,),
        upstream=tuple(lineage.upstream(name)),
        downstream=tuple(lineage.downstream(name)),
        rules=rules,
        partition_by=("ingestion_date",),
        purpose=contract.description,
        freshness_hours=contract.freshness_hours,
        version=contract.version,
    )


def _of_model(lineage: Lineage, model: Model, owners: Mapping[str, str]) -> TableFacts:
    catalogue, doc = lineage.catalogue, model.doc
    feeding = tuple(_feeding(catalogue, model.name))
    is_derived = model.name in lineage.tables
    references = tuple(references_of(lineage, model, feeding))
    own = gold_rules(model) if model.layer == "gold" else silver_rules(model, feeding)
    rules = (*own, *quality_rules(catalogue, model.name))
    by_column = _by_column(rules)
    pointing = {
        column: f"{reference.table}.{other}"
        for reference in reversed(references)
        for column, other in zip(reference.columns, reference.to, strict=True)
        if len(reference.columns) == 1 or column != reference.columns[0]
    }
    known = known_values(model, feeding)
    columns = tuple(
        ColumnFacts(
            name=name,
            type=column.type,
            description=column.description,
            is_pii=lineage.is_personal(model.name, name),
            key=doc.grain.index(name) + 1 if name in doc.grain else None,
            is_required=name in doc.grain and len(doc.grain) == 1,
            is_partition=name in doc.partition_by,
            references=(pointing[name],) if name in pointing else (),
            rules=by_column.get(name, ()),
            values=known.get(name, ()),
        )
        for name, column in doc.columns.items()
    )
    owner, owner_from = _owner(model.name, owners, doc.owner, feeding)
    return TableFacts(
        name=model.name,
        description=doc.description,
        columns=columns,
        grain=doc.grain,
        entity=_entity(lineage, feeding),
        owner=owner,
        owner_from=owner_from,
        sources=tuple(contract.source for contract in feeding),
        upstream=tuple(lineage.upstream(model.name)) if is_derived else (),
        downstream=tuple(lineage.downstream(model.name)),
        references=references,
        referenced_by=tuple(_referring(lineage, model.name)),
        rules=rules,
        partition_by=doc.partition_by,
        strategy=doc.strategy if model.layer == "gold" else "",
        sql=model.sql,
    )


def _feeding(catalogue: Catalogue, table: str) -> Iterator[Contract]:
    """The contracts whose rows go into a silver table."""
    for source in catalogue.source_names:
        contract = catalogue.contract(source)
        if contract.options.silver_table == table:
            yield contract


def known_values(model: Model, feeding: Sequence[Contract]) -> dict[str, tuple[str, ...]]:
    """By column, the values that all contracts of a silver table know; another one is loaded, and told as drift."""
    found: dict[str, dict[str, None]] = {}
    for contract in feeding:
        for column, values in contract.options.known_values.items():
            if column in model.doc.columns:
                found.setdefault(column, {}).update(dict.fromkeys(values))
    return {
        column: tuple(values)
        for column, values in found.items()
        if all(column in contract.options.known_values for contract in feeding)
    }


def references_of(lineage: Lineage, model: Model, feeding: Sequence[Contract]) -> Iterator[ReferenceFacts]:
    """The foreign keys of a table: its document's, and those of the contracts that feed it."""
    catalogue, seen = lineage.catalogue, set()
    for reference in model.doc.references:
        parent = catalogue.table(reference.table)
        to = reference.to or (parent.doc.grain if parent else ())
        seen.add((reference.columns, reference.table))
        yield ReferenceFacts(reference.columns, reference.table, to, is_checked=model.layer == "gold")
    for contract in feeding:
        for column in contract.columns:
            source, _, other = (column.references or "").partition(".")
            if source not in catalogue.source_names:
                continue
            parent_contract = catalogue.contract(source)
            table = parent_contract.options.silver_table
            own, to_column = (
                _silver_column(lineage, contract, column.name),
                _silver_column(lineage, parent_contract, other),
            )
            if own and to_column and ((own,), table) not in seen:
                seen.add(((own,), table))
                yield ReferenceFacts((own,), table, (to_column,), is_checked=False)


def _entity(lineage: Lineage, feeding: Sequence[Contract]) -> tuple[str, ...]:
    """The contracts' key in the columns of their silver table, where they agree on one."""
    keys = {tuple(_silver_column(lineage, contract, name) for name in contract.key) for contract in feeding}
    key = keys.pop() if len(keys) == 1 else ()
    return tuple(name for name in key if name) if all(key) else ()


def _silver_column(lineage: Lineage, contract: Contract, name: str) -> str | None:
    """The silver column that a contract's column becomes; the one of its own name first."""
    bronze = f"bronze.{contract.source}"
    inputs = lineage.inputs(contract.options.silver_table)
    found = [
        column
        for column, items in inputs.items()
        if any((item.table, item.column, item.influence) == (bronze, name, "direct") for item in items)
    ]
    return name if name in found else next(iter(found), None)


def _referring(lineage: Lineage, table: str) -> Iterator[str]:
    catalogue = lineage.catalogue
    for model in (*catalogue.silver.values(), *catalogue.gold.values()):
        feeding = tuple(_feeding(catalogue, model.name))
        if any(reference.table == table for reference in references_of(lineage, model, feeding)):
            yield model.name


def _owner(
    name: str, owners: Mapping[str, str], document: str | None, feeding: Sequence[Contract]
) -> tuple[str | None, str]:
    """Who answers for a table, and where that stands."""
    layer, _, own_name = name.partition(".")
    if own_name in owners:
        return owners[own_name], f"setting owners.{own_name}"
    if document:
        return document, "contract" if layer == "bronze" else "table document"
    teams = {contract.source: owners.get(contract.source) or contract.owner for contract in feeding}
    named = [team for team in teams.values() if team]
    if named and len(named) == len(teams):
        return ", ".join(dict.fromkeys(named)), f"owner of {', '.join(teams)}"
    if layer in owners:
        return owners[layer], f"setting owners.{layer}"
    return None, ""


def _by_column(rules: Sequence[RuleFacts]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        for column in rule.columns:
            found[column] = (*found.get(column, ()), rule.name)
    return found
