from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from clicklake.errors import ConflictError, FormatVersionError, StorageError, UnknownNameError
from clicklake.storage import Snapshot, Store, TableSpec, add_columns, commit, constant, with_constants
from clicklake.storage import store as store_module

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("who", pa.string()),
        ("email", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("notes", pa.map_(pa.string(), pa.string())),
        ("year", pa.int32()),
    ]
)
SPEC = TableSpec("gold.things", SCHEMA, ("year",), change_feed=True, pii=frozenset({"email"}), sequences=("id", "at"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "a lake"), properties={"delta.checkpointInterval": "3"})


def table(*ids: int, year: int | None = 2025, who: str = "ann") -> pa.Table:
    size = len(ids)
    columns = {
        "id": list(ids),
        "at": [1_700_000_000_123_456] * size,
        "who": [who] * size,
        "email": ["ann@example.org"] * size,
        "amount": [None] * size,
        "notes": [[("b", "1"), ("a", "2")]] * size,
        "year": [year] * size,
    }
    return pa.table({name: pa.array(values, SCHEMA.field(name).type) for name, values in columns.items()})


def ids(snapshot: Snapshot) -> list[int]:
    return sorted(snapshot.delta.to_pyarrow_table()["id"].to_pylist())


def test_rows_and_marks_are_one_commit(store: Store) -> None:
    empty = store.ensure(SPEC)
    after = commit(store, empty, table(1, 2), marks={"input": 7})
    assert (after.version, ids(after), after.mark("input"), after.mark("other", -1)) == (1, [1, 2], 7, -1)


def test_marks_without_rows_are_a_commit_too(store: Store) -> None:
    after = commit(store, store.ensure(SPEC), SCHEMA.empty_table(), marks={"input": 1})
    assert (after.version, ids(after), after.mark("input")) == (1, [], 1)


def test_a_rival_commit_is_a_conflict_and_leaves_no_file(store: Store, tmp_path: Path) -> None:
    one, other = store.ensure(SPEC), store.ensure(SPEC)
    commit(store, one, table(1), marks={})
    with pytest.raises(ConflictError) as caught:
        commit(store, other, table(2), marks={})
    assert caught.value.retryable
    assert ids(store.open("gold.things")) == [1]
    assert len(list(tmp_path.rglob("*.parquet"))) == 1


@pytest.mark.parametrize("mode", ["append", "overwrite", "recreate"])
def test_what_removes_files_conflicts_with_an_optimize_by_anyone(store: Store, mode: str) -> None:
    for number in range(3):
        commit(store, store.ensure(SPEC), table(number), marks={})
    stale = store.open(SPEC.name)
    store.own(store.open(SPEC.name)).optimize.compact()
    with pytest.raises(ConflictError):
        if mode == "recreate":
            store.recreate(SPEC, stale)
        else:
            remove = list(stale.paths)[:1] if mode == "append" else []
            commit(store, stale, table(9), marks={}, mode=mode, remove=remove)  # type: ignore[arg-type]
    assert ids(store.open(SPEC.name)) == [0, 1, 2]


def test_an_append_goes_behind_an_optimize(store: Store) -> None:
    for number in range(3):
        commit(store, store.ensure(SPEC), table(number), marks={})
    stale = store.open(SPEC.name)
    store.own(store.open(SPEC.name)).optimize.compact()
    assert ids(commit(store, stale, table(9), marks={"input": 4})) == [0, 1, 2, 9]


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_an_overwrite_conflicts_with_an_append(store: Store, mode: str) -> None:
    stale = store.ensure(SPEC)
    commit(store, store.ensure(SPEC), table(1), marks={}, mode="append")
    with pytest.raises(ConflictError):
        commit(store, stale, table(2), marks={}, mode=mode)  # type: ignore[arg-type]


def test_overwrite_takes_all_older_rows_away(store: Store) -> None:
    first = commit(store, store.ensure(SPEC), table(1, 2), marks={})
    after = commit(store, first, table(3, year=2026), marks={}, mode="overwrite")
    assert ids(after) == [3]
    assert ids(store.open("gold.things", 1)) == [1, 2], "the older version stays readable"


def test_files_are_replaced_in_one_commit_and_the_feed_tells(store: Store) -> None:
    first = commit(store, store.ensure(SPEC), table(1, 2), marks={})
    (path,) = first.paths
    second = commit(store, first, table(3), marks={})
    after = commit(store, second, table(1), marks={}, remove=[path])
    assert ids(after) == [1, 3]
    feed = pa.table(after.delta.load_cdf(starting_version=3, columns=["id", "_change_type"])).to_pylist()
    assert sorted((row["id"], row["_change_type"]) for row in feed) == [
        (1, "delete"),
        (1, "insert"),
        (2, "delete"),
    ]


def test_a_reported_failure_that_went_through_is_a_success(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = store.ensure(SPEC)
    real = DeltaTable.create_write_transaction

    def commits_then_fails(self: DeltaTable, *args: object, **kwargs: object) -> None:
        real(self, *args, **kwargs)  # type: ignore[arg-type]
        raise DeltaError("connection reset")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", commits_then_fails)
    after = commit(store, snapshot, table(1), marks={"input": 3})
    assert (ids(after), after.mark("input")) == ([1], 3)


def test_a_failure_that_did_not_go_through_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = store.ensure(SPEC)

    def fails(self: DeltaTable, *args: object, **kwargs: object) -> None:
        raise DeltaError("disk full")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", fails)
    with pytest.raises(StorageError, match="disk full"):
        commit(store, snapshot, table(1), marks={})
    assert ids(store.open("gold.things")) == []


def test_an_error_of_the_rows_commits_nothing_and_cleans_up(store: Store, tmp_path: Path) -> None:
    def broken():  # noqa: ANN202
        yield from table(1).to_batches()
        raise ValueError("no more")

    reader = pa.RecordBatchReader.from_batches(SCHEMA, broken())
    with pytest.raises(ValueError, match="no more"):
        commit(store, store.ensure(SPEC), reader, marks={"input": 1})
    assert store.open("gold.things").version == 0
    assert not list(tmp_path.rglob("*.parquet"))


def test_rows_go_to_their_partitions(store: Store) -> None:
    rows = pa.concat_tables([table(1, year=2024), table(2, year=2025), table(3, year=None), table(4, year=2024)])
    after = commit(store, store.ensure(SPEC), rows.combine_chunks(), marks={})
    found = after.delta.to_pyarrow_table().select(["id", "year"]).to_pylist()
    assert sorted((row["id"], row["year"]) for row in found) == [(1, 2024), (2, 2025), (3, None), (4, 2024)]
    assert sorted(values["year"] or "" for _, values in after.paths.values()) == ["", "2024", "2025"]


def test_the_log_has_bounds_but_no_personal_data(store: Store, tmp_path: Path) -> None:
    after = commit(store, store.ensure(SPEC), table(5, 9), marks={})
    (row,) = pa.table(after.delta.get_add_actions(flatten=True)).to_pylist()
    assert (row["num_records"], row["min.id"], row["max.id"], after.maximum("id")) == (2, 5, 9, 9)
    assert row["min.at"].microsecond == 123456
    for log in tmp_path.rglob("*.json"):
        assert "ann@example.org" not in log.read_text()


def test_constants_come_as_dictionaries_and_are_read_as_text(store: Store) -> None:
    schema = with_constants(SCHEMA, ["who"])
    columns = [constant("bob", 2) if name == "who" else table(1, 2)[name].combine_chunks() for name in SCHEMA.names]
    reader = pa.RecordBatchReader.from_batches(schema, [pa.RecordBatch.from_arrays(columns, schema=schema)])
    after = commit(store, store.ensure(SPEC), reader, marks={})
    assert after.delta.to_pyarrow_table()["who"].to_pylist() == ["bob", "bob"]
    assert duckdb.connect().sql(f"select distinct who from read_parquet({after.files})").fetchall() == [("bob",)]


def test_nulls_are_counted(store: Store) -> None:
    after = commit(store, store.ensure(SPEC), table(1, 2), marks={})
    assert (after.nulls["amount"], after.nulls["id"]) == (2, 0)


def test_many_commits_make_checkpoints_and_lose_nothing(store: Store, tmp_path: Path) -> None:
    snapshot = store.ensure(SPEC)
    for number in range(8):
        snapshot = commit(store, snapshot, table(number), marks={"input": number})
    assert list(tmp_path.rglob("*.checkpoint.parquet"))
    assert (ids(snapshot), snapshot.mark("input")) == (list(range(8)), 7)


def test_columns_can_be_added_but_not_changed(store: Store) -> None:
    first = commit(store, store.ensure(SPEC), table(1), marks={"input": 1})
    wider = add_columns(store, first, pa.schema([*SCHEMA, ("colour", pa.string())]))
    assert wider.schema.names[-1] == "colour"
    assert wider.mark("input") == 1
    with pytest.raises(StorageError, match="id is int64, not string"):
        add_columns(store, wider, pa.schema([("id", pa.string())]))


def test_a_table_can_get_another_schema(store: Store) -> None:
    first = commit(store, store.ensure(SPEC), table(1), marks={})
    other = TableSpec("gold.things", pa.schema([("name", pa.string()), ("month", pa.int32())]), ("month",))
    after = store.recreate(other, first)
    assert after.has_schema(other.schema, ("month",))
    rows = pa.table({"name": ["x"], "month": pa.array([1], pa.int32())})
    assert commit(store, after, rows, marks={}).delta.to_pyarrow_table().to_pylist() == [{"name": "x", "month": 1}]
    assert ids(store.open("gold.things", 1)) == [1]


def test_unknown_tables_and_versions(store: Store) -> None:
    assert store.find("gold.nothing") is None
    with pytest.raises(UnknownNameError, match="no table gold.nothing"):
        store.open("gold.nothing")
    store.ensure(SPEC)
    with pytest.raises(StorageError, match="at version 9"):
        store.open("gold.things", 9)


def test_a_newer_lake_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FORMAT_VERSION", 2)
    store.ensure(SPEC)
    monkeypatch.setattr(store_module, "FORMAT_VERSION", 1)
    with pytest.raises(FormatVersionError, match="format version 2.*up to 1") as caught:
        store.check_format("gold.things")
    assert caught.value.exit_code == 2
