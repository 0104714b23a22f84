from __future__ import annotations

import pytest

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import parse, redirect, text


@pytest.fixture
def engine() -> DuckDB:
    engine = DuckDB(threads=1)
    for name, value in (("silver.events", 1), ("gold.users", 2), ("work.other", 10)):
        engine.execute(f"create table {name} as select {value} as n, 'x' as k")
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("select n from silver.events", 10),
        ("select events.n from silver.events", 10),
        ("select silver.events.n from silver.events", 10),
        ("select e.n from silver.events as e", 10),
        ("with events as (select * from silver.events) select events.n from events", 10),
        ("select users.n from gold.users", 2),
        ("select sum(a.n + users.n) from silver.events as a inner join gold.users on a.k = users.k", 12),
        ("select n from gold.users where k in (select k from silver.events where n = 10)", 2),
        ("with other as (select 3 as n) select n from other", 3),
    ],
)
def test_a_query_reads_another_table(engine: DuckDB, sql: str, answer: int) -> None:
    assert engine.value(text(redirect(parse(sql, "test"), {"silver.events": "work.other"}))) == answer


def test_a_bare_name_is_redirected_unless_it_is_a_cte(engine: DuckDB) -> None:
    names = {"changed": "work.other"}
    assert engine.value(text(redirect(parse("select n from changed", "test"), names))) == 10
    own = "with changed as (select 4 as n) select n from changed"
    assert engine.value(text(redirect(parse(own, "test"), names))) == 4
