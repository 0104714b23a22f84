"""The contract and mapping that a file of events suggests, as texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import yaml
from sqlglot import exp

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.columns import Rule
from clicklake.contracts.contract import Contract, parse_contract
from clicklake.engines.sql import parse
from clicklake.project.mapping import SilverColumn, map_columns, select
from clicklake.project.recognise import REQUIRED, TIME, Match, is_personal, recognise
from clicklake.project.sample import Column, Sample
from clicklake.project.vocabulary import vocabulary

_WORDS = {"user_id": "a user", "event_timestamp": "a time", "event_type": "an event"}


@dataclass(frozen=True)
class Proposal:
    """What a file suggests.

    Args:
        source: The source's name.
        sample: The file.
        found: What was recognised, by silver column.
        columns: The mapping.
        rules: The rules that the file has the columns for.
        left_out: The rules that it hasn't.
    """

    source: str
    sample: Sample
    found: dict[str, Match]
    columns: list[SilverColumn]
    rules: list[Rule]
    left_out: list[Rule]

    @property
    def missing(self) -> list[str]:
        """What an event needs, and the file was not seen to have."""
        return [name for name in REQUIRED if name not in self.found]

    @property
    def missing_words(self) -> str:
        """The same for people."""
        words = [_WORDS[name] for name in self.missing]
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
        return notes

    @cached_property
    def mapping(self) -> str:
        """The text of the SQL file."""
        return select(self.source, self.columns)

    @cached_property
    def text(self) -> str:
        """The text of the YAML file."""
        return "\n".join(_contract(self)) + "\n"

    def contract(self) -> Contract:
        """The contract, read as it will be."""
        return parse_contract(self.text, self.mapping, f"{self.source}.yaml")


def propose(sample: Sample, source: str) -> Proposal:
    """Propose a contract and a mapping for a file of events.

    Args:
        sample: The file.
        source: The name of the new source.
    """
    shop = Catalogue()
    silver = shop.silver[vocabulary().silver_table]
    found = recognise(sample)
    if not sample.has_header:
        sample, found = _named(sample, found)
    columns = map_columns(sample, found, list(silver.doc.columns))
    there = {column.name for column in columns}
    rules: list[Rule] = []
    left_out: list[Rule] = []
    for rule in shop.contract(vocabulary().rules_of).rules:
        (rules if rule_columns(rule) <= there else left_out).append(rule)
    return Proposal(source, sample, found, columns, rules, left_out)


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


def _contract(proposal: Proposal) -> Iterator[str]:
    sample, source = proposal.sample, proposal.source
    times = proposal.found[TIME].times if TIME in proposal.found else None
    yield "apiVersion: v3.1.0"
    yield "kind: DataContract"
    yield f"id: {source.replace('_', '-')}"
    yield f"name: {source.replace('_', ' ').capitalize()}"
    yield "version: 1.0.0"
    yield "status: active"
    yield "description:"
    yield f"  purpose: {_yaml(f'Events as {sample.file.path.rpartition(chr(47))[2]} has them.')}"
    yield "schema:"
    yield f"  - name: {source}"
    yield f"    physicalType: {sample.format}"
    yield "    logicalType: object"
    yield "    dataGranularityDescription: One row per event."
    yield "    customProperties:"
    yield from _property("silverTable", vocabulary().silver_table)
    if sample.format == "csv" and sample.delimiter != ",":
        yield from _property("delimiter", json.dumps(sample.delimiter))
    yield from _property("timeZone", "UTC", "of times without an offset")
    if times and times.formats:
        yield from _property(
            "timestampFormats",
            f"[{', '.join(_yaml(pattern, quoted=True) for pattern in times.formats)}]",
            "a guess: check whether the day or the month stands first" if times.is_ambiguous else "",
        )
    yield from _property("driftPolicy", "capture")
    yield "      - property: parameters"
    yield "        value:"
    yield f"          failure_outcomes: [{', '.join(_failures(proposal))}]"
    yield "    properties:"
    for column in sample.columns:
        yield from _column(proposal, column)
    yield "    quality:"
    for rule in proposal.rules:
        yield f"      - name: {rule.name}"
        yield "        type: custom"
        yield "        engine: clicklake"
        yield f"        dimension: {rule.dimension}"
        yield f"        description: {_yaml(rule.description)}"
        yield f"        implementation: {_yaml(rule.condition)}"


def _property(name: str, value: str, comment: str = "") -> Iterator[str]:
    yield f"      - property: {name}"
    yield f"        value: {value}" + (f"  # {comment}" if comment else "")


def _failures(proposal: Proposal) -> list[str]:
    """The shop's words for failure, and those of the file."""
    words: Any = Catalogue().contract(vocabulary().rules_of).options.parameters.get("failure_outcomes", [])
    outcome = proposal.found.get("outcome")
    seen = {value.lower() for value in outcome.field.distinct} if outcome else set()
    return [*words, *(word for word in vocabulary().failures if word in seen)]


def _column(proposal: Proposal, column: Column) -> Iterator[str]:
    fills = next(
        (silver for silver, m in proposal.found.items() if column in (m.field.column, m.clock and m.clock.column)), ""
    )
    match = proposal.found.get(fills)
    if match and match.field.key:
        fills = ""  # a key of its objects does, the column itself goes into metadata
    docs = Catalogue().silver[vocabulary().silver_table].doc.columns
    yield f"      - name: {_yaml(column.name)}"
    yield f"        logicalType: {_logical_type(proposal, column, fills)}"
    if fills in REQUIRED:
        yield "        required: true"
    if fills == "user_id" or is_personal(column):
        yield "        classification: pii"
    yield f"        description: {_yaml(docs[fills].description if fills else 'Kept in metadata.')}"


def _logical_type(proposal: Proposal, column: Column, fills: str) -> str:
    if column.kind != "string":
        return column.kind
    match = proposal.found.get(fills)
    if match and fills == TIME and match.times and not match.times.epoch and match.clock is None:
        return "timestamp"
    is_number = fills == "amount" and match and match.field.amounts and match.field.amounts.expression == "{}"
    return "number" if is_number else "string"


def _yaml(text: str, *, quoted: bool = False) -> str:
    """A text as one line of YAML."""
    # What starts with a sign or a digit is quoted, as it could pass for a number.
    style = '"' if quoted or not text[:1].isalpha() else None
    dumped: str = yaml.safe_dump(text, default_style=style, allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...")
