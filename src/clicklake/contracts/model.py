"""Table and report documents: the YAML that stands beside a SQL model and says what its rows mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from clicklake.contracts.filter_doc import FilterUse
from clicklake.contracts.parameter_doc import ParameterDoc, as_parameters
from clicklake.contracts.strict_yaml import parse_document, read_text, validate
from clicklake.contracts.types import ColumnType
from clicklake.errors import ContractError


def _type_name(name: str) -> str:
    ColumnType(name)
    return name


TypeName = Annotated[str, AfterValidator(_type_name)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnDoc(_Strict):
    """One column of a table."""

    type: TypeName
    description: str = Field(min_length=3)
    pii: bool = False


class Reference(_Strict):
    """A foreign key: these columns name a row of that table; null passes."""

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...] | None = None


class Check(_Strict):
    """SQL that returns the rows that offend; none is right."""

    name: str
    severity: Literal["fail", "warn"] = "fail"
    description: str
    sql: str


class Identity(_Strict):
    """What makes two silver rows the same (silver tables only).

    Args:
        row_id: The column that leads to the bronze row.
        id: The source's own id of a row, where it gives one.
        content: The columns that must be equal where there is no such id.
        probe: Some of them, in which different rows hardly ever agree; they are compared first, for speed.
    """

    row_id: str
    id: str | None = None
    content: tuple[str, ...]
    probe: tuple[str, ...] = ()


class Within(_Strict):
    """Between which times an input's rows of a key lie, by the rows that the table has for it.

    Each key that has rows in the input has rows in the table, and the input's times are nowhere outside of them.

    Args:
        time: The input's column.
        first: The table's column with the earliest of these times.
        last: The table's column with the latest.
    """

    time: str
    first: str
    last: str


class TableDoc(_Strict):
    """The document of a table.

    Args:
        description: What a row is.
        grain: The columns that name a row.
        strategy: How a gold table follows its inputs: `append` (each row of the only input makes rows of its own),
            `keys` (what belongs to an affected key is made anew), `rebuild` (all is made anew).
        needs: Tables without which it has nothing to tell: where one is not there, neither is it.
        key: What the rows of a `keys` table belong to.
        affected: For each input of a `keys` table, SQL from its rows that came or went (`changed`) to keys.
        only_new_keys: Inputs whose new rows don't alter the rows of a key that the table has already.
        within: For inputs of a `keys` table, when the rows of a key lie: only these times are read.
        partition_by: Partition columns.
        cluster_by: A time by whose months rows are put into different files, without a partition column.
        references: Foreign keys.
        identity: What makes two silver rows the same.
        sequences: Rising whole numbers or times, stored as differences.
        columns: By name.
        checks: What must hold of the table.
        time: When a row happened.
        measures: Aggregates, by name, that tell what a restatement has changed.
        owner: Who answers for the table: a team or a person.
    """

    description: str = Field(pattern="^One row per ")
    grain: tuple[str, ...]
    strategy: Literal["append", "keys", "rebuild"] = "rebuild"
    needs: tuple[str, ...] = ()
    key: tuple[str, ...] | None = None
    affected: dict[str, str] = Field(default_factory=dict)
    only_new_keys: tuple[str, ...] = ()
    within: dict[str, Within] = Field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    cluster_by: str | None = None
    references: tuple[Reference, ...] = ()
    identity: Identity | None = None
    sequences: tuple[str, ...] = ()
    time: str | None = None
    measures: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, ColumnDoc] = Field(min_length=1)
    checks: tuple[Check, ...] = ()
    owner: str | None = None

    @model_validator(mode="after")
    def _columns_exist(self) -> TableDoc:
        for what, names in (
            ("grain", self.grain),
            ("key", self.key or ()),
            ("partition_by", self.partition_by),
            ("time", (self.time,) if self.time else ()),
            ("cluster_by", (self.cluster_by,) if self.cluster_by else ()),
        ):
            for name in names:
                if name not in self.columns:
                    raise ValueError(f"{what} names {name!r}, which is no column of the table")
        if self.strategy == "keys" and not (self.key and self.affected):
            raise ValueError("strategy keys needs `key` and `affected`")
        for name in self.only_new_keys:
            if name not in self.affected:
                raise ValueError(f"only_new_keys names {name!r}, which is not in `affected`")
        for name, bounds in self.within.items():
            if name not in self.affected:
                raise ValueError(f"within names {name!r}, which is not in `affected`")
            for column in (bounds.first, bounds.last):
                if column not in self.columns or self.columns[column].type not in ("timestamp", "date"):
                    raise ValueError(f"within names {column!r}, which is no timestamp or date of the table")
        if self.cluster_by and self.columns[self.cluster_by].type not in ("timestamp", "date"):
            raise ValueError(f"cluster_by names {self.cluster_by!r}, which is neither a timestamp nor a date")
        return self

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema that the columns make."""
        return pa.schema([(name, ColumnType(doc.type).arrow) for name, doc in self.columns.items()])


class ReportColumn(_Strict):
    """One column of a report."""

    type: TypeName
    description: str
    format: Literal["integer", "money", "percent", "decimal", "text", "date", "timestamp"] = "text"


class Limit(_Strict):
    """How many rows are shown where nothing else is asked."""

    default: int | None = None
    terminal: int | None = None


class Chart(_Strict):
    """How a report is drawn."""

    kind: Literal["bar", "line", "area", "funnel", "kpi", "heatmap", "none"] = "none"
    x: str | None = None
    y: str | None = None
    series: str | None = None
    title: str | None = None


class Fit(_Strict):
    """A statistical model that is fitted to rows of a report; the SQL reads them with its columns as `fitted`.

    Args:
        model: `bg_nbd` adds probability_alive and predicted_purchases; with `value` also expected_value and clv.
        rows: The step of the SQL with one row per customer.
        frequency: Its column with the number of repeat purchases.
        recency: Its column with the days from the first to the last purchase.
        age: Its column with the days since the first purchase.
        value: Its column with the average value of a repeat purchase.
        optional: Whether the report does without it where it can't be fitted: the columns are null then.
    """

    model: Literal["bg_nbd"]
    rows: str
    frequency: str = "frequency"
    recency: str = "recency"
    age: str = "age"
    value: str | None = None
    optional: bool = False


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class ReportDoc(_Strict):
    """The document of a report.

    Args:
        title: What stands above it.
        description: What a row is.
        grain: The columns that name a row.
        columns: By name.
        window: The tables that the window restricts, by their `date_key`; one may stand alone.
        values: SQL of single values that are computed first, on all days: the report and its note may name them.
        note: What stands beneath the title, with `{name}` for values and parameters.
        empty: What a reader should know where there are no rows.
        limit: How many rows are shown.
        parameters: What its SQL may name.
        filters: What it makes of filters, by their names; others are put on the tables that it reads.
        fit: A statistical model whose predictions its SQL reads.
        chart: How it is drawn.
    """

    title: str
    description: str
    grain: tuple[str, ...]
    columns: dict[str, ReportColumn] = Field(min_length=1)
    window: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    values: dict[str, str] = Field(default_factory=dict)
    note: str | None = None
    empty: str | None = None
    limit: Limit = Limit()
    parameters: Annotated[dict[str, ParameterDoc], BeforeValidator(as_parameters)] = Field(default_factory=dict)
    filters: dict[str, FilterUse] = Field(default_factory=dict)
    fit: Fit | None = None
    chart: Chart = Chart()


@dataclass(frozen=True)
class Model:
    """A SQL model with its document."""

    name: str
    doc: TableDoc
    sql: str
    file: Path

    @property
    def layer(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Report:
    """A report: SQL with its document."""

    name: str
    doc: ReportDoc
    sql: str
    file: Path


def load_model(layer: str, file: Path) -> Model:
    """Read `<table>.yml` and the `.sql` beside it, which a table that is not built by SQL doesn't have."""
    sql = file.with_suffix(".sql")
    text = sql.read_text(encoding="utf-8") if sql.is_file() else ""
    return _model(layer, file, read_text(file, error=ContractError), text)


@lru_cache(maxsize=256)
def _model(layer: str, file: Path, document: str, sql: str) -> Model:
    """A model by its texts: as long as they are the same, so is what they mean."""
    parsed = parse_document(document, str(file), error=ContractError)
    return Model(f"{layer}.{file.stem}", validate(TableDoc, parsed, error=ContractError), sql, file)


def load_report(file: Path) -> Report:
    """Read a report's SQL and the document beside it; a user's own SQL may come without one."""
    document = file.with_suffix(".yml")
    text = read_text(document, error=ContractError) if document.is_file() else None
    return _report(file, text, file.read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def _report(file: Path, document: str | None, sql: str) -> Report:
    """A report by its texts, as `_model` a model."""
    if document is None:
        doc = ReportDoc.model_construct(
            title=file.stem.replace("_", " ").capitalize(), description="", grain=(), columns={}
        )
    else:
        parsed = parse_document(document, str(file.with_suffix(".yml")), error=ContractError)
        doc = validate(ReportDoc, parsed, error=ContractError)
    return Report(file.stem, doc, sql, file)
