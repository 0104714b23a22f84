"""Reports of a lake: their rows, how they come about, and what they can be restricted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from clicklake.build.release import Release
from clicklake.contracts.catalogue import pick
from clicklake.contracts.parameter_doc import checked
from clicklake.engines.base import Engine
from clicklake.errors import UsageError
from clicklake.lake.reading import ReadingLake
from clicklake.reports.explain import explain, rows_behind
from clicklake.reports.filters import Filtering, filters_of, require_known, values_query, values_tables
from clicklake.reports.run import Asked, Plan, Window, plan, report_tables, run_reports
from clicklake.rows import About, Rows


class ReportingLake(ReadingLake):
    """The part of `Lake` that reports."""

    def report(
        self,
        name: str,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        as_of: date | str | None = None,
        source: str | None = None,
        segment: str | None = None,
        limit: int | None = None,
        engine: Engine | None = None,
        release: Release | None = None,
        **parameters: Any,  # noqa: ANN401 - as the report declares them
    ) -> Rows:
        """The rows of a report.

        Args:
            name: The report.
            since: First day (reporting time zone).
            until: Last day, included.
            as_of: The day that is taken for today; later days are left out.
            source: Only what this source brought.
            segment: Only users and customers of this segment.
            limit: Rows at the most; else the report's own default.
            engine: One that is kept for several reports.
            release: What is read; else the newest.
            **parameters: Values that the report declares, for example `user`, and of other filters.

        Raises:
            UnknownNameError: No such report, source or segment.
            UsageError: The report can't be restricted so.
            FitError: The data is too small for the report's model.
        """
        own = engine or self.engine()
        try:
            window = _window(since, until, as_of)
            asked = Asked(name, limit, _given(parameters, source, segment))
            planned = self._plan(own, asked, window, release or self.release())
            (rows,) = run_reports(own, [planned])
        finally:
            if engine is None:
                own.close()
        if rows.failure:
            raise rows.failure
        return self._about(rows, name)

    def reports(
        self,
        asked: Sequence[Asked],
        since: date | str | None = None,
        until: date | str | None = None,
        as_of: date | str | None = None,
        source: str | None = None,
        segment: str | None = None,
    ) -> list[Rows]:
        """The rows of several reports; what they have in common is computed once.

        A report whose model can't be fitted has no rows; its `failure` says why.

        Args:
            asked: Which, in which order.
            since: First day (reporting time zone).
            until: Last day, included.
            as_of: The day that is taken for today; later days are left out.
            source: Only what this source brought.
            segment: Only users and customers of this segment.

        Raises:
            UnknownNameError: No such report, source or segment.
            UsageError: A report can't be restricted so.
        """
        release, window = self.release(), _window(since, until, as_of)
        engine = self.engine()
        try:
            items = [replace(item, parameters=_given(item.parameters, source, segment)) for item in asked]
            found = run_reports(engine, [self._plan(engine, item, window, release) for item in items])
        finally:
            engine.close()
        return [self._about(rows, item.name) for rows, item in zip(found, asked, strict=True)]

    def _about(self, rows: Rows, report: str) -> Rows:
        return replace(rows, about=About(self, report=report))

    def explain(
        self,
        asked: Asked,
        since: date | str | None = None,
        until: date | str | None = None,
        as_of: date | str | None = None,
        source: str | None = None,
        segment: str | None = None,
    ) -> dict[str, Any]:
        """How a report comes about: definition, sources, values, fitted model, SQL; arguments as of `reports`."""
        release, window = self.release(), _window(since, until, as_of)
        engine = self.engine()
        try:
            item = replace(asked, parameters=_given(asked.parameters, source, segment))
            return explain(engine, self._plan(engine, item, window, release), window, release)
        finally:
            engine.close()

    def rows_behind(
        self,
        report: str,
        since: date | str | None = None,
        until: date | str | None = None,
        **filters: str,
    ) -> dict[str, str]:
        """SQL of the rows that a report is computed from, by table; one that a filter makes anew is left out.

        Args:
            report: The report.
            since: First day (reporting time zone).
            until: Last day, included.
            **filters: Values of filters, such as `source` and `segment`.

        Raises:
            UnknownNameError: No such report or filter.
            UsageError: The report can't be restricted so.
        """
        known = self.catalogue.report(report)
        window = _window(since, until, None) if known.doc.window else Window()
        return rows_behind(known, window, Filtering(self.catalogue, filters, self.parameters))

    def filters(self, report: str) -> dict[str, str | None]:
        """What a report can be restricted by: each filter that there is, with the reason where it can't."""
        return filters_of(self.catalogue, self.catalogue.report(report), self.parameters)

    def filter_values(self, name: str, *, engine: Engine | None = None, release: Release | None = None) -> Rows:
        """What may be given for a filter, such as `source` or `segment`: value, kind, size.

        Args:
            name: The filter.
            engine: One that is kept for more.
            release: What is read; else the newest.

        Raises:
            UnknownNameError: No such filter.
        """
        known = pick(name, self.catalogue.filters, "filter")
        own = engine or self.engine()
        try:
            current = release or self.release()
            for table in values_tables(known):
                self.attach_table(own, table, current)
            return Rows(own.table(values_query(known, self.parameters)))
        finally:
            if engine is None:
                own.close()

    def _plan(self, engine: Engine, asked: Asked, window: Window, release: Release | None) -> Plan:
        report = self.catalogue.report(asked.name)
        known = report.doc.parameters
        own = {name: value for name, value in asked.parameters.items() if name in known}
        others = {name: value for name, value in asked.parameters.items() if name not in own}
        unknown = [name for name in others if name not in self.catalogue.filters]
        if unknown:
            there_are = ", ".join(known) or "none"
            raise UsageError(f"report {report.name} has no parameter {', '.join(unknown)}; it has {there_are}")
        given = {name: str(value) for name, value in others.items() if value is not None}
        filtering = Filtering(self.catalogue, given, self.parameters)
        of_filters = [table for name in given for table in values_tables(self.catalogue.filters[name])]
        for table in dict.fromkeys([*report_tables(report, filtering), *of_filters]):
            self.attach_table(engine, table, release)
        require_known(engine, filtering)
        rows = report.doc.limit.default if asked.limit is None else asked.limit
        return plan(engine, report, {**self.parameters, **checked(report.name, known, own)}, window, rows, filtering)


def _given(parameters: Mapping[str, Any], source: str | None, segment: str | None) -> dict[str, Any]:
    """Parameters and filters; those that nobody gave are left out."""
    filters = {"source": source, "segment": segment}
    return {**parameters, **{name: value for name, value in filters.items() if value is not None}}


def _window(since: date | str | None, until: date | str | None, as_of: date | str | None) -> Window:
    return Window(_day(since, "since"), _day(until, "until"), _day(as_of, "as-of"))


def _day(value: date | str | None, name: str) -> date | None:
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"--{name} {value}: not a date such as 2025-01-31") from error
