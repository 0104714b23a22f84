"""Generate the Grafana dashboard from the panels below; `--check` says whether it is out of date."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clicklake.reports.render.theme import DARK

FILE = Path(__file__).resolve().parent.parent / "deploy" / "monitoring" / "grafana-dashboard.json"
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_ANSWERED = 'rate(clicklake_http_request_seconds_bucket{HERE,route!~".*/events"}[5m])'
"""Who follows a run is answered for as long as it runs."""
_HERE = 'instance=~"$instance",lake=~"$lake"'
_WIDTH = 24  # columns of Grafana's grid
_GOOD, _WARNING, _BAD = DARK["accent"], DARK["warning"], DARK["bad"]


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        title: What it shows.
        description: How it is meant, with the unit.
        queries: PromQL and the legend of its series; `HERE` stands for the chosen instances and lakes.
        unit: As Grafana names it.
        kind: `timeseries`, `stat` or `bargauge`.
        width: Of 24 columns.
        steps: From which value on which colour; else the accent alone.
        options: What else is set in `fieldConfig.defaults`.
        is_stacked: Whether series lie on one another.
    """

    title: str
    description: str
    queries: Sequence[tuple[str, str]]
    unit: str
    kind: str = "timeseries"
    width: int = 8
    steps: Sequence[tuple[float | None, str]] = ((None, _GOOD),)
    options: dict[str, Any] = field(default_factory=dict)
    is_stacked: bool = False


def states(bad: str, good: str) -> dict[str, Any]:
    """Words for 0 and 1."""
    words = {"0": {"text": bad, "color": _BAD, "index": 0}, "1": {"text": good, "color": _GOOD, "index": 1}}
    return {"mappings": [{"type": "value", "options": words}]}


SHARE = {"min": 0, "max": 1}
FROM_ZERO = {"min": 0}

ROWS: dict[str, Sequence[Panel]] = {
    "Now": (
        Panel(
            "Lake", "Whether the lake could be read for the last scrape.", [("min(clicklake_lake_up{HERE})", "")],
            "short", "stat", 4, options=states("unreadable", "readable"),
        ),
        Panel(
            "Last run", "How the newest run ended.", [("min(clicklake_last_run_success{HERE})", "")],
            "short", "stat", 4, options=states("failed", "done"),
        ),
        Panel(
            "Release", "Number of the newest release, which readers see.",
            [("max(clicklake_release_number{HERE})", "")], "none", "stat", 4,
        ),
        Panel(
            "Release age", "Seconds since the newest release was published.",
            [("time() - max(clicklake_release_timestamp_seconds{HERE})", "")],
            "s", "stat", 4, ((None, _GOOD), (26 * 3600, _WARNING), (72 * 3600, _BAD)),
        ),
        Panel(
            "Worst source", "Rows loaded by rows loaded and quarantined, of the source where this is least.",
            [("min(clicklake_source_quality_ratio{HERE})", "")],
            "percentunit", "stat", 4, ((None, _BAD), (0.9, _WARNING), (0.95, _GOOD)), SHARE,
        ),
        Panel(
            "Ledger", "Whether every row of every source has one fate.", [("min(clicklake_source_balanced{HERE})", "")],
            "short", "stat", 4, options=states("unbalanced", "balanced"),
        ),
    ),
    "Sources": (
        Panel(
            "Rows that came, by fate", "Rows within an hour by the fate that they had when they were judged.",
            [("sum by (fate) (increase(clicklake_source_judged_rows_total{HERE}[1h]))", "{{fate}}")],
            "short", options=FROM_ZERO, is_stacked=True,
        ),
        Panel(
            "Quarantined of what came", "Share of the rows of the last hour that were rejected, by source.",
            [(
                'sum by (source) (increase(clicklake_source_judged_rows_total{HERE,fate="quarantined"}[1h])) '
                "/ (sum by (source) (increase(clicklake_source_judged_rows_total{HERE}[1h])) > 0)", "{{source}}",
            )],
            "percentunit", options=FROM_ZERO,
        ),
        Panel(
            "Open quarantine by reason", "Rejected rows that still wait; a row with two reasons counts for both.",
            [("topk(10, sum by (source, reason) (clicklake_source_quarantined_rows{HERE}))", "{{source}}: {{reason}}")],
            "short", "bargauge", options=FROM_ZERO,
        ),
        Panel(
            "Rows by fate now", "All rows of the lake's sources: loaded, duplicate, quarantined, withdrawn, erased.",
            [("sum by (fate) (clicklake_source_rows{HERE})", "{{fate}}")],
            "short", options=FROM_ZERO, is_stacked=True,
        ),
        Panel(
            "Quality of sources", "Rows loaded by rows loaded and quarantined.",
            [("clicklake_source_quality_ratio{HERE}", "{{source}}")],
            "percentunit", options={"max": 1},
        ),
        Panel(
            "Age of sources",
            "Time since a source brought something, by what its contract promises: above 100% it is late.",
            [(
                "(time() - clicklake_source_ingested_timestamp_seconds{HERE}) "
                "/ clicklake_source_freshness_seconds{HERE}", "{{source}}",
            )],
            "percentunit", options=FROM_ZERO,
        ),
        Panel(
            "Rows that wait", "Rows in bronze that were not judged yet.",
            [("clicklake_source_waiting_rows{HERE}", "{{source}}")], "short", options=FROM_ZERO,
        ),
        Panel(
            "Files", "Files within an hour by what came of them.",
            [("sum by (source, status) (increase(clicklake_source_files_total{HERE}[1h]))", "{{source}} {{status}}")],
            "short", options=FROM_ZERO,
        ),
        Panel(
            "Drift", "Differences between files and contracts within a day, by kind.",
            [("sum by (source, kind) (increase(clicklake_source_drift_total{HERE}[1d]))", "{{source}}: {{kind}}")],
            "short", options=FROM_ZERO,
        ),
    ),
    "Quality": (
        Panel(
            "Quality of tables", "Share of good rows of the worst measure, by table and dimension: the ten worst.",
            [("bottomk(10, clicklake_quality_ratio{HERE})", "{{table}} {{dimension}}")],
            "percentunit", "bargauge", 12, ((None, _BAD), (0.95, _WARNING), (0.99, _GOOD)), SHARE,
        ),
        Panel(
            "Measures by verdict", "How many measures are ok, warn or fail by the thresholds of the lake's settings.",
            [("sum by (verdict) (clicklake_quality_measures{HERE})", "{{verdict}}")],
            "short", width=12, options=FROM_ZERO, is_stacked=True,
        ),
    ),
    "Runs": (
        Panel(
            "Runs", "Runs within a day by command and how they ended.",
            [("sum by (command, status) (increase(clicklake_runs_total{HERE}[1d]))", "{{command}} {{status}}")],
            "short", options=FROM_ZERO,
        ),
        Panel(
            "Seconds of runs", "Wall time of the newest run; of a stage, of all that it does when each last ran.",
            [
                ("max(clicklake_last_run_seconds{HERE})", "run"),
                ("sum by (stage) (clicklake_stage_last_seconds{HERE})", "{{stage}}"),
            ],
            "s", options=FROM_ZERO,
        ),
        Panel(
            "Slowest steps", "Seconds that a stage took for a source or table when it last ran: the ten longest.",
            [("topk(10, clicklake_stage_last_seconds{HERE})", "{{stage}} {{target}}")],
            "s", "bargauge", options=FROM_ZERO,
        ),
        Panel(
            "Rows by stage", "Rows that stages have written within an hour.",
            [('sum by (stage) (increase(clicklake_stage_rows_total{HERE,fate="written"}[1h]))', "{{stage}}")],
            "short", options=FROM_ZERO,
        ),
        Panel(
            "Failed stages", "Times within a day that a stage failed.",
            [("sum by (stage) (increase(clicklake_stage_failures_total{HERE}[1d]))", "{{stage}}")],
            "short", options=FROM_ZERO,
        ),
        Panel(
            "Memory of the newest run", "Largest resident set of its process, bytes.",
            [("max(clicklake_last_run_peak_memory_bytes{HERE})", "peak")], "bytes", options=FROM_ZERO,
        ),
    ),
    "Tables": (
        Panel(
            "Largest tables", "Bytes of the files of a table's newest version: the ten largest.",
            [("topk(10, clicklake_table_bytes{HERE})", "{{table}}")], "bytes", "bargauge", options=FROM_ZERO,
        ),
        Panel(
            "Size of the lake", "Bytes of the files of all newest versions; older ones that are kept come on top.",
            [("sum(clicklake_table_bytes{HERE})", "tables")], "bytes", options=FROM_ZERO,
        ),
        Panel(
            "Free disk", "Share of the lake's file system that is free; not for object stores.",
            [("clicklake_filesystem_free_bytes{HERE} / clicklake_filesystem_size_bytes{HERE}", "{{instance}}")],
            "percentunit", options=SHARE,
        ),
        Panel(
            "Rows of tables", "Rows at the newest version: the ten longest tables.",
            [("topk(10, clicklake_table_rows{HERE})", "{{table}}")], "short", options=FROM_ZERO,
        ),
        Panel(
            "Age of tables", "Seconds since the newest version was committed: the ten oldest of gold.",
            [('topk(10, time() - clicklake_table_committed_timestamp_seconds{HERE,table=~"gold.*"})', "{{table}}")],
            "s", "bargauge", options=FROM_ZERO,
        ),
        Panel(
            "Files of tables", "Files at the newest version: the ten with most.",
            [("topk(10, clicklake_table_files{HERE})", "{{table}}")], "short", options=FROM_ZERO,
        ),
    ),
    "Streams": (
        Panel(
            "Lag", "Messages that waited at the broker when the last batch was committed.",
            [("clicklake_stream_lag_messages{HERE}", "{{topic}}")], "short", options=FROM_ZERO,
        ),
        Panel(
            "Messages", "Messages a second, over fifteen minutes: they are added up every few minutes.",
            [("rate(clicklake_stream_messages_total{HERE}[15m])", "{{topic}}")], "short", options=FROM_ZERO,
        ),
        Panel(
            "Age of the last batch", "Seconds since a batch was committed; it also rises where nothing comes.",
            [("time() - clicklake_stream_batch_timestamp_seconds{HERE}", "{{topic}}")], "s", options=FROM_ZERO,
        ),
    ),
    "API": (
        Panel(
            "Requests", "Requests a second by status.",
            [("sum by (status) (rate(clicklake_http_requests_total{HERE}[5m]))", "{{status}}")],
            "reqps", options=FROM_ZERO, is_stacked=True,
        ),
        Panel(
            "Time to answer", "Seconds within which half of the requests and 99 of 100 were answered.",
            [
                (f"histogram_quantile({share}, sum by (le) ({_ANSWERED}))", name)
                for share, name in ((0.5, "p50"), (0.99, "p99"))
            ],
            "s", options=FROM_ZERO,
        ),
        Panel(
            "Slowest routes", "Seconds within which 99 of 100 requests were answered: the ten slowest routes.",
            [(f"topk(10, histogram_quantile(0.99, sum by (route, le) ({_ANSWERED})))", "{{route}}")],
            "s", "bargauge", options=FROM_ZERO,
        ),
    ),
}  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "title": "clicklake",
        "uid": "clicklake",
        "description": "A lake's sources, quality, runs, tables, streams and server.",
        "tags": ["clicklake"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "utc",
        "templating": {"list": [_datasource(), _chosen("instance", "Instance"), _chosen("lake", "Lake")]},
        "panels": list(_panels()),
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _chosen(name: str, label: str) -> dict[str, Any]:
    """A choice among the values of a label; what has no such label, as a lake of its own address, is among all."""
    query = f"label_values(clicklake_lake_up, {name})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"{name}s"},
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for row, panels in ROWS.items():
        number += 1
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": row, "collapsed": False, "gridPos": place, "panels": []}
        top, left = top + 1, 0
        height = 4 if all(panel.kind == "stat" for panel in panels) else 8
        for panel in panels:
            number += 1
            if left + panel.width > _WIDTH:
                top, left = top + height, 0
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            left += panel.width
        top += height


def _panel(panel: Panel) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + place),
            "datasource": _DATASOURCE,
            "expr": query.replace("HERE", _HERE),
            "legendFormat": legend or "__auto",
            # What is shown as it is now needs no history.
            "instant": panel.kind != "timeseries",
            "range": panel.kind == "timeseries",
        }
        for place, (query, legend) in enumerate(panel.queries)
    ]
    steps = [{"value": value, "color": colour} for value, colour in panel.steps]
    defaults = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}, **panel.options}
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.is_stacked else "none", "group": "A"}
        lines = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 25 if panel.is_stacked else 0}
        defaults["custom"] = {**lines, "showPoints": "never", "stacking": stacking}
        defaults["color"] = {"mode": "palette-colorblind"}
    else:
        defaults["color"] = {"mode": "thresholds"}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel.kind),
    }


def _options(kind: str) -> dict[str, Any]:
    now = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if kind == "stat":
        return {"reduceOptions": now, "colorMode": "value", "graphMode": "none", "textMode": "value"}
    if kind == "bargauge":
        return {"reduceOptions": now, "orientation": "horizontal", "displayMode": "basic", "showUnfilled": True}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the dashboard if it changed, or with --check only say so.

    Returns:
        1 where --check found it out of date.
    """
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == text():
        return 0
    if "--check" in arguments:
        print(f"out of date: {FILE.name}")
        return 1
    FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
