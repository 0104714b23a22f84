"""What is in a lake: tables with their sizes, sources with their freshness, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from clicklake.quality.ledger import SourceLedger, read_ledger
from clicklake.refine.settle import LEDGER

if TYPE_CHECKING:
    from clicklake.lake import Lake


def tables(lake: Lake) -> list[dict[str, Any]]:
    """One row a table: rows, files, bytes, version, and the version that readers see."""
    release = lake.release()
    found = []
    for name in lake.store.names():
        snapshot = lake.store.open(name)
        rows, size = snapshot.size
        model = lake.catalogue.table(name)
        found.append(
            {
                "table": name,
                "rows": rows,
                "files": len(snapshot.files),
                "bytes": size,
                "version": snapshot.version,
                "released": dict(release.versions).get(name) if release else None,
                "description": model.doc.description if model else "One row per record of every file, as it came.",
            }
        )
    return found


@dataclass(frozen=True)
class Status:
    """How a lake stands.

    Args:
        sources: One row a source: files, rows, last_ingested, freshness, next_step.
        last_run: The newest run's row of `ops.runs`.
        last_failure: The newest failed run's.
        next_steps: What to type next.
    """

    sources: list[dict[str, Any]] = field(default_factory=list)
    last_run: dict[str, Any] | None = None
    last_failure: dict[str, Any] | None = None
    release: int | None = None
    next_steps: list[str] = field(default_factory=list)


def status(lake: Lake, now: datetime | None = None) -> Status:
    """Read a lake's state from its tables."""
    now = now or datetime.now(timezone.utc)
    engine = lake.engine()
    try:
        ledger = {entry.source: entry for entry in read_ledger(lake.store, engine)}
        files = _files(lake, engine)
        runs = _runs(lake)
    finally:
        engine.close()
    known = list(dict.fromkeys([*ledger, *files, *lake.settings.sources]))
    sources = [_source(lake, name, ledger.get(name), files.get(name), now) for name in known]
    failed = [run for run in runs if run["status"] == "failed"]
    release = lake.release()
    return Status(
        sources=sources,
        last_run=runs[-1] if runs else None,
        last_failure=failed[-1] if failed else None,
        release=release.release_id if release else None,
        next_steps=_next_steps(lake, sources, runs, release is not None),
    )


def _files(lake: Lake, engine: Any) -> dict[str, tuple[int, int, datetime]]:  # noqa: ANN401 - the engine's protocol
    snapshot = lake.store.find("ops.files")
    if snapshot is None:
        return {}
    rows = engine.rows(
        "select source, count(*) filter (where status = 'ingested') - count(*) filter (where status = 'withdrawn'), "
        "count(*) filter (where status = 'failed'), max(ingested_at) filter (where status <> 'withdrawn') "
        f"from ({engine.scan(snapshot)}) group by source"
    )
    return {source: (done, failed, at.replace(tzinfo=timezone.utc)) for source, done, failed, at in rows}


def _runs(lake: Lake) -> list[dict[str, Any]]:
    snapshot = lake.store.find("ops.runs")
    if snapshot is None:
        return []
    rows = snapshot.read().to_pylist()
    return sorted((row for row in rows if row["stage"] == "run"), key=lambda row: row["run_id"])


def _source(
    lake: Lake, name: str, ledger: SourceLedger | None, files: tuple[int, int, datetime] | None, now: datetime
) -> dict[str, Any]:
    bronze = lake.store.find(f"bronze.{name}")
    rows = bronze.size[0] if bronze else 0
    refined = ledger.rows_ingested if ledger else 0
    promised = lake.catalogue.contract(name).freshness_hours if name in lake.catalogue.source_names else None
    age = (now - files[2]).total_seconds() / 3600 if files else None
    fresh = "never" if age is None else "late" if promised and age > promised else "fresh"
    return {
        "source": name,
        "files": files[0] if files else 0,
        "failed_files": files[1] if files else 0,
        "rows": rows,
        "waiting": rows - refined,
        "quality_score": ledger.score if ledger else None,
        "last_ingested": files[2].replace(tzinfo=None) if files else None,
        "freshness": fresh,
    }


def _next_steps(
    lake: Lake, sources: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]], is_published: bool
) -> list[str]:
    if not sources:
        return [
            "clicklake run click_events=PATH        bring in your events",
            "clicklake demo        see it work",
        ]
    steps = []
    ledger = lake.store.find(LEDGER)
    if any(source["waiting"] for source in sources) or ledger is None or not is_published:
        steps.append("clicklake run        finish what is waiting")
    if runs and runs[-1]["status"] == "failed":
        steps.append(f"clicklake run        the last one failed: {runs[-1]['error']}")
    if any(source["freshness"] == "late" for source in sources):
        steps.append("clicklake run        a source is later than its contract promises")
    if any((source["quality_score"] or 100) < 100 for source in sources):
        steps.append("clicklake quarantine list        see what was rejected, and why")
    return [*steps, "clicklake report --all        see the reports"]
