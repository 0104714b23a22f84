"""How values are written for people: exact texts."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import get_args

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicklake.contracts.model import ReportColumn
from clicklake.reports import formats
from clicklake.reports.formats import FORMATS, guess, header, label, show

HUGE = Decimal("12345678901234567890123456789012345.675")


@pytest.mark.parametrize(
    ("value", "format", "text"),
    [
        (1234567, "integer", "1,234,567"),
        (-1234, "integer", "-1,234"),
        (0, "integer", "0"),
        (Decimal("2.5"), "integer", "3"),
        (Decimal("-2.5"), "integer", "-3"),
        (10**38, "integer", "100" + ",000" * 12),
        (Decimal("1234.5"), "money", "1,234.50"),
        (Decimal("0.005"), "money", "0.01"),
        (Decimal("0.015"), "money", "0.02"),
        (Decimal("2.675"), "money", "2.68"),
        (2.675, "money", "2.68"),
        (Decimal("-0.005"), "money", "-0.01"),
        (Decimal("-0.004"), "money", "0.00"),
        (HUGE, "money", "12,345,678,901,234,567,890,123,456,789,012,345.68"),
        (12.25, "percent", "12.3%"),
        (Decimal("12.25"), "percent", "12.3%"),
        (Decimal("12.24"), "percent", "12.2%"),
        (0, "percent", "0.0%"),
        (0.01, "percent", "<0.1%"),
        (Decimal("0.05"), "percent", "0.1%"),
        (-0.01, "percent", "0.0%"),
        (99.94, "percent", "99.9%"),
        (Decimal("99.95"), "percent", ">99.9%"),
        (100, "percent", "100.0%"),
        (100.01, "percent", "100.0%"),
        (Decimal("1234.56"), "percent", "1,234.6%"),
        (0.1 + 0.2, "decimal", "0.30"),
        (Decimal("6.125"), "decimal", "6.13"),
        (1e300, "decimal", "1.000e+300"),
        (float("inf"), "decimal", "∞"),
        (float("-inf"), "percent", "-∞"),
        (0.1 + 0.2, "number", "0.3"),
        (1234.5678, "number", "1,234.5678"),
        (Decimal("12.50"), "number", "12.50"),
        (1e-10, "number", "1e-10"),
        (1e300, "number", "1.000e+300"),
        (12, "number", "12"),
        (date(2025, 1, 31), "date", "2025-01-31"),
        (datetime(2025, 1, 31, 5), "date", "2025-01-31"),
        ("-infinity", "date", "-infinity"),
        (datetime(2025, 1, 31, 12, 34, 56), "timestamp", "2025-01-31 12:34:56"),
        (datetime(2025, 1, 31, 12, 34, 56, 120000), "timestamp", "2025-01-31 12:34:56.12"),
        (datetime(2025, 1, 31, 1, tzinfo=timezone(timedelta(hours=2))), "timestamp", "2025-01-30 23:00:00"),
        ("2025-01-31T12:34:50Z", "timestamp", "2025-01-31 12:34:50"),
        ("2025-01-31T12:34:56.100000Z", "timestamp", "2025-01-31 12:34:56.1"),
        (date(2025, 1, 31), "timestamp", "2025-01-31"),
        (True, "text", "true"),
        ("Zürich 日本", "text", "Zürich 日本"),
        ("not a number", "money", "not a number"),
        (True, "integer", "true"),
    ],
)
def test_a_value_has_one_text(value, format, text):
    assert show(value, format) == text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("value", [None, float("nan")])
def test_no_value_is_a_dash(value, format):
    assert show(value, format) == "–"


def test_text_cannot_steer_a_terminal_or_turn_its_direction():
    assert show("a\x1b[31mred\n\tb\x7f\x9b\u202eevil\ufffe", "text") == "a␛[31mred␊␉b␡��evil�"


def test_every_format_of_a_document_is_written():
    documented = get_args(ReportColumn.model_fields["format"].annotation)
    assert set(FORMATS) == {*documented, "number"} == set(get_args(formats.Format))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=2))
def test_money_keeps_every_cent(value):
    text = show(value, "money")
    assert Decimal(text.replace(",", "")) == value
    assert all(len(part) == 3 for part in text.lstrip("-").split(".")[0].split(",")[1:])


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=4))
def test_rates_are_rounded_half_away_from_zero(value):
    text = show(value, "percent").removesuffix("%").replace(",", "")
    if text in ("<0.1", ">99.9"):
        assert 0 < value < Decimal("0.05") or Decimal("99.95") <= value < 100
        return
    shown = Decimal(text)
    assert (shown in (0, 100)) <= (value in (0, 100) or value < 0 or value > 100)
    assert abs(shown - value) <= Decimal("0.05")
    if abs(shown - value) == Decimal("0.05"):
        assert abs(shown) > abs(value)


@pytest.mark.parametrize(
    ("name", "type", "format"),
    [
        ("users", pa.int64(), "integer"),
        ("sum", pa.decimal128(38, 0), "integer"),
        ("event_id", pa.int64(), "text"),
        ("year", pa.int32(), "text"),
        ("date_key", pa.int64(), "text"),
        ("events_per_hour", pa.int64(), "integer"),
        ("valid", pa.int64(), "integer"),
        ("amount", pa.decimal128(18, 2), "number"),
        ("view_to_cart_pct", pa.float64(), "percent"),
        ("pct_of_first", pa.decimal128(5, 2), "percent"),
        ("day", pa.date32(), "date"),
        ("at", pa.timestamp("us"), "timestamp"),
        ("at", pa.timestamp("us", tz="UTC"), "timestamp"),
        ("name", pa.string(), "text"),
        ("tags", pa.list_(pa.string()), "text"),
    ],
)
def test_a_format_is_guessed_where_none_is_documented(name, type, format):
    assert guess(name, type) == format


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("product_views", "Product views"),
        ("view_to_cart_pct", "View to cart rate"),
        ("revenue_share_pct", "Revenue share"),
        ("pct_of_first", "Share of first"),
        ("product_id", "Product ID"),
        ("clv", "CLV"),
        ("count_star()", "Count star()"),
        ("Größe\n", "Größe␊"),
        ("", ""),
    ],
)
def test_a_column_has_a_name_for_people(name, text):
    assert label(name) == text


def test_a_header_tells_the_unit():
    assert header("revenue", "money", "EUR") == "Revenue (EUR)"
    assert header("revenue", "money") == "Revenue"
    assert header("event_timestamp", "timestamp", "EUR") == "Event timestamp (UTC)"
    assert header("users", "integer", "EUR") == "Users"
