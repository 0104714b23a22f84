"""Files of things that are no events: which silver table they fill, and which column fills which of its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clicklake.project.mapping import SilverColumn, value_of
from clicklake.project.recognise import Field, Match, by_best_score, fields_of, holds_event_words, is_mail, with_clock
from clicklake.project.sample import Sample
from clicklake.project.vocabulary import TableColumn, TableWords, squeezed, vocabulary, words_of

EVENTS = "events"

_CODE = re.compile("[A-Za-z]{3}")
_MOST_WORDS = 60
_WHOLE_NAME, _PART_OF_NAME, _BEFORE_KEYS = 100.0, 40.0, 1.0


def kind_of(sample: Sample) -> str:
    """What a file holds: events, or things of one of the vocabulary's tables."""
    if not sample.has_header:
        return EVENTS
    fields = _filled(sample)
    signs = set(vocabulary().event_signs)
    if any(signs & set(words_of(field.name)) or holds_event_words(field) for field in fields):
        return EVENTS
    scores = {name: _score(table, recognise_table(sample, table)) for name, table in vocabulary().tables.items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else EVENTS


def recognise_table(sample: Sample, table: TableWords) -> dict[str, Match]:
    """The fields by the silver column that they fill, in no order.

    Args:
        sample: The file.
        table: The words of the table.
    """
    fields = _filled(sample)
    found = by_best_score(_options(fields, table))
    for name, match in found.items():
        if table.columns[name].kind == "time":
            found[name] = with_clock(Match(match.field, match.how, times=match.field.times), found, fields)
    return found


def map_table(table: TableWords, found: Mapping[str, Match], order: list[str]) -> list[SilverColumn]:
    """The silver columns that a file fills.

    Args:
        table: The words of the table.
        found: What was recognised.
        order: The table's columns, as far as a mapping fills them.
    """
    columns = []
    for name in order:
        words = table.columns.get(name, TableColumn())
        match = found.get(words.same_as or name)
        if match:
            columns.append(_mapped(name, words, match))
        elif words.otherwise:
            note = f"no column says {words.asked}; {words.otherwise} is taken for every row" if words.asked else ""
            columns.append(SilverColumn(name, words.otherwise, (), "constant", (note,) if note else ()))
        elif words.asked:
            columns.append(SilverColumn(name, "cast(null as varchar)"))
    return columns


def _filled(sample: Sample) -> list[Field]:
    return [field for field in fields_of(sample) if field.filled and (field.key or field.column.kind != "object")]


def _score(table: TableWords, found: Mapping[str, Match]) -> int:
    """How much a file looks like this; 0 where it doesn't."""
    if not all(any(name in found for name in group) for group in table.tells):
        return 0
    return sum(2 if table.columns[name].asked else 1 for name in found)


def _options(fields: list[Field], table: TableWords) -> Iterator[tuple[float, str, Field]]:
    for silver, column in table.columns.items():
        for field in fields:
            score = _name_score(column, words_of(field.key or field.column.name))
            if score and _fits(column.kind, field):
                blank = 40 * field.blank_share if column.asked else 0
                yield score - blank - (_BEFORE_KEYS if field.key else 0), silver, field


def _name_score(column: TableColumn, words: tuple[str, ...]) -> float:
    score = 0.0
    for rank, name in enumerate(column.names):
        if squeezed(name) == "".join(words):
            score = max(score, _WHOLE_NAME - rank)
        elif len(words_of(name)) > 1 and words[-len(words_of(name)) :] == words_of(name):
            score = max(score, _PART_OF_NAME - rank)
    return score


def _fits(kind: str, field: Field) -> bool:
    """Whether the values are what they should be by the name."""
    if kind == "time":
        return field.times is not None
    if kind == "number":
        return field.amounts is not None and not field.is_calendar
    if kind == "currency":
        return field.share(_CODE.fullmatch) >= 0.9
    if kind == "email":
        return field.share(is_mail) >= 0.5
    if kind == "word":
        return len(field.distinct) <= _MOST_WORDS and not field.is_calendar
    return not field.is_calendar


def _mapped(name: str, words: TableColumn, match: Match) -> SilverColumn:
    field = match.field
    sql = value_of(field) if match.clock is None else f"{value_of(field)} || ' ' || {value_of(match.clock)}"
    notes = [f"{', '.join(field.nulls)} was taken for no value"] if field.nulls and not words.same_as else []
    if words.kind == "time" and match.times:
        sql = match.times.expression.replace("{}", sql)
        notes += [] if words.same_as else [match.times.note]
    elif words.kind == "number" and field.amounts and field.amounts.number_format != "1,234.56":
        notes.append(f"numbers are written as {field.amounts.number_format}")
    fields = (field,) if match.clock is None else (field, match.clock)
    return SilverColumn(name, sql, fields, match.how, tuple(filter(None, notes)))
