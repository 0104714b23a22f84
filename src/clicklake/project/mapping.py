"""The SELECT that makes silver columns of a file's columns, every one of which it uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from clicklake.engines.sql import quote, string
from clicklake.project.recognise import EVENT, REQUIRED, TIME, Field, Match
from clicklake.project.sample import Column, Sample
from clicklake.project.vocabulary import snake, vocabulary

FILL_IN = "FILL IN"
"""Marks what a person has to complete."""

_PLAIN = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
ASKED = {
    "user_id": "who did it",
    "event_timestamp": "when it happened",
    "event_type": "what happened",
}
"""What the columns that an event needs say."""


@dataclass(frozen=True)
class SilverColumn:
    """One line of the mapping.

    Args:
        name: The silver column.
        sql: What fills it.
        fields: What it reads.
        how: How these were known: name, values, guess, constant, or rest for metadata; empty where nothing was found.
        notes: What a person should know.
    """

    name: str
    sql: str
    fields: tuple[Field, ...] = ()
    how: str = ""
    notes: tuple[str, ...] = ()


def map_columns(sample: Sample, found: Mapping[str, Match], order: list[str]) -> list[SilverColumn]:
    """The silver columns that a file fills.

    Args:
        sample: The file.
        found: What was recognised.
        order: The silver table's columns.
    """
    columns = []
    for name in order:
        if name in found:
            columns.append(_mapped(name, found[name], found))
        elif name in REQUIRED:
            columns.append(SilverColumn(name, "cast(null as varchar)"))
        elif name == "currency" and (currency := _currency(found)):
            columns.append(currency)
        elif name == "metadata" and (rest := _rest(sample, found)):
            columns.append(_metadata(rest))
    return columns


def select(source: str, columns: list[SilverColumn], free: list[str], asked: Mapping[str, str]) -> str:
    """The text of the mapping.

    Args:
        source: The source.
        columns: What it selects.
        free: Columns of the file without another use.
        asked: By silver column, what a column that was not found would say.
    """
    lines = []
    for at, column in enumerate(columns):
        if not column.how:
            hint = f"; columns without another use: {', '.join(free)}" if free else ""
            lines.append(f"    -- {FILL_IN}: the column that says {asked[column.name]}{hint}")
        comma = "," if at < len(columns) - 1 else ""
        sql = column.sql if column.sql == column.name else f"{column.sql} as {column.name}"
        lines.append("\n".join(f"    {line}" for line in f"{sql}{comma}".split("\n")))
    return "\n".join(["select", *lines, f"from bronze.{source}", ""])


def _mapped(name: str, match: Match, found: Mapping[str, Match]) -> SilverColumn:
    field = match.field
    fields: tuple[Field, ...] = (field,) if match.clock is None else (field, match.clock)
    sql = value_of(field) if match.clock is None else f"{value_of(field)} || ' ' || {value_of(match.clock)}"
    notes: list[str] = []
    if field.nulls:
        notes.append(f"{', '.join(field.nulls)} was taken for no value")
    if name == TIME and match.times:
        sql = match.times.expression.replace("{}", sql)
        notes.append(match.times.note)
        if not match.times.has_clock:
            notes.append("dates without a time of day: the events of a day all stand at midnight")
    elif name == "amount" and field.amounts:
        sql = field.amounts.expression.replace("{}", sql)
        notes.append(field.amounts.note)
    elif name == EVENT:
        sql, note = _with_words(sql, _event_words(field))
        notes.append(note)
    elif name == "outcome":
        sql, note = _with_words(sql, _flags(field))
        notes.append(note)
    return SilverColumn(name, sql, fields, match.how, tuple(filter(None, notes)))


def value_of(field: Field) -> str:
    """SQL of a field's text; words that mean nothing become null."""
    sql = identifier(field.column.name)
    if field.key:
        path = f"$.{field.key}" if _PLAIN.fullmatch(field.key) else f'$."{field.key}"'
        sql = f"json_extract_string({sql}, {string(path)})"
    for word in field.nulls:
        sql = f"nullif({sql}, {string(word)})"
    return sql


def _with_words(sql: str, words: Mapping[str, str]) -> tuple[str, str]:
    """SQL that puts other words for some, and what to say about it."""
    if not words:
        return sql, ""
    cases = "\n".join(f"    when {string(word)} then {string(other)}" for word, other in words.items())
    note = ", ".join(f"{word} becomes {other}" for word, other in words.items())
    return f"case lower(trim({sql}))\n{cases}\n    else {sql}\nend", note


def _event_words(field: Field) -> dict[str, str]:
    """The words of the file for event types that it doesn't name itself."""
    known = vocabulary().event_types
    own = {snake(value) for value in field.distinct}
    meant = {word: name for name, words in known.items() if name not in own for word in words}
    return {value.lower(): meant[snake(value)] for value in field.distinct if snake(value) in meant}


def _flags(field: Field) -> dict[str, str]:
    values = {value.lower() for value in field.distinct}
    if not values <= {*_TRUE, *_FALSE}:
        return {}
    return {value: "success" if value in _TRUE else "failure" for value in sorted(values, reverse=True)}


def _currency(found: Mapping[str, Match]) -> SilverColumn | None:
    """The currency of the sign that all amounts bear."""
    match = found.get("amount")
    code = match.field.amounts.currency if match and match.field.amounts else ""
    if not match or not code:
        return None
    sql = f"case when {value_of(match.field)} is not null then {string(code)} end"
    return SilverColumn("currency", sql, (match.field,), match.how, (f"by the sign of the amounts: {code}",))


def _rest(sample: Sample, found: Mapping[str, Match]) -> list[Column]:
    """The columns that nothing else uses; those that hold objects stay whole."""
    used = {field.column.name for m in found.values() for field in (m.field, m.clock) if field and not field.key}
    return [column for column in sample.columns if column.name not in used]


def _metadata(rest: list[Column]) -> SilverColumn:
    fields = tuple(Field(column, column.values) for column in rest)
    if len(rest) == 1 and rest[0].kind == "object":
        return SilverColumn("metadata", identifier(rest[0].name), fields, "rest")
    pairs = [f"{string(column.name)}, {identifier(column.name)}" for column in rest]
    inner = ", ".join(pairs)
    if len(inner) > 60:
        inner = "\n    " + ",\n    ".join(pairs) + "\n"
    return SilverColumn("metadata", f"cast(json_object({inner}) as varchar)", fields, "rest")


def identifier(name: str) -> str:
    """A column's name in SQL, quoted where it has to be."""
    return name if _PLAIN.fullmatch(name) and name.lower() not in _keywords() else quote(name)


@lru_cache(maxsize=1)
def _keywords() -> frozenset[str]:
    import duckdb

    with duckdb.connect() as connection:
        rows = connection.execute("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'")
        return frozenset(name for (name,) in rows.fetchall()) | {"user"}
