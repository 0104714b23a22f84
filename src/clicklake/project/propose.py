"""The contract and mapping that a file suggests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from sqlglot import exp

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.columns import Rule
from clicklake.contracts.contract import Contract, parse_contract
from clicklake.engines.sql import parse
from clicklake.project.contract_text import contract_text
from clicklake.project.kinds import Kind, kind_named
from clicklake.project.mapping import SilverColumn, map_columns, select
from clicklake.project.recognise import Match, is_personal, recognise
from clicklake.project.sample import Column, Sample
from clicklake.project.tables import kind_of, map_table, recognise_table
from clicklake.project.vocabulary import snake


@dataclass(frozen=True)
class Proposal:
    """What a file suggests.

    Args:
        source: The source's name.
        kind: What its rows are.
        sample: The file.
        found: What was recognised, by silver column.
        columns: The mapping.
        rules: The rules that the file has the columns for.
        left_out: The rules that it hasn't.
    """

    source: str
    kind: Kind
    sample: Sample
    found: dict[str, Match]
    columns: list[SilverColumn]
    rules: list[Rule]
    left_out: list[Rule]

    @property
    def missing(self) -> list[str]:
        """What a row needs, and the file was not seen to have."""
        return [name for name in self.kind.asked if name not in self.found]

    @property
    def missing_words(self) -> str:
        """The same for people."""
        words = [self.kind.needed[name] for name in self.missing]
        return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)

    @property
    def notes(self) -> list[str]:
        """What a person should know before taking it."""
        notes = list(self.sample.notes)
        for column in self.columns:
            notes += [f"{column.name}: {note}" for note in column.notes]
            if column.how == "guess":
                notes.append(f"{column.name}: column {column.fields[0].name} was taken by a guess; check it")
        personal = [f.name for c in self.columns if c.name == "metadata" for f in c.fields if is_personal(f.column)]
        if personal:
            notes.append(f"metadata holds personal data: {', '.join(personal)}")
        if words := self._unknown_words():
            notes.append(f"status: no list under the contract's parameters has {', '.join(words)}; add them there")
        return notes

    def _unknown_words(self) -> list[str]:
        """States in the file of which nobody knows what they mean."""
        match = self.found.get("status")
        if self.kind.table is None or match is None:
            return []
        options = self.contract().options
        lists = [words for words in options.parameters.values() if isinstance(words, list)]
        others = Catalogue().contract(self.kind.rules_of).options.known_values.get("status", [])
        known = {word for words in (*lists, others) for word in words}
        return [value for value in match.field.distinct if snake(value) not in known]

    @property
    def personal(self) -> set[str]:
        """Columns that silver holds as personal data."""
        docs = Catalogue().silver[self.kind.silver_table].doc.columns
        return {match.field.column.name for silver, match in self.found.items() if docs[silver].pii}

    @property
    def unused(self) -> list[str]:
        """Columns of the file that say nothing which silver has a column for."""
        if self.kind.table is None:
            return [field.name for column in self.columns if column.name == "metadata" for field in column.fields]
        used = {field.column.name for column in self.columns for field in column.fields}
        return [column.name for column in self.sample.columns if column.name not in used]

    @cached_property
    def mapping(self) -> str:
        """The text of the SQL file."""
        return select(self.source, self.columns, self.unused, self.kind.asked)

    @cached_property
    def text(self) -> str:
        """The text of the YAML file."""
        return contract_text(self)

    def contract(self) -> Contract:
        """The contract, read as it will be."""
        return parse_contract(self.text, self.mapping, f"{self.source}.yaml")


def propose(sample: Sample, source: str, kind: str | None = None) -> Proposal:
    """Propose a contract and a mapping for a file.

    Args:
        sample: The file.
        source: The name of the new source.
        kind: What it holds; by default what it looks like.

    Raises:
        UsageError: There is no such kind.
    """
    shop = Catalogue()
    what = kind_named(kind or kind_of(sample))
    silver = list(shop.silver[what.silver_table].doc.columns)
    if what.table:
        found = recognise_table(sample, what.table)
        columns = map_table(what.table, found, silver)
    else:
        found = recognise(sample)
        if not sample.has_header:
            sample, found = _named(sample, found)
        columns = map_columns(sample, found, silver)
    there = {column.name for column in columns}
    rules: list[Rule] = []
    left_out: list[Rule] = []
    for rule in shop.contract(what.rules_of).rules:
        (rules if rule_columns(rule) <= there else left_out).append(rule)
    return Proposal(source, what, sample, found, columns, rules, left_out)


def rule_columns(rule: Rule) -> set[str]:
    """The silver columns that a rule is about."""
    columns = parse(rule.condition, rule.name).find_all(exp.Column)
    return {column.name.removesuffix("_text") for column in columns}


def _named(sample: Sample, found: dict[str, Match]) -> tuple[Sample, dict[str, Match]]:
    """The same with the columns of a file without a header named after what they fill."""
    names = {match.field.column.name: silver for silver, match in found.items()}

    def renamed(column: Column) -> Column:
        return replace(column, name=names.get(column.name, column.name))

    columns = tuple(renamed(column) for column in sample.columns)
    matches = {
        silver: replace(match, field=replace(match.field, column=renamed(match.field.column)))
        for silver, match in found.items()
    }
    return replace(sample, columns=columns), matches
