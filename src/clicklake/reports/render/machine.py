"""Rows for programs: JSON and CSV, written batch by batch so that a long table needs little memory."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO, TypeAlias

import pyarrow as pa

from clicklake.reports.render.values import Values, is_bare, quoted, spell

Batch: TypeAlias = "pa.Table | pa.RecordBatch"

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
    for text in json_list(_batches(rows)):
        stream.write(text)


def json_list(batches: Iterable[Batch]) -> Iterator[str]:
    """The parts of a JSON list of objects, as `write_json` writes it, while rows come."""
    before = "[\n"
    for batch in batches:
        if batch.num_rows:
            yield before + ",\n".join(_objects(batch))
            before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def json_lines(batches: Iterable[Batch]) -> Iterator[str]:
    """The parts of newline-delimited JSON: an object a line, spelled as by `write_json`."""
    for batch in batches:
        if batch.num_rows:
            yield "\n".join(_objects(batch)) + "\n"


def _objects(batch: Batch) -> list[str]:
    keys = (json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in batch.schema.names)
    template = "{" + ", ".join(f"{key}: %s" for key in keys) + "}"
    columns = [_json(column) for column in batch.columns]
    return [template % values for values in _rows(columns, batch.num_rows)]


def write_csv(rows: pa.Table, stream: TextIO, *, safe: bool = False) -> None:
    """Write the rows as CSV (RFC 4180, with a header); values are spelled as in JSON.

    Null is an empty field and empty text is `""`; in a table of one column null is `""` too, as an empty line
    would be no row.

    Args:
        rows: The rows.
        stream: Opened with `newline=""`.
        safe: Put `'` before text that a spreadsheet would take for a formula.
    """
    for text in csv_lines(rows.column_names, _batches(rows), safe=safe):
        stream.write(text)


def csv_lines(names: Sequence[str], batches: Iterable[Batch], *, safe: bool = False) -> Iterator[str]:
    """The parts of CSV, as `write_csv` writes it, while rows come."""
    null = '""' if len(names) == 1 else ""
    yield ",".join(map(_field, map(_guarded, names) if safe else names)) + "\r\n"
    for batch in batches:
        columns = [_csv(column, null, safe and not is_bare(column.type)) for column in batch.columns]
        yield "".join(",".join(values) + "\r\n" for values in _rows(columns, batch.num_rows))


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
