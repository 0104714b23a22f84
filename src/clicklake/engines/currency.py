"""Money in the lake's currency: `in_lake_currency(amount, currency, at)` in silver models, by rates of the settings.

A rate holds from its day on, until the next one of its currency; before the first day, the first one holds. The rates
are put into the SQL, so that whoever finishes a round that was begun uses the rates it was begun with.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sqlglot import exp

from clicklake.engines.sql import parse, string
from clicklake.errors import ConfigError

Rates = Mapping[str, list[tuple[date, Decimal]]]
"""By currency: from which day on one of it is worth so much of the lake's currency, in the order of days."""

FUNCTION = "in_lake_currency"

_FIRST = date.min
_MOST = 20_000
"""Rates; more would make every statement long."""


def load_rates(file: Path, currency: str) -> str:
    """Rates of a CSV file with the columns `currency`, `rate` and, where a rate holds from a day on, `date`.

    Args:
        file: The file.
        currency: The lake's currency, whose rate is 1.

    Returns:
        The rates as text, which `read_rates` reads.

    Raises:
        ConfigError: The file can't be read, a column is missing, or a value is none; it names the line.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            found = _rates(csv.DictReader(lines), file, currency)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"the currency rates can't be read: {error}", file=str(file), key="currency_rates") from error
    if sum(map(len, found.values())) > _MOST:
        raise ConfigError(
            f"there are more than {_MOST:,} currency rates; leave out currencies and days that no source has",
            file=str(file),
            key="currency_rates",
        )
    return json.dumps(
        {code: [[day.isoformat(), str(rate)] for day, rate in sorted(days.items())] for code, days in found.items()},
        sort_keys=True,
    )


def read_rates(text: object) -> Rates:
    """The rates that `load_rates` gave; none where there is no text."""
    known = json.loads(text) if isinstance(text, str) and text else {}
    return {code: [(date.fromisoformat(day), Decimal(rate)) for day, rate in listed] for code, listed in known.items()}


def convert(model: exp.Expression, rates: Rates, currency: str) -> exp.Expression:
    """A model with what `in_lake_currency` does in place of it."""
    for call in list(model.find_all(exp.Anonymous)):
        if call.name.lower() == FUNCTION:
            amount, code, at = (part.sql(dialect="duckdb") for part in call.expressions)
            call.replace(parse(_converted(amount, code, at, rates, currency), FUNCTION))
    return model


def without_needless(model: exp.Expression, given: Collection[str]) -> exp.Expression:
    """A model without the conversions of a source that tells no currency: other rates don't concern it then."""
    for call in list(model.find_all(exp.Anonymous)):
        if call.name.lower() == FUNCTION:
            amount, code, _ = call.expressions
            if not any(column.name in given for column in code.find_all(exp.Column)):
                call.replace(amount)
    return model


def _rates(rows: csv.DictReader[str], file: Path, currency: str) -> dict[str, dict[date, Decimal]]:
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = names
    missing = [name for name in ("currency", "rate") if name not in names]
    if missing:
        raise ConfigError(
            f"the currency rates have no column {', '.join(missing)}; they are a CSV file with the columns currency, "
            f"rate (what one of it is worth in {currency}) and, if rates change, date (from which day on)",
            file=str(file),
            line=1,
            key="currency_rates",
        )
    found: dict[str, dict[date, Decimal]] = {}
    for row in rows:
        code, day, rate = _rate(row, file, rows.line_num)
        if code == currency and rate != 1:
            raise ConfigError(f"{code} is the lake's currency; its rate is 1", file=str(file), line=rows.line_num)
        if found.setdefault(code, {}).setdefault(day, rate) != rate:
            raise ConfigError(f"{code} has two rates from one day on", file=str(file), line=rows.line_num)
    found.pop(currency, None)
    return found


def _rate(row: Mapping[str, str | None], file: Path, line: int) -> tuple[str, date, Decimal]:
    code, rate, day = ((row.get(name) or "").strip() for name in ("currency", "rate", "date"))
    try:
        worth = Decimal(rate)
        since = date.fromisoformat(day) if day else _FIRST
    except (InvalidOperation, ValueError) as error:
        wrong = (
            f"date {day!r} is no day such as 2026-01-31" if day and _is_number(rate) else f"rate {rate!r} is no number"
        )
        raise ConfigError(f"{code}: {wrong}", file=str(file), line=line) from error
    if len(code) != 3 or not code.isascii() or not code.isalpha() or not worth.is_finite() or worth <= 0:
        raise ConfigError(
            f"{code or 'a rate'} at {rate}: a currency has three letters, and a rate is above zero",
            file=str(file),
            line=line,
        )
    return code.upper(), since, worth


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _converted(amount: str, code: str, at: str, rates: Rates, currency: str) -> str:
    """SQL: an amount times the rate of its currency on its day, rounded half up to cents."""
    if not rates:
        return amount
    known = [name for name in sorted(rates) if name != currency]
    cases = " ".join(
        f"when {string(name)} then cast({amount} * cast({_rate_at(at, rates[name])} as decimal(18, 8)) "
        "as decimal(18, 2))"
        for name in known
    )
    return f"case {code} {cases} else {amount} end"  # of unknown currencies a rule says what they are


def _rate_at(at: str, days: Iterable[tuple[date, Decimal]]) -> str:
    """SQL: the rate of one currency at a time, found by halves."""
    listed = list(days)
    if len(listed) == 1:
        return f"{listed[0][1]:f}"
    middle = len(listed) // 2
    since = listed[middle][0].isoformat()
    before, behind = _rate_at(at, listed[:middle]), _rate_at(at, listed[middle:])
    return f"case when {at} < timestamp {string(since)} then {before} else {behind} end"
