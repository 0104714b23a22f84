"""Statements for Spark: what is carried over, and what is refused; whether the results are equal, tests/spark tells."""

from __future__ import annotations

import pytest

from clicklake.engines.dialect import PortabilityError, to_spark


@pytest.mark.parametrize(
    ("statement", "spark"),
    [
        ("select events.x from silver.events", "SELECT events.x FROM silver__events AS events"),
        ("select silver.events.x from silver.events", "SELECT events.x FROM silver__events AS events"),
        ("select e.x from silver.events as e", "SELECT e.x FROM silver__events AS e"),
        ("from work.keys", "SELECT * FROM work__keys AS keys"),
        ("create or replace view work.a as select 1 as x", "CREATE OR REPLACE VIEW work__a AS SELECT 1 AS x"),
        ("drop table if exists work.a", "DROP TABLE IF EXISTS work__a"),
        (
            "with events as (select * from silver.events) select events.x from events",
            "WITH events AS (SELECT * FROM silver__events AS events) SELECT events.x FROM events",
        ),
        ("select a.* from a anti join b on a.x = b.x", "SELECT a.* FROM a ANTI JOIN b ON a.x = b.x"),
        ("select row(a, b), [a, b]", "SELECT STRUCT(a, b), ARRAY(a, b)"),
        ("select l[1], l[-1], m['k']", "SELECT TRY_ELEMENT_AT(l, 1), TRY_ELEMENT_AT(l, -1), TRY_ELEMENT_AT(m, 'k')"),
        ("select cast(x as timestamp), 0::ubigint", "SELECT CAST(x AS TIMESTAMP), CAST(0 AS BIGINT)"),
        ("select list_filter(l, lambda r: r is not null)", "SELECT FILTER(l, r -> NOT r IS NULL)"),
        ("select x from t order by x, y desc", "SELECT x FROM t ORDER BY x NULLS LAST, y DESC"),
        ("select isodow(d)", "SELECT (CAST(WEEKDAY(d) + 1 AS BIGINT))"),
        ("select 'a\\b' || 'it''s'", "SELECT 'a\\\\b' || 'it\\'s'"),
        ("select regexp_matches(x, '^a.b$')", "SELECT (x RLIKE '(?d)^a.b\\\\z')"),
        ("select cast(x as int), cast(1.5 * x as int)", "SELECT CAST(x AS INT), CAST(ROUND((1.5 * x)) AS INT)"),
        ("select * replace (x + 1 as x) from t", "SELECT * EXCEPT (x), x + 1 AS x FROM t"),
        ("select strftime(d, '%Y-%m-%d at %H')", "SELECT DATE_FORMAT(d, 'yyyy-MM-dd \\'a\\'\\'t\\' HH')"),
    ],
)
def test_statements_are_carried_over(statement, spark):
    assert to_spark(statement) == spark


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("median(x)", "row_number"),
        ("quantile_cont(x, 0.5)", "row_number"),
        ("approx_count_distinct(x)", r"count\(distinct"),
        ("regexp_replace(x, 'a', 'b')", "'g'"),
        ("try_cast(x as int)", "contract"),
        ("text_map(x)", r"text_map\(\) is no function"),
        ("strftime(d, '%c')", "%c"),
        ("date_diff('decade', a, b)", "decade"),
        ("x at time zone 'Europe/Berlin'", "reporting_time"),
        ("pct(a)", "2 arguments"),
        ("l[1:2]", "substring"),
        ("a::json", "json"),
    ],
)
def test_what_has_another_result_is_refused(expression, told):
    with pytest.raises(PortabilityError, match=told):
        to_spark(f"select {expression} from t")


def test_what_is_no_sql_is_refused():
    with pytest.raises(PortabilityError, match="can't be read"):
        to_spark("select (")


def test_relations_are_called_as_the_engine_says():
    assert to_spark("select * from work.keys", relation=lambda name: f"lake_{name[5:]}") == (
        "SELECT * FROM lake_keys AS keys"
    )
    assert to_spark("select * from work.keys", relation=None) == "SELECT * FROM work.keys"


def test_the_zone_of_reports_is_put_in():
    berlin = to_spark("select reporting_time(x)", "Europe/Berlin")
    assert berlin == "SELECT FROM_UTC_TIMESTAMP(CAST(x AS TIMESTAMP), 'Europe/Berlin')"
    assert to_spark("select reporting_time(x)", "Etc/UTC") == "SELECT CAST(x AS TIMESTAMP)"
    assert "'O\\'Clock'" in to_spark("select reporting_time(x)", "O'Clock")


def test_unions_by_name_get_the_columns_of_both():
    columns = {"work.added": ["a", "b"], "work.removed": ["b", "c"]}
    statement = "select * from work.added union all by name select * from work.removed"
    assert to_spark(statement, columns=columns.__getitem__) == (
        "SELECT `a`, `b`, NULL AS `c` FROM (SELECT * FROM work__added AS added) AS side "
        "UNION ALL SELECT NULL AS `a`, `b`, `c` FROM (SELECT * FROM work__removed AS removed) AS side"
    )
    with pytest.raises(PortabilityError, match="columns are not known"):
        to_spark(statement)


def test_the_same_text_is_carried_over_once():
    assert to_spark("select 1 as one_and_only") is to_spark("select 1 as one_and_only")
