"""The times in which affected keys have rows: all of them, and few others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicklake.build.within import ranges
from clicklake.contracts.model import TableDoc, Within
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.ranges import MOST_RANGES, Ranges
from clicklake.storage import Store, TableSpec, commit

WITHIN = Within(time="at", first="since", last="until")
START = datetime(2025, 1, 1)

hours = st.integers(0, 24 * 60)
lengths = st.one_of(st.integers(0, 3), st.integers(0, 200))


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDB]:
    engine = DuckDB()
    yield engine
    engine.close()


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def found(engine: DuckDB, old: list[tuple[int, int]], came: list[int | None]) -> Ranges:
    spans = pa.table(
        {
            "since": pa.array([hour(first) for first, _ in old], pa.timestamp("us")),
            "until": pa.array([hour(first + length) for first, length in old], pa.timestamp("us")),
        }
    )
    times = pa.table({"at": pa.array([at if at is None else hour(at) for at in came], pa.timestamp("us"))})
    engine.register("old", spans)
    engine.register("came", times)
    return ranges(engine, WITHIN, "old", "came" if came else None)


@settings(max_examples=100, deadline=None)
@given(old=st.lists(st.tuples(hours, lengths), max_size=30), came=st.lists(hours, max_size=30))
def test_every_time_is_in_a_range(engine: DuckDB, old: list[tuple[int, int]], came: list[int]) -> None:
    bounds = found(engine, old, list(came)).bounds
    assert len(bounds) <= MOST_RANGES
    assert list(bounds) == sorted(bounds)
    assert all(last < first for (_, last), (first, _) in zip(bounds, bounds[1:], strict=False))
    for since, until in [
        *((hour(first), hour(first + length)) for first, length in old),
        *((hour(h),) * 2 for h in came),
    ]:
        assert any(first <= since and until <= last for first, last in bounds)
    ends = {hour(first) for first, _ in old} | {hour(h) for h in came}
    assert all(first in ends for first, _ in bounds), "a range begins where something does"


def test_what_lies_far_apart_lies_in_ranges_of_its_own(engine: DuckDB) -> None:
    bounds = found(engine, [(1000, 2), (1001, 3)], [1, 5, None, 1010]).bounds
    assert bounds == [(hour(1), hour(5)), (hour(1000), hour(1004)), (hour(1010), hour(1010))]


def test_nothing_came_and_nothing_was_there(engine: DuckDB) -> None:
    assert found(engine, [], []).bounds == []
    assert found(engine, [], [None]).bounds == []


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_a_scan_of_ranges_leaves_row_groups_out(engine: DuckDB, tmp_path: Path, kind: str) -> None:
    store = Store(str(tmp_path))
    at = pa.timestamp("us", "UTC") if kind == "timestamp" else pa.date32()
    snapshot = store.ensure(TableSpec("silver.times", pa.schema([("at", at), ("n", pa.int64())])))
    days = [None if number % 1000 == 0 else START + timedelta(days=number // 1000) for number in range(10_000)]
    rows = pa.table({"at": pa.array(days, pa.timestamp("us")).cast(at), "n": range(10_000)}, schema=snapshot.schema)
    snapshot = commit(store, snapshot, rows, marks={})
    (file,) = snapshot.files
    pq.write_table(pq.read_table(file), file, row_group_size=1000)
    bounds = [(START + timedelta(days=2), START + timedelta(days=3)), (START + timedelta(days=7),) * 2]
    if kind == "date":
        bounds = [(first.date(), last.date()) for first, last in bounds]
    scan = engine.scan(snapshot, ranges=Ranges("at", bounds))
    numbers = {n for (n,) in engine.rows(f"select n from ({scan})")}
    assert numbers == {n for n in range(10_000) if n % 1000 == 0 or n // 1000 in (2, 3, 7)}
    without_nulls = [row for row in range(10_000) if row % 1000]
    rows = pa.table({"at": [days[row] for row in without_nulls], "n": without_nulls}, schema=snapshot.schema)
    pq.write_table(rows, file, row_group_size=999)
    plan = str(engine.rows(f"explain analyze select sum(n) from ({scan}) where n % 2 = 0"))
    assert "Row Groups Scanned: 3 / 10" in plan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"within": {"silver.other": WITHIN}}, "within names 'silver.other', which is not in `affected`"),
        ({"within": {"silver.events": Within(time="at", first="who", last="until")}}, "within names 'who'"),
        ({"within": {"silver.events": Within(time="at", first="since", last="ever")}}, "within names 'ever'"),
    ],
)
def test_a_document_that_can_not_be_meant(change: dict[str, object], message: str) -> None:
    column = {"type": "timestamp", "description": "A time."}
    document: dict[str, object] = {
        "description": "One row per user.",
        "grain": ["who"],
        "strategy": "keys",
        "key": ["who"],
        "affected": {"silver.events": "select who from changed"},
        "columns": {"who": {"type": "string", "description": "The user."}, "since": column, "until": column},
    }
    TableDoc.model_validate(document)
    with pytest.raises(ValueError, match=message):
        TableDoc.model_validate({**document, **change})
