"""The columns and rules of a contract, as ODCS writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from clicklake.contracts.cleaning import Cleaning
from clicklake.contracts.explain import closest
from clicklake.contracts.strict_yaml import Document, validate
from clicklake.errors import ContractError

PROVENANCE = ("row_id", "extra", "corrupt_record", "source_file", "source_version", "data_source")
"""Columns that bronze adds; a contract can't use their names, nor the ingestion_* ones."""

NAME = re.compile(r"[a-z][a-z0-9_]*")

_RESERVED = {*PROVENANCE, "source_offset", "ingestion_timestamp", "ingestion_date"}
_SEVERITIES = {"error": "error", "critical": "error", "warning": "warning", "warn": "warning", "info": "warning"}


@dataclass(frozen=True)
class Column:
    """One column as the source delivers it.

    Args:
        name: Its name in the source's files.
        description: What it means.
        is_required: Whether a row needs it.
        is_pii: Whether it tells who somebody is.
        logical_type: As ODCS names types.
        key_position: Its place in the source's key, from 1; None where it is no part of it.
        references: `source.column` that its values are from.
        cleaning: What is done to its texts.
    """

    name: str
    description: str
    is_required: bool = False
    is_pii: bool = False
    logical_type: str = "string"
    key_position: int | None = None
    references: str | None = None
    cleaning: Cleaning | None = field(default=None)

    @property
    def is_object(self) -> bool:
        """Whether the value is a JSON object (text to text)."""
        return self.logical_type == "object"


@dataclass(frozen=True)
class Rule:
    """A condition that a good row does not fulfil.

    Args:
        name: The reason given in quarantine.
        condition: SQL on the standardised row; true means broken.
        description: Why the row can't be used.
        dimension: Of data quality: completeness, validity, ...
        severity: `error`: a row that breaks it goes to quarantine. `warning`: it is loaded, and counted; the condition
            then names columns of the silver table alone.
    """

    name: str
    condition: str
    description: str
    dimension: str
    severity: str = "error"


def columns_of(table: SchemaObject, document: Document) -> tuple[Column, ...]:
    """The columns of a contract's only table.

    Raises:
        ContractError: A name is taken, stands twice, or a cleaning is wrong.
    """
    found: dict[str, Column] = {}
    for position, item in enumerate(table.properties or []):
        at = ("schema", 0, "properties", position)
        name = item.name or ""
        if not name or name.lower() in _RESERVED or name.lower() in found:
            reason = "is missing" if not name else "is taken by clicklake" if name.lower() in _RESERVED else "twice"
            raise ContractError(
                f"column name {name!r}: {reason}", file=document.file, line=document.line_of(at), key="name"
            )
        relation = next((r.to for r in item.relationships or [] if isinstance(r.to, str)), None)
        found[name.lower()] = Column(
            name=name,
            description=item.description or "",
            is_required=bool(item.required),
            is_pii=(item.classification or "").lower() in ("pii", "personal", "sensitive", "restricted"),
            logical_type=item.logicalType or "string",
            key_position=_key_position(item, position),
            references=relation,
            cleaning=_cleaning(item, document, at),
        )
    if not found:
        raise ContractError(
            "the schema has no properties (columns)", file=document.file, line=document.line_of(("schema", 0))
        )
    columns = tuple(found.values())
    for position, column in enumerate(columns):
        named = column.cleaning.currency_column if column.cleaning else None
        if named and named not in {other.name for other in columns}:
            raise ContractError(
                f"{column.name}: currencyColumn names {named!r}, which is no column of the contract"
                f"{closest(named, [other.name for other in columns])}",
                file=document.file,
                line=document.line_of(("schema", 0, "properties", position)),
            )
    return columns


def rules_of(table: SchemaObject, document: Document) -> tuple[Rule, ...]:
    """The rules of a contract's only table that are clicklake's.

    Raises:
        ContractError: A name is no name or stands twice, or there is no such severity.
    """
    rules: dict[str, Rule] = {}
    for position, item in enumerate(table.quality or []):
        at = ("schema", 0, "quality", position)
        if item.type != "custom" or item.engine != "clicklake" or not isinstance(item.implementation, str):
            continue  # rules of other engines are theirs
        if not item.name or not NAME.fullmatch(item.name) or item.name in rules:
            raise ContractError(
                f"rule name {item.name!r} must be lower snake case and stand once",
                file=document.file,
                line=document.line_of(at),
            )
        severity = _SEVERITIES.get((item.severity or "error").lower())
        if severity is None:
            raise ContractError(
                f"rule {item.name}: severity {item.severity!r} is unknown; error rejects a row, warning loads and "
                "counts it",
                file=document.file,
                line=document.line_of((*at, "severity")),
                key="severity",
            )
        what = (item.description or "", item.dimension or "validity")
        rules[item.name] = Rule(item.name, item.implementation, *what, severity)
    return tuple(rules.values())


def _key_position(item: SchemaProperty, position: int) -> int | None:
    if not item.primaryKey:
        return None
    given = item.primaryKeyPosition or 0
    return given if given > 0 else position + 1


def _cleaning(item: SchemaProperty, document: Document, at: tuple[str | int, ...]) -> Cleaning | None:
    for number, custom in enumerate(item.customProperties or []):
        place = (*at, "customProperties", number)
        if custom.property != "cleaning":
            raise ContractError(
                f"{item.name}: there is no property {custom.property!r}{closest(custom.property or '', ['cleaning'])}; "
                "a column can have cleaning",
                file=document.file,
                line=document.line_of(place),
            )
        value: Any = custom.value or {}
        inner = Document(value, document.file, partial(_line_below, document, (*place, "value")))
        return validate(Cleaning, inner, error=ContractError)
    return None


def _line_below(document: Document, place: tuple[str | int, ...], path: tuple[str | int, ...]) -> int | None:
    return document.line_of((*place, *path))
