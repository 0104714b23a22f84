"""Splitting bytes into CSV records one by one, for the places where a fast reader can't be trusted.

A record is a line, or several where a quoted field holds line breaks and the whole then has exactly the
header's number of columns and at most `MAX_RECORD` bytes; otherwise its first line alone is corrupt and
reading goes on at the next line. Lines end with LF, CR LF or CR. Blank lines are no records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

MAX_RECORD = 1_000_000
"""Bytes that a record with line breaks may have, its last line end not counted."""

_LINE_BREAK = re.compile(rb"[\r\n]")
_WINDOW = 1 << 16


class Record(NamedTuple):
    """One record: its fields, or its raw text where it is corrupt."""

    fields: list[str] | None
    raw: str


def blank(delimiter: str) -> bytes:
    """A line of nothing but these characters is blank; a delimiter parts fields, even empty ones."""
    return b" \t".replace(delimiter.encode(), b"")


def split_records(data: bytes, columns: int, delimiter: str, *, is_last: bool) -> Iterator[tuple[Record | None, int]]:
    """Records of a piece of a file that starts at a record's start.

    Args:
        data: The piece; unless it is the last it ends with a line end.
        columns: The number of columns that a good record has.
        delimiter: One character.
        is_last: Whether the file ends here.

    Yields:
        Each record (None for a blank line) and the offset behind it. Ends early where the rest is the start
        of a record that may go on in the next piece.
    """
    start = 0
    while start < len(data):
        found = record_at(data, start, columns, delimiter, is_last=is_last)
        if found is None:
            return
        start = found[1]
        yield found


def record_at(
    data: bytes, start: int, columns: int, delimiter: str, *, is_last: bool
) -> tuple[Record | None, int] | None:
    """The record (None for a blank line) that starts here and the offset behind it; see `split_records`.

    Returns:
        None where it may go on in the next piece.
    """
    line_end, following = line_at(data, start)
    line = data[start:line_end]
    if not line.strip(blank(delimiter)):
        return None, following
    if b'"' not in line:
        return _record(line.split(delimiter.encode()), line, columns), following
    scanned = scan_fields(data, start, delimiter, columns)
    if scanned is None and not is_last and len(data) - start <= MAX_RECORD:
        return None
    if scanned is not None:
        fields, end, behind = scanned
        if len(fields) == columns and (end == line_end or end - start <= MAX_RECORD):
            return _record(fields, data[start:end], columns), behind
    return Record(None, line.decode("utf-8", "replace")), following


def scan_fields(
    data: bytes, start: int, delimiter: str, at_most: int | None = None
) -> tuple[list[bytes], int, int] | None:
    """The fields of the record that starts here, its end, and the start of what follows.

    A quote opens a field only at the field's start and is doubled inside; what stands between the closing
    quote and the delimiter belongs to the field (as Arrow and Python's csv read it).

    Args:
        data: Bytes of a file.
        start: Where the record starts.
        delimiter: One character.
        at_most: With more fields than these it is not read to its end.

    Returns:
        None where a quote stays open, at the data's end or beyond `MAX_RECORD` bytes.
    """
    parting = delimiter.encode()
    end, behind = line_at(data, start)
    limit = max(end, start + MAX_RECORD)
    fields: list[bytes] = []
    while True:
        quoted = b""
        if data[start : start + 1] == b'"':
            close = _closing_quote(data, start + 1, limit)
            if close < 0:
                return None
            quoted = data[start + 1 : close].replace(b'""', b'"')
            start = close + 1
            if start > end:
                end, behind = line_at(data, start)
        next_quoted = data.find(parting + b'"', start, end)
        texts = data[start : end if next_quoted < 0 else next_quoted].split(parting)
        fields += [quoted + texts[0], *texts[1:]]
        if next_quoted < 0 or (at_most is not None and len(fields) > at_most):
            return fields, end, behind
        start = next_quoted + len(parting)


def line_at(data: bytes, start: int) -> tuple[int, int]:
    """Where the line that starts here ends, and where the next one starts."""
    match = _LINE_BREAK.search(data, start)
    if match is None:
        return len(data), len(data)
    is_pair = data[match.start() : match.start() + 2] == b"\r\n"
    return match.start(), match.end() + is_pair


def doubtful_lines(data: bytes, delimiter: str) -> list[int]:
    """Where the lines start that may not be whole records of UTF-8; most others are.

    A line that opens a quote and has an odd number of them may go on in the next line.
    """
    starts = set(_undecodable_lines(data))
    if b'"' in data:
        starts.update(_lines_with_open_quotes(data, delimiter))
    return sorted(starts)


def is_utf8(data: bytes) -> bool:
    """Whether all bytes are UTF-8."""
    if data.isascii():
        return True
    offsets = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _undecodable_lines(data: bytes) -> Iterator[int]:
    view, start = memoryview(data), 0
    if is_utf8(data):
        return
    while start < len(data):
        end = data.find(b"\n", start + _WINDOW) + 1 or len(data)
        try:
            str(view[start:end], "utf-8")
            start = end
        except UnicodeDecodeError as error:
            bad = start + error.start
            breaks = max(data.rfind(b"\n", start, bad), data.rfind(b"\r", start, bad))
            yield breaks + 1 if breaks >= 0 else start
            start = line_at(data, bad)[1]


def _lines_with_open_quotes(data: bytes, delimiter: str) -> list[int]:
    codes = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(codes == ord('"'))
    breaks = np.flatnonzero((codes == 10) | (codes == 13)) if b"\r" in data else np.flatnonzero(codes == 10)
    starts = np.concatenate([[0], breaks + 1])

    def count(positions: np.ndarray) -> np.ndarray:
        return np.diff(np.searchsorted(positions, starts), append=len(positions))

    is_odd = count(quotes) % 2 == 1
    if not is_odd.any():
        return []
    before = codes[quotes - 1]
    opens = (before == ord(delimiter)) | (before == 10) | (before == 13) | (quotes == 0)
    return [int(start) for start in starts[is_odd & (count(quotes[opens]) > 0)]]


def _closing_quote(data: bytes, start: int, limit: int) -> int:
    """Where the quoted field that starts here is closed; negative where it isn't."""
    while (quote := data.find(b'"', start, limit)) >= 0 and data[quote + 1 : quote + 2] == b'"':
        start = quote + 2
    return quote


def _record(fields: list[bytes], raw: bytes, columns: int) -> Record:
    if len(fields) == columns:
        try:
            return Record([field.decode("utf-8") for field in fields], "")
        except UnicodeDecodeError:
            pass  # kept as it is, with U+FFFD, like every corrupt record
    return Record(None, raw.decode("utf-8", "replace"))
