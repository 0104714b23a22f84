"""How texts write amounts: what is proposed must read, in the engine, the amount that was meant."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.standardise import typed
from clicklake.project.amounts import read_amounts


@pytest.fixture(scope="module")
def engine():
    started = DuckDB()
    yield started
    started.close()


def read(engine, *texts):
    amounts = read_amounts(texts)
    sql = amounts.expression.replace("{}", "t")
    value = typed("u", "decimal(18,2)", time_zone="UTC", formats=())
    return [
        engine.value(f"select {value} from (select clean_text({sql}) as u from (select ? as t))", [t]) for t in texts
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["12.50", "7", "-1.5"], ["12.50", "7", "-1.5"]),
        (["12,50", "7", "1.234,50"], ["12.50", "7", "1234.50"]),
        (["1,234.50", "7", "12.5"], ["1234.50", "7", "12.5"]),
        (["1,234,567", "1,000"], ["1234567", "1000"]),
        (["€ 12,50", "€ 1.000,00"], ["12.50", "1000"]),
        (["$12.50", "$1,000.00"], ["12.50", "1000"]),
        (["1 234,50", "1\u00a0234,50"], ["1234.50", "1234.50"]),
        (["1'234.50", "7.05"], ["1234.50", "7.05"]),
    ],
)
def test_an_amount_is_read_as_it_is_meant(engine, texts, expected):
    assert read(engine, *texts) == [Decimal(text) for text in expected]


@settings(deadline=None)
@given(st.decimals("0.01", "9999999.99", places=2))
def test_any_amount_in_any_spelling_comes_back(engine, amount):
    plain = f"{amount:,.2f}"
    german = plain.translate(str.maketrans(",.", ".,"))
    for text in (str(amount), plain, german, f"{german} €", f"£{plain}"):
        assert read(engine, text) == [amount]


def test_signs_tell_the_currency_where_every_amount_bears_the_same():
    assert read_amounts(["€1", "€2"]).currency == "EUR"
    assert read_amounts(["£1"]).currency == "GBP"
    assert read_amounts(["€1", "2"]).currency == ""
    assert read_amounts(["€1", "£2"]).currency == ""
    assert read_amounts(["$1"]).currency == ""  # of one country among many


def test_what_is_not_plain_is_said():
    assert "decimal point" in read_amounts(["1,50"]).note
    assert "check" in read_amounts(["1,500"]).note
    assert "would be rejected" in read_amounts(["1,50", "2.50"]).note
    assert read_amounts(["1.50"]).note == ""


def test_points_and_commas_in_one_column_are_left_as_they_are(engine):
    assert read(engine, "1,50", "2.50") == [None, Decimal("2.50")]


@pytest.mark.parametrize("texts", [[], ["a"], ["a", "b", "1"], ["10:21"], ["1.2.3"]])
def test_what_is_no_amount(texts):
    assert read_amounts(texts) is None
