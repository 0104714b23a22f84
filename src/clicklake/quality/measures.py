"""What is measured: derived from the documents of tables, the contracts of sources and the quality rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract
from clicklake.contracts.model import Model
from clicklake.contracts.quality_rule import QualityRule
from clicklake.engines.sql import Parameter, bind, parse, quote, string, tables, text
from clicklake.errors import ContractError
from clicklake.refine.compile import MALFORMED


@dataclass(frozen=True)
class Measure:
    """One measure of data quality.

    Args:
        table: The table.
        check: What is looked at, unique in the table.
        dimension: What it measures.
        description: What should hold.
        column: The column; None where it is about whole rows.
        is_scored: False for what is told and no fault, such as the nulls of a column that may be empty.
        condition: SQL on a row of the table: it offends.
        query: SQL of the rows that offend, where a row alone doesn't tell.
        count: SQL of their number, where that is cheaper than the rows.
        base: SQL of the number of rows looked at; else the table's rows.
        reads: The tables that are read, the measure's own first.
        reason: The reason of quarantine whose rows offend; bronze only.
        impact: Aggregates on the offending rows, by name.
    """

    table: str
    check: str
    dimension: str
    description: str
    column: str | None = None
    is_scored: bool = True
    condition: str | None = None
    query: str | None = None
    count: str | None = None
    base: str | None = None
    reads: tuple[str, ...] = ()
    reason: str | None = None
    impact: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its full name."""
        return f"{self.table}.{self.check}"

    @property
    def is_null_count(self) -> bool:
        """Whether it counts the nulls of one column, which the log may know."""
        return self.column is not None and self.condition == f"{quote(self.column)} is null"


DUPLICATES = "duplicates"
"""The check of a source that counts repeated rows."""


def of_source(contract: Contract) -> Iterator[Measure]:
    """How good the rows of a source are as they come: its rules, and rows that repeat others."""
    table = f"bronze.{contract.source}"
    yield Measure(table, MALFORMED, "validity", "Every record splits into the contract's columns.", reason=MALFORMED)
    for rule in contract.rules:
        if rule.severity == "error":
            yield Measure(table, rule.name, rule.dimension, rule.description, reason=rule.name)
    yield Measure(table, DUPLICATES, "uniqueness", "No row repeats another one.")


def of_table(model: Model, catalogue: Catalogue, parameters: Mapping[str, Parameter]) -> Iterator[Measure]:
    """How good the rows of a silver or gold table are, by its document and the contracts that feed it."""
    feeding = list(_feeding(model, catalogue))
    yield from _completeness(model, feeding)
    yield _unique(model)
    yield from _versions(feeding, model)
    yield from _references(model, catalogue)
    yield from _foreign_keys(model, feeding, catalogue)
    yield from _known_values(model, feeding)
    yield from _warnings(model, feeding, parameters)
    for check in model.doc.checks:
        what = f"{model.file}: check {check.name}"
        tree = bind(parse(check.sql, what), parameters, what)
        read = tuple(dict.fromkeys([model.name, *tables(tree)]))
        # It holds, or it doesn't: its rows are what differs, often sums, and no rows of the table.
        query, one = text(tree), "select 1"
        yield Measure(model.name, check.name, "consistency", check.description, query=query, base=one, reads=read)


def of_rule(rule: QualityRule, parameters: Mapping[str, Parameter]) -> Measure:
    """A quality rule of the shop or the project."""
    doc, what = rule.doc, str(rule.file)

    def bound(sql: str) -> str:
        return text(bind(parse(sql, what), parameters, what))

    return Measure(
        doc.table,
        rule.name,
        doc.dimension,
        doc.description,
        query=bound(doc.sql),
        base=bound(doc.base) if doc.base else None,
        reads=tuple(rule.tables),
        impact=doc.impact,
    )


def _feeding(model: Model, catalogue: Catalogue) -> Iterator[Contract]:
    for source in catalogue.source_names if model.layer == "silver" else ():
        contract = catalogue.contract(source)
        if contract.options.silver_table == model.name:
            yield contract


def _completeness(model: Model, feeding: list[Contract]) -> Iterator[Measure]:
    doc = model.doc
    required = {*(doc.grain if len(doc.grain) == 1 or model.layer == "gold" else ()), *_required(feeding)}
    for name, column in doc.columns.items():
        yield Measure(
            model.name,
            f"{name}_complete",
            "completeness",
            f"No row is without: {column.description}" if name in required else f"May be empty: {column.description}",
            column=name,
            is_scored=name in required,
            condition=f"{quote(name)} is null",
            reads=(model.name,),
        )


def _required(feeding: list[Contract]) -> set[str]:
    """The silver columns that every source takes as they are from a column that its contract requires."""
    found = []
    for contract in feeding:
        needed = {column.name.lower() for column in contract.columns if column.is_required}
        found.append({name for name, column in _taken_over(contract).items() if column in needed})
    return set.intersection(*found) if found else set()


def _taken_over(contract: Contract) -> dict[str, str]:
    """The contract's column, in lower case, behind each silver column that its mapping takes as it is.

    A column that is taken twice counts for the first: the second is for what not every row has, such as a day without
    a time.
    """
    select = parse(contract.mapping, contract.file)
    found: dict[str, str] = {}
    for item in select.expressions if isinstance(select, exp.Select) else []:
        value = item.unalias()
        if isinstance(value, exp.Column) and value.name.lower() not in found.values():
            found[item.alias_or_name] = value.name.lower()
    return found


def _unique(model: Model) -> Measure:
    keys = ", ".join(map(quote, model.doc.grain))
    grouped = f"select count(*) as n from {model.name} group by {keys} having count(*) > 1"
    return Measure(
        model.name,
        "_".join([*model.doc.grain, "unique"]),
        "uniqueness",
        f"{', '.join(model.doc.grain)} names one row.",
        column=model.doc.grain[0] if len(model.doc.grain) == 1 else None,
        query=f"select * from {model.name} qualify count(*) over (partition by {keys}) > 1",
        count=f"select coalesce(sum(n), 0) from ({grouped})",
        reads=(model.name,),
    )


def _versions(feeding: list[Contract], model: Model) -> Iterator[Measure]:
    """Of a key, no two versions with one time: which of them holds would only be decided by content."""
    keys = set()
    for contract in feeding:
        names = {column: name for name, column in _taken_over(contract).items()}
        wanted = [*contract.key, contract.options.newest_by or ""]
        keys.add(tuple(names.get(column.lower(), "") for column in wanted))
    if len(keys) != 1 or "" in (key := keys.pop()):
        return
    columns = ", ".join(map(quote, key))
    grouped = f"select count(*) as n from {model.name} group by {columns} having count(*) > 1"
    yield Measure(
        model.name,
        "versions_told_apart",
        "uniqueness",
        f"{', '.join(key[:-1])} and {key[-1]} name one version: which of several holds, the source doesn't say.",
        query=f"select * from {model.name} qualify count(*) over (partition by {columns}) > 1 order by {columns}",
        count=f"select coalesce(sum(n), 0) from ({grouped})",
        reads=(model.name,),
    )


def _references(model: Model, catalogue: Catalogue) -> Iterator[Measure]:
    for reference in model.doc.references:
        parent = catalogue.table(reference.table)
        if parent is not None:
            yield _in_parent(model, parent, dict(zip(reference.columns, reference.to or parent.doc.grain, strict=True)))


def _foreign_keys(model: Model, feeding: list[Contract], catalogue: Catalogue) -> Iterator[Measure]:
    """The relationships of contracts, between the silver tables that their sources feed."""
    found: dict[str, Measure] = {}
    for contract in feeding:
        silver_names = {column: name for name, column in _taken_over(contract).items()}
        for column in contract.columns:
            source, _, other = (column.references or "").partition(".")
            name = silver_names.get(column.name.lower())
            if name is None or source not in catalogue.source_names:
                continue
            theirs = catalogue.contract(source)
            parent = catalogue.silver.get(theirs.options.silver_table)
            to = {column: name for name, column in _taken_over(theirs).items()}.get(other.lower())
            if parent is not None and to is not None:
                measure = _in_parent(model, parent, {name: to})
                found[measure.check] = measure
    yield from found.values()


def _in_parent(model: Model, parent: Model, pairs: Mapping[str, str]) -> Measure:
    """Rows whose foreign key names no row of the parent; a null names none, and passes."""
    same = " and ".join(f"child.{quote(a)} = parent.{quote(b)}" for a, b in pairs.items())
    there = " and ".join(f"{quote(name)} is not null" for name in pairs)
    child = f"(select * from {model.name} where {there}) as child"
    return Measure(
        model.name,
        f"{'_'.join(pairs)}_in_{parent.name.partition('.')[2]}",
        "validity",
        f"{', '.join(pairs)}, where it is given, names a row of {parent.name}.",
        column=next(iter(pairs)) if len(pairs) == 1 else None,
        query=f"select child.* from {child} anti join {parent.name} as parent on {same}",
        base=f"select count(*) from {model.name} where {there}",
        reads=(model.name, parent.name),
    )


def _known_values(model: Model, feeding: list[Contract]) -> Iterator[Measure]:
    """Values that a contract doesn't know: loaded, and drift."""
    by_column: dict[str, list[str]] = {}
    for contract in feeding:
        for column, values in contract.options.known_values.items():
            listed = ", ".join(map(string, values))
            unknown = f"(source = {string(contract.source)} and {quote(column)} not in ({listed}))"
            by_column.setdefault(column, []).append(unknown)
    for column, conditions in by_column.items():
        yield Measure(
            model.name,
            f"{column}_known",
            "validity",
            f"{column} is one of the values that the contract of its source knows.",
            column=column,
            condition=" or ".join(conditions),
            reads=(model.name,),
        )


def _warnings(model: Model, feeding: list[Contract], parameters: Mapping[str, Parameter]) -> Iterator[Measure]:
    """Rules of severity `warning`: their rows are loaded, and counted here."""
    for contract in feeding:
        for rule in contract.rules:
            if rule.severity == "error":
                continue
            what = f"{contract.file}: rule {rule.name}"
            tree = bind(parse(rule.condition, what), {**parameters, **contract.options.parameters}, what)
            unknown = {column.name for column in tree.find_all(exp.Column)} - set(model.doc.columns)
            if unknown:
                raise ContractError(
                    f"rule {rule.name}: severity warning is measured on {model.name}, which has no "
                    f"{', '.join(sorted(unknown))}",
                    file=contract.file,
                )
            many = len(feeding) > 1
            yield Measure(
                model.name,
                f"{contract.source}_{rule.name}" if many else rule.name,
                rule.dimension,
                rule.description,
                condition=f"source = {string(contract.source)} and coalesce({text(tree)}, false)",
                base=f"select count(*) from {model.name} where source = {string(contract.source)}" if many else None,
                reads=(model.name,),
            )
