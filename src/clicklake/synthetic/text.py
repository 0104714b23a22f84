"""Text made column by column: matrices of bytes, a row for each record, where the byte 0 stands for nothing.

A line of text is the columns side by side without the zeros. So a defect is written over a column in place,
and a line can be cut or lengthened anywhere, for CSV and JSON alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from clicklake.synthetic.events import Codes, Ints, Mask
from clicklake.synthetic.rhythm import DAY

_ZERO = ord("0")


def table(words: Sequence[str]) -> Codes:
    """Keep words as the rows of a matrix."""
    encoded = [word.encode() for word in words]
    width = max(1, *(len(word) for word in encoded))
    return np.array(encoded, f"S{width}").view(np.uint8).reshape(-1, width)


def pick(words: Codes, codes: Codes | Ints) -> Codes:
    """Write the words of a table that the codes stand for."""
    return np.take(words, codes, axis=0)


def digits(numbers: Ints, width: int) -> Codes:
    """Write whole numbers with leading zeros."""
    rest = numbers.copy()
    text = np.empty((len(rest), width), np.uint8)
    for place in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, place] = digit + _ZERO
    return text


def plain_digits(numbers: Ints, width: int = 1) -> Codes:
    """Write whole numbers from 0 on, with leading zeros up to a width."""
    widest = max(width, len(str(numbers.max(initial=0))))
    text = digits(numbers, widest)
    for place in range(widest - width):
        text[numbers < 10 ** (widest - 1 - place), place] = 0
    return text


def hexes(numbers: Ints, width: int) -> Codes:
    """Write whole numbers as `width` hexadecimal digits; an even number of them."""
    octets = numbers.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - width // 2 :]
    return pick(_pairs(), octets).reshape(len(numbers), width)


def money(cents: Ints) -> Codes:
    """Write amounts with two decimals; negative ones as nothing."""
    width = max(3, len(str(cents.max(initial=0))))
    text = np.insert(digits(np.maximum(cents, 0), width), width - 2, ord("."), axis=1)
    for place in range(width - 3):
        text[cents < 10 ** (width - 1 - place), place] = 0
    text[cents < 0] = 0
    return text


def grouped_money(cents: Ints, dollar: Mask, separators: Mask) -> Codes:
    """Write amounts with two decimals, some with a dollar sign, some with commas between thousands (and quotes then).

    Negative ones are written as nothing.
    """
    whole, rest = np.divmod(np.maximum(cents, 0), 100)
    groups = -(-len(str(whole.max(initial=0))) // 3)
    numbers = digits(whole, 3 * groups)
    for place in range(3 * groups - 1):
        numbers[whole < 10 ** (3 * groups - 1 - place), place] = 0
    quote = _where(separators & (whole >= 1000), b'"')
    columns: list[Codes | bytes] = [quote, _where(dollar, b"$")]
    for group in range(groups):
        columns.append(numbers[:, 3 * group : 3 * group + 3])
        columns.append(_where(separators & (whole >= 10 ** (3 * (groups - 1 - group))) & (group < groups - 1), b","))
    text = side_by_side([*columns, b".", digits(rest, 2), quote], len(cents))
    text[cents < 0] = 0
    return text


def moments(seconds: Ints, iso: Mask | bool) -> Codes:
    """Write times as `2025-01-01 10:00:00` or, where asked, as `2025-01-01T10:00:00Z`."""
    days, clock = np.divmod(seconds, DAY)
    text = np.zeros((len(seconds), 20), np.uint8)
    if len(seconds):
        first, last = int(days.min()), int(days.max())
        text[:, :10] = pick(_dates(first, last), days - first)
    text[:, 10] = np.where(iso, ord("T"), ord(" "))
    text[:, 11:19] = pick(_clock(), clock)
    text[:, 19] = np.where(iso, ord("Z"), 0)
    return text


def padded(text: Codes, where: Mask) -> Codes:
    """Put a blank before and two after the text of some records."""
    wide = np.pad(text, ((0, 0), (1, 2)))
    wide[where, :1] = wide[where, -2:] = ord(" ")
    return wide


def replace(text: Codes, where: Mask, by: str) -> None:
    """Write something else for some records, in place; it must not be longer than the column is wide."""
    text[where] = 0
    text[where, : len(by)] = np.frombuffer(by.encode(), np.uint8)


def side_by_side(columns: Iterable[Codes | bytes], rows: int) -> Codes:
    """Join columns, and constants between them, into one matrix."""
    return np.concatenate(
        [
            np.broadcast_to(np.frombuffer(column, np.uint8), (rows, len(column)))
            if isinstance(column, bytes)
            else column
            for column in columns
        ],
        axis=1,
    )


def _where(mask: Mask, sign: bytes) -> Codes:
    return np.asarray(np.where(mask, np.uint8(sign[0]), np.uint8(0))[:, None])


def squeeze(lines: Codes) -> bytes:
    """Give the bytes of all lines without the zeros."""
    return lines.tobytes().translate(None, b"\0")


@cache
def _pairs() -> Codes:
    return table([f"{octet:02x}" for octet in range(256)])


@cache
def _clock() -> Codes:
    moments_of_day = np.arange(DAY).astype("datetime64[s]")
    return table([text[11:] for text in np.datetime_as_string(moments_of_day).tolist()])


def _dates(first: int, last: int) -> Codes:
    return table(np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]")).tolist())
