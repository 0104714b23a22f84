"""A delimited text of unknown layout: what parts its fields, and whether its first line names them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from clicklake.errors import UsageError
from clicklake.project.times import read_times
from clicklake.project.vocabulary import squeezed, vocabulary

DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_LINES = 200
_MOST_LINES = 100
_LINE_END = re.compile(r"\r\n|\n|\r")
_NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,]*%?")


@dataclass(frozen=True)
class Table:
    """Rows of fields.

    Args:
        names: Of the columns; made up where there is no header.
        rows: Those with a field for each name.
        delimiter: What parts the fields.
        has_header: Whether the first line names the columns.
        is_whole: Whether these are all rows of the text.
        notes: What a person should know.
    """

    names: list[str]
    rows: list[list[str]]
    delimiter: str
    has_header: bool
    is_whole: bool
    notes: list[str]


def read_table(text: bytes, path: str, most: int) -> Table:
    """The first rows of a text.

    Args:
        text: Whole lines.
        path: The file, for messages.
        most: Rows at the most.

    Raises:
        UsageError: Its header can't be used.
    """
    readable = text.decode("utf-8", "replace").replace("\0", "\ufffd")
    lines = [line for line in _LINE_END.split(readable) if line.strip()]
    if lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        raise UsageError(f"{path}: its first line {lines[0].strip()!r} is for Excel alone; remove that line")
    delimiter = _delimiter(lines)
    found = list(islice(_records(lines, delimiter), most + 2))
    header, records = found[0], [record for record in found if len(record) == len(found[0])][: most + 1]
    corrupt = len(found) - len(records) if len(found) <= most + 1 else 0
    has_header = _is_header(header, records[1:])
    names = [name.strip() for name in header] if has_header else [f"column_{at}" for at in range(1, len(header) + 1)]
    rows = records[1:] if has_header else records[:most]
    _require_different(names, path)
    notes = []
    if not _is_utf8(text):
        how = "convert it, for example: iconv -f latin1 -t utf-8 FILE > NEW"
        notes.append(f"it is not UTF-8 throughout; rows that aren't would be rejected (malformed_row): {how}")
    if not has_header:
        notes.append("the first line names no columns: they are called by what they hold, in the order of the file")
    if len(header) == 1:
        notes.append("it has one column; are its fields parted by something else than a comma, semicolon, tab or bar?")
    if corrupt:
        rows_without = "1 row" if corrupt == 1 else f"{corrupt:,} rows"
        parted = f"{len(header)} fields parted by {_NAMES[delimiter]}s"
        notes.append(f"{rows_without} without {parted} would be rejected (malformed_row)")
    if not rows:
        raise UsageError(f"{path}: holds a header but no rows; there is nothing to propose a contract from")
    return Table(names, rows, delimiter, has_header, len(found) <= most + 1, notes)


def _delimiter(lines: Sequence[str]) -> str:
    """The one by which most lines have the fields of the first, and more than one."""

    def score(delimiter: str) -> tuple[float, int]:
        records = list(islice(_records(lines, delimiter), _LINES))
        header = len(records[0])
        fitting = sum(len(record) == header for record in records)
        return (round(fitting / len(records), 1), header) if header > 1 else (0.0, 0)

    scores = {delimiter: score(delimiter) for delimiter in DELIMITERS}
    return max(scores, key=lambda delimiter: scores[delimiter])


def _records(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Fields of each record; it goes on over line ends in quotes where it then has the fields of the first."""
    at = columns = 0
    while at < len(lines):
        fields, behind = _split(lines[at], delimiter), at + 1
        if lines[at].count('"') % 2:
            for end in range(at + 2, min(len(lines), at + _MOST_LINES) + 1):
                whole = "\n".join(lines[at:end])
                if whole.count('"') % 2 == 0 and len(longer := _split(whole, delimiter)) == columns:
                    fields, behind = longer, end
                    break
        columns = columns or len(fields)
        yield fields
        at = behind


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error:  # a field beyond any measure
        return [text]


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns: by known names, or as its fields are unlike those below."""
    words = vocabulary()
    known = {squeezed(name) for entry in words.columns.values() for name in entry.names}
    known |= {squeezed(name) for name in (*words.personal, *words.time_of_day, *words.columns)}
    names = sum(squeezed(name) in known for name in first)
    values = sum(_is_value(field.strip()) for field in first)
    if names or values:
        return names > values
    below = [{row[at].strip() for row in rows} for at in range(len(first))]
    return not any(field.strip() and field.strip() in values for field, values in zip(first, below, strict=True))


def _is_value(field: str) -> bool:
    is_time = bool(field) and read_times([field]) is not None
    return is_time or bool(_NUMBER.fullmatch(field)) or "@" in field or "://" in field


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _require_different(names: Sequence[str], path: str) -> None:
    folded = [name.lower() for name in names]
    twice = sorted({name for name in names if folded.count(name.lower()) > 1})
    if twice:
        places = {name: [str(at) for at, other in enumerate(names, 1) if other == name] for name in twice}
        where = "; ".join(f"{name or 'no name'!r} at {', '.join(at)}" for name, at in places.items())
        raise UsageError(f"{path}: the header names columns twice ({where}); give each a name of its own")
