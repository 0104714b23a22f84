"""What a page gets: the reports within the viewer's filters, and what it must know of the viewer's screen."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from clicklake.access import Grants
from clicklake.build.release import Release
from clicklake.contracts.model import Chart, Report
from clicklake.dashboard.filters import Choices, Chosen, Days
from clicklake.errors import ClicklakeError
from clicklake.lake import Lake
from clicklake.reports import formats
from clicklake.reports.filters import values_tables
from clicklake.reports.render import Result
from clicklake.reports.run import Window
from clicklake.rows import Rows
from clicklake.serving import Serving
from clicklake.serving.generation import Generation

Asked = Iterator[tuple[str, dict[str, Any], bool]]
"""Reports by name, each with what is given to `View.report`, and whether its chart stands beside another."""

logger = logging.getLogger("clicklake")


@dataclass(frozen=True)
class View:
    """What a page draws from; `view.report("top_products")` are rows within the filters.

    Args:
        lake: The lake, for what is no report: its catalogue, its settings, its scorecard.
        serving: Reads it.
        grants: What the viewer may see.
        chosen: The filters.
        pages: Of the navigation, by name, to link to.
        generation: The release that all of it is of; the newest of each moment where None.
    """

    lake: Lake
    serving: Serving
    grants: Grants
    chosen: Chosen = Chosen()
    pages: Mapping[str, Any] = field(default_factory=dict)
    generation: Generation | None = None

    @contextmanager
    def held(self) -> Iterator[View]:
        """The same view, of one release as long as it is drawn, whatever is published meanwhile."""
        if self.serving.release is None:
            yield self
            return
        with nullcontext(self.generation) if self.generation else self.serving.reading() as generation:
            yield replace(self, generation=generation)

    def later(self) -> View:
        """The same view for what is done when the page is drawn and its release is let go."""
        return replace(self, generation=None)

    def report(
        self,
        name: str,
        *,
        days: Days | None = None,
        limit: int | None = None,
        chart: Chart | None = None,
        **parameters: Any,  # noqa: ANN401 - as the report declares them
    ) -> Result:
        """A report's rows within the filters as the viewer may see them, with all that is needed to show them.

        Args:
            name: The report.
            days: Other days than those of the filters.
            limit: Rows at the most.
            chart: How it is drawn, other than its document says.
            **parameters: Values that the report declares.

        Raises:
            ForbiddenError: The viewer may not see it.
            ClicklakeError: As `Lake.report`.
        """
        report = self.lake.catalogue.report(name)
        window = self._window(report, days)
        given = {**self.chosen.parameters, **parameters}
        self.grants.require_report(report, given)
        rows = self.grants.masked_report(
            report,
            self.serving.report(
                name, since=window.since, until=window.until, limit=limit, generation=self.generation, **given
            ),
        )
        doc = report.doc.model_copy(update={"chart": chart}) if chart else report.doc
        note = " · ".join(filter(None, (rows.note, None if len(rows) else doc.empty))) or None
        return Result(name, doc, rows.table, self.lake.settings.currency, str(window), note=note)

    def behind(self, name: str) -> dict[str, str]:
        """SQL of the rows within the filters that a report is computed from, by those tables that the viewer may see.

        Args:
            name: The report.
        """
        days, granted = self.chosen.days, set(self.grants.tables())
        found = self.lake.rows_behind(name, days.since, days.until, **self.chosen.parameters)
        return {table: sql for table, sql in found.items() if table in granted}

    def within(self, chosen: Chosen) -> View:
        """The same with these filters."""
        return replace(self, chosen=chosen)

    def drawn(self, result: Result, chart: Chart) -> Result:
        """The same rows with another chart."""
        return replace(result, doc=result.doc.model_copy(update={"chart": chart}))

    def choices(self) -> Choices | None:
        """What the filters offer; None where there is no day with anything."""
        (row,) = self.report("data_range", days=Days()).table.to_pylist()
        if row["first_day"] is None:
            return None
        sources = {found["value"]: formats.text(found["value"]) for found in self._values_of("source")}
        segments = {
            found["value"]: f"{formats.text(found['value'])} ({formats.label(found['kind'])})"
            for found in self._values_of("segment")
        }
        return Choices(row["first_day"], row["last_day"], sources, segments)

    def _values_of(self, name: str) -> list[dict[str, Any]]:
        """What a filter may be given; nothing where the viewer may not see the tables that tell it."""
        for table in values_tables(self.lake.catalogue.filters[name]):
            if table not in self.grants.tables():
                return []
        with self.serving.reading() as generation:

            def make() -> Rows:
                with generation.cursor() as engine:
                    return self.lake.filter_values(name, engine=engine, release=generation.release)

            key = ("filter", generation.release.release_id, name)
            try:
                return self.serving.kept.get_or_make(key, make).to_pylist()
            except ClicklakeError as error:  # such as a release from before its tables had what tells it
                logger.warning("the dashboard offers no filter by %s: %s", name, error)
                return []

    def of_source(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of rows that each belong to a source those of the filters."""
        return [row for row in rows if self.chosen.source in (None, row["source"])]

    def definition(self, name: str) -> str:
        """What a report shows, in words."""
        return " ".join(self.lake.catalogue.report(name).doc.description.split())

    @property
    def release(self) -> Release | None:
        """What is shown; the newest one where nothing is being drawn."""
        return self.generation.release if self.generation else self.serving.release

    @property
    def is_dark(self) -> bool:
        """Whether the viewer's screen is dark."""
        return bool(st.context.theme.type == "dark")

    @property
    def is_phone(self) -> bool:
        """Whether the viewer's browser says that it is a phone's: charts are laid out for a narrow screen."""
        return "Mobi" in (st.context.headers.get("User-Agent") or "")

    def _window(self, report: Report, days: Days | None) -> Window:
        wanted = self.chosen.days if days is None else days
        return Window(wanted.since, wanted.until) if report.doc.window else Window()
