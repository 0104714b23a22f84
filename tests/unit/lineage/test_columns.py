from __future__ import annotations

import pytest

from clicklake.errors import ContractError
from clicklake.lineage.columns import Input, column_inputs

SCHEMA = {"silver.events": ["event_id", "user_id", "Amount", "kind"], "gold.users": ["user_id", "name"]}


def made_of(sql: str, column: str) -> list[tuple[str, str]]:
    """Table and column of what makes a value."""
    items = column_inputs(sql, SCHEMA, "test")[column]
    return [(item.table, item.column) for item in items if item.influence in ("direct", "rows")]


def text_of(sql: str, column: str) -> str:
    return column_inputs(sql, SCHEMA, "test")[column][0].transformation


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select user_id as x from silver.events", "identity"),
        ("select * from (select user_id as x from silver.events)", "identity"),
        ("with a as (select * from silver.events), b as (select * from a) select user_id as x from b", "identity"),
        ("select upper(user_id) as x from silver.events", "upper(user_id)"),
        (
            "with a as (select trim(user_id) as y from silver.events) select upper(y) as x from a",
            "upper(trim(user_id))",
        ),
        ("select e.user_id || ':X' as x from silver.events as e", "user_id || ':X'"),
        ("select user_id in (:known) as x from silver.events", "user_id in (:known)"),
    ],
)
def test_a_value_is_told_with_all_that_is_done_to_it(sql: str, expected: str) -> None:
    assert made_of(sql, "x") == [("silver.events", "user_id")]
    assert text_of(sql, "x") == expected


def test_what_is_put_into_a_formula_keeps_its_brackets() -> None:
    sql = "with a as (select amount + 1 as more from silver.events) select more * 2 as x from a"
    assert text_of(sql, "x") == "(Amount + 1) * 2"


def test_a_column_is_named_as_its_table_writes_it() -> None:
    assert made_of("select AMOUNT as x from silver.events", "x") == [("silver.events", "Amount")]


def test_a_union_has_the_columns_of_each_branch() -> None:
    sql = """
        with both as (
            select user_id as who from silver.events
            union all select name as other_name from gold.users
            union all select 'nobody' as who
        )
        select upper(who) as x from both
    """
    assert made_of(sql, "x") == [("silver.events", "user_id"), ("gold.users", "name")]
    constants = [item for item in column_inputs(sql, SCHEMA, "test")["x"] if item.influence == "constant"]
    assert [item.transformation for item in constants] == ["upper('nobody')"]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("count(*)", [("silver.events", "*")]),
        ("sum(1)", [("silver.events", "*")]),
        ("count(distinct kind) + count(*)", [("silver.events", "kind"), ("silver.events", "*")]),
        ("count(*) filter (where kind = 'a')", [("silver.events", "kind"), ("silver.events", "*")]),
        ("row_number() over (order by event_id)", [("silver.events", "*")]),
        ("max(amount)", [("silver.events", "Amount")]),
        ("arg_min(kind, struct_pack(a := amount))", [("silver.events", "kind"), ("silver.events", "Amount")]),
    ],
)
def test_aggregates_that_count_rows_come_from_the_rows(aggregate: str, expected: list[tuple[str, str]]) -> None:
    assert made_of(f"with a as (select * from silver.events) select {aggregate} as x from a", "x") == expected


def test_a_constant_comes_from_nowhere() -> None:
    assert column_inputs("select 'a' as x, kind from silver.events", SCHEMA, "test")["x"] == [
        Input("", "", "constant", "'a'")
    ]
    values = "with v (x, y) as (values (1, 2), (3, 4)) select x from v"
    assert [item.influence for item in column_inputs(values, SCHEMA, "test")["x"]] == ["constant"]


def test_what_chooses_the_rows_is_told_apart() -> None:
    sql = """
        with bought as (select * from silver.events where kind = 'purchase')
        select users.user_id, sum(bought.amount) as spent
        from gold.users as users
        left join bought on users.user_id = bought.user_id
        where users.name in (select name from gold.users where user_id > 'b')
        group by users.user_id
        having count(*) > 1
    """
    items = column_inputs(sql, SCHEMA, "test")["spent"]
    assert made_of(sql, "spent") == [("silver.events", "Amount")]
    chosen = {(item.influence, item.table, item.column) for item in items if item.influence != "direct"}
    assert chosen == {
        ("filter", "silver.events", "kind"),
        ("filter", "gold.users", "name"),
        ("filter", "gold.users", "user_id"),
        ("join", "gold.users", "user_id"),
        ("join", "silver.events", "user_id"),
        ("group", "gold.users", "user_id"),
    }


@pytest.mark.parametrize("over", ["(partition by user_id order by event_id)", "earlier"])
def test_what_a_window_looks_at_chooses_the_rows_and_makes_no_value(over: str) -> None:
    sql = f"""
        with numbered as (
            select kind, lag(kind) over {over} as before, row_number() over {over} as n from silver.events
            window earlier as (partition by user_id order by event_id)
        )
        select coalesce(before, 'none') as x, n, kind from numbered
    """
    assert made_of(sql, "x") == [("silver.events", "kind")]
    assert made_of(sql, "n") == [("silver.events", "*")]
    for name in ("x", "n"):
        framing = [item for item in column_inputs(sql, SCHEMA, "test")[name] if item.influence == "window"]
        assert {(item.table, item.column) for item in framing} == {
            ("silver.events", "user_id"),
            ("silver.events", "event_id"),
        }


def test_subqueries_and_recursion_are_followed() -> None:
    scalar = "select (select max(e.amount) from silver.events as e where e.user_id = u.user_id) as x from gold.users u"
    assert made_of(scalar, "x") == [("silver.events", "Amount")]
    recursive = """
        with recursive r as (
            select event_id as n from silver.events union all select n + 1 from r where n < 5
        ) select n from r
    """
    assert ("silver.events", "event_id") in made_of(recursive, "n")


def test_sql_that_is_no_query_is_refused() -> None:
    with pytest.raises(ContractError, match="test"):
        column_inputs("drop table x", SCHEMA, "test")
