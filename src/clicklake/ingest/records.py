"""Splitting bytes into CSV records one by one, for the places where a fast reader can't be trusted.

A record is a line, or several where a quoted field holds line breaks and the whole then has exactly the
header's number of columns and at most `MAX_RECORD` bytes; otherwise its first line alone is corrupt and
reading goes on at the next line. Lines end with LF, CR LF or CR. Blank lines are no records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_RECORD = 1_000_000
"""Bytes that a record with line breaks may have."""

BLANK = b" \t"
"""A line of nothing else is blank."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Record:
    """One record: its fields, or its raw text where it is corrupt."""

    fields: list[str] | None
    raw: str


def split_records(data: bytes, columns: int, delimiter: str, *, is_last: bool) -> Iterator[tuple[Record | None, int]]:
    """Records of a piece of a file that starts at a record's start.

    Args:
        data: The piece; unless it is the last it ends with a line end.
        columns: The number of columns that a good record has.
        delimiter: One character.
        is_last: Whether the file ends here.

    Yields:
        Each record (None for a blank line) and the offset behind it. Ends early where the rest is the start of
        a record that may go on in the next piece.
    """
    start, size = 0, len(data)
    while start < size:
        line_end, following = line_at(data, start)
        if not data[start:line_end].strip(BLANK):
            start = following
            yield None, start
            continue
        scanned = scan_fields(data, start, delimiter)
        if scanned is None and not is_last and size - start <= MAX_RECORD:
            return
        if scanned is not None:
            fields, end, behind = scanned
            is_one_line = end <= line_end
            if is_one_line or (len(fields) == columns and end - start <= MAX_RECORD):
                start, raw = behind, data[start:end]
                yield _record(fields, raw, columns), start
                continue
        start, raw = following, data[start:line_end]
        yield Record(None, raw.decode("utf-8", "replace")), start


def scan_fields(data: bytes, start: int, delimiter: str) -> tuple[list[bytes], int, int] | None:
    """The fields of the record that starts here, its end, and the start of what follows.

    A quote opens a field only at the field's start and is doubled inside; what stands between the closing quote
    and the delimiter belongs to the field (as Arrow and Python's csv read it).

    Returns:
        None where a quote stays open, at the data's end or beyond `MAX_RECORD` bytes.
    """
    stop = _stop(delimiter)
    limit = min(len(data), start + MAX_RECORD + 2)
    fields: list[bytes] = []
    position = start
    while True:
        value = b""
        if data[position : position + 1] == b'"':
            position += 1
            while True:
                quote = data.find(b'"', position, limit)
                if quote < 0:
                    return None
                value += data[position:quote]
                position = quote + 1
                if data[position : position + 1] != b'"':
                    break
                value += b'"'
                position += 1
        match = stop.search(data, position)
        end = match.start() if match else len(data)
        fields.append(value + data[position:end])
        if match is None or match[0] in (b"\n", b"\r", b"\r\n"):
            return fields, end, match.end() if match else len(data)
        position = match.end()


def line_at(data: bytes, start: int) -> tuple[int, int]:
    """Where the line that starts here ends, and where the next one starts."""
    match = _LINE_END.search(data, start)
    return (match.start(), match.end()) if match else (len(data), len(data))


@lru_cache
def _stop(delimiter: str) -> re.Pattern[bytes]:
    return re.compile(re.escape(delimiter.encode()) + rb"|\r\n|\n|\r")


def _record(fields: list[bytes], raw: bytes, columns: int) -> Record:
    if len(fields) == columns:
        try:
            return Record([field.decode("utf-8") for field in fields], "")
        except UnicodeDecodeError:
            pass  # kept as it is, with U+FFFD, like every corrupt record
    return Record(None, raw.decode("utf-8", "replace"))
