"""The text of a proposed contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import yaml

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.columns import Column as ContractColumn
from clicklake.contracts.contract import Contract
from clicklake.project.recognise import TIME, Match, is_personal
from clicklake.project.sample import Column
from clicklake.project.vocabulary import snake, vocabulary

if TYPE_CHECKING:
    from clicklake.project.propose import Proposal


def contract_text(proposal: Proposal) -> str:
    """The YAML of the contract."""
    return "\n".join(_contract(proposal, Catalogue().contract(proposal.kind.rules_of))) + "\n"


def _contract(proposal: Proposal, shop: Contract) -> Iterator[str]:
    sample, source, kind = proposal.sample, proposal.source, proposal.kind
    what = kind.name.capitalize()
    yield "apiVersion: v3.1.0"
    yield "kind: DataContract"
    yield f"id: {source.replace('_', '-')}"
    yield f"name: {source.replace('_', ' ').capitalize()}"
    yield "version: 1.0.0"
    yield "status: active"
    yield "description:"
    yield f"  purpose: {_yaml(f'{what} as {sample.file.path.rpartition(chr(47))[2]} has them.')}"
    yield "schema:"
    yield f"  - name: {source}"
    yield f"    physicalType: {sample.format}"
    yield "    logicalType: object"
    yield f"    dataGranularityDescription: One row per {kind.row}."
    yield "    customProperties:"
    yield from _property("silverTable", kind.silver_table)
    if sample.format == "csv" and sample.delimiter != ",":
        yield from _property("delimiter", json.dumps(sample.delimiter))
    yield from _property("timeZone", "UTC", "of times without an offset")
    yield from _formats(proposal)
    yield from _property("driftPolicy", "capture")
    if parameters := _parameters(proposal, shop):
        yield "      - property: parameters"
        yield "        value:"
        for name, words in parameters.items():
            yield f"          {name}: [{', '.join(words)}]"
    yield "    properties:"
    for column in sample.columns:
        yield from _column(proposal, shop, column)
    yield "    quality:"
    for rule in proposal.rules:
        yield f"      - name: {rule.name}"
        yield "        type: custom"
        yield "        engine: clicklake"
        yield f"        dimension: {rule.dimension}"
        if rule.severity != "error":
            yield f"        severity: {rule.severity}"
        yield f"        description: {_yaml(rule.description)}"
        yield f"        implementation: {_yaml(rule.condition)}"


def _property(name: str, value: str, comment: str = "") -> Iterator[str]:
    yield f"      - property: {name}"
    yield f"        value: {value}" + (f"  # {comment}" if comment else "")


def _formats(proposal: Proposal) -> Iterator[str]:
    """How times are written, where that is not ISO 8601."""
    times = [match.times for match in proposal.found.values() if match.times]
    formats = list(dict.fromkeys(pattern for one in times for pattern in one.formats))
    if formats:
        yield from _property(
            "timestampFormats",
            f"[{', '.join(_yaml(pattern, quoted=True) for pattern in formats)}]",
            "a guess: check whether the day or the month stands first" if any(t.is_ambiguous for t in times) else "",
        )


def _parameters(proposal: Proposal, shop: Contract) -> dict[str, list[str]]:
    """The shop's words, and those of the file that mean the same."""
    table = proposal.kind.table
    if table is None:
        return {"failure_outcomes": _with_seen(shop, "failure_outcomes", vocabulary().failures, proposal, "outcome")}
    names = [name for name, words in shop.options.parameters.items() if isinstance(words, list)]
    return {name: _with_seen(shop, name, table.words.get(name, ()), proposal, "status") for name in names}


def _with_seen(shop: Contract, name: str, more: tuple[str, ...], proposal: Proposal, silver: str) -> list[str]:
    words: Any = shop.options.parameters.get(name, [])
    match = proposal.found.get(silver)
    values = match.field.distinct if match else {}
    seen = {value.lower() for value in values} | ({snake(value) for value in values} if proposal.kind.table else set())
    return [*words, *(word for word in more if word in seen and word not in words)]


def _column(proposal: Proposal, shop: Contract, column: Column) -> Iterator[str]:
    fills = next(
        (silver for silver, m in proposal.found.items() if column in (m.field.column, m.clock and m.clock.column)), ""
    )
    match = proposal.found.get(fills)
    if match and match.field.key:
        fills = ""  # a key of its objects does, the column itself is used as a whole or not at all
    docs = Catalogue().silver[proposal.kind.silver_table].doc.columns
    like = {other.name: other for other in shop.columns}.get(fills)
    is_event = proposal.kind.table is None
    unused = "Kept in metadata." if is_event else "Kept in bronze, and not used further on."
    yield f"      - name: {_yaml(column.name)}"
    yield f"        logicalType: {_logical_type(proposal, column, match if fills else None, fills)}"
    if fills in proposal.kind.required:
        yield "        required: true"
    if not is_event and like and like.key_position and (not match or not match.clock):
        yield "        primaryKey: true"
        yield f"        primaryKeyPosition: {like.key_position}"
    if fills == "user_id" or is_personal(column) or (not is_event and like and like.is_pii):
        yield "        classification: pii"
    yield f"        description: {_yaml(docs[fills].description if fills else unused)}"
    if not is_event and like:
        yield from _shop_like(proposal, like, match)


def _shop_like(proposal: Proposal, like: ContractColumn, match: Match | None) -> Iterator[str]:
    """Reference and cleaning as the shop's own contract has them."""
    if like.references:
        yield "        relationships:"
        yield f"          - {{type: foreignKey, to: {like.references}}}"
    if like.cleaning is None:
        return
    cleaning: dict[str, str] = {}
    amounts = match.field.amounts if match else None
    if like.cleaning.number_format:
        cleaning["numberFormat"] = amounts.number_format if amounts else like.cleaning.number_format
    if like.cleaning.currency_column and (currency := proposal.found.get("currency")) and not currency.field.key:
        cleaning["currencyColumn"] = currency.field.column.name
    if like.cleaning.case:
        cleaning["case"] = like.cleaning.case
    if like.cleaning.form:
        cleaning["form"] = like.cleaning.form
    if like.cleaning.default is not None:
        cleaning["default"] = like.cleaning.default
    yield "        customProperties:"
    yield "          - property: cleaning"
    yield f"            value: {json.dumps(cleaning, ensure_ascii=False)}"


def _logical_type(proposal: Proposal, column: Column, match: Match | None, fills: str) -> str:
    if column.kind != "string" or match is None:
        return column.kind
    table = proposal.kind.table
    kind = table.columns[fills].kind if table else {TIME: "time", "amount": "number"}.get(fills, "text")
    if kind == "time" and match.times and not match.times.epoch and match.clock is None:
        return "timestamp"
    is_plain = match.field.amounts is not None and (table is not None or match.field.amounts.expression == "{}")
    return "number" if kind == "number" and is_plain else "string"


def _yaml(text: str, *, quoted: bool = False) -> str:
    """A text as one line of YAML."""
    # What starts with a sign or a digit is quoted, as it could pass for a number.
    style = '"' if quoted or not text[:1].isalpha() else None
    dumped: str = yaml.safe_dump(text, default_style=style, allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...")
