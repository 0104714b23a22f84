"""Rows for programs: JSON and CSV, written batch by batch so that a long table needs little memory."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import TextIO

import pyarrow as pa

from clicklake.reports.render.values import Values, is_bare, quoted, spell

_BATCH = 10_000
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^\s|\s$')
_FORMULA = re.compile(r"[=+\-@\t\r]")


def to_json(rows: pa.Table) -> str:
    """The rows as a JSON list of objects; see `write_json`."""
    stream = io.StringIO()
    write_json(rows, stream)
    return stream.getvalue()


def write_json(rows: pa.Table, stream: TextIO) -> None:
    """Write the rows as a JSON list of objects, one a line.

    Decimals are numbers with all their digits, dates and times ISO 8601 in UTC; NaN and infinite numbers are
    null.
    """
    keys = (json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in rows.column_names)
    template = "{" + ", ".join(f"{key}: %s" for key in keys) + "}"
    before = "[\n"
    for batch in _batches(rows):
        columns = [_json(column) for column in batch.columns]
        lines = [template % values for values in _rows(columns, batch.num_rows)]
        stream.write(before + ",\n".join(lines))
        before = ",\n"
    stream.write("\n]\n" if rows.num_rows else "[]\n")


def write_csv(rows: pa.Table, stream: TextIO, *, safe: bool = False) -> None:
    """Write the rows as CSV (RFC 4180, with a header); values are spelled as in JSON.

    Null is an empty field and empty text is `""`; in a table of one column null is `""` too, as an empty line
    would be no row.

    Args:
        rows: The rows.
        stream: Opened with `newline=""`.
        safe: Put `'` before text that a spreadsheet would take for a formula.
    """
    names = map(_guarded, rows.column_names) if safe else rows.column_names
    stream.write(",".join(map(_field, names)) + "\r\n")
    null = '""' if rows.num_columns == 1 else ""
    for batch in _batches(rows):
        columns = [_csv(column, null, safe and not is_bare(column.type)) for column in batch.columns]
        stream.write("".join(",".join(values) + "\r\n" for values in _rows(columns, batch.num_rows)))


def _batches(rows: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, _BATCH):
        yield rows.slice(start, _BATCH)


def _rows(columns: list[list[str]], count: int) -> Iterator[tuple[str, ...]]:
    """The rows of columns; a table without columns has rows all the same."""
    return zip(*columns, strict=True) if columns else iter([()] * count)


def _json(column: Values) -> list[str]:
    texts = spell(column)
    return ["null" if text is None else text for text in texts] if is_bare(column.type) else quoted(texts)


def _csv(column: Values, null: str, is_guarded: bool) -> list[str]:
    texts = spell(column)
    if is_guarded:
        texts = [text and _guarded(text) for text in texts]
    return [null if text is None else _field(text) for text in texts]


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _field(text: str) -> str:
    if not text or _NEEDS_QUOTES.search(text):
        escaped = text.replace('"', '""')
        return f'"{escaped}"'
    return text
