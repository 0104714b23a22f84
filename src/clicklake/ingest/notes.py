"""What came of each file, noted in `ops.files` behind the commit that brought its rows into bronze.

A kill can come between the two. Bronze is the truth: what it holds and nobody has noted is noted by the next
ingestion of the source. Notes are written on top of the version that was looked at, so that no two runs write one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.engines.sql import string
from clicklake.errors import ConflictError
from clicklake.ingest.ingest import FileOutcome
from clicklake.ingest.withdrawals import live_versions
from clicklake.storage import Snapshot, Store, commit
from clicklake.tables import system_spec

FILES = "ops.files"
_TRIES = 20


class KnownFiles:
    """Asks a version of bronze for the `source_version`s that it holds, and remembers the answer.

    Files that were unloaded are not among them: they may come again.
    """

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self.versions: frozenset[str] = frozenset()

    def __call__(self, bronze: Snapshot) -> frozenset[str]:
        """The content versions of the files in bronze."""
        self.versions = live_versions(self._store, self._engine, bronze)
        return self.versions


def known_stamps(store: Store, engine: Engine, source: str) -> dict[tuple[str, str], str]:
    """The content of objects that were read, by URL and stamp: where a stamp is the same, so is the content."""
    snapshot = store.find(FILES)
    if snapshot is None or "stamp" not in snapshot.schema.names:
        return {}
    rows = engine.rows(
        f"select distinct source_file, stamp, source_version from ({engine.scan(snapshot)}) "
        f"where source = {string(source)} and status = 'ingested' and stamp is not null"
    )
    return {(file, stamp): version for file, stamp, version in rows}


def note_files(
    store: Store,
    engine: Engine,
    catalogue: Catalogue,
    source: str,
    outcomes: Sequence[FileOutcome],
    known: frozenset[str],
    run_id: str,
) -> None:
    """Note what came of files, and those in bronze whose note a kill has prevented.

    Args:
        store: The lake.
        engine: Runs the queries.
        catalogue: Knows the table.
        source: The source.
        outcomes: What this run did with its files.
        known: Content versions that bronze held before.
        run_id: This run.

    Raises:
        ConflictError: Other writers were always faster.
    """
    spec = system_spec(catalogue, FILES)
    common = {"source": source, "run_id": run_id}
    for _ in range(_TRIES):
        snapshot = store.ensure(spec)  # of a lake of before, without stamps: then objects are fetched to be known again
        noted = {
            row[0]
            for row in engine.rows(
                f"select source_version from ({engine.scan(snapshot)}) where source = {string(source)} "
                "and status in ('ingested', 'withdrawn') "
                "group by source_version having arg_max(status, ingested_at) = 'ingested'"
            )
        }
        rows = [_note(outcome) for outcome in outcomes if outcome.status != "skipped" and outcome.version not in noted]
        rows += _lost(store, engine, source, known - noted)
        if not rows:
            return
        try:
            table = pa.Table.from_pylist([{**common, **row} for row in rows], schema=snapshot.schema)
            commit(store, snapshot, table, marks={})
            return
        except ConflictError:
            continue
    raise ConflictError(f"{FILES}: {_TRIES} commits of other writers came first; try again")


def drift_of(source: str, outcomes: Sequence[FileOutcome], run_id: str) -> list[dict[str, Any]]:
    """How files differ from their contract, as rows of `ops.drift`."""
    now = datetime.now(timezone.utc)
    return [
        {
            "source": source,
            "source_file": outcome.file.path,
            "source_version": outcome.version,
            "kind": kind,
            "column_name": column,
            "detail": detail,
            "rows": rows or None,
            "run_id": run_id,
            "seen_at": now,
        }
        for outcome in outcomes
        if outcome.status == "ingested"
        for (kind, column, detail), rows in outcome.stats.drift.items()
    ]


def _note(outcome: FileOutcome) -> dict[str, Any]:
    went_in = outcome.status == "ingested"
    return {
        "source_file": outcome.file.path,
        "source_version": outcome.version,
        "stamp": outcome.file.stamp or None,
        "bytes": outcome.file.size,
        "records": outcome.stats.records if went_in else None,
        "corrupt_records": outcome.stats.corrupt if went_in else None,
        "status": outcome.status,
        "error": str(outcome.error) if outcome.error else None,
        "ingested_at": datetime.now(timezone.utc),
    }


def _lost(store: Store, engine: Engine, source: str, versions: frozenset[str]) -> list[dict[str, Any]]:
    """Notes of files that bronze holds, made from its rows."""
    if not versions:
        return []
    listed = ", ".join(string(version) for version in sorted(versions))
    bronze = engine.scan(store.open(f"bronze.{source}"))
    found = engine.rows(
        "select source_file, source_version, count(*), count(corrupt_record), min(ingestion_timestamp) "
        f"from ({bronze}) where source_version in ({listed}) group by source_file, source_version"
    )
    names = ("source_file", "source_version", "records", "corrupt_records", "ingested_at")
    return [
        {"status": "ingested", "bytes": int(row[1].partition("-")[0]), **dict(zip(names, row, strict=True))}
        for row in found
    ]
