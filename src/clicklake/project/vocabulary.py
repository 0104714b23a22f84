"""The words by which columns and values are known; they stand in `vocabulary.yaml`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from clicklake.contracts.strict_yaml import read_document, validate
from clicklake.errors import ContractError

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\W_]+")
_PLAIN_NAME = re.compile("[a-z][a-z0-9_]*")


class _Names(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...]


class TableColumn(BaseModel):
    """What a silver column is called where it comes from.

    Args:
        kind: What stands in it.
        names: The names that sources give it, the most telling first.
        asked: What it says; a row can't be loaded without it.
        otherwise: SQL that fills it where a file has no such column.
        same_as: The column whose source it takes, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["text", "id", "word", "number", "currency", "email", "time"] = "text"
    names: tuple[str, ...] = ()
    asked: str | None = None
    otherwise: str | None = None
    same_as: str | None = None


class TableWords(BaseModel):
    """What a file of things that are no events looks like.

    Args:
        silver_table: The table that it fills.
        rules_of: The source whose rules, cleaning and parameters are proposed.
        row: What a row is.
        tells: Groups of silver columns; a file of this kind has one column of each group.
        columns: By silver column, what sources call it.
        words: By parameter of the contract, words that sources have besides the contract's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    silver_table: str
    rules_of: str
    row: str
    tells: tuple[tuple[str, ...], ...]
    columns: dict[str, TableColumn]
    words: dict[str, tuple[str, ...]] = {}


class Vocabulary(BaseModel):
    """What columns and values of files are called.

    Args:
        silver_table: The table that they fill.
        rules_of: The source whose rules are proposed.
        columns: By silver column, the names that sources give it, the most telling first.
        time_of_day: Names of a column that completes one of dates.
        event_types: By event type, the words that other trackers have for it.
        words: By silver column, values by which it is known.
        failures: Outcomes that mean failure.
        nulls: Texts that mean no value.
        personal: Names of columns that hold data about a person.
        event_signs: Words of column names that only files of events have.
        tables: Files of other things.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    silver_table: str
    rules_of: str
    columns: dict[str, _Names]
    time_of_day: tuple[str, ...]
    event_types: dict[str, tuple[str, ...]]
    words: dict[str, tuple[str, ...]]
    failures: tuple[str, ...]
    nulls: tuple[str, ...]
    personal: tuple[str, ...]
    event_signs: tuple[str, ...]
    tables: dict[str, TableWords]


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The words of `vocabulary.yaml`."""
    document = read_document(Path(__file__).with_name("vocabulary.yaml"), error=ContractError)
    return validate(Vocabulary, document, error=ContractError)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, lower case: `userID`, `User-Id` and `user_id` are user, id."""
    return tuple(_NO_WORD.sub(" ", _WORD_STARTS.sub(" ", name)).lower().split())


def squeezed(name: str) -> str:
    """A name without case, blanks and marks."""
    return "".join(words_of(name))


def snake(name: str, otherwise: str = "source") -> str:
    """A name as a source may have it: lower snake case, a letter first."""
    parts = unicodedata.normalize("NFKD", name)
    without_accents = "".join(sign for sign in parts if not unicodedata.combining(sign))
    plain = "_".join(re.sub("[^a-z0-9]", "", word) for word in words_of(without_accents)).strip("_")
    plain = re.sub("_+", "_", plain)
    if not _PLAIN_NAME.fullmatch(plain):
        plain = f"{otherwise}_{plain}".strip("_")
    return plain


def holds(words: tuple[str, ...], name: str) -> bool:
    """Whether these words hold those of a name, beside each other."""
    wanted = words_of(name)
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))
