"""The lake functions: exact where a floating point number is not, and the same for every spelling."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicklake.engines.functions import duckdb_functions

CENT = Decimal("0.01")


def connect(reporting_timezone="UTC"):
    connection = duckdb.connect()
    for statement in duckdb_functions(reporting_timezone):
        connection.execute(statement)
    return connection


@pytest.fixture(scope="module")
def con():
    with connect() as connection:
        yield connection


def value(con, expression, *parameters):
    return con.execute(f"select {expression}", parameters).fetchone()[0]


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(1, 8, 12.5), (1, 3, 33.33), (2, 3, 66.67), (1, 32, 3.13), (201, 20_000, 1.01), (3, 2, 150.0), (0, 5, 0.0)],
)
def test_pct_rounds_half_up(con, part, whole, expected):
    assert value(con, "pct(?::bigint, ?::bigint)", part, whole) == expected


def test_rates_of_nothing_are_null(con):
    assert value(con, "pct(0, 0)") is None
    assert value(con, "pct(3, null)") is None
    assert value(con, "per(3, 0)") is None
    assert value(con, "per(cast(null as decimal(18, 2)), 2)") is None


@given(part=st.integers(0, 10**14), whole=st.integers(1, 10**14))
def test_pct_is_exact(con, part, whole):
    expected = (Decimal(part) * 100 / whole).quantize(CENT, ROUND_HALF_UP)
    assert value(con, "pct(?::bigint, ?::bigint)", part, whole) == float(expected)


@given(cents=st.integers(-(10**18) + 1, 10**18 - 1), n=st.integers(1, 10**9))
def test_per_of_money_is_exact(con, cents, n):
    total = Decimal(cents).scaleb(-2)
    expected = (total / n).quantize(CENT, ROUND_HALF_UP)
    assert value(con, "per(cast(? as decimal(18, 2)), ?::bigint)", str(total), n) == expected


@given(total=st.integers(0, 10**15), n=st.integers(1, 10**9))
def test_per_of_counts_is_exact(con, total, n):
    expected = (Decimal(total) / n).quantize(CENT, ROUND_HALF_UP)
    assert value(con, "per(?::bigint, ?::bigint)", total, n) == expected


def test_types_are_those_of_the_documents(con):
    assert value(con, "typeof(pct(1, 2))") == "DOUBLE"
    assert value(con, "typeof(per(sum(x), count(*))) from (select 1::bigint as x)") == "DECIMAL(18,2)"
    assert value(con, "typeof(per(sum(x), 2)) from (select 1.5::decimal(18, 2) as x)") == "DECIMAL(18,2)"
    assert value(con, "typeof(unix_micros(timestamp '2024-01-01'))") == "BIGINT"
    assert value(con, "typeof(reporting_time(timestamp '2024-01-01'))") == "TIMESTAMP"


def test_unix_micros_counts_from_1970(con):
    assert value(con, "unix_micros(timestamp '1970-01-02 00:00:00.000001')") == 86_400_000_001
    assert value(con, "unix_micros(timestamp '1969-12-31 23:59:59')") == -1_000_000


@pytest.mark.parametrize(
    "text",
    ["page_view", "Page View", "pageView", "PageView", "page-view", "PAGE_VIEW", " page  view ", "_Page.View_"],
)
def test_lower_snake_knows_every_spelling(con, text):
    assert value(con, "lower_snake(?)", text) == "page_view"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PDPView", "pdp_view"), ("view2Cart", "view2_cart"), ("Añadir Ítem", "añadir_ítem"), ("--", None), (None, None)],
)
def test_lower_snake_of_other_texts(con, text, expected):
    assert value(con, "lower_snake(?)", text) == expected


@given(st.text(alphabet=[*map(chr, range(32, 127)), *"ÄäÉéÑñßЖжİı世"], max_size=30))
def test_lower_snake_of_its_result_is_its_result(con, text):
    once = value(con, "lower_snake(?)", text)
    assert value(con, "lower_snake(?)", once) == once


def test_reporting_time_is_the_local_one():
    with connect("Europe/Berlin") as con:
        winter, summer = datetime(2024, 12, 31, 23, 30), datetime(2024, 6, 30, 23, 30, 0, 1)
        assert value(con, "reporting_time(?)", winter) == datetime(2025, 1, 1, 0, 30)
        assert value(con, "reporting_time(?)", summer) == datetime(2024, 7, 1, 1, 30, 0, 1)


def test_reporting_time_in_utc_is_the_time_itself(con):
    assert value(con, "reporting_time(timestamp '2024-12-31 23:30:00')") == datetime(2024, 12, 31, 23, 30)


def test_a_zone_is_never_pasted_into_sql():
    assert "'O''Clock'" in duckdb_functions("O'Clock")[0]
