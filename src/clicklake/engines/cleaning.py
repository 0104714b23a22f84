"""SQL that cleans texts as a contract asks for it: numbers, currency signs, letters, countries, e-mail addresses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from clicklake.contracts.cleaning import Cleaning
from clicklake.engines.sql import quote, string

DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "CLP", "COP", "ARS", "TWD", "BBD", "JMD"})
"""Currencies whose sign is $; beside a lake in one of them, the sign means that one."""

_YEN = frozenset({"JPY", "CNY"})
SIGNS = {
    **{"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₪": "ILS", "zł": "PLN"},
    **{"฿": "THB", "₫": "VND", "₱": "PHP", "Kč": "CZK"},
}
"""Signs that stand for one currency; $ and ¥ stand for several."""

_OWN_DOLLARS = {
    **{"US$": "USD", "CA$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD"},
    **{"MX$": "MXN", "R$": "BRL"},
}
_MARK = r"(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3}|zł|Kč)"
_MARKED = rf"^([+-]?)\s*{_MARK}?\s*([+-]?[0-9.][0-9.,'’\s\x{{a0}}\x{{202f}}]*?)\s*{_MARK}?$"
_GROUPED = {
    "1,234.56": (r"[+-]?\d{1,3}(,\d{2})*(,\d{3})+([.]\d*)?", ","),
    "1'234.56": (r"[+-]?\d{1,3}(['’]\d{3})+([.]\d*)?", "'’"),
    "1.234,56": (r"[+-]?\d{1,3}([.]\d{3})+(,\d*)?", "."),
    "1 234,56": (r"[+-]?\d{1,3}([\s\x{a0}\x{202f}]\d{3})+(,\d*)?", r"\s\x{a0}\x{202f}"),
}


def cleaned(column: str, cleaning: Cleaning, currency: str, amounts: Sequence[str] = ()) -> str:
    """SQL: a text column as the contract wants it.

    Args:
        column: The column.
        cleaning: What is done to it.
        currency: The lake's currency.
        amounts: Columns beside whose numbers the currency may stand that this column takes where it is null.
    """
    value = f"clean_text({quote(column)})"
    if amounts:
        value = f"coalesce({', '.join([value, *(_currency_of(quote(amount), currency) for amount in amounts)])})"
    if cleaning.number_format:
        value = _number(value, cleaning, currency)
    if cleaning.case:
        function = {"snake": "lower_snake", "title": "title_case"}.get(cleaning.case, cleaning.case)
        value = f"{function}({value})"
    if cleaning.form == "email":
        value = f"regexp_replace(lower({value}), '^mailto:\\s*', '')"
    elif cleaning.form == "country":
        value = f"coalesce((select code from countries where countries.name = name_key({value})), {value})"
    return f"coalesce({value}, {string(cleaning.default)})" if cleaning.default is not None else value


def needs_countries(cleanings: Sequence[Cleaning]) -> bool:
    """Whether the SQL of `cleaned` reads the relation `countries`."""
    return any(cleaning.form == "country" for cleaning in cleanings)


@lru_cache(maxsize=1)
def countries() -> str:
    """Query: names and codes of countries in several languages, as `name_key` spells them, with their ISO 3166 code.

    Names are those of the Unicode CLDR and of ISO 3166, and some that people use.
    """
    lines = (Path(__file__).parent / "countries.csv").read_text(encoding="utf-8").splitlines()[1:]
    names, codes = zip(*(line.split(",") for line in lines), strict=True)
    return (
        f"select unnest(string_split({string('|'.join(names))}, '|')) as name, "
        f"unnest(string_split({string('|'.join(codes))}, '|')) as code"
    )


def _number(value: str, cleaning: Cleaning, currency: str) -> str:
    """A number with a decimal point; without its currency only where that is the lake's or is kept elsewhere."""
    bare = rf"regexp_replace({value}, '{_quoted(_MARKED)}', '\1\2')"
    if not cleaning.currency_column:
        code = _currency_of(value, currency)
        bare = f"case when coalesce({code}, {string(currency)}) = {string(currency)} then {bare} else {value} end"
    shape, signs = _GROUPED[cleaning.number_format or "1,234.56"]
    plain = f"regexp_replace({bare}, '[{_quoted(signs)}]', '', 'g')"
    if (cleaning.number_format or "").endswith(",56"):
        grouped = f"replace({plain}, ',', '.')"
        return (
            f"case when regexp_full_match({bare}, '{_quoted(shape)}') then {grouped} "
            rf"when regexp_full_match({bare}, '[+-]?\d+,\d+') then replace({bare}, ',', '.') "
            f"when is_number({bare}) then {bare} else {value} end"
        )
    return (
        f"case when is_number({value}) then {value} when regexp_full_match({bare}, '{_quoted(shape)}') then {plain} "
        f"when is_number({bare}) then {bare} else {value} end"
    )


def _currency_of(value: str, currency: str) -> str:
    """The code of the currency sign or code that stands beside a number; null where there is none."""
    dollar = currency if currency in DOLLARS else "USD"
    yen = currency if currency in _YEN else "JPY"
    known = {**_OWN_DOLLARS, **SIGNS, "$": dollar, "¥": yen}
    signs = " ".join(f"when contains({value}, {string(sign)}) then {string(code)}" for sign, code in known.items())
    code = f"nullif(regexp_extract({value}, '(^|[^A-Za-z])([A-Z]{{3}})([^A-Za-z]|$)', 2), '')"
    return f"case when is_number({value}) then null {signs} else {code} end"


def _quoted(pattern: str) -> str:
    return pattern.replace("'", "''")
