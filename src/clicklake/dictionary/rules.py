"""What must hold of a table, from its document and from the contracts that feed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract
from clicklake.contracts.model import Model
from clicklake.dictionary.facts import RuleFacts, names
from clicklake.engines.sql import parse

if TYPE_CHECKING:
    from clicklake.lineage.graph import Lineage

TEXT = "_text"
"""Behind a column's name, in rules: the text as the source wrote it, before it got its type."""

_SEVERITY = {"error": "reject", "warning": "count"}


def gold_rules(model: Model) -> Iterator[RuleFacts]:
    """The key, the references and the checks of a gold table."""
    yield _key(model)
    for reference in model.doc.references:
        yield RuleFacts(
            f"{'_'.join(reference.columns)}_in_{reference.table.partition('.')[2]}",
            "reference",
            "fail",
            "validity",
            f"{names(reference.columns)} is in {reference.table}, or null.",
            reference.columns,
        )
    for check in model.doc.checks:
        yield RuleFacts(check.name, "check", check.severity, "consistency", check.description, (), check.sql)


def _key(model: Model) -> RuleFacts:
    """A release proves the key of gold; silver's follows from how rows are refined, and is measured."""
    grain, severity = model.doc.grain, "fail" if model.layer == "gold" else "count"
    name, meaning = f"unique_{'_'.join(grain)}", f"{names(grain)} names one row."
    return RuleFacts(name, "key", severity, "uniqueness", meaning, grain)


def silver_rules(model: Model, feeding: Sequence[Contract]) -> Iterator[RuleFacts]:
    """The key of a table, and the rules of the contracts that feed it; one that all of them share stands once."""
    if model.doc.identity:  # else a table of the program's own
        yield _key(model)
    seen: dict[tuple[str, str], list[str]] = {}
    for contract in feeding:
        for rule in contract.rules:
            seen.setdefault((rule.name, rule.condition), []).append(contract.source)
    for contract in feeding:
        for rule in contract.rules:
            sharing = seen[rule.name, rule.condition]
            if sharing[0] != contract.source:
                continue
            yield RuleFacts(
                rule.name,
                "rule",
                _SEVERITY[rule.severity],
                rule.dimension,
                rule.description,
                tuple(c for c in rule_columns(rule.condition, rule.name) if c in model.doc.columns),
                rule.condition,
                "" if len(sharing) == len(feeding) else ", ".join(sharing),
            )
    for check in model.doc.checks:
        yield RuleFacts(check.name, "check", check.severity, "consistency", check.description, (), check.sql)


def quality_rules(catalogue: Catalogue, table: str) -> Iterator[RuleFacts]:
    """The quality rules that tell about a table."""
    for name, rule in catalogue.quality_rules.items():
        doc = rule.doc
        if doc.table == table:
            yield RuleFacts(name, "quality", "count", doc.dimension, doc.description, (), doc.sql)


def bronze_rules(lineage: Lineage, contract: Contract) -> Iterator[RuleFacts]:
    """The rules of a contract, with the columns of its files that they look at."""
    silver = contract.options.silver_table
    inputs = lineage.inputs(silver) if silver in lineage.catalogue.silver else {}
    bronze = f"bronze.{contract.source}"
    for rule in contract.rules:
        found: dict[str, None] = {}
        for name in rule_columns(rule.condition, rule.name):
            items = (item for item in inputs.get(name, ()) if item.table == bronze and item.influence == "direct")
            found.update(dict.fromkeys(item.column for item in items))
        columns = tuple(name for name in found if name in contract.column_names)
        yield RuleFacts(
            rule.name,
            "rule",
            _SEVERITY[rule.severity],
            rule.dimension,
            rule.description,
            columns,
            rule.condition,
        )


def rule_columns(condition: str, what: str) -> list[str]:
    """The silver columns that a rule looks at, each once."""
    columns = parse(condition, what).find_all(exp.Column)
    return list(dict.fromkeys(column.name.removesuffix(TEXT) for column in columns))
