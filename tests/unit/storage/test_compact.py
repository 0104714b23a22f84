from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clicklake.errors import StorageError
from clicklake.storage import Snapshot, Store, TableSpec, add_columns, commit, log
from clicklake.storage.compact import Policy, Rewrite, bins, compact, tiers
from clicklake.storage.target import Written

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("email", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("notes", pa.map_(pa.string(), pa.string())),
        ("tags", pa.list_(pa.string())),
        ("day", pa.date32()),
    ]
)
SPEC = TableSpec("silver.things", SCHEMA, ("day",), change_feed=True, pii=frozenset({"email"}), sequences=("id", "at"))
DAY = 20_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "lake"), properties={"delta.checkpointInterval": "4"}, note={"run": "r1"})


def rows(*ids: int, day: int | None = DAY) -> pa.Table:
    size = len(ids)
    columns: dict[str, list[Any]] = {
        "id": list(ids),
        "at": [1_700_000_000_123_456 + number for number in ids],
        "email": ["ann@example.org"] * size,
        "amount": [None if number % 2 else 1 for number in ids],
        "notes": [[("b", "1"), ("a", "2")] if number % 3 else None for number in ids],
        "tags": [["x", None] if number % 3 else [] for number in ids],
        "day": [day] * size,
    }
    return pa.table({name: pa.array(values, SCHEMA.field(name).type) for name, values in columns.items()})


def grown(store: Store, commits: int, days: tuple[int | None, ...] = (DAY,)) -> Snapshot:
    snapshot = store.ensure(SPEC)
    for number in range(commits):
        part = pa.concat_tables([rows(10 * number + i, day=day) for i, day in enumerate(days)])
        snapshot = commit(store, snapshot, part, marks={"input": number})
    return snapshot


def content(snapshot: Snapshot) -> list[dict[str, Any]]:
    return sorted(snapshot.delta.to_pyarrow_table().to_pylist(), key=lambda row: row["id"])


def ids_as_they_lie(snapshot: Snapshot) -> list[int]:
    return [i for path in snapshot.paths for i in pq.ParquetFile(snapshot.uri(path)).read()["id"].to_pylist()]


def test_rows_stay_and_marks_stay(store: Store) -> None:
    before = grown(store, 9, (DAY, DAY + 1, None))
    rows_before, marks_before = content(before), log.marks(before)
    done = compact(store, before, bins(before))
    after = store.open(SPEC.name)
    assert (done.version, done.files) == (10, (27, 3))
    assert done.size == (before.size[1], after.size[1]) and done.size[1] < done.size[0] == done.rewritten
    assert content(after) == rows_before
    marks = log.marks(after)
    assert marks.pop("clicklake.compaction") and marks == marks_before
    assert store.touched == {SPEC.name}
    assert bins(after) == []


def test_groups_are_rewritten_by_whoever_is_given(store: Store) -> None:
    """As processes elsewhere do it: what they are told, and what they answer, is plain data."""
    asked = []

    def each(function: Callable[[Rewrite], Written], works: Sequence[Rewrite]) -> list[Written]:
        asked.extend(works)
        answers = [pickle.dumps(function(work)) for work in pickle.loads(pickle.dumps(list(works)))]
        return [pickle.loads(answer) for answer in answers]

    before = grown(store, 4, (DAY, DAY + 1, None))
    rows_before = content(before)
    done = compact(store, before, bins(before), each=each)
    assert len(asked) == 3 and done.files == (12, 3)
    assert content(store.open(SPEC.name)) == rows_before


def test_a_compaction_is_no_change_of_data(store: Store) -> None:
    before = grown(store, 3)
    compact(store, before, bins(before))
    lines = log.folder(store, SPEC.name).read(f"{4:020d}.json").decode()
    assert '"dataChange":true' not in lines and lines.count('"dataChange":false') == 4
    assert pa.table(store.open(SPEC.name).delta.load_cdf(starting_version=4)).num_rows == 0


def test_files_are_written_as_runs_write_them(store: Store) -> None:
    before = grown(store, 3)
    compact(store, before, bins(before))
    after = store.open(SPEC.name)
    (path,) = after.paths
    group = pq.ParquetFile(after.uri(path)).metadata.row_group(0)
    by_name = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert "DELTA_BINARY_PACKED" in by_name["id"].encodings and by_name["id"].compression == "ZSTD"
    actions = pa.table(after.delta.get_add_actions(flatten=True)).to_pylist()[0]
    assert (actions["num_records"], actions["min.id"], actions["max.id"]) == (3, 0, 20)
    assert actions.get("max.email") is None


def test_rows_lie_in_the_order_in_which_they_came(store: Store) -> None:
    before = grown(store, 12)
    compact(store, before, tiers(before, Policy(min_files=4)))
    assert ids_as_they_lie(store.open(SPEC.name)) == [10 * number for number in range(12)]


def test_older_files_get_new_columns(store: Store) -> None:
    before = add_columns(store, grown(store, 2), pa.schema([("more", pa.string())]))
    after = commit(store, before, rows(99).append_column("more", pa.array(["x"])), marks={})
    compact(store, after, bins(after))
    assert [row["more"] for row in content(store.open(SPEC.name))] == [None, None, "x"]


def test_a_run_that_appends_meanwhile_goes_on(store: Store) -> None:
    stale = grown(store, 3)
    compact(store, store.open(SPEC.name), bins(stale))
    after = commit(store, stale, rows(77), marks={"input": 50})
    assert [row["id"] for row in content(after)] == [0, 10, 20, 77]
    assert after.mark("input") == 50


def test_a_compaction_goes_behind_an_append(store: Store) -> None:
    stale = grown(store, 3)
    commit(store, store.open(SPEC.name), rows(77), marks={"input": 50})
    done = compact(store, stale, bins(stale))
    assert (done.version, done.files[1]) == (5, 2)
    assert [row["id"] for row in content(store.open(SPEC.name))] == [0, 10, 20, 77]
    assert store.open(SPEC.name).mark("input") == 50


@pytest.mark.parametrize("rival", ["compaction", "foreign", "overwrite", "delete", "restore"])
def test_a_compaction_leaves_what_another_writer_has_replaced(store: Store, rival: str) -> None:
    stale = grown(store, 4)
    groups = bins(stale)
    now = store.open(SPEC.name)
    if rival == "compaction":
        compact(store, now, bins(now))
    elif rival == "foreign":
        store.own(now).optimize.compact()
    elif rival == "overwrite":
        commit(store, now, rows(5), marks={}, mode="overwrite")
    elif rival == "delete":
        store.own(now).delete("id = 10")
    else:
        store.own(now).restore(2)
    expected = content(store.open(SPEC.name))
    files = set(Path(stale.root).rglob("*.parquet"))
    done = compact(store, stale, groups)
    assert done.version is None and "another writer" in str(done.note)
    assert content(store.open(SPEC.name)) == expected
    assert set(Path(stale.root).rglob("*.parquet")) == files


@pytest.mark.parametrize("rival", ["foreign", "append"])
def test_a_rival_between_looking_and_committing(store: Store, rival: str) -> None:
    """delta-rs alone would let the compaction pass behind an OPTIMIZE, and all rows would be there twice."""

    class Late(Store):
        def open(self, name: str, version: int | None = None) -> Snapshot:
            found = Store.open(self, name, version)
            if not late:
                late.append(name)
                if rival == "foreign":
                    self.own(Store.open(self, name)).optimize.compact()
                else:
                    commit(store, Store.open(self, name), rows(77), marks={"input": 50})
            return found

    late: list[str] = []
    stale = grown(store, 4)
    done = compact(Late(store.root, note=store.note), stale, bins(stale))
    assert late and (done.version is None) == (rival == "foreign")
    assert [row["id"] for row in content(store.open(SPEC.name))] == [0, 10, 20, 30] + [77] * (rival == "append")


def test_nothing_to_do_is_no_commit(store: Store) -> None:
    snapshot = grown(store, 1)
    assert compact(store, snapshot, bins(snapshot)).version is None
    assert store.open(SPEC.name).version == 1


def test_a_file_that_lost_rows_stops_it(store: Store) -> None:
    snapshot = grown(store, 2)
    path = next(iter(snapshot.paths))
    table = pq.ParquetFile(snapshot.uri(path)).read()
    pq.write_table(table.slice(0, 0), snapshot.uri(path))
    with pytest.raises(StorageError, match="doctor"):
        compact(store, snapshot, bins(snapshot))
    assert store.open(SPEC.name).version == 2


def test_tiers_bound_the_files_and_what_is_rewritten(store: Store) -> None:
    """A small file is rewritten once a tier: many little commits cost little, and leave few files."""
    policy = Policy(min_files=4)
    rewritten = written = 0
    for number in range(48):
        before = store.ensure(SPEC)
        after = commit(store, before, rows(number), marks={})
        written += after.size[1] - before.size[1]
        done = compact(store, after, tiers(after, policy))
        rewritten += done.rewritten
        assert done.files[1] < 8
    assert [row["id"] for row in content(store.open(SPEC.name))] == list(range(48))
    assert rewritten < 4 * written


def test_tiers_by_size() -> None:
    class Sized(Snapshot):
        paths = {f"{i}": (size, {}) for i, size in enumerate([1000] * 5 + [100_000] * 7 + [2_000_000] * 2)}  # noqa: RUF012
        written_at = {f"{i}": -i for i in range(20)}  # noqa: RUF012

    found = Sized("silver.things", "", None)  # type: ignore[arg-type]
    assert tiers(found, Policy(8, 16_000_000)) == []
    assert tiers(found, Policy(7, 16_000_000)) == [[str(i) for i in range(11, -1, -1)]]  # with the smaller ones
    assert tiers(found, Policy(5, 16_000_000)) == [[str(i) for i in range(11, -1, -1)]]
    assert tiers(found, Policy(5, 50_000)) == [[str(i) for i in range(4, -1, -1)]]
    assert bins(found, 1_000_000) == [[str(i) for i in range(11, -1, -1)]]
    assert [len(group) for group in bins(found, 350_000)] == [3, 3, 6]
