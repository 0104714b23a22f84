"""clicklake measured: its processes, the stages of its run, its reports, its bytes."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import CLICKLAKE, HERE, Cost, data_bytes, output, run

JOURNEY_ROWS = 1000
_HELP_CALLS = 5
_STAGES = "select stage, target, seconds, cpu_seconds from ops.runs order by run_id, started_at"
_LAST_RUN = (
    "select stage, target, seconds, cpu_seconds, rows_in, rows_out, bytes_in, bytes_out, read_bytes, written_bytes, "
    "reason from ops.runs where run_id = (select max(run_id) from ops.runs) order by started_at"
)
_FATES = (
    "select cast(sum(rows_ingested) as bigint) as rows_ingested, cast(sum(loaded) as bigint) as loaded, "
    "cast(sum(duplicates) as bigint) as duplicates, cast(sum(quarantined) as bigint) as quarantined from ops.ledger"
)


@dataclass(frozen=True)
class ReportTime:
    """A report inside one process.

    Args:
        first: Seconds of the first call.
        second: Seconds of the second call.
        rows: How many it has.
    """

    first: float
    second: float
    rows: int


@dataclass(frozen=True)
class LakeFacts:
    """What a lake tells about its runs, and what it answers.

    Args:
        stages: Wall and CPU seconds by stage, `run` for the whole.
        reports: Times by report.
        answers: Rows by report.
        fates: What became of the rows.
        bronze_bytes: Data files of bronze.
        lake_bytes: Data files of all tables.
    """

    stages: dict[str, tuple[float, float]]
    reports: dict[str, ReportTime]
    answers: dict[str, list[dict[str, Any]]]
    fates: dict[str, int]
    bronze_bytes: int
    lake_bytes: int


class Lake:
    """A lake in the work folder; anything that was there is deleted.

    Args:
        folder: Gets the lake, the reports' files and logs.
        environment: Variables for its processes.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.environment = dict(environment or {})
        self.folder = folder
        self.path = folder / "lake"

    def run(self, clicks: Path | None = None, **others: Path) -> Cost:
        """`clicklake run`, with a file of click events, files of other sources, or with what is in bronze."""
        sources = ({"click_events": clicks} if clicks else {}) | others
        return self._measure("run", *(f"{source}={path}" for source, path in sources.items()))

    def ingest(self, clicks: Path) -> Cost:
        """`clicklake ingest` of a file of click events."""
        return self._measure("ingest", "click_events", str(clicks))

    def report(self, limit: int) -> Cost:
        """`clicklake report --all --out DIR`.

        Args:
            limit: Rows of a report at the most; 0 for the program's own limits.
        """
        limited = ["--limit", str(limit)] if limit else []
        return self._measure("report", "--all", *limited, "--out", str(self.folder / "reports"))

    def facts(self) -> LakeFacts:
        """What the lake tells, and its reports timed."""
        (fates,) = self._query(_FATES)
        timed = self._reports()
        return LakeFacts(
            stages=_added(self._query(_STAGES)),
            reports={name: ReportTime(*found["seconds"], len(found["rows"])) for name, found in timed.items()},
            answers={name: found["rows"] for name, found in timed.items()},
            fates={name: int(rows) for name, rows in fates.items()},
            bronze_bytes=data_bytes(self.path / "bronze"),
            lake_bytes=data_bytes(self.path),
        )

    def last_run(self) -> list[dict[str, Any]]:
        """The stages of the newest run, as `ops.runs` has them."""
        return self._query(_LAST_RUN)

    def delete(self) -> None:
        """Free the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _measure(self, command: str, *arguments: str) -> Cost:
        log = self.folder / f"{command}.log"
        return run([CLICKLAKE, "--lake", self.path, command, *arguments], log=log, environment=self.environment)

    def _query(self, sql: str) -> list[dict[str, Any]]:
        found = json.loads(output([CLICKLAKE, "--lake", self.path, "--json", "query", sql], self.folder))
        return list(found)

    def _reports(self) -> dict[str, Any]:
        out = self.folder / "answers.json"
        run(
            [sys.executable, HERE / "own_reports.py", self.path, out, str(JOURNEY_ROWS)],
            log=self.folder / "own_reports.log",
        )
        return dict(json.loads(out.read_text()))


def help_seconds(folder: Path) -> float:
    """Wall time of `clicklake --help`: the median of some calls after a first one."""
    calls = [run([CLICKLAKE, "--help"], log=folder / "help.log") for _ in range(_HELP_CALLS + 1)]
    return statistics.median(cost.seconds for cost in calls[1:])


def _added(stages: Iterable[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Seconds by stage, in the order of the first run, all runs together."""
    found: dict[str, tuple[float, float]] = {}
    for row in stages:
        name = f"{row['stage']} {row['target'] or ''}".strip()
        seconds, cpu = found.get(name, (0.0, 0.0))
        found[name] = (seconds + (row["seconds"] or 0), cpu + (row["cpu_seconds"] or 0))
    return found
