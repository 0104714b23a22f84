from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clicklake.storage import Store, TableSpec, Target, chunks, commit
from clicklake.storage import parquet as module

SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string()), ("year", pa.int32()), ("month", pa.int32())])
PLAIN = TableSpec("bronze.rows", SCHEMA, sequences=("id",))
PARTED = TableSpec("gold.rows", SCHEMA, ("year", "month"), sequences=("id",))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "lake"))


def batches(rows: int, size: int, months: int = 1) -> Iterator[pa.RecordBatch]:
    """Rows with rising ids, spread over the months."""
    for first in range(0, rows, size):
        ids = np.arange(first, min(first + size, rows), dtype=np.int64)
        columns = [
            pa.array(ids),
            pa.array([f"text {i % 7}" if i % 5 else None for i in ids.tolist()], pa.string()),
            pa.array(np.full(len(ids), 2025, np.int32)),
            pa.array((ids % months + 1).astype(np.int32)),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def reader(rows: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(SCHEMA, rows)


@pytest.mark.parametrize("rows", [1, 999, 1000, 10_000])
@pytest.mark.parametrize("spec", [PLAIN, PARTED])
def test_rows_go_through_threads_whole_and_rise_in_each_file(
    store: Store, monkeypatch: pytest.MonkeyPatch, rows: int, spec: TableSpec
) -> None:
    monkeypatch.setattr(chunks, "ROW_GROUP", 500)
    monkeypatch.setattr(module, "FILE_ROWS", 2000)
    monkeypatch.setattr(module, "WRITERS", 2)
    after = commit(store, store.ensure(spec), reader(batches(rows, 70, months=3)), marks={})
    found = []
    for path, file in zip(after.paths, after.files, strict=True):
        ids = pq.ParquetFile(file).read(["id"])["id"].to_numpy()
        assert np.all(np.diff(ids) > 0), path
        assert len(ids) < 2000 + 2 * 500
        if spec is PARTED:
            assert np.all(ids % 3 + 1 == int(after.paths[path][1]["month"] or 0))
        found += ids.tolist()
    assert sorted(found) == list(range(rows))
    assert after.size[0] == rows
    assert after.nulls["text"] == (rows + 4) // 5
    assert after.maximum("id") == rows - 1


def test_statistics_are_those_of_each_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "ROW_GROUP", 500)
    monkeypatch.setattr(module, "WRITERS", 2)
    after = commit(store, store.ensure(PLAIN), reader(batches(5000, 100)), marks={})
    actions = pa.table(after.delta.get_add_actions(flatten=True)).to_pylist()
    assert len(actions) == 2
    for action in actions:
        ids = pq.ParquetFile(after.uri(action["path"])).read(["id"])["id"].to_numpy()
        assert (action["min.id"], action["max.id"], action["num_records"]) == (ids.min(), ids.max(), len(ids))


def test_rows_of_many_partitions_that_come_mixed_are_not_all_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "ROW_GROUP", 500)
    monkeypatch.setattr(chunks, "MOST_WAITING", 1000)
    waiting = chunks.Waiting()
    most = 0
    written = 0
    for batch in batches(20_000, 100, months=100):
        for partition, part in chunks.split(batch, ("year", "month")):
            for _, chunk in waiting.add(partition, part):
                written += sum(rows.num_rows for rows in chunk)
            most = max(most, sum(waiting._rows.values()))
    written += sum(rows.num_rows for _, chunk in waiting.rest() for rows in chunk)
    assert written == 20_000
    assert most < 1100
    after = commit(store, store.ensure(PARTED), reader(batches(20_000, 100, months=100)), marks={})
    assert after.size[0] == 20_000
    assert len({json.dumps(values) for _, values in after.paths.values()}) == 100


@pytest.mark.parametrize("failing", [0, 3, 40])
def test_a_source_that_fails_leaves_no_file_and_no_thread(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failing: int
) -> None:
    monkeypatch.setattr(chunks, "ROW_GROUP", 500)

    def rows() -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(batches(10_000, 100)):
            if number == failing:
                raise ValueError("unreadable")
            yield batch

    empty = store.ensure(PARTED)
    with pytest.raises(ValueError, match="unreadable"):
        module.write_files(Target.of(store, empty), rows(), SCHEMA)
    assert not list(tmp_path.rglob("*.parquet"))
    assert not [thread for thread in threading.enumerate() if thread.name == "clicklake-worker"]
    assert store.open("gold.rows").version == 0


@pytest.mark.parametrize("months", [1, 3, 200])
def test_a_batch_is_split_by_partition(monkeypatch: pytest.MonkeyPatch, months: int) -> None:
    (batch,) = batches(1000, 1000, months)
    counted = list(chunks.split(batch, ("year", "month")))
    monkeypatch.setattr(chunks, "_FEW_CODES", 0)
    for parts in (counted, list(chunks.split(batch, ("year", "month")))):
        assert {partition for partition, _ in parts} == {("2025", str(month + 1)) for month in range(months)}
        assert sum(part.num_rows for _, part in parts) == 1000
        for (_, month), part in parts:
            assert part.schema.names == ["id", "text"]
            assert set((part["id"].to_numpy() % months + 1).tolist()) == {int(month or 0)}


def test_texts_have_bounds_only_where_asked(store: Store) -> None:
    empty = store.ensure(PLAIN)
    for wanted in (False, True):
        written = module.write_files(Target.of(store, empty), batches(1000, 100), SCHEMA, text_bounds=wanted)
        (action,) = written.actions
        found = json.loads(str(action.stats))
        assert ("text" in found["minValues"]) is wanted
        assert found["maxValues"]["id"] == 999
        written.remove()


def test_a_small_file_has_row_groups_that_can_be_read_in_parallel(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "ROW_GROUP", 5000)
    monkeypatch.setattr(module, "SMALL_GROUP", 300)
    few = commit(store, store.ensure(PLAIN), reader(batches(2000, 100)), marks={})
    assert [pq.ParquetFile(file).metadata.num_row_groups for file in few.files] == [4]
    assert pq.ParquetFile(few.files[0]).read(["id"])["id"].to_pylist() == list(range(2000))
    tiny = commit(store, store.ensure(PARTED), reader(batches(200, 100)), marks={})
    assert [pq.ParquetFile(file).metadata.num_row_groups for file in tiny.files] == [1]
