"""Columns of commerce files: dates and amounts in several formats, and the spellings of defects."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from clicklake.synthetic import text
from clicklake.synthetic.commerce.rows import Copy, DateFormat, NumberFormat, Rows
from clicklake.synthetic.events import Codes, Ints, Mask
from clicklake.synthetic.rhythm import DAY

BLANKS = ("", "   ")
BAD_TIMES = ("not-a-date", "2025-13-45 10:00:00", "31.02.2025")
BAD_OR_NO_TIMES = (*BAD_TIMES, "")
BAD_NUMBERS = ("abc", "-5.00", "NaN", "1.2.3")
BAD_QUANTITIES = ("-1", "two", "1.5", "-3")
CURRENCIES = text.table(["", "USD"])
FOREIGN = ("EUR", "GBP", "JPY")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_FORMATS: dict[int, Callable[[str], str]] = {
    DateFormat.SLASHES: lambda day: f"{day[8:]}/{day[5:7]}/{day[:4]}",
    DateFormat.DOTS: lambda day: f"{day[8:]}.{day[5:7]}.{day[:4]} ",
    DateFormat.DIGITS: lambda day: day.replace("-", ""),
    DateFormat.WORDS: lambda day: f'"{_MONTHS[int(day[5:7]) - 1]} {int(day[8:])}, {day[:4]}"',
}
_MINUTES = 5


def breaks(rows: Rows, rule: int) -> Mask:
    """Tell which rows break a rule."""
    return np.asarray((rows["broken"] & rule) != 0)


def spoilt(column: Codes, rows: Rows, rule: int, spellings: tuple[str, ...]) -> Codes:
    """Write defects over a column."""
    broken = breaks(rows, rule)
    if not broken.any():
        return column
    widest = max(len(spelling) for spelling in spellings)
    column = np.pad(column, ((0, 0), (0, max(0, widest - column.shape[1]))))
    for number, spelling in enumerate(spellings):
        text.replace(column, broken & (rows["spelling"] % len(spellings) == number), spelling)
    return column


def padded(column: Codes, rows: Rows) -> Codes:
    """Write blanks around a text in some copies."""
    return text.padded(column, rows["copy"] == Copy.BLANKS)


def moments(seconds: Ints, rows: Rows) -> Codes:
    """Write times, some of them in formats that tell the minute or the day alone."""
    column = text.moments(seconds, rows["dates"] == DateFormat.ISO)
    return _in_formats(column, seconds, rows)


def days(seconds: Ints, rows: Rows) -> Codes:
    """Write dates."""
    column = text.moments(seconds, False)
    column[:, 10:] = 0
    return _in_formats(column, seconds, rows, clock=False)


def versions(rows: Rows) -> Codes:
    """Write when each version was written, to the second."""
    return text.moments(rows["updated"], rows["dates"] == DateFormat.ISO)


def amounts(cents: Ints, rows: Rows) -> Codes:
    """Write amounts, some of them with a currency sign or separators."""
    formats = rows["numbers"]
    if not formats.any():
        return text.grouped_money(cents, *np.zeros((2, len(rows)), np.bool_))
    dollar, separators = (formats & NumberFormat.DOLLAR) != 0, (formats & NumberFormat.SEPARATORS) != 0
    return text.grouped_money(cents, dollar, separators)


def constant(rows: Rows, texts: bytes, where: Mask) -> Codes:
    """Write one text in some rows, and nothing in others."""
    column = np.tile(np.frombuffer(texts, np.uint8), (len(rows), 1))
    column[~where] = 0
    return column


def joined(columns: list[Codes], rows: Rows, malformed: Mask) -> bytes:
    """Put columns together as lines; malformed ones are cut in the middle or have a field too many."""
    half = len(columns) // 2
    parts: list[Codes | bytes] = []
    for number, column in enumerate(columns):
        parts += [b",", column] if number else [column]
    is_short = malformed & (rows["spelling"] % 2 == 0)
    begin, rest = parts[: 2 * half - 1], parts[2 * half - 1 :]
    ends = text.side_by_side(rest, len(rows))
    ends[is_short] = 0
    extra = constant(rows, b",extra", malformed & ~is_short)
    return text.squeeze(text.side_by_side([*begin, ends, extra, b"\n"], len(rows)))


def _in_formats(column: Codes, seconds: Ints, rows: Rows, *, clock: bool = True) -> Codes:
    day = seconds // DAY
    for format_ in _DAY_FORMATS:
        chosen = np.flatnonzero(rows["dates"] == format_)
        if not len(chosen):
            continue
        first, last = int(day[chosen].min()), int(day[chosen].max())
        words = text.pick(_days(format_, first, last), day[chosen] - first)
        minutes = text.moments(seconds[chosen], False)[:, 11 : 11 + _MINUTES]
        column[chosen] = 0
        column[chosen, : words.shape[1]] = words
        if clock and format_ == DateFormat.DOTS:
            column[chosen, words.shape[1] : words.shape[1] + _MINUTES] = minutes
    return column


@lru_cache(maxsize=64)
def _days(format_: int, first: int, last: int) -> Codes:
    names = np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]")).tolist()
    return text.table([_DAY_FORMATS[format_](name) for name in names])
