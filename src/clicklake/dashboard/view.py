"""What a page gets: the reports within the viewer's filters, and what it must know of the viewer's screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from clicklake.build.release import Release
from clicklake.contracts.model import Chart, Report
from clicklake.dashboard.filters import Choices, Chosen, Days
from clicklake.lake import Lake
from clicklake.reports.render import Result
from clicklake.reports.run import Window
from clicklake.serving import Serving


@dataclass(frozen=True)
class View:
    """What a page draws from; `view.report("top_products")` are rows within the filters.

    Args:
        lake: The lake, for what is no report: its catalogue, its settings, its scorecard.
        serving: Reads it.
        chosen: The filters.
        pages: Of the navigation, by name, to link to.
    """

    lake: Lake
    serving: Serving
    chosen: Chosen = Chosen()
    pages: Mapping[str, Any] = field(default_factory=dict)

    def report(
        self,
        name: str,
        *,
        days: Days | None = None,
        limit: int | None = None,
        chart: Chart | None = None,
        **parameters: Any,  # noqa: ANN401 - as the report declares them
    ) -> Result:
        """A report's rows within the filters, with all that is needed to show them.

        Args:
            name: The report.
            days: Other days than those of the filters.
            limit: Rows at the most.
            chart: How it is drawn, other than its document says.
            **parameters: Values that the report declares.

        Raises:
            ClicklakeError: As `Lake.report`.
        """
        report = self.lake.catalogue.report(name)
        window = self._window(report, days)
        rows = self.serving.report(
            name,
            since=window.since,
            until=window.until,
            limit=limit,
            **{**self.chosen.parameters, **parameters},
        )
        doc = report.doc.model_copy(update={"chart": chart}) if chart else report.doc
        note = " · ".join(filter(None, (rows.note, None if len(rows) else doc.empty))) or None
        return Result(name, doc, rows.table, self.lake.settings.currency, str(window), note=note)

    def drawn(self, result: Result, chart: Chart) -> Result:
        """The same rows with another chart."""
        return replace(result, doc=result.doc.model_copy(update={"chart": chart}))

    def choices(self) -> Choices | None:
        """What the filters offer; None where there is no day with anything."""
        (row,) = self.report("data_range", days=Days()).table.to_pylist()
        return Choices(row["first_day"], row["last_day"]) if row["first_day"] else None

    def definition(self, name: str) -> str:
        """What a report shows, in words."""
        return " ".join(self.lake.catalogue.report(name).doc.description.split())

    @property
    def release(self) -> Release | None:
        """The newest release."""
        return self.serving.release

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
