from __future__ import annotations

from collections.abc import Iterator

import pytest

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import parse, tables, text
from clicklake.reports.shared import share

GROUPED = "users as (select who, count(*) as n from gold.facts group by who)"
FILTERED = "bought as (select who, amount from gold.facts where kind = 'purchase')"


@pytest.fixture
def engine() -> Iterator[DuckDB]:
    engine = DuckDB(memory_limit="256MB", threads=2)
    engine.execute(
        "create table gold.facts as select range % 7 as who, range % 3 as amount, "
        "case when range % 2 = 0 then 'purchase' else 'view' end as kind from range(100)"
    )
    yield engine
    engine.close()


def shared(engine: DuckDB, *queries: str) -> tuple[list[str], list[str]]:
    """What the queries read afterwards, and the tables that were made; their rows stay the same."""
    trees = [parse(query, "test") for query in queries]
    changed = share(engine, trees)
    for before, after in zip(queries, changed, strict=True):
        assert sorted(engine.rows(text(after))) == sorted(engine.rows(before))
    made = engine.rows("select table_name from duckdb_tables() where schema_name = 'work' order by 1")
    return [" ".join(tables(tree)) for tree in changed], [row[0] for row in made]


def test_a_step_of_several_queries_is_computed_once(engine: DuckDB) -> None:
    read, made = shared(
        engine,
        f"with {GROUPED}, {FILTERED} select users.who, n, amount from users join bought on users.who = bought.who",
        f"with {GROUPED} select max(n) from users",
        f"with {FILTERED} select sum(amount) from bought",
    )
    assert made == ["shared_1", "shared_2"]
    assert read == ["work.shared_1 work.shared_2", "work.shared_1", "work.shared_2"]


def test_names_of_steps_do_not_matter_but_what_they_read_does(engine: DuckDB) -> None:
    events = "events as (select * from gold.facts)"
    views = "events as (select * from gold.facts where kind = 'view')"
    step = "(select who, count(*) as n from events group by who)"
    read, made = shared(
        engine,
        f"with {events}, users as {step} select * from users",
        f"with {events}, people as {step} select sum(n) from people",
        f"with {views}, users as {step} select * from users",
    )
    assert made == ["shared_1"]
    assert read == ["gold.facts work.shared_1", "gold.facts work.shared_1", "gold.facts"]


@pytest.mark.parametrize(
    "step",
    [
        "(select who, amount from gold.facts)",  # as many rows as its table
        "(select * from gold.facts where kind = 'view')",  # columns that nobody may need
        "(select who, random() as chance from gold.facts where kind = 'nothing')",  # another one each time
    ],
)
def test_what_is_not_worth_a_table_stays(engine: DuckDB, step: str) -> None:
    read, made = shared(engine, f"with a as {step} select * from a", f"with a as {step} select count(*) from a")
    assert made == []
    assert read == ["gold.facts", "gold.facts"]


def test_names_that_mean_different_things_are_left_alone(engine: DuckDB) -> None:
    inner = "(with users as (select 1 as who, 2 as n) select who, n from users where n > 1)"
    read, made = shared(engine, f"with {GROUPED}, b as {inner} select * from b", f"with {GROUPED} select * from users")
    assert made == []


def test_a_step_that_fails_is_told_by_its_report(engine: DuckDB) -> None:
    broken = "a as (select who from gold.nothing where who > 1)"
    queries = [f"with {broken} select * from a", f"with {broken} select count(*) from a"]
    assert [text(tree) for tree in share(engine, [parse(q, "test") for q in queries])] == [
        text(parse(q, "test")) for q in queries
    ]


def test_twice_in_one_query_is_not_shared_with_others(engine: DuckDB) -> None:
    read, made = shared(engine, f"with {GROUPED} select * from users union all select * from users")
    assert made == []
    assert read == ["gold.facts"]
