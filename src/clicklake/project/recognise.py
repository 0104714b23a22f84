"""Which column of a file fills which column of silver: by its name, else by its values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from clicklake.project.amounts import Amounts, read_amounts
from clicklake.project.sample import Column, Sample
from clicklake.project.times import Times, is_time_of_day, read_times
from clicklake.project.vocabulary import holds, snake, squeezed, vocabulary, words_of

USER, SESSION, TIME, EVENT = "user_id", "session_id", "event_timestamp", "event_type"
REQUIRED = (USER, TIME, EVENT)
"""Without these an event can't be loaded."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}")
_URL = re.compile(r"(https?://|www\.|/)\S*|android-app://\S+")
_CODE = re.compile("[A-Za-z]{3}")
_NUMBER = re.compile(r"[+-]?[\d.,]+")
_MOST_EVENT_TYPES = 300
_LOOKED_AT_FIRST = 200


@dataclass(frozen=True)
class Field:
    """A column of a file, or a key of the objects in one.

    Args:
        column: The column.
        values: Texts, one a row; words that mean nothing (NULL) are None.
        key: The key; empty for the column itself.
        nulls: The words that mean nothing here: where most fields without a value are empty, NULL is a fault.
    """

    column: Column
    values: tuple[str | None, ...]
    key: str = ""
    nulls: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As people call it."""
        return f"{self.column.name}.{self.key}" if self.key else self.column.name

    @cached_property
    def filled(self) -> list[str]:
        """The values that are there."""
        return [value for value in self.values if value is not None]

    @cached_property
    def distinct(self) -> dict[str, None]:
        """Each value once, in the order of the file."""
        return dict.fromkeys(self.filled)

    @cached_property
    def blank_share(self) -> float:
        """The share of rows without a value."""
        return 1 - len(self.filled) / max(len(self.values), 1)

    @cached_property
    def times(self) -> Times | None:
        """How it writes times, if it does."""
        first = read_times(self.filled[:_LOOKED_AT_FIRST])
        return read_times(self.filled) if first else None

    @cached_property
    def amounts(self) -> Amounts | None:
        """How it writes amounts, if it does."""
        return read_amounts(self.filled) if read_amounts(self.filled[:_LOOKED_AT_FIRST]) else None

    @property
    def is_calendar(self) -> bool:
        """Whether these are written dates or times, not numbers."""
        return self.times is not None and not self.times.epoch

    def share(self, holds_for: Callable[[str], object]) -> float:
        """The share of values for which something holds."""
        return sum(bool(holds_for(value)) for value in self.filled) / max(len(self.filled), 1)


@dataclass(frozen=True)
class Match:
    """A field and how it was known.

    Args:
        field: The field.
        how: `name`, `values` or `guess`.
        clock: The column with the time of day, where the field has dates alone.
        times: How field (and clock) write times; for times alone.
    """

    field: Field
    how: str
    clock: Field | None = None
    times: Times | None = None


def fields_of(sample: Sample) -> list[Field]:
    """The columns, and the keys of those that hold objects."""
    from json import loads

    found = []
    for column in sample.columns:
        found.append(_field(column, column.values))
        if column.kind != "object":
            continue
        objects = [loads(value) if value else {} for value in column.values]
        keys = dict.fromkeys(key for item in objects for key in item)
        for key in keys:
            inner = [item.get(key) for item in objects]
            if '"' not in key and all(isinstance(value, (str, int, float, type(None))) for value in inner):
                found.append(_field(column, [None if value is None else str(value) for value in inner], key))
    return found


def _field(column: Column, values: list[str | None] | tuple[str | None, ...], key: str = "") -> Field:
    counted = Counter(values)
    blanks = sum(counted[blank] for blank in (None, ""))
    nulls = tuple(sorted(word for word in vocabulary().nulls if counted[word] > 0 and counted[word] >= blanks))
    return Field(column, tuple(None if value in nulls else value or None for value in values), key, nulls)


def recognise(sample: Sample) -> dict[str, Match]:
    """The fields by the silver column that they fill, in no order.

    Args:
        sample: The file.
    """
    fields = [field for field in fields_of(sample) if field.filled and (field.key or field.column.kind != "object")]
    found = by_best_score(_by_name(sample, fields))
    _assign(found, _by_values(fields), "values")
    if not sample.has_header:
        _guess(found, [field for field in fields if not _is_used(found, field)])
    if TIME in found:
        found[TIME] = with_clock(found[TIME], found, fields)
    return found


_Option = tuple[float, str, Field]


def by_best_score(options: Iterable[_Option]) -> dict[str, Match]:
    """What is known by names: each silver column gets the field that fits best, each field fills one column."""
    found: dict[str, Match] = {}
    _assign(found, options, "name")
    return found


def _assign(found: dict[str, Match], options: Iterable[_Option], how: str) -> None:
    for _, silver, field in sorted(options, key=lambda option: -option[0]):
        if silver not in found and not _is_used(found, field):
            found[silver] = Match(field, how, times=field.times if silver == TIME else None)


def _is_used(found: dict[str, Match], field: Field) -> bool:
    return any(field in (match.field, match.clock) for match in found.values())


def _by_name(sample: Sample, fields: list[Field]) -> Iterator[_Option]:
    for silver, entry in vocabulary().columns.items():
        for field in fields:
            words = words_of(field.key or field.column.name)
            score = 0.0
            for rank, name in enumerate(entry.names):
                if squeezed(name) == "".join(words):
                    score = max(score, 100.0 - rank)
                elif len(words_of(name)) > 1 and holds(words, name):
                    score = max(score, 50.0 - rank)
            if score and _FITS[silver](field, sample):
                blank = 40 * field.blank_share if silver in (USER, SESSION, TIME, EVENT) else 0
                yield score - blank - (1 if field.key else 0), silver, field


def _by_values(fields: list[Field]) -> Iterator[_Option]:
    words = vocabulary()
    for field in fields:
        is_few = len(field.distinct) <= _MOST_EVENT_TYPES
        if field.times and field.times.share >= 0.9:
            yield (20 if field.times.epoch else 40), TIME, field
        if holds_event_words(field):
            yield 40, EVENT, field
        for silver, known in words.words.items():
            if is_few and _share_of(field, known) >= 0.8:
                yield 39, silver, field
        if field.share(_URL.fullmatch) >= 0.8:
            yield 30, "page_url", field
        if field.share(is_mail) >= 0.8:
            yield 30, USER, field


def holds_event_words(field: Field) -> bool:
    """Whether most values are words for events."""
    words = vocabulary().event_types
    events = {*words, *(word for others in words.values() for word in others)}
    return len(field.distinct) <= _MOST_EVENT_TYPES and field.share(lambda value: snake(value) in events) >= 0.5


def is_mail(value: str) -> bool:
    """Whether a text is an address of mail."""
    return bool(_EMAIL.fullmatch(value))


def _share_of(field: Field, words: Iterable[str]) -> float:
    folded = {word.lower() for word in words}
    return field.share(lambda value: value.lower() in folded)


def _guess(found: dict[str, Match], fields: list[Field]) -> None:
    """Ids and amounts in a file without names: a visit has one user, an amount has decimals."""
    amounts = [field for field in fields if field.amounts and field.amounts.has_decimals]
    if amounts and "amount" not in found:
        found["amount"] = Match(amounts[0], "guess")
    words = [field for field in fields if field not in amounts and not field.is_calendar]
    ids = [field for field in words if field.share(lambda value: " " not in value) > 0.95]
    full = [field for field in ids if field.blank_share < 0.5]
    if USER not in found and full:
        users = [user for user in full if any(_determines(visit, user) for visit in full if visit is not user)]
        found[USER] = Match((users or full)[0], "guess")
        visits = [visit for visit in full if visit is not found[USER].field and _determines(visit, found[USER].field)]
        if visits and SESSION not in found:
            found[SESSION] = Match(visits[0], "guess")
    rest = [field for field in ids if not _is_used(found, field)]
    if len(rest) == 1 and "product_id" not in found:
        found["product_id"] = Match(rest[0], "guess")


def _determines(visit: Field, user: Field) -> bool:
    """Whether each value of one goes with one value of the other, which has fewer."""
    pairs = {(a, b) for a, b in zip(visit.values, user.values, strict=True) if a is not None and b is not None}
    return len(user.distinct) < len(visit.distinct) == len(pairs) < len(visit.filled)


def with_clock(match: Match, found: dict[str, Match], fields: list[Field]) -> Match:
    """The match of times; with the column of times of day, where there are only dates."""
    if match.times is None or match.times.has_clock:
        return match
    names = {squeezed(name) for name in vocabulary().time_of_day}
    for field in fields:
        is_clock = squeezed(field.name) in names and is_time_of_day(field.filled)
        if is_clock and not _is_used(found, field):
            both = [f"{day} {time}" for day, time in zip(match.field.values, field.values, strict=True) if day and time]
            return Match(match.field, match.how, field, read_times(both))
    return match


def is_personal(column: Column) -> bool:
    """Whether a column holds data about a person, by its name or its values."""
    words = words_of(column.name)
    for name in vocabulary().personal:
        if squeezed(name) == "".join(words) or (len(words_of(name)) > 1 and holds(words, name)):
            return True
    filled = column.filled[:_MOST_EVENT_TYPES]
    return bool(filled) and sum(bool(is_mail(v) or _IP.fullmatch(v)) for v in filled) >= 0.5 * len(filled)


def _is_id(field: Field, _: Sample) -> bool:
    return not field.is_calendar


def _is_text(field: Field, _: Sample) -> bool:
    return not field.is_calendar and field.share(_NUMBER.fullmatch) < 0.5


def _is_few(most: int) -> Callable[[Field, Sample], bool]:
    return lambda field, sample: len(field.distinct) <= most and _is_text(field, sample)


def _is_outcome(field: Field, sample: Sample) -> bool:
    is_flag = set(field.distinct) <= {"0", "1"} and "success" in words_of(field.name)
    return is_flag or _is_few(20)(field, sample)


def _is_page(field: Field, sample: Sample) -> bool:
    is_named = bool({"page", "url", "uri", "seite"} & set(words_of(field.name)))
    return _is_text(field, sample) and (is_named or field.share(_URL.fullmatch) >= 0.5)


def _is_own_id(field: Field, sample: Sample) -> bool:
    """Whether each id stands for one content; a mere numbering of the rows starts again in the next file."""
    if field.blank_share > 0.05:
        return False
    pairs = {(value, record) for value, record in zip(field.values, sample.records, strict=True) if value}
    if len(field.distinct) < len(pairs):
        return False
    numbers = sorted(int(value) for value in field.distinct if value.isdigit())
    if len(numbers) < len(field.distinct):
        return True
    return numbers[0] > 1 or numbers[-1] - numbers[0] >= len(numbers)


_FITS: dict[str, Callable[[Field, Sample], bool]] = {
    USER: _is_id,
    SESSION: _is_id,
    TIME: lambda field, _: field.times is not None,
    EVENT: _is_few(_MOST_EVENT_TYPES),
    "product_id": _is_id,
    "order_id": _is_id,
    "amount": lambda field, _: field.amounts is not None and not field.is_calendar,
    "currency": lambda field, _: field.share(_CODE.fullmatch) >= 0.9,
    "outcome": _is_outcome,
    "device_type": _is_few(50),
    "page_url": _is_page,
    "referrer_url": _is_text,
    "source_event_id": _is_own_id,
}
