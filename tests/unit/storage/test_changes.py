from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clicklake.errors import ChangesLostError
from clicklake.storage import Snapshot, Store, TableSpec, changes_since, commit
from clicklake.storage.compact import Policy, bins, compact, tiers

SCHEMA = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us", tz="UTC")), ("year", pa.int32())])
SPEC = TableSpec("silver.things", SCHEMA, cluster_by="at")
DAY = 86_400_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "lake"))


def rows(*ids: int, day: int = 0) -> pa.Table:
    return pa.table({"id": list(ids), "at": [day * DAY] * len(ids), "year": [1970] * len(ids)}, SCHEMA)


def versions(store: Store) -> tuple[Snapshot, Snapshot, Snapshot]:
    """One with two rows, one with three, and one in which the file of the first rows is replaced by another."""
    first = commit(store, store.ensure(SPEC), rows(1, 2), marks={})
    second = commit(store, first, rows(3), marks={})
    third = commit(store, second, rows(1), marks={}, remove=list(first.paths))
    return first, second, third


def test_added_and_removed_files(store: Store) -> None:
    first, second, third = versions(store)
    appended = changes_since(store, first.version, second)
    assert (appended.rows_added, appended.rows_removed, len(appended.removed)) == (1, 0, 0)
    replaced = changes_since(store, first.version, third)
    assert (replaced.rows_added, replaced.rows_removed, replaced.removed) == (2, 2, tuple(first.paths))
    assert replaced.bytes == third.size[1] + first.size[1]
    back = changes_since(store, third.version, first)
    assert (back.added, back.removed) == (replaced.removed, replaced.added)
    assert not changes_since(store, third.version, third)


def test_marks_alone_change_nothing(store: Store) -> None:
    first, *_ = versions(store)
    last = commit(store, store.open("silver.things"), SCHEMA.empty_table(), marks={"a": 1})
    assert not changes_since(store, last.version - 1, last)
    assert changes_since(store, first.version, last)


def test_a_removed_file_that_is_gone_is_told(store: Store) -> None:
    first, second, third = versions(store)
    Path(first.files[0]).unlink()
    assert changes_since(store, second.version - 1, second).rows_added == 1, "only what was removed must be there"
    with pytest.raises(ChangesLostError, match="1 files of version 1 of silver.things are gone"):
        changes_since(store, first.version, third)


def test_a_version_whose_log_is_gone_is_told(store: Store, tmp_path: Path) -> None:
    first, _, third = versions(store)
    third.delta.create_checkpoint()
    for log in sorted((tmp_path / "lake/silver/things/_delta_log").glob("*.json"))[:2]:
        log.unlink()
    with pytest.raises(ChangesLostError, match="version 1 of silver.things is gone"):
        changes_since(store, first.version, third)


def test_other_columns_are_told(store: Store) -> None:
    first, *_ = versions(store)
    other = store.recreate(TableSpec("silver.things", pa.schema([("name", pa.string())])), store.open("silver.things"))
    with pytest.raises(ChangesLostError, match="silver.things has other columns than at version 1"):
        changes_since(store, first.version, other)


def test_months_are_files_of_their_own(store: Store) -> None:
    batch = pa.concat_tables([rows(1, day=0), rows(2, day=31), rows(3, day=30), rows(4, day=365), rows(5, day=-1)])
    after = commit(store, store.ensure(SPEC), batch.combine_chunks(), marks={})
    found = sorted(pq.read_table(file)["id"].to_pylist() for file in after.files)
    assert found == [[1, 3], [2], [4], [5]], "the first of January 1971 is not in January 1970"
    assert not any("=" in path for path in after.paths)
    assert after.partition_by == ()


def test_a_compaction_keeps_months_apart(store: Store) -> None:
    after = store.ensure(SPEC)
    for number in range(3):
        after = commit(store, after, pa.concat_tables([rows(number, day=0), rows(10 + number, day=40)]), marks={})
    compact(store, after, tiers(after, Policy(min_files=3)))
    made = store.open("silver.things")
    found = sorted(sorted(pq.read_table(file)["id"].to_pylist()) for file in made.files)
    assert found == [[0, 1, 2], [10, 11, 12]]
    assert bins(made) == tiers(made, Policy(min_files=2)) == [], "else each run would write all months again"
