"""Source contracts: Open Data Contract Standard (ODCS v3) documents with a SQL mapping beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_origin

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject
from pydantic import BaseModel, ConfigDict, Field, model_validator

from clicklake.contracts.cleaning import Cleaning
from clicklake.contracts.columns import NAME, Column, Rule, columns_of, rules_of
from clicklake.contracts.explain import closest
from clicklake.contracts.strict_yaml import Document, parse_document, validate
from clicklake.errors import ContractError


class SourceOptions(BaseModel):
    """What clicklake reads from the contract's `customProperties`, by its names there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    silver_table: str = Field(alias="silverTable", pattern=r"^silver\.[a-z][a-z0-9_]*$")
    time_zone: str = Field(default="UTC", alias="timeZone")
    timestamp_formats: tuple[str, ...] = Field(default=(), alias="timestampFormats")
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    drift_policy: str = Field(default="capture", alias="driftPolicy", pattern="^(evolve|capture|fail)$")
    newest_by: str | None = Field(default=None, alias="newestBy")
    known_values: dict[str, list[str]] = Field(default_factory=dict, alias="knownValues")
    parameters: dict[str, str | int | float | list[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_zone(self) -> SourceOptions:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(self.time_zone)  # listing all zones would cost each run some 10 ms a contract
        except (ValueError, LookupError, OSError) as error:
            raise ValueError(f"timeZone: unknown time zone {self.time_zone!r}") from error
        return self


@dataclass(frozen=True)
class Contract:
    """What one source promises, and how its rows become rows of a silver table."""

    source: str
    version: str
    description: str
    file_format: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    options: SourceOptions
    mapping: str
    freshness_hours: float | None
    text: str = field(repr=False)
    file: str = field(default="", compare=False)
    owner: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name what a row is about; a row of silver is a version of it."""
        parts = sorted((column.key_position, column.name) for column in self.columns if column.key_position)
        return tuple(name for _, name in parts)

    @property
    def cleanings(self) -> dict[str, Cleaning]:
        """What is done to texts, by column; a column that takes currencies is among them."""
        own = {column.name: column.cleaning for column in self.columns if column.cleaning}
        return own | {name: own.get(name, Cleaning()) for name in self.beside}

    @property
    def beside(self) -> dict[str, list[str]]:
        """By currency column: the columns beside whose numbers its currency may stand."""
        found: dict[str, list[str]] = {}
        for column in self.columns:
            if column.cleaning and column.cleaning.currency_column:
                found.setdefault(column.cleaning.currency_column, []).append(column.name)
        return found

    @property
    def column_names(self) -> tuple[str, ...]:
        """The contract's columns in their order."""
        return tuple(column.name for column in self.columns)

    def to_json(self) -> str:
        """The contract as it is kept in the lake, to be used again as it was."""
        return json.dumps({"contract": self.text, "mapping": self.mapping}, ensure_ascii=False)


def contract_from_json(kept: str) -> Contract:
    """The contract that `Contract.to_json` kept."""
    parts = json.loads(kept)
    return parse_contract(parts["contract"], parts["mapping"], "ops.contracts")


def load_contract(file: Path) -> Contract:
    """Read a contract and the mapping beside it (same name, `.sql`).

    Raises:
        ContractError: A key or value is wrong, or the mapping is missing.
    """
    mapping = file.with_suffix(".sql")
    if not mapping.is_file():
        raise ContractError(
            f"the mapping {mapping.name} is missing beside it: a SELECT of the silver columns", file=file
        )
    try:
        text = file.read_text(encoding="utf-8")
        return parse_contract(text, mapping.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise ContractError(f"is not UTF-8 text: {error.reason}", file=file) from error


@lru_cache(maxsize=64)
def parse_contract(text: str, mapping: str, file: str) -> Contract:
    """Read a contract from its text.

    Raises:
        ContractError: A key or value is wrong; it names key, file and line.
    """
    document = parse_document(text, file, error=ContractError)
    _refuse_unknown_keys(OpenDataContractStandard, document.data, (), document)
    odcs = validate(OpenDataContractStandard, document, error=ContractError)
    if odcs.kind != "DataContract":
        raise ContractError("kind must be DataContract", file=file, line=document.line_of(("kind",)), key="kind")
    if not odcs.apiVersion or not odcs.apiVersion.startswith("v3."):
        raise ContractError(
            f"apiVersion must be one of v3 (v3.1.0), not {odcs.apiVersion}",
            file=file,
            line=document.line_of(("apiVersion",)),
            key="apiVersion",
        )
    if not odcs.schema_ or len(odcs.schema_) != 1:
        raise ContractError(
            "schema must list exactly one object", file=file, line=document.line_of(("schema",)), key="schema"
        )
    table = odcs.schema_[0]
    source = table.name or ""
    if not NAME.fullmatch(source):
        raise ContractError(
            f"the source's name {source!r} must be lower snake case",
            file=file,
            line=document.line_of(("schema", 0, "name")),
            key="schema.0.name",
        )
    file_format = (table.physicalType or "csv").lower()
    if file_format not in ("csv", "ndjson", "parquet"):
        raise ContractError(
            f"physicalType {file_format!r} is not a format; allowed: csv, ndjson, parquet",
            file=file,
            line=document.line_of(("schema", 0, "physicalType")),
            key="schema.0.physicalType",
        )
    columns, options = columns_of(table, document), _options(table, document)
    newest_by, names = options.newest_by, [column.name for column in columns]
    if newest_by and newest_by not in names:
        raise ContractError(
            f"newestBy names {newest_by!r}, which is no column{closest(newest_by, names)}",
            file=file,
            line=document.line_of(("schema", 0, "customProperties")),
        )
    return Contract(
        source=source,
        version=odcs.version or "1.0.0",
        description=(odcs.description.purpose if odcs.description else None) or table.description or "",
        file_format=file_format,
        columns=columns,
        rules=rules_of(table, document),
        options=options,
        mapping=mapping,
        freshness_hours=_freshness(odcs),
        text=text,
        file=file,
        owner=_owner(odcs),
    )


def _options(table: SchemaObject, document: Document) -> SourceOptions:
    values: dict[str, Any] = {}
    lines: dict[str, int | None] = {}
    for position, item in enumerate(table.customProperties or []):
        values[item.property or ""] = item.value
        lines[item.property or ""] = document.line_of(("schema", 0, "customProperties", position))
    known = Document(values, document.file, lambda path: lines.get(str(path[0])) if path else None)
    return validate(SourceOptions, known, error=ContractError)


def _freshness(odcs: OpenDataContractStandard) -> float | None:
    hours = {
        "h": 1.0,
        "hour": 1.0,
        "hours": 1.0,
        "d": 24.0,
        "day": 24.0,
        "days": 24.0,
        "m": 1 / 60,
        "minutes": 1 / 60,
    }
    for item in odcs.slaProperties or []:
        if item.property in ("freshness", "latency") and isinstance(item.value, (int, float)):
            return float(item.value) * hours.get(item.unit or "h", 1.0)
    return None


def _owner(odcs: OpenDataContractStandard) -> str | None:
    """Who answers for the source: the team's name, else its members with the role owner, else all members."""
    team = odcs.team
    if team is None:
        return None
    if not isinstance(team, list) and team.name:
        return team.name
    members = (team if isinstance(team, list) else team.members) or []
    owners = [member for member in members if (member.role or "").lower() == "owner"] or members
    return ", ".join(filter(None, (member.name or member.username for member in owners))) or None


def _refuse_unknown_keys(model: type[BaseModel], data: object, at: tuple[str | int, ...], document: Document) -> None:
    """ODCS' own models ignore unknown keys, so that a misspelt `requird` would pass unseen."""
    if not isinstance(data, dict):
        return
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    for key, value in data.items():
        if key not in fields:
            raise ContractError(
                f"unknown key {key!r}{closest(str(key), fields)}; allowed here: {', '.join(fields)}",
                file=document.file,
                line=document.line_of((*at, key)),
                key=".".join(map(str, (*at, key))),
            )
        for inner in _models_in(fields[key], is_list=isinstance(value, list)):
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for position, item in items:
                path = (*at, key) if position is None else (*at, key, position)
                _refuse_unknown_keys(inner, item, path, document)


def _models_in(annotation: Any, *, is_list: bool) -> list[type[BaseModel]]:  # noqa: ANN401 - annotations have no type
    """The models that a value of an annotation may be, or that the items of a list may be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if is_list else [annotation]
    if get_origin(annotation) is list:
        return [model for item in get_args(annotation) for model in _models_in(item, is_list=False)] if is_list else []
    return [model for option in get_args(annotation) for model in _models_in(option, is_list=is_list)]
