"""Running reports on a release: parse, restrict to the window, bind, limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
from sqlglot import exp

from clicklake.contracts.model import Report
from clicklake.contracts.types import ColumnType
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import Parameter, bind, parse, tables_of, text
from clicklake.errors import EngineError, QueryError, UsageError


@dataclass(frozen=True)
class Window:
    """The days that a report looks at, both included; open where None."""

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise UsageError(f"--since {self.since} is after --until {self.until}")

    def __str__(self) -> str:
        if not self.since and not self.until:
            return "all data"
        return f"{self.since or 'the first day'} to {self.until or 'the last day'}"

    def condition(self) -> str:
        """SQL on `date_key` (yyyymmdd); empty for all days."""
        parts = []
        if self.since:
            parts.append(f"date_key >= {self.since:%Y%m%d}")
        if self.until:
            parts.append(f"date_key <= {self.until:%Y%m%d}")
        return " and ".join(parts)


@dataclass(frozen=True)
class Asked:
    """A report that somebody wants.

    Args:
        name: The report.
        limit: Rows at the most; else the report's own default.
        parameters: Values that the report declares.
    """

    name: str
    limit: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def report_tables(report: Report) -> list[str]:
    """The tables that a report reads."""
    return list(tables_of(report.sql, str(report.file)))


def report_query(
    report: Report, parameters: Mapping[str, Parameter], window: Window, limit: int | None
) -> exp.Expression:
    """The query of a report as it runs.

    Args:
        report: The report.
        parameters: Values of its placeholders; those it declares and nobody gave are null.
        window: The days; they restrict the tables that the document names as `window`.
        limit: Rows at the most; the report may name it as `:row_limit`.
    """
    given = {**dict.fromkeys(report.doc.parameters), **parameters, "row_limit": limit}
    tree = bind(parse(report.sql, str(report.file)), given, str(report.file))
    if condition := window.condition():
        if not report.doc.window:
            raise UsageError(f"report {report.name} has no window: --since and --until don't apply")
        for table in list(tree.find_all(exp.Table)):
            name = f"{table.db}.{table.name}"
            if name in report.doc.window:
                inner = exp.select("*").from_(exp.to_table(name)).where(condition)
                table.replace(inner.subquery(table.alias_or_name))
    if limit is not None and isinstance(tree, exp.Query):
        tree = tree.limit(limit)
    return tree


def report_sql(report: Report, parameters: Mapping[str, Parameter], window: Window, limit: int | None) -> str:
    """`report_query` as text."""
    return text(report_query(report, parameters, window, limit))


def run_report(engine: DuckDB, report: Report, sql: str) -> pa.Table:
    """Rows of a report; its tables must be attached.

    Raises:
        QueryError: A user's own report doesn't run.
    """
    try:
        table = engine.table(sql)
    except EngineError as error:
        raise QueryError(f"{report.file}: {error}") from error
    if not report.doc.columns:
        return table
    schema = pa.schema([(name, _naive(ColumnType(doc.type).arrow)) for name, doc in report.doc.columns.items()])
    return table.select(schema.names).cast(schema)


def _naive(data_type: pa.DataType) -> pa.DataType:
    return pa.timestamp("us") if pa.types.is_timestamp(data_type) else data_type
