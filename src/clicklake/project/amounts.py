"""How a column of texts writes amounts of money: point or comma, thousands, signs of currencies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clicklake.engines.cleaning import SIGNS

_SIGNS = "€£₹$¥"
_BLANKS = " \u00a0\u202f'"
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_WITH_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+|[+-]?\d{1,3}(\.\d{3}){2,}")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_BLANK_THOUSANDS = re.compile(r"\d[ \u00a0\u202f]\d{3}(\D|$)")
_EITHER = re.compile(r"[+-]?\d{1,3},\d{3}")


@dataclass(frozen=True)
class Amounts:
    """How a column writes amounts.

    Args:
        share: Of the values that are there, those that could be read.
        expression: SQL that makes a plain number of `{}`, the column.
        has_decimals: Whether any amount has a part behind the point.
        currency: What the sign that all of them bear stands for; empty where there is none.
        note: What a person should know.
        number_format: How they are written, as the cleaning of a contract calls it.
    """

    share: float
    expression: str = "{}"
    has_decimals: bool = False
    currency: str = ""
    note: str = ""
    number_format: str = "1,234.56"


def read_amounts(values: Sequence[str]) -> Amounts | None:
    """How these texts write amounts; None where hardly any is one."""
    if not values:
        return None
    signs = {sign for value in values for sign in _SIGNS if sign in value}
    blanks = {blank for value in values for blank in _BLANKS if blank in value.strip()}
    bare = [_bare(value) for value in values]
    comma = sum(bool(_WITH_COMMA.fullmatch(text)) and not _EITHER.fullmatch(text) for text in bare)
    thousands = sum(bool(_THOUSANDS.fullmatch(text)) and not _EITHER.fullmatch(text) for text in bare)
    either = sum(bool(_EITHER.fullmatch(text)) for text in bare)
    plain = sum(bool(_PLAIN.fullmatch(text)) for text in bare)
    points = sum(bool(_PLAIN.fullmatch(text)) and "." in text and not re.search(r"\.\d{3}$", text) for text in bare)
    read = plain + comma + thousands + either
    if read < 0.5 * len(values):
        return None
    expression, note, number_format = "{}", "", "1'234.56" if "'" in blanks else "1,234.56"
    for extra in sorted(signs | blanks):
        literal = extra.replace("'", "''")
        expression = f"replace({expression}, '{literal}', '')"
    if comma and not points and not thousands:
        expression = f"replace(replace({expression}, '.', ''), ',', '.')"
        note = "a comma was taken for the decimal point, a point for thousands"
        number_format = "1 234,56" if any(_BLANK_THOUSANDS.search(value) for value in values) else "1.234,56"
    elif comma:
        note = f"{comma:,} amounts have a decimal comma, others a decimal point; those with a comma would be rejected"
        read -= comma
    elif thousands or either:
        expression = f"replace({expression}, ',', '')"
        note = "a comma was taken for thousands" + ("" if thousands else ", but could be a decimal comma: check")
    marked = [sign for sign in signs if all(sign in value for value in values)]
    currency = SIGNS.get(marked[0], "") if len(signs) == 1 and marked else ""
    has_decimals = bool(comma or points or thousands)
    return Amounts(read / len(values), expression, has_decimals, currency, note, number_format)


def _bare(value: str) -> str:
    for extra in (*_SIGNS, *_BLANKS):
        value = value.replace(extra, "")
    return value
