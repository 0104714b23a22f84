"""Every metric with its kind, labels and meaning: what is exported, and what the reference says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "info", "histogram"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Args:
        name: As Prometheus shows it.
        kind: What it is; a counter never goes down, but for a lake that was restored.
        help: What it says, with its unit.
        labels: What tells its series apart.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which queries find it."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


HTTP_REQUESTS = Metric(
    "clicklake_http_requests_total",
    "counter",
    "Requests that were answered, by route and status.",
    ("method", "route", "status"),
)
HTTP_SECONDS = Metric(
    "clicklake_http_request_seconds",
    "histogram",
    "Seconds from a request to the end of its answer.",
    ("method", "route"),
)

_LAKE = (
    Metric(
        "clicklake_build_info",
        "info",
        "Versions of clicklake and of what it runs on; always 1.",
        ("version", "python", "duckdb", "deltalake"),
    ),
    Metric(
        "clicklake_lake_up", "gauge", "1 where the lake could be read for this scrape, else 0 and nothing else of it."
    ),
    Metric("clicklake_scrape_seconds", "gauge", "Seconds that it took to look at the lake."),
    Metric("clicklake_filesystem_size_bytes", "gauge", "Bytes of the file system that a lake on this machine lies on."),
    Metric("clicklake_filesystem_free_bytes", "gauge", "Bytes of it that are free."),
)
_RELEASE = (
    Metric("clicklake_release_number", "gauge", "Number of the newest release, which readers see; 0 before the first."),
    Metric("clicklake_release_timestamp_seconds", "gauge", "When it was published, in seconds since 1970."),
)
_TABLE = (
    Metric("clicklake_table_rows", "gauge", "Rows of a table, at its newest version.", ("table",)),
    Metric("clicklake_table_bytes", "gauge", "Bytes of its files.", ("table",)),
    Metric("clicklake_table_files", "gauge", "Its files.", ("table",)),
    Metric("clicklake_table_version", "gauge", "Its newest version.", ("table",)),
    Metric("clicklake_table_released_version", "gauge", "The version that readers see.", ("table",)),
    Metric(
        "clicklake_table_committed_timestamp_seconds",
        "gauge",
        "When its newest version was committed, in seconds since 1970.",
        ("table",),
    ),
)
_SOURCE = (
    Metric("clicklake_source_ingested_rows", "gauge", "Rows of a source that were ingested and judged.", ("source",)),
    Metric(
        "clicklake_source_rows",
        "gauge",
        "Of these, rows by their fate now: loaded, duplicate, quarantined, withdrawn or erased.",
        ("source", "fate"),
    ),
    Metric(
        "clicklake_source_judged_rows_total",
        "counter",
        "Rows by the fate that they had when they came: loaded, duplicate or quarantined.",
        ("source", "fate"),
    ),
    Metric(
        "clicklake_source_conflict_rows",
        "gauge",
        "Duplicates whose content differs from the row that was kept.",
        ("source",),
    ),
    Metric("clicklake_source_waiting_rows", "gauge", "Rows in bronze that were not judged yet.", ("source",)),
    Metric("clicklake_source_balanced", "gauge", "1 where every row of a source has one fate, else 0.", ("source",)),
    Metric(
        "clicklake_source_quality_ratio",
        "gauge",
        "Rows loaded by rows loaded and quarantined, from 0 to 1.",
        ("source",),
    ),
    Metric(
        "clicklake_source_quarantined_rows",
        "gauge",
        "Open rows of the quarantine by reason; a row with two reasons counts for both.",
        ("source", "reason"),
    ),
    Metric(
        "clicklake_source_files_total",
        "counter",
        "Files by what came of them: ingested, failed or withdrawn.",
        ("source", "status"),
    ),
    Metric(
        "clicklake_source_read_bytes_total",
        "counter",
        "Bytes of the files that were ingested, as they lay there.",
        ("source",),
    ),
    Metric(
        "clicklake_source_drift_total",
        "counter",
        "Differences between files and contract, by kind.",
        ("source", "kind"),
    ),
    Metric(
        "clicklake_source_ingested_timestamp_seconds",
        "gauge",
        "When the last file or batch of a source came, in seconds since 1970.",
        ("source",),
    ),
    Metric(
        "clicklake_source_freshness_seconds",
        "gauge",
        "How old that may be by the source's contract, in seconds.",
        ("source",),
    ),
)
_QUALITY = (
    Metric(
        "clicklake_quality_ratio",
        "gauge",
        "Share of rows that are good, of the worst measure of a table in a dimension, from 0 to 1.",
        ("table", "dimension"),
    ),
    Metric(
        "clicklake_quality_measures",
        "gauge",
        "Measures of quality by what the thresholds say of them: ok, warn or fail.",
        ("verdict",),
    ),
    Metric(
        "clicklake_quality_measured_timestamp_seconds", "gauge", "When quality was measured, in seconds since 1970."
    ),
)
_RUN = (
    Metric(
        "clicklake_runs_total", "counter", "Runs by command and how they ended: done or failed.", ("command", "status")
    ),
    Metric(
        "clicklake_run_finished_timestamp_seconds",
        "gauge",
        "When the last run that ended so did, in seconds since 1970.",
        ("status",),
    ),
    Metric("clicklake_last_run_success", "gauge", "1 where the newest run is done, 0 where it failed."),
    Metric("clicklake_last_run_seconds", "gauge", "Seconds that the newest run took."),
    Metric("clicklake_last_run_peak_memory_bytes", "gauge", "Largest resident set of its process."),
    Metric("clicklake_stage_seconds_total", "counter", "Seconds in a stage of all runs.", ("stage",)),
    Metric("clicklake_stage_cpu_seconds_total", "counter", "Processor time of them.", ("stage",)),
    Metric("clicklake_stage_failures_total", "counter", "Times that a stage failed.", ("stage",)),
    Metric(
        "clicklake_stage_rows_total",
        "counter",
        "Rows of a stage of all runs by fate: read, written, rejected or duplicate.",
        ("stage", "fate"),
    ),
    Metric(
        "clicklake_stage_last_seconds",
        "gauge",
        "Seconds that a stage took for a source or table when it last ran.",
        ("stage", "target"),
    ),
)
_STREAM = (
    Metric(
        "clicklake_stream_messages_total",
        "counter",
        "Messages that a stream read from a topic; added up every few minutes.",
        ("source", "topic"),
    ),
    Metric(
        "clicklake_stream_late_events_total",
        "counter",
        "Of these, events behind the watermark; added up likewise.",
        ("source", "topic"),
    ),
    Metric(
        "clicklake_stream_lag_messages",
        "gauge",
        "Messages that waited at the broker when the last batch was committed.",
        ("source", "topic"),
    ),
    Metric(
        "clicklake_stream_batch_timestamp_seconds",
        "gauge",
        "When the last batch was committed, in seconds since 1970.",
        ("source", "topic"),
    ),
    Metric(
        "clicklake_stream_newest_event_timestamp_seconds",
        "gauge",
        "The newest time of an event, in seconds since 1970.",
        ("source", "topic"),
    ),
)

LAKE_METRICS: tuple[Metric, ...] = (*_LAKE, *_RELEASE, *_TABLE, *_SOURCE, *_QUALITY, *_RUN, *_STREAM)
"""What is read from a lake."""
METRICS: tuple[Metric, ...] = (*LAKE_METRICS, HTTP_REQUESTS, HTTP_SECONDS)
"""All there are."""
