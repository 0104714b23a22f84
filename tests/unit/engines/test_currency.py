"""Rates of currencies: the file, and what they do to an amount."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from clicklake.engines.currency import convert, load_rates, read_rates
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import parse, text
from clicklake.errors import ConfigError

RATES = """currency,rate,date
EUR,1.10,2025-01-01
eur,1.20,2025-02-01
EUR,1.30,2025-03-01
GBP,1.25,
"""


def worth(rates: Path, amount: str, currency: str | None, at: str | None) -> object:
    model = parse("select in_lake_currency(amount, currency, at) as amount from given", "test")
    sql = text(convert(model, read_rates(load_rates(rates, "USD")), "USD"))
    given = ", ".join(f"'{value}'" if value else "null" for value in (currency, at))
    with closing(DuckDB()) as engine:
        values = f"select cast({amount} as decimal(18, 2)) as amount, {given.split(', ')[0]} as currency, "
        values += f"cast({given.split(', ')[1]} as timestamp) as at"
        return engine.value(f"with given as ({values}) {sql}")


@pytest.mark.parametrize(
    ("currency", "at", "expected"),
    [
        (None, "2025-02-01", "10.00"),
        ("USD", "2025-02-01", "10.00"),
        ("EUR", "2025-01-31 23:59:59", "11.00"),
        ("EUR", "2025-02-01", "12.00"),
        ("EUR", "2025-02-28", "12.00"),
        ("EUR", "2030-01-01", "13.00"),
        ("EUR", "2020-01-01", "11.00"),  # before the first rate, the first one
        ("EUR", None, "13.00"),
        ("GBP", "1990-01-01", "12.50"),
        ("CHF", "2025-01-01", "10.00"),  # nobody knows its rate; a rule puts the row into quarantine
    ],
)
def test_an_amount_takes_the_rate_of_its_day(
    tmp_path: Path, currency: str | None, at: str | None, expected: str
) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(RATES)
    assert worth(file, "10", currency, at) == Decimal(expected)


def test_cents_are_rounded_half_up(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("currency,rate\nXXX,0.5\n")
    assert worth(file, "0.01", "XXX", "2025-01-01") == Decimal("0.01")
    assert worth(file, "0.03", "XXX", "2025-01-01") == Decimal("0.02")


def test_many_rates_are_found_by_halves(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    days = [datetime(2000 + year, month, 1) for year in range(20) for month in range(1, 13)]
    lines = [f"EUR,{1 + number / 1000},{day.date()}" for number, day in enumerate(days)]
    file.write_text("\n".join(["currency,rate,date", *reversed(lines)]) + "\n")
    for number in (0, 1, 117, 239):
        at = days[number].replace(day=15).isoformat(sep=" ")
        assert worth(file, "1000", "EUR", at) == Decimal(1000 + number)


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        ("currency,worth\nEUR,1\n", "no column rate", 1),
        ("currency,rate\nEUR,1\nEUR,x\n", "rate 'x' is no number", 3),
        ("currency,rate\nEUR,0\n", "above zero", 2),
        ("currency,rate\nEURO,1\n", "three letters", 2),
        ("currency,rate,date\nEUR,1,31.12.2025\n", "is no day", 2),
        ("currency,rate\nEUR,1\nEUR,2\n", "two rates", 3),
        ("currency,rate\nUSD,2\n", "the lake's currency", 2),
    ],
)
def test_what_is_wrong_with_the_file_is_said_with_its_line(
    tmp_path: Path, content: str, message: str, line: int
) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_rates(file, "USD")
    assert f"rates.csv:{line}" in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"can't be read.*"):
        load_rates(tmp_path / "none.csv", "USD")
