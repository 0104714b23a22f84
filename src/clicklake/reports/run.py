"""Running reports on a release: compute their values, parse, restrict to the window, bind, limit, fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from clicklake.contracts.model import Report
from clicklake.contracts.types import ColumnType
from clicklake.engines.base import Engine
from clicklake.engines.sql import Parameter, bind, parse, tables_of, text
from clicklake.errors import EngineError, QueryError, UsageError
from clicklake.reports.filters import Filtering, put_instead
from clicklake.reports.shared import share
from clicklake.rows import Rows

if TYPE_CHECKING:
    from clicklake.reports.fit import Fitted

FITTED = "fitted"
"""What a report's SQL calls the rows with a fitted model's predictions."""


@dataclass(frozen=True)
class Window:
    """The days that a report looks at, both included; open where None.

    Args:
        since: The first day.
        until: The last day.
        as_of: The day that is taken for today; days after it are left out too.
    """

    since: date | None = None
    until: date | None = None
    as_of: date | None = None

    def __post_init__(self) -> None:
        if self.since and self.last and self.since > self.last:
            option = "--until" if self.last == self.until else "--as-of"
            raise UsageError(f"--since {self.since} is after {option} {self.last}")

    def __str__(self) -> str:
        if not self.since and not self.last:
            return "all data"
        return f"{self.since or 'the first day'} to {self.last or 'the last day'}"

    @property
    def last(self) -> date | None:
        """The last day."""
        return min((day for day in (self.until, self.as_of) if day), default=None)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What SQL may name."""
        return {"since": self.since, "until": self.last, "as_of": self.as_of}

    def condition(self) -> str:
        """SQL on `date_key` (yyyymmdd); empty for all days."""
        parts = []
        if self.since:
            parts.append(f"date_key >= {self.since:%Y%m%d}")
        if self.last:
            parts.append(f"date_key <= {self.last:%Y%m%d}")
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


@dataclass(frozen=True)
class Plan:
    """A report as it is going to run.

    Args:
        report: The report.
        query: Its query, with values and window put in.
        parameters: All that its SQL may name.
        values: Those that the report computes.
        filtering: What it is restricted by, beside the window.
    """

    report: Report
    query: exp.Expression
    parameters: Mapping[str, Parameter]
    values: Mapping[str, Parameter]
    filtering: Filtering | None = None

    @property
    def note(self) -> str | None:
        """The report's note, with its filters; without what is not there, such as the last day of no data."""
        note = self.report.doc.note
        for name, value in self.parameters.items():
            if note and f"{{{name}}}" in note:
                note = None if value is None else note.replace(f"{{{name}}}", f"{value}")
        only = f"only {self.filtering}" if self.filtering else None
        return " · ".join(part for part in (only, note) if part) or None


def report_tables(report: Report, filtering: Filtering | None = None) -> list[str]:
    """The tables that a report reads."""
    if filtering:
        return [name for name in filtering.tables(report) if not (report.doc.fit and name == FITTED)]
    texts = [report.sql, *report.doc.values.values()]
    names = sorted({name for sql in texts for name in tables_of(sql, str(report.file))})
    return [name for name in names if not (report.doc.fit and name == FITTED)]


def plan(
    engine: Engine,
    report: Report,
    parameters: Mapping[str, Parameter],
    window: Window,
    limit: int | None,
    filtering: Filtering | None = None,
) -> Plan:
    """A report as it is going to run; the tables that it reads must be attached.

    Args:
        engine: Computes its values.
        report: The report.
        parameters: Values of its placeholders; those it declares and nobody gave have their defaults.
        window: The days.
        limit: Rows at the most.
        filtering: What it is restricted by, beside the window.
    """
    given = {**_defaults(report), **parameters, **window.parameters}
    values: dict[str, Parameter] = {}
    for name, sql in report.doc.values.items():
        what = f"{report.file}: values.{name}"
        try:
            tree = bind(parse(sql, what), {**given, **values}, what)
            values[name] = engine.value(text(filtering.into_value(report, name, tree) if filtering else tree))
        except EngineError as error:
            raise QueryError(f"{what}: {error}") from error
    query = report_query(report, {**given, **values}, window, limit, filtering)
    return Plan(report, query, {**given, **values}, values, filtering)


def report_query(
    report: Report,
    parameters: Mapping[str, Parameter],
    window: Window,
    limit: int | None,
    filtering: Filtering | None = None,
) -> exp.Expression:
    """The query of a report as it runs.

    Args:
        report: The report.
        parameters: Values of its placeholders; those it declares and nobody gave have their defaults.
        window: The days; they restrict the tables that the document names as `window`.
        limit: Rows at the most; the report may name it as `:row_limit`.
        filtering: What the tables are restricted by, beside the window.
    """
    given = {**_defaults(report), **parameters, "row_limit": limit}
    tree = bind(parse(report.sql, str(report.file)), given, str(report.file))
    if condition := window.condition():
        if not report.doc.window:
            raise UsageError(f"report {report.name} has no window: --since and --until don't apply")
        for table in list(tree.find_all(exp.Table)):
            name = f"{table.db}.{table.name}"
            if name in report.doc.window:
                put_instead(table, exp.select("*").from_(exp.to_table(name)).where(condition))
    if filtering:
        tree = filtering.into_query(report, tree)
    if limit is not None and isinstance(tree, exp.Query):
        tree = tree.limit(limit)
    return tree


def _defaults(report: Report) -> dict[str, Parameter]:
    return {name: doc.default for name, doc in report.doc.parameters.items()}


def run_reports(engine: Engine, plans: Sequence[Plan]) -> list[Rows]:
    """Rows of reports; what they have in common is computed once.

    A report whose model can't be fitted has no rows, but the failure.

    Raises:
        QueryError: A user's own report doesn't run.
    """
    fits: dict[str, Fitted] = {}
    found = []
    for item, query in zip(plans, share(engine, [item.query for item in plans]), strict=True):
        note = item.note
        if item.report.doc.fit:
            from clicklake.reports.fit import fit_rows

            fitted = fit_rows(engine, item, query, fits)
            query = fitted.put_into(query, item.report.doc.fit)
            if fitted.problem:
                note = f"{note} · {fitted.problem}" if note else str(fitted.problem)
            if fitted.problem and not item.report.doc.fit.optional:
                found.append(Rows(_typed(item.report, None), note, fitted.problem))
                continue
        found.append(Rows(_run(engine, item.report, text(query)), note))
    return found


def _run(engine: Engine, report: Report, sql: str) -> pa.Table:
    try:
        table = engine.table(sql)
    except EngineError as error:
        raise QueryError(f"{report.file}: {error}") from error
    return _typed(report, table)


def _typed(report: Report, table: pa.Table | None) -> pa.Table:
    """Rows in the document's columns and types; no rows where there is no table."""
    if not report.doc.columns and table is not None:
        return table
    schema = pa.schema([(name, _naive(ColumnType(doc.type).arrow)) for name, doc in report.doc.columns.items()])
    return schema.empty_table() if table is None else table.select(schema.names).cast(schema)


def _naive(data_type: pa.DataType) -> pa.DataType:
    return pa.timestamp("us") if pa.types.is_timestamp(data_type) else data_type
