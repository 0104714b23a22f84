from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from clicklake.errors import ConflictError, StorageError, UnknownNameError, UsageError
from clicklake.storage import Snapshot, Store, TableSpec, add_columns, commit, log
from clicklake.storage.maintain import RESTORED_MARK, history, resolve, restore

SCHEMA = pa.schema([("row_id", pa.int64()), ("who", pa.string()), ("year", pa.int32())])
SPEC = TableSpec("bronze.things", SCHEMA, ("year",), change_feed=True)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "lake"), properties={"delta.checkpointInterval": "3"}, note={"run": "r1"})


def rows(*ids: int) -> pa.Table:
    columns = [list(ids), ["ann"] * len(ids), [2025] * len(ids)]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def ids(snapshot: Snapshot) -> list[int]:
    return sorted(snapshot.delta.to_pyarrow_table()["row_id"].to_pylist())


def grown(store: Store, commits: int) -> Snapshot:
    snapshot = store.ensure(SPEC)
    for number in range(1, commits + 1):
        marks = {"input": number, "row_id": number - 1, **({"late": 1} if number > 2 else {})}
        snapshot = commit(store, snapshot, rows(number), marks=marks)
    return snapshot


def test_history_tells_rows_files_run_and_marks(store: Store) -> None:
    snapshot = grown(store, 2)
    commit(store, snapshot, rows(8, 9), marks={"input": 7}, mode="overwrite", note={"why": "asked"})
    newest, *older = history(store, SPEC.name)
    assert (newest.version, newest.rows_added, newest.rows_removed) == (3, 2, 2)
    assert (newest.files_added, newest.files_removed, newest.run_id) == (1, 2, "r1")
    assert newest.bytes_added > 0 < newest.bytes_removed
    assert (newest.note, newest.marks) == ({"why": "asked", "rows": 2}, {"input": 7})
    assert [entry.version for entry in older] == [2, 1, 0]
    assert [entry.version for entry in history(store, SPEC.name, 2)] == [3, 2]


def test_history_of_foreign_commits_too(store: Store) -> None:
    store.own(grown(store, 1)).delete("row_id = 1")
    newest = history(store, SPEC.name)[0]
    assert (newest.operation, newest.rows_removed, newest.run_id, newest.note) == ("DELETE", 1, None, {})


@pytest.mark.parametrize("commits", [2, 5, 9])
def test_marks_are_read_back_behind_checkpoints_too(store: Store, commits: int) -> None:
    snapshot = grown(store, commits)
    found = log.marks(snapshot)
    assert found["input"] == snapshot.mark("input") == commits
    assert log.marks(store.open(SPEC.name, 1))["input"] == 1


@pytest.mark.parametrize("commits", [3, 7])
def test_restore_brings_rows_and_marks_back_but_no_number_given_out(store: Store, commits: int) -> None:
    after = restore(store, grown(store, commits), 2)
    assert ids(after) == [1, 2]
    assert (after.mark("input"), after.mark("late", -5), after.mark("restored")) == (2, -5, 1)
    assert after.mark("row_id") == commits
    again = restore(store, commit(store, after, rows(50), marks={"input": 3, "late": 2}), 1)
    assert (ids(again), again.mark("input"), again.mark("restored"), again.mark("row_id")) == ([1], 1, 2, 50)


def test_restore_brings_columns_back(store: Store) -> None:
    snapshot = add_columns(store, grown(store, 1), pa.schema([("more", pa.string())]))
    assert "more" in snapshot.schema.names
    assert "more" not in restore(store, snapshot, 1).schema.names


def test_restore_is_no_change_that_a_rival_may_miss(store: Store) -> None:
    stale = grown(store, 3)
    commit(store, store.open(SPEC.name), rows(9), marks={})
    with pytest.raises(ConflictError):
        restore(store, stale, 1)
    late = store.open(SPEC.name)
    restore(store, store.open(SPEC.name), 1)
    with pytest.raises(ConflictError):
        commit(store, late, rows(10), marks={})
    assert ids(store.open(SPEC.name)) == [1]


def test_restore_needs_the_files(store: Store) -> None:
    snapshot = commit(store, grown(store, 2), rows(5), marks={}, mode="overwrite")
    for path in store.open(SPEC.name, 2).paths:
        Path(snapshot.uri(path)).unlink()
    with pytest.raises(StorageError, match="vacuumed"):
        restore(store, snapshot, 2)
    assert ids(store.open(SPEC.name)) == [5]


@pytest.mark.parametrize("version", [3, 4])
def test_restore_goes_back_only(store: Store, version: int) -> None:
    with pytest.raises(UsageError):
        restore(store, grown(store, 3), version)


def test_a_time_names_the_version_of_that_time(store: Store) -> None:
    grown(store, 5)
    third = log.read(log.folder(store, SPEC.name), 3).time
    assert resolve(store, SPEC.name, third.isoformat()) == 3
    assert resolve(store, SPEC.name, "2999-01-01") == 5
    assert resolve(store, SPEC.name, "4") == 4
    with pytest.raises(UnknownNameError):
        resolve(store, SPEC.name, (third - timedelta(days=1)).isoformat())
    with pytest.raises(UsageError):
        resolve(store, SPEC.name, "yesterday")


def test_who_depends_on_a_table_can_tell_each_restore_from_the_last(store: Store) -> None:
    table = grown(store, 3)
    assert table.mark(RESTORED_MARK) == 0
    table = restore(store, table, 1)
    assert table.mark(RESTORED_MARK) == 1
    assert restore(store, table, 0).mark(RESTORED_MARK) == 2, "also where the restored version knew of none"


def test_a_restored_table_is_read_by_others(store: Store) -> None:
    restore(store, grown(store, 4), 2)
    assert DeltaTable(store.uri(SPEC.name)).count() == 2
