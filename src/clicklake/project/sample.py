"""The first rows of a file of unknown columns: its format, delimiter, header, and what stands in each column."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from clicklake.contracts.columns import PROVENANCE
from clicklake.errors import InputError, UsageError
from clicklake.ingest.files import InputFile, discover, open_blocks
from clicklake.project.delimited import Table, read_table

MOST_ROWS = 50_000
MOST_BYTES = 16 << 20
"""What is looked at: the dry run looks at the rest."""

_CONTROL = bytes({*range(32), 127} - {*b"\t\n\r\f\v"})
_TAKEN = {*PROVENANCE, "ingestion_timestamp", "ingestion_date"}
_LEFT_OUT = "; it is left out: bronze keeps it in `extra`, and rows that differ there alone are duplicates"
_SUFFIXES = {"csv": ".csv", "ndjson": ".ndjson", "parquet": ".parquet"}
_MAGIC = {
    b"PK\x03\x04": "is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook; save the sheet as CSV (UTF-8)",
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)",
    b"%PDF": "is a PDF document",
    b"SQLite f": "is a SQLite database; export the table as CSV",
    b"ORC": "is an ORC file; convert it to Parquet",
    b"Obj\x01": "is an Avro file; convert it to Parquet",
}


@dataclass(frozen=True)
class Column:
    """One column of a sample.

    Args:
        name: As the file has it.
        values: Trimmed texts, one a row; None where there is none.
        kind: string, integer, number, boolean or object, as the file's own format tells (CSV: string).
    """

    name: str
    values: tuple[str | None, ...]
    kind: str = "string"

    @property
    def filled(self) -> list[str]:
        """The values that are there."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True)
class Sample:
    """What a file looks like.

    Args:
        file: The file, the largest where there are several.
        format: csv, ndjson or parquet.
        columns: Those that a contract can name.
        rows: Rows that were looked at.
        is_whole: Whether these are all rows there are.
        delimiter: Between the fields of a CSV file.
        has_header: Whether its first line names the columns.
        notes: What a person should know.
    """

    file: InputFile
    format: str
    columns: tuple[Column, ...]
    rows: int
    is_whole: bool
    delimiter: str = ","
    has_header: bool = True
    notes: tuple[str, ...] = field(default=())

    @property
    def records(self) -> list[tuple[str | None, ...]]:
        """The rows."""
        return list(zip(*(column.values for column in self.columns), strict=True))


def look_at(path: str, options: Mapping[str, str] | None = None) -> Sample:
    """Look at the first rows of a file; of a folder or glob, at its largest file.

    Args:
        path: Where it is.
        options: How its object store is reached.

    Raises:
        UsageError: It can't be used; the message says why, and what to do.
    """
    files = discover([path], "", options)
    if not files:
        raise UsageError(f"{path}: the folder holds no file")
    file = max(files, key=lambda found: found.size)
    try:
        head, is_whole = _head(file)
        file_format = _format(file, head)
        if file_format == "parquet":
            sample = _parquet(file)
        else:
            text = _complete(file, head, is_whole)
            sample = _ndjson(file, text, is_whole) if file_format == "ndjson" else _csv(file, text, is_whole)
    except InputError as error:
        raise UsageError(f"{error.file}: {error.reason}") from error
    if not sample.columns:
        raise UsageError(f"{file.path}: has no column that a contract can name: {'; '.join(sample.notes)}")
    return sample if len(files) == 1 else replace(sample, is_whole=False)


def _head(file: InputFile) -> tuple[bytes, bool]:
    blocks, size = [], 0
    for block in open_blocks(file):
        blocks.append(block)
        size += len(block)
        if size > MOST_BYTES or (size == len(block) and block.startswith(b"PAR1")):
            return b"".join(blocks), False
    return b"".join(blocks), True


def _format(file: InputFile, head: bytes) -> str:
    """The format; the file's name must not tell another one, as ingestion goes by it."""
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise UsageError(f"{file.path}: {what}")
    if not file.compression and head.startswith(b"\x1f\x8b"):
        raise UsageError(f"{file.path}: is compressed with gzip, which its name doesn't say; add .gz to it")
    if not file.compression and head.startswith(b"\x28\xb5\x2f\xfd"):
        raise UsageError(f"{file.path}: is compressed with zstd, which its name doesn't say; add .zst to it")
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise UsageError(f"{file.path}: is empty; there is nothing to propose a contract from")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    found = "parquet" if head.startswith(b"PAR1") else "ndjson" if start == b"{" else "csv"
    if found != "parquet" and _is_binary(head[:65_536]):
        raise UsageError(f"{file.path}: is no text file, nor Parquet")
    if start == b"[" and _is_json_array(head):
        raise UsageError(f"{file.path}: is one JSON list; write one object a line: jq -c '.[]' FILE > FILE.ndjson")
    if file.format and file.format != found:
        raise UsageError(
            f"{file.path}: its name says {file.format}, its content {found}; "
            f"rename it, so that it ends with {_SUFFIXES[found]}"
        )
    return found


def _is_binary(head: bytes) -> bool:
    """Whether more than one byte in twenty is one that texts hardly have."""
    return len(head.translate(None, _CONTROL)) < 0.95 * len(head)


def _is_json_array(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n[")[:1] == b"{"


def _complete(file: InputFile, head: bytes, is_whole: bool) -> bytes:
    """The lines that are there to their end."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if is_whole:
        return text
    cut = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
    if not cut:
        raise UsageError(f"{file.path}: has a line of more than {MOST_BYTES >> 20} MB; is it a text file?")
    return text[:cut]


def _csv(file: InputFile, text: bytes, is_whole: bool) -> Sample:
    table = read_table(text, file.path, MOST_ROWS)
    columns, notes = _usable(_columns(table))
    return Sample(
        file=file,
        format="csv",
        columns=columns,
        rows=len(table.rows),
        is_whole=is_whole and table.is_whole,
        delimiter=table.delimiter,
        has_header=table.has_header,
        notes=(*table.notes, *notes),
    )


def _columns(table: Table) -> Iterator[Column]:
    for at, name in enumerate(table.names):
        yield Column(name, tuple(_clean(row[at]) for row in table.rows))


def _usable(columns: Iterator[Column]) -> tuple[tuple[Column, ...], list[str]]:
    """The columns that a contract can name, and what becomes of the others."""
    kept, notes = [], []
    for column in columns:
        if not column.name:
            notes.append(f"a column has no name{_LEFT_OUT}")
        elif column.name.lower() in _TAKEN:
            notes.append(f"the name {column.name} is taken by clicklake{_LEFT_OUT}")
        elif '"' in column.name or not column.name.isprintable():
            notes.append(f"the name {column.name!r} holds a quote or a control character{_LEFT_OUT}")
        elif column.kind == "list":
            notes.append(f"{column.name} holds lists, which events have no column for{_LEFT_OUT}")
        else:
            kept.append(column)
    return tuple(kept), notes


def _ndjson(file: InputFile, text: bytes, is_whole: bool) -> Sample:
    lines = [line for line in text.split(b"\n" if b"\n" in text else b"\r") if line.strip()]
    parsed = [_object(line) for line in lines[:MOST_ROWS]]
    objects = [item for item in parsed if item is not None]
    if not objects:
        raise UsageError(f"{file.path}: no line is a JSON object; is it one object over many lines? Write one a line.")
    notes = []
    if broken := len(parsed) - len(objects):
        notes.append(f"{broken:,} of {len(parsed):,} lines are no JSON objects; they would be rejected (malformed_row)")
    names = list(dict.fromkeys(name for item in objects for name in item))
    columns, more = _usable(_of_json(name, [item.get(name) for item in objects]) for name in names)
    twice = {name for name in names if [other.lower() for other in names].count(name.lower()) > 1}
    if twice:
        raise UsageError(f"{file.path}: keys that differ only in case can't be told apart: {', '.join(sorted(twice))}")
    rows = len(objects)
    return Sample(file, "ndjson", columns, rows, is_whole and len(lines) <= MOST_ROWS, notes=(*notes, *more))


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _of_json(name: str, values: Sequence[Any]) -> Column:
    kinds = {_KINDS.get(type(value), "string") for value in values if value is not None}
    kind = kinds.pop() if len(kinds) == 1 else "number" if kinds == {"integer", "number"} else "string"
    if kind == "string" and kinds & {"object", "list"}:
        kind = "list"  # sometimes a text, sometimes more: no column can promise it
    return Column(name, tuple(_clean(_text(value)) for value in values), kind)


_KINDS = {bool: "boolean", int: "integer", float: "number", dict: "object", list: "list"}


def _text(value: Any) -> str | None:  # noqa: ANN401
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _parquet(file: InputFile) -> Sample:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.compression:
        raise UsageError(f"{file.path}: Parquet files are compressed inside; decompress the file itself first")
    try:
        source = pq.ParquetFile(file.parquet())
        batches = list(islice(source.iter_batches(MOST_ROWS), 1))
        total = source.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{file.path}: is not a readable Parquet file: {error}") from error
    if not batches:
        raise UsageError(f"{file.path}: has no rows; there is nothing to propose a contract from")
    columns, notes = _usable(_of_arrow(batches[0].column(at), name) for at, name in enumerate(batches[0].schema.names))
    return Sample(file, "parquet", columns, batches[0].num_rows, batches[0].num_rows == total, notes=tuple(notes))


def _of_arrow(array: Any, name: str) -> Column:  # noqa: ANN401
    import pyarrow as pa

    kind = "string"
    if pa.types.is_struct(array.type) or pa.types.is_map(array.type):
        kind = "object"
    elif pa.types.is_nested(array.type):
        kind = "list"
    values = array.to_pylist()
    if kind == "object":
        values = [None if value is None else json.dumps(dict(value), default=str) for value in values]
    return Column(name, tuple(_clean(None if value is None else str(value)) for value in values), kind)


def _clean(text: str | None) -> str | None:
    return (text.strip(" \t\r\n") or None) if text is not None else None
