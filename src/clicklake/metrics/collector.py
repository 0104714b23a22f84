"""A lake's figures for a scrape: what its tables say now, read again only where they have changed."""

from __future__ import annotations

import platform
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Protocol

import deltalake
import duckdb
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clicklake import _version
from clicklake.errors import ClicklakeError
from clicklake.lake import Lake
from clicklake.metrics.definitions import LAKE_METRICS
from clicklake.metrics.definitions import Metric as Definition
from clicklake.metrics.readings import READINGS, Kept, Samples
from clicklake.overview import streams
from clicklake.runs import logger
from clicklake.storage import Snapshot
from clicklake.stream.notes import STREAMS

_STORE_SECONDS = 15.0
"""Between two looks at a lake on an object store, where each table costs requests."""
_RELEASES = "ops.releases"


class Serves(Protocol):
    """What serves a lake."""

    @property
    def lake(self) -> Lake:
        """The lake."""


class LakeMetrics(Collector):
    """What Prometheus is told of a lake; threads may share it.

    Args:
        lake: The lake, or what serves one.
        labels: Stand at every series, for example the lake's name where one Prometheus has several.
        seconds: Between two looks at the lake; else 0 for a folder and 15 for an object store.

    Example:
        >>> registry = CollectorRegistry()
        >>> registry.register(LakeMetrics(Lake("lake")))
    """

    def __init__(
        self, lake: Lake | Serves, *, labels: Mapping[str, str] | None = None, seconds: float | None = None
    ) -> None:
        self._lake = lake if isinstance(lake, Lake) else lake.lake
        self._labels = dict(labels or {})
        self._seconds = (0.0 if self._lake.store.is_local else _STORE_SECONDS) if seconds is None else seconds
        self._lock = threading.Lock()
        self._engine = self._lake.local_engine()
        tables = self._lake.catalogue.system
        self._kept = [Kept(reading, self._engine, tables[reading.table].doc.schema) for reading in READINGS]
        self._tables: dict[str, tuple[Snapshot, tuple[float, ...]]] = {}
        self._release: tuple[Snapshot | None, Samples, Mapping[str, int]] = (None, {}, {})
        self._streams: tuple[list[Snapshot | None], Samples] = ([], {})
        self._samples: Samples = {}
        self._looked_at = float("-inf")

    def describe(self) -> Iterable[Metric]:
        """The metrics without values; nothing is read."""
        return [_family(definition, self._labels) for definition in LAKE_METRICS]

    def collect(self) -> Iterable[Metric]:
        """The metrics of now."""
        with self._lock:
            if time.monotonic() >= self._looked_at + self._seconds:
                self._samples = self._look()
                self._looked_at = time.monotonic()
            samples = self._samples
        families = []
        for definition in LAKE_METRICS:
            family = _family(definition, self._labels)
            for values, value in sorted(samples.get(definition.name, ())):
                family.add_metric([*self._labels.values(), *values], value)
            families.append(family)
        return families

    def close(self) -> None:
        """Close the engine."""
        with self._lock:
            self._engine.close()

    def _look(self) -> Samples:
        begun = time.perf_counter()
        try:
            found = self._read()
            found["clicklake_lake_up"] = [((), 1.0)]
        except (ClicklakeError, OSError) as error:
            logger.warning("the lake's metrics can't be read: %s", error)
            found = {"clicklake_lake_up": [((), 0.0)]}
        versions = (_version.__version__, platform.python_version(), duckdb.__version__, deltalake.__version__)
        found["clicklake_build_info"] = [(versions, 1.0)]
        found["clicklake_scrape_seconds"] = [((), time.perf_counter() - begun)]
        return found

    def _read(self) -> Samples:
        store = self._lake.store
        snapshots = {name: found for name in store.names() if (found := store.find(name))}
        samples: Samples = {}
        for kept in self._kept:
            samples |= kept.samples(snapshots.get(kept.reading.table))
        released, versions = self._read_release(snapshots.get(_RELEASES))
        samples |= released
        samples |= self._read_tables(snapshots, versions)
        samples |= self._read_streams(snapshots)
        self._complete(samples, snapshots)
        if store.is_local:
            try:
                disk = shutil.disk_usage(self._lake.path)
            except FileNotFoundError:  # nothing is there yet
                return samples
            samples["clicklake_filesystem_size_bytes"] = [((), float(disk.total))]
            samples["clicklake_filesystem_free_bytes"] = [((), float(disk.free))]
        return samples

    def _read_release(self, snapshot: Snapshot | None) -> tuple[Samples, Mapping[str, int]]:
        known, samples, versions = self._release
        if snapshot is None or snapshot is not known:
            newest = self._lake.release()
            samples = {"clicklake_release_number": [((), float(newest.release_id if newest else 0))]}
            if newest:
                samples["clicklake_release_timestamp_seconds"] = [((), newest.released_at.timestamp())]
            versions = newest.versions if newest else {}
            self._release = (snapshot, samples, versions)
        return samples, versions

    def _read_tables(self, snapshots: Mapping[str, Snapshot], released: Mapping[str, int]) -> Samples:
        names = [definition.name for definition in LAKE_METRICS if definition.name in _TABLE_FACTS]
        samples: Samples = {name: [] for name in names}
        known, self._tables = self._tables, {}
        for table, snapshot in snapshots.items():
            before = known.get(table)
            facts = before[1] if before and before[0] is snapshot else _facts(snapshot)
            self._tables[table] = (snapshot, facts)
            for name, value in zip(_TABLE_FACTS, facts, strict=True):
                samples[name].append(((table,), value))
        samples["clicklake_table_released_version"] = [((name,), float(at)) for name, at in released.items()]
        return samples

    def _read_streams(self, snapshots: Mapping[str, Snapshot]) -> Samples:
        looked_at = [found for name, found in snapshots.items() if name == STREAMS or name.startswith("bronze.")]
        known, samples = self._streams
        if STREAMS not in snapshots:
            return {}
        if len(known) == len(looked_at) and all(a is b for a, b in zip(known, looked_at, strict=True)):
            return samples
        samples = {}
        for row in streams(self._lake, self._engine):
            labels = (str(row["source"]), str(row["topic"]))
            values = {
                "clicklake_stream_messages_total": row["messages"],
                "clicklake_stream_late_events_total": row["late"],
                "clicklake_stream_lag_messages": row["lag"],
                "clicklake_stream_batch_timestamp_seconds": _seconds(row["last_batch"]),
                "clicklake_stream_newest_event_timestamp_seconds": _seconds(row["newest_event"]),
            }
            for name, value in values.items():
                if value is not None:
                    samples.setdefault(name, []).append((labels, float(value)))
        self._streams = (list(looked_at), samples)
        return samples

    def _complete(self, samples: Samples, snapshots: Mapping[str, Snapshot]) -> None:
        """What comes from several tables, or from contracts."""
        judged = dict(samples.get("clicklake_source_ingested_rows", ()))
        waiting = samples["clicklake_source_waiting_rows"] = []
        for name, snapshot in snapshots.items():
            if name.startswith("bronze."):
                key = (name.removeprefix("bronze."),)
                waiting.append((key, snapshot.size[0] - judged.get(key, 0.0)))
        came = dict(samples.get("clicklake_source_ingested_timestamp_seconds", ()))
        for (source, _), at in samples.get("clicklake_stream_batch_timestamp_seconds", ()):
            came[(source,)] = max(at, came.get((source,), at))
        samples["clicklake_source_ingested_timestamp_seconds"] = list(came.items())
        limits = samples["clicklake_source_freshness_seconds"] = []
        catalogue = self._lake.catalogue
        for (source,) in came:
            hours = catalogue.contract(source).freshness_hours if source in catalogue.source_names else None
            if hours:
                limits.append(((source,), hours * 3600.0))


_TABLE_FACTS = (
    "clicklake_table_rows",
    "clicklake_table_bytes",
    "clicklake_table_files",
    "clicklake_table_version",
    "clicklake_table_committed_timestamp_seconds",
)


def _facts(snapshot: Snapshot) -> tuple[float, ...]:
    rows, size = snapshot.size
    (commit,) = snapshot.delta.history(1)
    at = commit["timestamp"] / 1000
    return float(rows), float(size), float(snapshot.actions.num_rows), float(snapshot.version), at


def _seconds(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _family(definition: Definition, labels: Mapping[str, str]) -> CounterMetricFamily | GaugeMetricFamily:
    # An info is a gauge of 1 by another name, which the text format has no word for.
    kind = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
    return kind(definition.name, definition.help, labels=[*labels, *definition.labels])


def exposition(lake: Lake | Serves, labels: Mapping[str, str] | None = None) -> bytes:
    """The lake's metrics in Prometheus' text format."""
    metrics = LakeMetrics(lake, labels=labels)
    try:
        registry = CollectorRegistry()
        registry.register(metrics)
        return bytes(generate_latest(registry))
    finally:
        metrics.close()
