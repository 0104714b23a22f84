"""How good the data is: scores and their trend, the scorecard, faults, the ledger, drift."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import streamlit as st

from clicklake.contracts.model import Chart, ReportColumn, ReportDoc
from clicklake.dashboard import listing, parts, states, urls
from clicklake.dashboard.charts import chart_of
from clicklake.dashboard.lake.granted import require
from clicklake.dashboard.opened import opened
from clicklake.dashboard.view import View
from clicklake.errors import ForbiddenError
from clicklake.personal import names_of
from clicklake.quality.scorecard import DRIFT, Scorecard, scorecard
from clicklake.quality.show import offending
from clicklake.refine.settle import LEDGER, QUARANTINE
from clicklake.reports import formats
from clicklake.reports.render import Result

Versions = tuple[int | None, ...]

_VERDICTS = ("fail", "warn", "ok", None)
_SCORE = "Rows loaded of those loaded and quarantined, in percent."
_MOST = 200
_LEDGER: listing.Docs = {
    "source": ("text", "The source."),
    "rows_ingested": ("integer", "Rows that came in: each has one of the fates beside it."),
    "loaded": ("integer", "Rows in silver."),
    "duplicates": ("integer", "Rows that repeat another one."),
    "quarantined": ("integer", "Rows that break a rule and wait in quarantine."),
    "withdrawn": ("integer", "Rows of files that were taken back."),
    "erased": ("integer", "Rows that were erased."),
    "balanced": ("text", "Whether the fates add up to what came in."),
    "quality_score": ("percent", _SCORE),
    "verdict": ("text", "ok, warn or fail, by the thresholds of the settings."),
}
_TABLES: listing.Docs = {
    "table": ("text", "The table."),
    "rows": ("integer", "Its rows."),
    **{
        name: ("percent", f"The worst measure of {name}: percent of rows without a fault.")
        for name in ("completeness", "uniqueness", "validity", "accuracy", "consistency")
    },
    "verdict": ("text", "ok, warn or fail, by the thresholds of the settings."),
}
_FAULTS: listing.Docs = {
    "measure": ("text", "What is measured; `clicklake quality --show MEASURE` prints the rows behind it."),
    "dimension": ("text", "What sort of quality it tells."),
    "rows": ("integer", "Rows that were looked at."),
    "offending": ("integer", "Rows with the fault."),
    "score": ("percent", "Percent of rows without it."),
    "verdict": ("text", "ok, warn or fail."),
    "description": ("text", "What must hold."),
}
_DRIFT: listing.Docs = {
    "source": ("text", "The source."),
    "kind": ("text", "How its files differ from their contract."),
    "column_name": ("text", "The column."),
    "detail": ("text", "What was found."),
    "files": ("integer", "Files that differ so."),
    "rows": ("integer", "Their rows."),
    "last_seen": ("timestamp", "When it was seen last, UTC."),
}


def draw(view: View) -> None:
    """Draw the section."""
    require(view, LEDGER)
    card = _card(view)
    _scores(view, card)
    _trend(view, card)
    if view.release:
        with parts.told():
            _measures(view)


def draw_ledger(view: View) -> None:
    """Draw the ledger and drift."""
    require(view, LEDGER, DRIFT)
    card = _card(view)
    listing.show(
        "ledger",
        "Ledger: every row has one fate",
        "One row per source, all its rows since the beginning.",
        view.of_source(card.sources()),
        _LEDGER,
        empty="Nothing was refined yet: clicklake run click_events=PATH.",
    )
    listing.show(
        "drift",
        "Drift: where files differ from their contract",
        "One row per source and difference, newest first.",
        view.of_source(card.drift),
        _DRIFT,
        empty="No file differs from its contract.",
    )


def _card(view: View) -> Scorecard:
    lake, versions = view.lake, _versions(view)
    return _read_card(lake.path, versions, lake)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read_card(path: str, versions: Versions, _lake: Any) -> Scorecard:  # noqa: ANN401
    engine = _lake.local_engine()
    try:
        return scorecard(_lake.store, engine, _lake.catalogue, _lake.settings.quality)
    finally:
        engine.close()


def _versions(view: View) -> Versions:
    """What scores and measures are made of: the release, and what runs write beside it."""
    snapshots = (view.lake.store.find(name) for name in (LEDGER, QUARANTINE, DRIFT))
    release = view.release
    return release.release_id if release else 0, *(found.version if found else None for found in snapshots)


def _measures(view: View) -> None:
    """The tables measure by measure: as of the newest release, or of one before it until that is measured."""
    versions = _versions(view)
    found = opened().measuring.newest(versions)
    if found.of != versions:
        _await(versions)
    if found.error:
        raise found.error
    if found.assessment is None:
        return
    granted = set(view.grants.tables())
    tables = [row for row in found.assessment.tables() if row["table"] in granted]
    listing.show(
        "scorecard",
        "Scorecard",
        "One row per table: the worst measure of each dimension. What fails or warns comes first.",
        _worst_first(tables),
        _TABLES,
        height=420,
    )
    faults = [row for row in found.assessment.measures() if row["score"] is not None and row["offending"]]
    faults = [row for row in faults if row["table"] in granted]
    listing.show(
        "faults",
        "Measures with faults",
        "One row per measure that finds a fault. What fails or warns comes first, then the lowest score.",
        _worst_first(sorted(faults, key=lambda row: row["score"])),
        _FAULTS,
        empty="No measure finds a fault.",
    )
    if faults:
        _offending(view, [row["measure"] for row in faults])


def _offending(view: View, measures: list[str]) -> None:
    """The rows that a measure finds fault with."""
    with st.container(border=True, key="card-offending"), parts.told():
        parts.heading("The rows behind a measure", f"The first {_MOST} that have the fault; personal data is masked.")
        asked = urls.value("measure")
        picked = st.selectbox(
            "Measure",
            measures,
            index=measures.index(asked) if asked in measures else None,
            placeholder="Choose one",
            key="offending_measure",
            label_visibility="collapsed",
            width=420,
        )
        urls.keep("measure", picked or "")
        if not picked:
            return
        engine = view.lake.local_engine()
        try:
            measure, rows = offending(view.lake, engine, picked, release=view.release, limit=_MOST)
        finally:
            engine.close()
        hidden = [name for name in (measure.table, *measure.reads) if not _sees_all(view, name)]
        if hidden:
            role = view.grants.principal.role
            raise ForbiddenError(f"role {role} may not see all columns of {', '.join(dict.fromkeys(hidden))}")
        st.caption(states.plain(measure.description))
        parts.table(listing.result_of("offending", picked, rows, {name: (None, "") for name in rows.column_names}))


def _sees_all(view: View, table: str) -> bool:
    granted = view.grants.columns(table) if table in view.grants.tables() else {}
    return set(names_of(view.lake.lineage, table)) <= set(granted)


def _worst_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: _VERDICTS.index(row["verdict"]))


@st.fragment(run_every=1)
def _await(versions: Versions) -> None:
    """Say that the tables are being measured, and draw the page anew when they are."""
    found = opened().measuring.newest(versions)
    if found.of == versions:
        st.rerun()
    told = "The tables are being measured: that takes a while after each release."
    if found.assessment and found.assessment.release:
        told += f" What stands below is of release {found.assessment.release.release_id}."
    st.info(told, icon=":material/hourglass_top:")


def _scores(view: View, card: Scorecard) -> None:
    with st.container(horizontal=True, key="tiles-quality"):
        for row in view.of_source(card.sources()):
            st.metric(
                row["source"],
                formats.show(row["quality_score"], "percent"),
                help=f"{_SCORE} {formats.integer(row['quarantined'])} are in quarantine. Verdict: {row['verdict']}.",
                border=True,
            )


def _trend(view: View, card: Scorecard) -> None:
    trend = view.of_source(card.trend)
    with st.container(border=True, key="card-trend"):
        title = "Quality score of the rows that each run brought"
        parts.heading(title, "One point per source and run; a run that brought no rows of a source has none.")
        doc = ReportDoc.model_construct(
            title=title,
            description="",
            grain=(),
            columns={
                "source": ReportColumn(type="string", description="The source."),
                "recorded_at": ReportColumn(type="timestamp", description="When, UTC.", format="timestamp"),
                "score": ReportColumn(type="double", description=_SCORE, format="percent"),
            },
            chart=Chart(kind="line", x="recorded_at", y="score", series="source", title=title),
        )
        table = pa.Table.from_pylist([{name: row[name] for name in doc.columns} for row in trend])
        drawn = None
        if len({row["run_id"] for row in trend}) > 1:
            drawn = chart_of(Result("trend", doc, table, "", ""), is_dark=view.is_dark, is_phone=view.is_phone)
        if drawn:
            st.vega_lite_chart(spec=drawn[1], theme=None, width="stretch", key="chart-trend")
        elif trend:
            st.caption("One run up to now; a line is drawn from the second on.")
            parts.table(Result("trend", doc, table, "", ""))
        else:
            st.info("Nothing was refined yet: clicklake run click_events=PATH.", icon=":material/inbox:")
