"""Charts of reports in the browser: those of the HTML reports, in the viewer's colours and with tooltips."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pyarrow as pa

from clicklake.dashboard.theme import repainted
from clicklake.reports.render.charts import HALF, PHONE, WIDE, is_wide, lay_out
from clicklake.reports.render.charts.plot import plot_of
from clicklake.reports.render.result import Result
from clicklake.serving import Kept

_KEPT: Kept[str] = Kept(32 << 20, len)
"""Charts of the same rows are laid out once: that takes longer than to read the rows."""


def chart_of(
    result: Result, *, is_dark: bool, is_phone: bool, is_half: bool = False
) -> tuple[str, Any, list[str]] | None:
    """A report's chart: its title, its Vega-Lite, and what must be said beneath it; None where nothing is drawn.

    Args:
        result: The report.
        is_dark: Whether the viewer's screen is dark.
        is_phone: Whether it is narrow.
        is_half: Whether two stand side by side.
    """
    chart = result.doc.chart
    if chart.kind in ("none", "kpi") or not result.table.num_rows:
        return None
    about = (result.name, chart.model_dump_json(), result.currency, result.total_rows, _content(result.table))
    made = _KEPT.get_or_make((*about, is_dark, is_phone, is_half), lambda: _drawn(result, is_dark, is_phone, is_half))
    drawn: tuple[str, Any, list[str]] | None = json.loads(made)
    return drawn


def _content(table: pa.Table) -> bytes:
    """What tells rows from other rows."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(stream.getvalue()).digest()


def _drawn(result: Result, is_dark: bool, is_phone: bool, is_half: bool) -> str:
    """The chart as JSON."""
    plot = plot_of(result)
    if plot is None:
        return "null"
    width = PHONE if is_phone else HALF if is_half or not is_wide(result) else WIDE
    spec = lay_out(result.doc.chart.kind, plot, width).to_dict(validate=False)
    rows = spec.pop("datasets", {})
    for layer in spec["layer"]:
        _with_moments(layer.get("encoding", {}))
        if "description" in layer.get("encoding", {}):
            layer["encoding"]["tooltip"] = {**layer["encoding"]["description"]}
    # Rows stay where they are drawn: Streamlit would make a data frame of those that it finds above.
    if "data" in spec:
        spec["layer"] = [{"data": spec.pop("data"), "layer": spec["layer"]}]
    for layer in spec["layer"]:
        layer["data"] = {"values": rows[layer["data"]["name"]]}
    spec["width"] = "container"
    return json.dumps([plot.title, repainted(spec, is_dark=is_dark), list(plot.notes)])


def _with_moments(encoding: dict[str, Any]) -> None:
    """Say the ends of an axis of times so that every layer reads them alike, without being compiled too."""
    x = encoding.get("x", {})
    if x.get("type") != "temporal":
        return
    if "domain" in x.get("scale", {}):
        x["scale"]["domain"] = [{"expr": f"toDate({place:.0f})"} for place in x["scale"]["domain"]]
    if "values" in x.get("axis", {}):
        x["axis"]["values"] = {"expr": f"[{', '.join(f'toDate({place:.0f})' for place in x['axis']['values'])}]"}
