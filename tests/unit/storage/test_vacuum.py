from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from clicklake.storage import Snapshot, Store, TableSpec, commit
from clicklake.storage.compact import bins, compact
from clicklake.storage.vacuum import needless, remove

SCHEMA = pa.schema([("id", pa.int64()), ("day", pa.date32())])
SPEC = TableSpec("gold.things", SCHEMA, ("day",))
SOON = datetime.now(timezone.utc) + timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "lake"), properties={"delta.checkpointInterval": "3"})


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "day": pa.array([20_000] * len(ids), pa.date32())})


def overwritten(store: Store, times: int) -> Snapshot:
    snapshot = store.ensure(SPEC)
    for number in range(times):
        snapshot = commit(store, snapshot, rows(number), marks={}, mode="overwrite")
    return snapshot


def disk(snapshot: Snapshot) -> set[str]:
    root = Path(snapshot.root)
    return {file.relative_to(root).as_posix() for file in root.glob("day=*/*.parquet")}


def test_what_no_version_to_keep_has_goes(store: Store) -> None:
    snapshot = overwritten(store, 6)
    found = needless(store, SPEC.name, {2, 4}, SOON)
    assert len(found.files) == 3 and len(disk(snapshot)) == 6  # listed, and still there
    assert remove(store, found).is_removed
    kept = {path for version in (2, 4, 6) for path in store.open(SPEC.name, version).paths}
    assert disk(snapshot) == kept
    assert needless(store, SPEC.name, {2, 4}, SOON).files == ()
    assert store.open(SPEC.name).delta.to_pyarrow_table().num_rows == 1


@pytest.mark.parametrize("commits", [1, 2, 7])
def test_what_was_taken_away_since_then_stays(store: Store, commits: int) -> None:
    """A reader may be at it; checkpoints between or not."""
    snapshot = overwritten(store, 2)
    for path in disk(snapshot):
        os.utime(Path(snapshot.root, path), (1, 1))
    since = datetime.now(timezone.utc)
    time.sleep(0.01)
    for _ in range(commits):
        now = store.open(SPEC.name)
        snapshot = commit(store, now, rows(7), marks={}, mode="overwrite")
    first = next(iter(store.open(SPEC.name, 1).paths))
    assert [path for path, _ in needless(store, SPEC.name, (), since).files] == [first]


def test_files_of_killed_writers_go_when_they_are_old(store: Store) -> None:
    snapshot = overwritten(store, 1)
    folder = Path(snapshot.root, "day=2024-10-04")
    for name in ("old.parquet", "new.parquet", "old.txt", "_old.parquet"):
        (folder / name).write_bytes(b"12345")
        if "old" in name:
            os.utime(folder / name, (1, 1))
    since = datetime.now(timezone.utc) - timedelta(hours=1)
    found = needless(store, SPEC.name, (), since)
    assert found.files == (("day=2024-10-04/old.parquet", 5),) and found.size == 5


def test_versions_that_are_gone_keep_nothing(store: Store) -> None:
    snapshot = overwritten(store, 5)
    for version in range(3):
        (Path(snapshot.root) / "_delta_log" / f"{version:020d}.json").unlink()
    assert len(needless(store, SPEC.name, {1, 4, 99}, SOON).files) == 3


def test_compacted_files_go(store: Store) -> None:
    snapshot = store.ensure(SPEC)
    for number in range(4):
        snapshot = commit(store, snapshot, rows(number), marks={})
    compact(store, snapshot, bins(snapshot))
    remove(store, needless(store, SPEC.name, (), SOON))
    assert len(disk(snapshot)) == 1
    assert store.open(SPEC.name).delta.to_pyarrow_table().num_rows == 4
