"""Rows as HTML: formats of the one place, few rows, everything escaped, personal data hidden."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from notebook_page import Page

from clicklake.errors import FitError
from clicklake.lake import Lake
from clicklake.notebook.rows import SHOWN, rows_html
from clicklake.rows import Rows

BUYER = "u1,s1,2025-01-01 10:00:00,purchase,p1,1234.5,success"


def page(rows: Rows) -> Page:
    return Page(rows._repr_html_())


def test_values_are_written_as_everywhere(lake: Lake):
    shown = page(
        lake.sql("select 1234567 as n, 1234.5::decimal(18,2) as amount, null as nothing, date '2025-01-31' as d")
    )
    assert shown.cells == [["n", "amount", "nothing", "d"], ["1,234,567", "1,234.50", "–", "2025-01-31"]]
    assert "1 row" in shown.text


def test_a_report_has_its_title_meanings_currency_and_note(lake: Lake, clicks):
    lake.run(click_events=clicks(BUYER))
    html = lake.report("revenue_metrics")._repr_html_()
    assert "Revenue" in Page(html).text and "(USD)" in html and "1,234.50" in html
    assert re.search(r"<th [^>]*title='[^']+'", html)
    many = lake.reports([*map(_asked, ("top_products", "daily_active_users"))])
    assert all("<strong>" in rows._repr_html_() for rows in many)


def _asked(name: str):
    from clicklake.reports.run import Asked

    return Asked(name)


def test_many_rows_are_counted_and_few_are_shown(lake: Lake):
    shown = page(lake.sql("select unnest(range(12345)) as n"))
    assert len(shown.cells) == 1 + SHOWN and f"The first {SHOWN} of 12,345 rows" in shown.text
    assert "No rows." in page(lake.sql("select 1 as n where false")).text


def test_everything_is_escaped():
    evil = "<img src=x onerror='alert(1)'>&\"\x1b[31m"
    rows = Rows(pa.table({evil: [evil], "l": [[evil]], "m": pa.array([{"k": evil}])}), note=evil)
    html = rows._repr_html_()
    assert "<img" not in html and "\x1b" not in html
    shown = Page(html)
    assert len(shown.cells) == 2 and len(shown.cells[1]) == 3
    assert "<img" in shown.cells[1][0]
    assert "<img" not in Rows(pa.table({"a": []}), failure=FitError(evil))._repr_html_()


def test_a_long_value_is_cut():
    html = rows_html(Rows(pa.table({"raw": ["x" * 1_000_000]})))
    assert len(html) < 10_000 and "1,000,000 characters" in html


@pytest.fixture
def customers(lake: Lake, tmp_path: Path) -> Lake:
    file = tmp_path / "customers.csv"
    file.write_text(
        "customer_id,first_name,last_name,email,phone,address,city,state,country,registration_date,segment,updated_at\n"
        "c1,Ann,Able,ann@example.com,1234567,High Street 1,Bath,,GB,2024-01-01,gold,2024-01-01 00:00:00\n"
        "c2,Bob,Best,bob@example.com,7654321,Low Road 2,York,,GB,2024-02-01,gold,2024-02-01 00:00:00\n"
    )
    lake.run(customers=file)
    return lake


PRIVATE = ("ann", "able", "1234567", "high street")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from gold.dim_customers",
        "select * from silver.customers",
        "select * from bronze.customers",
        "select email as contact, country from silver.customers",
        "select upper(email) as contact, substr(first_name, 1, 3) as short from silver.customers",
        "with c as (select email as e, * from gold.dim_customers) select e, c.* from c",
        "select list(email) as all_of_them from silver.customers",
        "select {'mail': email} as packed from silver.customers",
        "select max(email) as last from silver.customers",
        "select email from silver.customers union all select country from silver.customers",
        "select columns('email|name') from silver.customers",
        "from silver.customers select email",
    ],
)
def test_personal_data_is_hidden_by_whatever_name(customers: Lake, sql: str):
    rows = customers.sql(sql)
    shown = page(rows)
    assert not [word for word in PRIVATE if word in " ".join(sum(shown.cells[1:], [])).lower()]
    assert "***" in shown.text and "Personal data" in shown.text
    opened = page(rows.show_pii())
    assert "***" not in opened.text and "Personal data" not in opened.text
    assert opened.cells[0] == shown.cells[0]
    assert rows.show_pii().to_arrow() == rows.to_arrow()


def test_what_names_nobody_is_shown(customers: Lake):
    shown = page(customers.sql("select country, count(distinct email) as people from silver.customers group by all"))
    assert shown.cells[1] == ["GB", "2"] and "Personal" not in shown.text


def test_codes_are_equal_where_values_are(customers: Lake):
    codes = [row[0] for row in page(customers.table("gold.dim_customers", columns=["customer_id"])).cells[1:]]
    again = [row[0] for row in page(customers.table("silver.customers", columns=["customer_id"])).cells[1:]]
    assert len(set(codes)) == 2 and set(codes) == set(again)


def test_reports_hide_the_same(lake: Lake, clicks):
    lake.run(click_events=clicks(BUYER))
    shown = page(lake.report("user_journey"))
    assert shown.cells[1][0].startswith("***") and "u1" not in " ".join(shown.cells[1])


def test_hiding_does_not_change_the_rows(customers: Lake):
    rows = customers.table("gold.dim_customers", columns=["email"])
    assert page(rows).cells[1:] == [["***"], ["***"]]  # no identifier: without a code
    rows._repr_html_()
    assert {row["email"] for row in rows} == {"ann@example.com", "bob@example.com"}


def test_rows_of_one_s_own_are_shown_as_they_are():
    shown = page(Rows(pa.table({"email": ["a@b"], "amount": [Decimal("1.50")]})))
    assert shown.cells[1] == ["a@b", "1.50"]
