"""A table is loaded anew where it has changed, whoever changed it, and only then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from clicklake.errors import UnknownNameError
from clicklake.storage import Snapshot, Store, TableSpec, add_columns, commit
from clicklake.storage.maintain import restore

SCHEMA = pa.schema([("n", pa.int64())])
SPEC = TableSpec("gold.numbers", SCHEMA)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "lake"))


@pytest.fixture
def loaded(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The versions that were loaded."""
    seen: list[int | None] = []
    real = Store._load

    def noted(self: Store, uri: str, version: int | None) -> DeltaTable:
        seen.append(version)
        return real(self, uri, version)

    monkeypatch.setattr(Store, "_load", noted)
    return seen


def rows(*numbers: int) -> pa.Table:
    return pa.table({"n": list(numbers)}, schema=SCHEMA)


def numbers(snapshot: Snapshot | None) -> list[int]:
    assert snapshot is not None
    return sorted(snapshot.read()["n"].to_pylist())


def test_a_table_that_did_not_change_is_loaded_once(store: Store, loaded: list[int | None]) -> None:
    commit(store, store.ensure(SPEC), rows(1), marks={"input": 3})
    loaded.clear()
    found = [store.find(SPEC.name), store.open(SPEC.name), store.ensure(SPEC), store.open(SPEC.name, 1)]
    assert [(one.version, numbers(one), one.mark("input")) for one in found if one] == [(1, [1], 3)] * 4
    assert loaded == []
    assert numbers(store.open(SPEC.name, 0)) == []
    assert loaded == [0]


def by_another_store(path: str) -> None:
    other = Store(path.rpartition("/gold/")[0])
    commit(other, other.open(SPEC.name), rows(2), marks={})


def by_another_program(path: str) -> None:
    write_deltalake(path, rows(2), mode="append")


def twice(path: str) -> None:
    by_another_program(path)
    by_another_store(path)
    DeltaTable(path).delete("n = 2")
    write_deltalake(path, rows(2), mode="append")


def made_anew(path: str) -> None:
    """Another table in its place, with as many versions."""
    shutil.rmtree(path)
    write_deltalake(path, rows(1, 2))
    write_deltalake(path, rows(), mode="append")


@pytest.mark.parametrize("change", [by_another_store, by_another_program, twice, made_anew])
def test_what_others_commit_is_seen(store: Store, change: Callable[[str], None]) -> None:
    before = commit(store, store.ensure(SPEC), rows(1), marks={})
    change(store.uri(SPEC.name))
    after = store.open(SPEC.name)
    assert numbers(after) == [1, 2]
    assert after.version == DeltaTable(store.uri(SPEC.name)).version()
    assert before.version == 1


def test_a_table_that_is_gone_is_not_found(store: Store) -> None:
    commit(store, store.ensure(SPEC), rows(1), marks={})
    shutil.rmtree(store.uri(SPEC.name))
    assert store.find(SPEC.name) is None
    with pytest.raises(UnknownNameError, match="no table gold.numbers"):
        store.open(SPEC.name)
    assert numbers(store.ensure(SPEC)) == []


def test_a_version_of_a_table_that_was_made_anew_is_the_new_one(store: Store) -> None:
    commit(store, store.ensure(SPEC), rows(1), marks={})
    made_anew(store.uri(SPEC.name))
    assert numbers(store.open(SPEC.name, 1)) == [1, 2]


def test_a_snapshot_stays_at_its_version(store: Store) -> None:
    """Whatever is done on top of it: others may hold the same one."""
    first = commit(store, store.ensure(SPEC), rows(1), marks={})
    second = commit(store, first, rows(2), marks={})
    restored = restore(store, second, 1)
    wider = add_columns(store, restored, pa.schema([*SCHEMA, ("m", pa.int64())]))
    other = store.recreate(TableSpec(SPEC.name, pa.schema([("name", pa.string())])), wider)
    assert [one.delta.version() for one in (first, second, restored, wider, other)] == [1, 2, 3, 4, 5]
    assert [one.delta.schema().to_arrow().names for one in (restored, wider, other)] == [["n"], ["n", "m"], ["name"]]
    assert [numbers(one) for one in (first, second, restored)] == [[1], [1, 2], [1]]


def test_the_months_of_files_are_those_of_the_spec(store: Store) -> None:
    schema = pa.schema([("at", pa.date32())])
    assert store.ensure(TableSpec("gold.times", schema)).cluster_by is None
    assert store.ensure(TableSpec("gold.times", schema, cluster_by="at")).cluster_by == "at"


def test_a_version_that_is_asked_for_is_loaded_once(store: Store, loaded: list[int | None]) -> None:
    commit(store, store.ensure(SPEC), rows(1), marks={})
    reader = Store(store.root)
    loaded.clear()
    assert [numbers(reader.open(SPEC.name, 1)) for _ in range(3)] == [[1]] * 3
    assert numbers(reader.open(SPEC.name)) == [1]
    assert loaded == [1]
    assert numbers(reader.open(SPEC.name, 0)) == []
    assert numbers(reader.open(SPEC.name, 1)) == [1]
    assert loaded == [1, 0]
    by_another_program(store.uri(SPEC.name))
    assert numbers(reader.open(SPEC.name, 1)) == [1]
    assert numbers(reader.open(SPEC.name)) == [1, 2]
    assert loaded == [1, 0, None]
