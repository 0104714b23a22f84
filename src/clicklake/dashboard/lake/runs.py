"""Sources and how fresh they are, runs with their stages, and what to do next."""

from __future__ import annotations

import streamlit as st

from clicklake.dashboard import listing, urls
from clicklake.dashboard.lake.granted import require
from clicklake.dashboard.states import plain
from clicklake.dashboard.view import View
from clicklake.engines.sql import string
from clicklake.overview import status
from clicklake.refine.settle import LEDGER
from clicklake.reports.formats import Format

_RUNS = "ops.runs"
_MOST = 100
_SOURCES: listing.Docs = {
    "source": ("text", "The source."),
    "files": ("integer", "Files that were ingested."),
    "failed_files": ("integer", "Files that could not be read."),
    "rows": ("integer", "Rows in bronze."),
    "waiting": ("integer", "Rows in bronze that were not refined yet."),
    "quality_score": ("percent", "Rows loaded of those loaded and quarantined, in percent."),
    "last_ingested": ("timestamp", "When its last rows came, UTC."),
    "freshness": ("text", "fresh, or late by what its contract promises."),
}
_FORMATS: dict[str, Format] = {
    "seconds": "decimal",
    "cpu_seconds": "decimal",
    "score": "percent",
    **dict.fromkeys(("rows_in", "rows_out", "rows_rejected", "rows_duplicate", "bytes_out"), "integer"),
    **dict.fromkeys(("peak_memory_bytes", "spilled_bytes"), "integer"),
}
_RUN = ("run_id", "command", "status", "started_at", "seconds", "cpu_seconds", "peak_memory_bytes", "error")
_STAGE = ("stage", "target", "status", "seconds", "rows_in", "rows_out", "rows_rejected", "rows_duplicate", "bytes_out")


def draw(view: View) -> None:
    """Draw the section."""
    require(view, _RUNS, LEDGER)
    found = status(view.lake)
    with st.container(border=True, key="card-next"):
        st.subheader("What to do next", anchor=False)
        for step in found.next_steps:
            st.code(step, language="bash")
    listing.show(
        "sources",
        "Sources",
        "One row per source that the lake has files of.",
        view.of_source(found.sources),
        _SOURCES,
        empty="No source has rows yet: clicklake run click_events=PATH.",
    )
    if found.last_failure:
        failure = found.last_failure
        st.warning(
            plain(f"The last failure was {failure['run_id']} ({failure['command']}): {failure['error']}"),
            icon=":material/error:",
        )
    if view.lake.store.find(_RUNS) is None:
        st.info("No run yet.", icon=":material/inbox:")
        return
    columns = view.lake.catalogue.system[_RUNS].doc.columns
    newest = f"select * from {_RUNS} where stage = 'run' order by run_id desc limit {_MOST}"
    runs = view.lake.query(newest).table
    listing.show(
        "runs",
        "Runs",
        f"One row per run, the newest first, {_MOST} at the most.",
        runs,
        listing.documented(columns, _RUN, _FORMATS),
        height=320,
    )
    ids = runs["run_id"].to_pylist()
    if not ids:
        return
    asked = urls.value("run")
    run_id = st.selectbox(
        "Stages of run", ids, index=ids.index(asked) if asked in ids else 0, key="lake_run", width=330
    )
    urls.keep("run", run_id or "", ids[0])
    of_run = f"run_id = {string(run_id or ids[0])} and stage <> 'run'"
    stages = view.lake.query(f"select * from {_RUNS} where {of_run} order by started_at, target").table
    docs = {
        **listing.documented(columns, _STAGE, _FORMATS),
        **listing.documented(columns, ("score", "reason", "error"), _FORMATS),
    }
    listing.show("stages", f"Stages of {run_id}", "One row per stage of the run.", stages, docs, height=420)
