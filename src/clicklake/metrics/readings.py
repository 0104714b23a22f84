"""What is read from the tables of a lake that say what happened in it, in SQL.

These tables grow with every run. Each of their files is added up once, and the sums of the files that a table has
now are put together: a scrape costs what is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from clicklake.contracts.types import from_arrow
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import quote, string
from clicklake.storage import Snapshot

Samples = dict[str, list[tuple[tuple[str, ...], float]]]
"""By metric: the values of its labels, and its value."""


@dataclass(frozen=True)
class Reading:
    """Metrics that come from one table.

    Args:
        table: The table.
        each: SQL of what a file adds up to, from `{rows}`, with the column `filename`.
        metrics: By metric the SQL of its labels and value, from `{sums}`.
    """

    table: str
    each: str
    metrics: Mapping[str, str]


@dataclass
class Kept:
    """A reading with the sums of the files that it knows.

    Args:
        reading: What is read.
        engine: Holds the sums.
        schema: The table's columns by its document; tables and files of before may lack some.
    """

    reading: Reading
    engine: DuckDB
    schema: pa.Schema
    _of: Snapshot | None = None
    _files: frozenset[str] = frozenset()
    _samples: Samples = field(default_factory=dict)

    def samples(self, snapshot: Snapshot | None) -> Samples:
        """The metrics of a version; of none where there is no table."""
        if snapshot is None:
            return {}
        if snapshot is not self._of:
            self._follow(snapshot)
            self._samples = {name: list(self._rows(sql)) for name, sql in self.reading.metrics.items()}
            self._of = snapshot
        return self._samples

    @property
    def _sums(self) -> str:
        return f"work.{self.reading.table.replace('.', '_')}"

    def _follow(self, snapshot: Snapshot) -> None:
        now = frozenset(snapshot.files)
        new, gone = sorted(now - self._files), self._files - now
        none = f"{_none(self.schema)} union all by name {self.engine.scan(snapshot, [], filename=True)}"
        rows = f"{none} union all by name {_read(new)}" if new else none
        if not self._files:
            self.engine.execute(f"create or replace table {self._sums} as {self._each(rows)}")
        elif new:
            self.engine.execute(f"insert into {self._sums} {self._each(rows)}")
        if gone:
            self.engine.execute(f"delete from {self._sums} where filename in ({', '.join(map(string, sorted(gone)))})")
        self._files = now

    def _each(self, rows: str) -> str:
        return self.reading.each.format(rows=f"({rows})")

    def _rows(self, sql: str) -> Iterator[tuple[tuple[str, ...], float]]:
        for *labels, value in self.engine.rows(sql.format(sums=self._sums)):
            if value is not None:
                yield tuple("" if label is None else str(label) for label in labels), float(value)


def _none(schema: pa.Schema) -> str:
    columns = ", ".join(f"cast(null as {from_arrow(item.type).sql}) as {quote(item.name)}" for item in schema)
    return f"select {columns} where false"


def _read(files: Sequence[str]) -> str:
    listed = ", ".join(map(string, files))
    return f"select * from read_parquet([{listed}], union_by_name = true, filename = true, hive_partitioning = false)"


def _by_column(columns: Mapping[str, str], key: str) -> str:
    """Columns as rows: a label of the column's name beside a key."""
    parts = (f"select {key}, {string(label)}, sum({name}) from {{sums}} group by 1" for name, label in columns.items())
    return " union all ".join(parts)


_FATES = {
    "loaded": "loaded",
    "duplicates": "duplicate",
    "quarantined": "quarantined",
    "withdrawn": "withdrawn",
    "erased": "erased",
}
_JUDGED = {f"new_{name}": label for name, label in _FATES.items() if name in ("loaded", "duplicates", "quarantined")}
_SUM_OF_FATES = " + ".join(f"sum({name})" for name in _FATES)

LEDGER = Reading(
    "ops.ledger",
    "select filename, source, sum(rows_ingested) as rows_ingested, sum(conflicts) as conflicts, "
    + ", ".join(f"sum({name}) as {name}" for name in _FATES)
    # A round of new rows may also take some back, such as one that a smaller content replaces: a counter must not.
    + "".join(
        f", sum(greatest({name.removeprefix('new_')}, 0)) filter (where kind = 'new') as {name}" for name in _JUDGED
    )
    + " from {rows} group by filename, source",
    {
        "clicklake_source_ingested_rows": "select source, sum(rows_ingested) from {sums} group by 1",
        "clicklake_source_conflict_rows": "select source, sum(conflicts) from {sums} group by 1",
        "clicklake_source_rows": _by_column(_FATES, "source"),
        "clicklake_source_judged_rows_total": _by_column(_JUDGED, "source"),
        "clicklake_source_balanced": f"select source, sum(rows_ingested) = {_SUM_OF_FATES} from {{sums}} group by 1",
        "clicklake_source_quality_ratio": "select source, sum(loaded) / nullif(sum(loaded) + sum(quarantined), 0) "
        "from {sums} group by 1",
    },
)

QUARANTINE = Reading(
    "silver.quarantine",
    "select filename, source, reason, count(*) as n from (select filename, source, unnest(reasons) as reason "
    "from {rows} where status = 'open') group by all",
    {"clicklake_source_quarantined_rows": "select source, reason, sum(n) from {sums} group by 1, 2"},
)

FILES = Reading(
    "ops.files",
    "select filename, source, status, count(*) as n, sum(bytes) as bytes, max(epoch(ingested_at)) as came "
    "from {rows} group by all",
    {
        "clicklake_source_files_total": "select source, status, sum(n) from {sums} group by 1, 2",
        "clicklake_source_read_bytes_total": "select source, sum(bytes) from {sums} where status = 'ingested' "
        "group by 1",
        "clicklake_source_ingested_timestamp_seconds": "select source, max(came) from {sums} "
        "where status <> 'withdrawn' group by 1",
    },
)

DRIFT = Reading(
    "ops.drift",
    "select filename, source, kind, count(*) as n from {rows} group by all",
    {"clicklake_source_drift_total": "select source, kind, sum(n) from {sums} group by 1, 2"},
)

QUALITY = Reading(
    "ops.quality",
    # All measures that are taken together have one time; those of before are history.
    "select filename, measured_at, table_name, dimension, verdict, count(*) as n, min(score) as score from {rows} "
    "where is_scored group by filename, measured_at, table_name, dimension, verdict "
    "qualify measured_at = max(measured_at) over (partition by filename)",
    {
        "clicklake_quality_ratio": "select table_name, dimension, min(score) / 100 from {sums} "
        "where measured_at = (select max(measured_at) from {sums}) group by 1, 2",
        "clicklake_quality_measures": "select verdict, sum(n) from {sums} where verdict is not null "
        "and measured_at = (select max(measured_at) from {sums}) group by 1",
        "clicklake_quality_measured_timestamp_seconds": "select epoch(max(measured_at)) from {sums}",
    },
)

_ROWS = {"rows_in": "read", "rows_out": "written", "rows_rejected": "rejected", "rows_duplicate": "duplicate"}
_WHOLE = "from {sums} where stage = 'run'"

RUNS = Reading(
    "ops.runs",
    "select filename, command, stage, target, status, count(*) as n, "
    # Exact: in another order the sum of floats may be a little less, which Prometheus takes for a restart.
    "sum(cast(seconds as decimal(18, 3))) as seconds, sum(cast(cpu_seconds as decimal(18, 3))) as cpu_seconds, "
    + ", ".join(f"sum(greatest({name}, 0)) filter (where {name} is not null) as {name}" for name in _ROWS)
    + ", max(run_id) as last, max(epoch(finished_at)) as finished, arg_max(seconds, run_id) as last_seconds, "
    "arg_max(peak_memory_bytes, run_id) as last_peak from {rows} group by all",
    {
        "clicklake_runs_total": f"select command, status, sum(n) {_WHOLE} group by 1, 2",
        "clicklake_run_finished_timestamp_seconds": f"select status, max(finished) {_WHOLE} group by 1",
        "clicklake_last_run_success": f"select arg_max(status = 'done', last) {_WHOLE}",
        "clicklake_last_run_seconds": f"select arg_max(last_seconds, last) {_WHOLE}",
        "clicklake_last_run_peak_memory_bytes": f"select arg_max(last_peak, last) {_WHOLE}",
        "clicklake_stage_seconds_total": "select stage, sum(seconds) from {sums} where stage <> 'run' group by 1",
        "clicklake_stage_cpu_seconds_total": "select stage, sum(cpu_seconds) from {sums} where stage <> 'run' "
        "group by 1",
        "clicklake_stage_failures_total": "select stage, coalesce(sum(n) filter (where status = 'failed'), 0) "
        "from {sums} where stage <> 'run' group by 1",
        "clicklake_stage_rows_total": _by_column(_ROWS, "stage"),
        "clicklake_stage_last_seconds": "select stage, target, arg_max(last_seconds, last) from {sums} "
        "where stage <> 'run' group by 1, 2",
    },
)

READINGS = (LEDGER, QUARANTINE, FILES, DRIFT, QUALITY, RUNS)
