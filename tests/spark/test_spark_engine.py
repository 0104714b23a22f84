"""What the engine promises whoever gives it statements, on Spark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from clicklake.engines.spark import Spark
from clicklake.errors import ClicklakeError, EngineError
from clicklake.storage import Store, TableSpec, commit

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("amount", pa.decimal128(18, 2)),
        ("tags", pa.map_(pa.string(), pa.string())),
        ("day", pa.date32()),
    ]
)
ROWS: list[dict[str, Any]] = [
    {"id": 1, "name": "ä'b", "at": datetime(2025, 1, 2, 3, 4, 5, 6), "amount": Decimal("1.50"), "tags": [("k", "v")]},
    {"id": 2, "name": None, "at": None, "amount": None, "tags": None, "day": date(2025, 2, 1)},
    {"id": 3, "name": "", "at": datetime(1969, 12, 31), "amount": Decimal("-2.00"), "tags": [], "day": None},
]


@pytest.fixture
def engine(open_spark: Callable[..., Spark]) -> Spark:
    return open_spark()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "a lake [1] 100% ü+x"))


def filled(store: Store, partition_by: tuple[str, ...] = ()) -> Any:
    table = store.ensure(TableSpec("silver.things", SCHEMA, partition_by=partition_by))
    return commit(store, table, pa.Table.from_pylist(ROWS, schema=SCHEMA), marks={"seen": 7})


@pytest.mark.parametrize("partition_by", [(), ("day",)])
def test_rows_come_as_python_has_them(engine: Spark, store: Store, partition_by: tuple[str, ...]) -> None:
    engine.attach(filled(store, partition_by))
    assert engine.rows("select * from silver.things order by id") == [
        (1, "ä'b", datetime(2025, 1, 2, 3, 4, 5, 6), Decimal("1.50"), {"k": "v"}, None),
        (2, None, None, None, None, date(2025, 2, 1)),
        (3, "", datetime(1969, 12, 31), Decimal("-2.00"), {}, None),
    ]
    assert engine.attached["silver.things"] == 1


def test_a_row_says_in_which_file_it_lies(engine: Spark, store: Store) -> None:
    table = filled(store, ("day",))
    found = dict(engine.rows(f"select id, filename from ({engine.scan(table, filename=True)}) as rows"))
    assert set(found.values()) == set(table.files)
    assert engine.files_with(table, "id = 2") == [path for path in table.paths if "2025-02-01" in path]


def test_what_executors_write_is_committed_like_everything_else(engine: Spark, store: Store) -> None:
    table = filled(store, ("day",))
    query = f"select tags, day, id + 10 as id, name, amount, at from ({engine.scan(table)}) as rows"
    after = commit(store, table, engine.write(store, table, [query, query]), marks={"seen": 8})
    assert (after.version, after.mark("seen"), after.size[0]) == (2, 8, 9)
    assert after.maximum("id") == 13
    assert after.nulls == {"id": 0, "name": 2, "at": 2, "amount": 2, "tags": 2, "day": 4}
    engine.attach(after)
    rows = engine.rows("select name, at, amount, tags, day from silver.things where id = 11")
    assert rows == [("ä'b", datetime(2025, 1, 2, 3, 4, 5, 6), Decimal("1.50"), {"k": "v"}, None)] * 2


def test_a_table_stays_when_what_it_was_made_of_goes(engine: Spark) -> None:
    engine.execute("create or replace table work.a as select unnest(range(5)) as n")
    engine.execute("create or replace table work.b as select n from work.a where n > 2")
    engine.execute("drop table work.a")
    assert engine.rows("select n from work.b order by n") == [(3,), (4,)]
    engine.execute("create or replace table work.b as select n + 1 as n from work.b")
    assert engine.rows("select n from work.b order by n") == [(4,), (5,)]
    engine.execute("drop table if exists work.b")
    engine.execute("drop table if exists work.b")
    with pytest.raises(EngineError, match="work__b"):
        engine.rows("select * from work.b")


def test_values_are_parameters(engine: Spark) -> None:
    assert engine.rows("select ?, ?", ["it's", 3]) == [("it's", 3)]


def test_each_row_is_read_by_duckdb(engine: Spark) -> None:
    texts = pa.table({"id": [1, 2, 3], "t": ["31/12/2024 23:59", "2024-12-31T23:59:00+02:00", "never"]})
    engine.register("work.texts", texts)
    query = (
        "select id, coalesce(iso_timestamp(t), try_strptime(t, '%d/%m/%Y %H:%M')) as at, text_map('{\"b\":1,\"a\":2}') "
        "as tags from work.texts"
    )
    engine.make_each("work.times", query, "work.texts", keep=True)
    assert engine.rows("select * from work.times order by id") == [
        (1, datetime(2024, 12, 31, 23, 59), {"a": "2", "b": "1"}),
        (2, datetime(2024, 12, 31, 21, 59), {"a": "2", "b": "1"}),
        (3, None, {"a": "2", "b": "1"}),
    ]


def test_a_query_of_each_row_that_cant_run_is_told_before_any_row_is_read(engine: Spark) -> None:
    engine.register("work.texts", pa.table({"t": ["x"]}))
    with pytest.raises(EngineError, match="nothing"):
        engine.make_each("work.wrong", "select nothing from work.texts", "work.texts", keep=False)


def test_functions_run_in_tasks(engine: Spark) -> None:
    assert engine.each(len, ["a", "bb", ""]) == [1, 2, 0]
    assert engine.each(len, []) == []


@pytest.mark.parametrize(
    "query",
    [
        "select * from parquet.`/etc`",
        "select * from read_parquet('/etc/passwd')",
        "select * from read_csv('/etc/passwd')",
        "select * from read_files('/etc/passwd')",
        "select * from other",
        "select java_method('java.lang.System', 'exit', '1')",
        "select reflect('java.util.UUID', 'randomUUID')",
        "with x as (select * from csv.`/etc/passwd`) select * from x",
        "select * from things where id in (select value from text.`/etc/passwd`)",
        "create table x as select 1",
        "drop table silver.things",
        "insert into silver.things select * from silver.things",
        "set spark.sql.ansi.enabled = false",
    ],
)
def test_a_locked_engine_reads_the_tables_of_the_lake_alone(engine: Spark, store: Store, query: str) -> None:
    engine.attach(filled(store))
    engine.lock(store.root)
    assert engine.value("select count(*) from silver.things") == 3
    with pytest.raises(ClicklakeError):
        engine.table(query)
