"""A release names the versions of all tables that belong together; readers read the newest one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from clicklake.contracts.catalogue import Catalogue
from clicklake.errors import ConflictError
from clicklake.storage import Store, commit
from clicklake.tables import system_spec

RELEASES = "ops.releases"
RELEASE_MARK = "release"


@dataclass(frozen=True)
class Release:
    """A published set of table versions.

    Args:
        release_id: Rises by one.
        released_at: When, UTC.
        run_id: The run that published it.
        versions: Delta versions by table.
    """

    release_id: int
    released_at: datetime
    run_id: str
    versions: Mapping[str, int]


def releases(store: Store, version: int | None = None) -> list[Release]:
    """All releases, the newest last; where a version of their table is given, those of that version."""
    snapshot = store.find(RELEASES, version)
    if snapshot is None:
        return []
    rows = snapshot.read().to_pylist()
    return [_release(row) for row in sorted(rows, key=lambda row: row["release_id"])]


def newest(store: Store) -> Release | None:
    """The newest release, read from the one file that names it."""
    snapshot = store.find(RELEASES)
    last = snapshot.maximum("release_id") if snapshot else None
    if snapshot is None or last is None:
        return None
    rows = snapshot.read([snapshot.largest_in("release_id")])
    (row,) = rows.filter(pc.equal(rows["release_id"], last)).to_pylist()
    return _release(row)


def _release(row: Mapping[str, Any]) -> Release:
    return Release(row["release_id"], row["released_at"], row["run_id"], json.loads(row["versions"]))


def publish(
    store: Store, catalogue: Catalogue, run_id: str, versions: Mapping[str, int], checks: int, warnings: int
) -> Release | None:
    """Write one release, unless the newest one names the same versions.

    Raises:
        ConflictError: Another run published meanwhile.
    """
    snapshot = store.ensure(system_spec(catalogue, RELEASES))
    last = newest(store)
    if last and dict(last.versions) == dict(versions):
        return None
    behind = [name for name, version in last.versions.items() if versions.get(name, 0) < version] if last else []
    if last and any(store.open(name).version >= last.versions[name] for name in behind):  # else lost and made anew
        raise ConflictError(
            "another run has published newer versions meanwhile; run again to publish what this one has brought"
        )
    release = Release(snapshot.mark(RELEASE_MARK) + 1, datetime.now(timezone.utc), run_id, versions)
    row = {
        "release_id": release.release_id,
        "released_at": release.released_at,
        "run_id": run_id,
        "versions": json.dumps(dict(sorted(versions.items()))),
        "checks": checks,
        "warnings": warnings,
    }
    rows = pa.Table.from_pylist([row], schema=snapshot.schema)
    commit(store, snapshot, rows, marks={RELEASE_MARK: release.release_id})
    return release
