"""Texts as a contract wants them; what can't be read stays as it was, for the rules to judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pytest

from clicklake.contracts.cleaning import Cleaning
from clicklake.engines.cleaning import cleaned, countries
from clicklake.engines.duckdb import DuckDB


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDB]:
    with closing(DuckDB()) as opened:
        opened.execute(f"create table countries as {countries()}")
        yield opened


def clean(engine: DuckDB, text: str | None, currency: str = "USD", **cleaning: object) -> object:
    engine.register("texts", pa.table({"t": pa.array([text], pa.string())}))
    sql = cleaned("t", Cleaning.model_validate(cleaning), currency)
    return engine.value(f"select {sql} from texts")


@pytest.mark.parametrize(
    ("text", "style", "number"),
    [
        ("12", "1,234.56", "12"),
        (" 12.50 ", "1,234.56", "12.50"),
        ("1,234.50", "1,234.56", "1234.50"),
        ("1,234,567", "1,234.56", "1234567"),
        ("1,23,456.7", "1,234.56", "123456.7"),  # as India groups
        ("-1,234", "1,234.56", "-1234"),
        ("1,5", "1,234.56", "1,5"),  # no grouping: whoever wrote it meant something else
        ("1.234,50", "1,234.56", "1.234,50"),
        ("12,3456", "1,234.56", "12,3456"),
        ("1e3", "1,234.56", "1e3"),
        ("ten", "1,234.56", "ten"),
        ("1.234,50", "1.234,56", "1234.50"),
        ("1.234", "1.234,56", "1234"),
        ("0,99", "1.234,56", "0.99"),
        ("19.99", "1.234,56", "19.99"),  # can't be a group of three
        ("1 234,50", "1 234,56", "1234.50"),
        ("1\u202f234,50", "1 234,56", "1234.50"),
        ("1'234.50", "1'234.56", "1234.50"),
    ],
)
def test_numbers_by_example(engine: DuckDB, text: str, style: str, number: str) -> None:
    assert clean(engine, text, numberFormat=style) == number


@pytest.mark.parametrize(
    ("text", "currency", "number"),
    [
        ("$1,234.50", "USD", "1234.50"),
        ("USD 5", "USD", "5"),
        ("-$5", "USD", "-5"),
        ("$-5", "USD", "-5"),
        ("5 €", "EUR", "5"),
        ("€5", "USD", "€5"),  # another currency, and nowhere to keep it: a rule will say so
        ("C$5", "USD", "C$5"),
        ("$5", "CAD", "5"),
        ("$5", "EUR", "$5"),
        ("5 JPY", "USD", "5 JPY"),
    ],
)
def test_the_sign_of_the_lakes_currency_goes(engine: DuckDB, text: str, currency: str, number: str) -> None:
    assert clean(engine, text, currency, numberFormat="1,234.56") == number


@pytest.mark.parametrize(
    ("amount", "currency", "found"),
    [
        ("€5", None, ("5", "EUR")),
        ("5.00 zł", None, ("5.00", "PLN")),
        ("GBP 1,000", None, ("1000", "GBP")),
        ("A$7", None, ("7", "AUD")),
        ("$7", None, ("7", "USD")),
        ("€5", "SEK", ("5", "SEK")),  # what the column says goes first
        ("5", None, ("5", None)),
        ("x", None, ("x", None)),
    ],
)
def test_a_currency_column_takes_the_sign(
    engine: DuckDB, amount: str, currency: str | None, found: tuple[str, str | None]
) -> None:
    engine.register("prices", pa.table({"p": [amount], "c": pa.array([currency], pa.string())}))
    price = cleaned("p", Cleaning(number_format="1,234.56", currency_column="c"), "USD")
    code = cleaned("c", Cleaning(), "USD", ["p"])
    assert engine.rows(f"select {price}, {code} from prices") == [found]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Germany", "DE"),
        ("germany ", "DE"),
        ("Deutschland", "DE"),
        ("de", "DE"),
        ("DEU", "DE"),
        ("Österreich", "AT"),
        ("Côte d'Ivoire", "CI"),
        ("U.S.A.", "US"),
        ("United Kingdom", "GB"),
        ("uk", "GB"),
        ("Atlantis", "Atlantis"),
        ("", None),
    ],
)
def test_countries(engine: DuckDB, text: str, code: str | None) -> None:
    assert clean(engine, text, form="country") == code


def test_every_country_code_leads_to_itself(engine: DuckDB) -> None:
    found = engine.rows("select count(*), count(distinct name), count(distinct code) from countries")[0]
    assert found[0] == found[1] and found[2] >= 249
    assert not engine.rows(
        "select name, code from countries where length(name) = 2 and upper(name) <> code and name <> 'uk'"
    )


def test_texts(engine: DuckDB) -> None:
    assert clean(engine, " MailTo: Ann.Lee@Example.COM", form="email") == "ann.lee@example.com"
    assert clean(engine, "Credit Card", case="snake") == "credit_card"
    assert clean(engine, "new york", case="title") == "New York"
    assert clean(engine, "usd", case="upper") == "USD"
    assert clean(engine, "GOLD", case="lower") == "gold"


def test_a_default_takes_the_place_of_null_alone(engine: DuckDB) -> None:
    assert clean(engine, "  ", default="0") == "0"
    assert clean(engine, None, default=0) == "0"
    assert clean(engine, "x", default="0", numberFormat="1,234.56") == "x"
