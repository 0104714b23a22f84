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
        streams: One row a topic: source, topic, messages, late, lag, last_batch.
        last_run: The newest run's row of `ops.runs`.
        last_failure: The newest failed run's.
        next_steps: What to type next.
    """

    sources: list[dict[str, Any]] = field(default_factory=list)
    streams: list[dict[str, Any]] = field(default_factory=list)
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
        runs = _runs(lake, engine)
        topics = streams(lake, engine)
    finally:
        engine.close()
    known = list(dict.fromkeys([*ledger, *files, *lake.settings.sources]))
    batches = {row["source"]: row["last_batch"] for row in topics}
    sources = [_source(lake, name, ledger.get(name), files.get(name), batches.get(name), now) for name in known]
    failed = [run for run in runs if run["status"] == "failed"]
    release = lake.release()
    return Status(
        sources=sources,
        streams=topics,
        last_run=runs[-1] if runs else None,
        last_failure=failed[-1] if failed else None,
        release=release.release_id if release else None,
        next_steps=_next_steps(lake, sources, runs, release is not None),
    )


def streams(lake: Lake, engine: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - the engine's protocol
    """One row a topic that a stream has read: what `ops.streams` and the last batch in bronze's log say."""
    from clicklake.stream.notes import STREAMS, last_commit

    snapshot = lake.store.find(STREAMS)
    if snapshot is None:
        return []
    rows = engine.rows(
        "select source, topic, sum(messages), sum(late), arg_max(lag, last_version), max(last_at), "
        f"arg_max(newest_event, last_version) from ({engine.scan(snapshot)}) group by source, topic order by 1, 2"
    )
    found = []
    for source, topic, messages, late, lag, last_at, newest in rows:
        bronze = lake.store.find(f"bronze.{source}")
        last = last_commit(lake.store, bronze) if bronze else None
        if last and last.note["stream"]["topic"] == topic:  # newer than what was added up
            lag, last_at = last.note["stream"]["lag"], last.time
        found.append(
            {
                "source": source,
                "topic": topic,
                "messages": int(messages),
                "late": int(late),
                "lag": lag,
                "newest_event": newest,
                "last_batch": last_at.replace(tzinfo=timezone.utc),
            }
        )
    return found


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


def _runs(lake: Lake, engine: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - the engine's protocol
    """The newest run, and the newest that failed, in their order; a stream writes many."""
    snapshot = lake.store.find("ops.runs")
    if snapshot is None:
        return []
    rows = engine.table(
        f"select * from ({engine.scan(snapshot)}) where stage = 'run' "
        "qualify row_number() over (order by run_id desc) = 1 "
        "or (status = 'failed' and row_number() over (partition by status order by run_id desc) = 1)"
    )
    return sorted(rows.to_pylist(), key=lambda row: row["run_id"])


def _source(
    lake: Lake,
    name: str,
    ledger: SourceLedger | None,
    files: tuple[int, int, datetime] | None,
    batch: datetime | None,
    now: datetime,
) -> dict[str, Any]:
    bronze = lake.store.find(f"bronze.{name}")
    rows = bronze.size[0] if bronze else 0
    refined = ledger.rows_ingested if ledger else 0
    promised = lake.catalogue.contract(name).freshness_hours if name in lake.catalogue.source_names else None
    times = [moment for moment in (files[2] if files else None, batch) if moment]
    age = (now - max(times)).total_seconds() / 3600 if times else None
    fresh = "never" if age is None else "late" if promised and age > promised else "fresh"
    return {
        "source": name,
        "files": files[0] if files else 0,
        "failed_files": files[1] if files else 0,
        "rows": rows,
        "waiting": rows - refined,
        "quality_score": ledger.score if ledger else None,
        "last_ingested": max(times).replace(tzinfo=None) if times else None,
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
