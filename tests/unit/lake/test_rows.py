"""Rows to Arrow, pandas, Polars and Python; and how tables are asked for."""

from __future__ import annotations

import sys
from datetime import date, datetime
from decimal import Decimal

import pytest

from clicklake.errors import MissingExtraError, QueryError, UnknownNameError, UsageError
from clicklake.lake import Lake

NESTED = """
    select map {'a': 1, 'b': null} as m, [map {'k': 'v'}] as ms, {'x': [1, 2], 'y': {'z': date '2025-01-31'}} as s,
        123456789012345678.12::decimal(20, 2) as amount, timestamp '2025-01-31 12:34:56.789012' as at,
        'x'::enum('x', 'y') as kind, null as nothing, blob 'ab' as raw, time '10:00' as clock
"""


@pytest.fixture
def rows(lake: Lake):
    return lake.sql(NESTED)


def test_to_python_maps_are_dicts(rows):
    (row,) = rows.to_pylist()
    assert row == next(iter(rows))
    assert row["m"] == {"a": 1, "b": None} and row["ms"] == [{"k": "v"}]
    assert row["s"] == {"x": [1, 2], "y": {"z": date(2025, 1, 31)}}
    assert row["amount"] == Decimal("123456789012345678.12") and row["at"] == datetime(2025, 1, 31, 12, 34, 56, 789012)


def test_to_pandas_keeps_cents_and_microseconds(rows):
    frame = rows.to_pandas()
    first = frame.iloc[0]
    assert first["amount"] == Decimal("123456789012345678.12")
    assert frame.dtypes["at"] == "datetime64[us]" and str(first["at"]) == "2025-01-31 12:34:56.789012"
    assert (
        first["m"] == {"a": 1, "b": None} and first["ms"][0] == {"k": "v"} and first["s"]["y"]["z"] == date(2025, 1, 31)
    )


def test_to_polars_keeps_types(rows):
    import polars

    frame = rows.to_polars()
    assert frame["amount"].to_list() == [Decimal("123456789012345678.12")]
    assert frame.schema["at"] == polars.Datetime("us") and frame["at"].to_list() == [
        datetime(2025, 1, 31, 12, 34, 56, 789012)
    ]
    assert frame["s"].to_list() == [{"x": [1, 2], "y": {"z": date(2025, 1, 31)}}]


def test_a_lake_s_own_types_go_everywhere(lake: Lake, tmp_path):
    file = tmp_path / "web.ndjson"
    file.write_text(
        '{"user_id": "u1", "session_id": "s1", "event_type": "page_view", "event_timestamp": "2025-01-01T10:00:00Z", '
        '"device_type": "mobile", "page_url": "/", "referrer_url": "", "metadata": {"campaign": "x"}}\n'
        '{"user_id": "u2"}\n'
    )
    lake.run(web_events=file)
    for table in ("silver.events", "silver.quarantine", "ops.runs", "gold.dim_users"):
        found = lake.table(table)
        assert len(found.to_pandas()) == len(found.to_polars()) == len(found.to_pylist()) == found.to_arrow().num_rows
        assert list(found.to_pandas().columns) == found.to_polars().columns == found.columns
    assert lake.table("silver.events", columns=["metadata"]).to_pandas()["metadata"][0] == {"campaign": "x"}


def test_many_rows_are_one_copy(lake: Lake):
    rows = lake.sql("select range as n, 'text ' || range as t, range::decimal(18, 2) as d from range(1_000_000)")
    assert len(rows.to_pandas()) == len(rows.to_polars()) == 1_000_000
    assert sum(1 for _ in rows) == 1_000_000


@pytest.mark.parametrize(
    ("sql", "method"),
    [
        ("select 1 as a, date 'infinity' as x", "to_pandas"),
        ("select 1 as a, timestamp 'infinity' as x", "to_pylist"),
        ("select 1 as a, interval 3 day as x", "to_polars"),
        ("select 1 as a, union_value(num := 2) as x", "to_pandas"),
    ],
)
def test_what_has_no_equivalent_is_named(lake: Lake, sql: str, method: str):
    with pytest.raises(UsageError, match=r"column x, of type .* Cast it in the query"):
        getattr(lake.sql(sql), method)()


@pytest.mark.parametrize(("method", "module"), [("to_pandas", "pandas"), ("to_polars", "polars")])
def test_a_missing_library_is_named(rows, monkeypatch, method: str, module: str):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'clicklake\[{module}\]'"):
        getattr(rows, method)()


def test_sql_is_query(lake: Lake, clicks):
    lake.run(click_events=clicks("u1,s1,2025-01-01 10:00:00,login,,,"))
    lake.run(click_events=clicks("u2,s2,2025-01-02 10:00:00,login,,,", name="more.csv"))
    sql = "select count(*) as n from gold.fact_events"
    assert lake.sql(sql).to_pylist() == lake.query(sql).to_pylist() == [{"n": 2}]
    assert lake.sql(sql, at=1).to_pylist() == [{"n": 1}]


def test_a_table_is_asked_for_by_its_name(lake: Lake, clicks):
    lake.run(click_events=clicks("u1,s1,2025-01-01 10:00:00,login,,,", "u2,s1,2025-01-01 10:00:00,login,,,"))
    assert len(lake.table("gold.dim_users")) == 2
    found = lake.table("gold.dim_users", columns=["user_id", "total_events"], limit=1)
    assert found.columns == ["user_id", "total_events"] and len(found) == 1
    with pytest.raises(UnknownNameError, match="no table gold.nothing"):
        lake.table("gold.nothing")
    with pytest.raises(QueryError, match="nothing"):
        lake.table("gold.dim_users", columns=["nothing"])
    for wrong in ('gold.dim_users" where 1=1 --', "dim_users", "", "a.b.c"):
        with pytest.raises(UsageError):
            lake.table(wrong)
