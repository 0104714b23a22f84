"""Newline-delimited JSON: each line that is not blank is one record, whatever is in it.

DuckDB reads the plain lines, many at once: objects of known keys, none of them twice, whose numbers and objects
it can hand on as they are spelled. Every other line (unknown keys, deeper nesting, escapes beside numbers,
broken JSON) is read by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clicklake.contracts.contract import Column, Contract
from clicklake.engines.sql import string
from clicklake.ingest.files import InputFile
from clicklake.ingest.reading import FileStats, complete_lines, corrupt_batch, text_schema
from clicklake.ingest.records import is_utf8

_BATCH = 8 << 20
"""Bytes for one query, which costs ten milliseconds however little it reads."""

_KINDS = {'"': "string", "{": "object", "[": "array", "t": "boolean", "f": "boolean", "n": "null"}
_DUCKDB_KINDS = {"VARCHAR": "string", "OBJECT": "object", "BOOLEAN": "boolean", "NULL": "null"}
_SCALARS = frozenset({"string", "number", "boolean", "null"})
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_NUMBER = "-?[0-9][-+.eE0-9]*"
_FLAT_VALUE = r'(?:"[^"\\]*"|' + _NUMBER + "|true|false|null)"
_FLAT_LIST = r"\[(?:\s*" + _FLAT_VALUE + r"\s*,?)*\s*\]"
_FLAT_OBJECT = r'\{(?:\s*"[^"\\]*"\s*:\s*' + _FLAT_VALUE + r"\s*,?)*\s*\}"
_OPEN = re.compile(r"[ \t]*\{[ \t]*(\}?)[ \t]*")
_KEY = re.compile(r'("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")[ \t]*:[ \t]*')
_NEXT = re.compile(r"[ \t]*([,}])[ \t]*")


def read_ndjson(file: InputFile, contract: Contract, stats: FileStats) -> Iterator[pa.RecordBatch]:
    """Batches of an NDJSON file; see `reading.Reader`.

    A line is corrupt where it is no JSON object, has a key twice or half of a surrogate pair, or where a column
    of text, number or time holds an object or a list, or a column of objects something else. Texts come
    decoded, everything else as it is spelled; that is drift in a column of text. Unknown keys go to `extra`.
    """
    query, drift, schema = _query(contract), _Drift(contract, stats), text_schema(contract)
    with duckdb.connect(config={"threads": 1}) as connection:
        for text in _batches(file):
            lines, corrupt = _lines(text)
            connection.register("lines", pa.table({"line": lines}))
            table = connection.sql(query).to_arrow_table()
            doubtful = pc.drop_null(table["doubtful"]).to_pylist()
            plain = table.filter(pc.is_null(table["doubtful"])) if doubtful else table
            drift.note_plain(connection, plain)
            rows = []
            for line in (text.rstrip("\n") for text in doubtful if text.strip(" \t\n")):
                row = _read_line(line, contract, drift)
                if row is None:
                    corrupt.append(line)
                else:
                    rows.append(row)
            stats.records += plain.num_rows + len(rows) + len(corrupt)
            stats.corrupt += len(corrupt)
            nothing = pa.nulls(plain.num_rows, pa.string())
            values = [*plain.columns[: len(contract.columns)], nothing, nothing]
            yield from pa.table(values, names=schema.names).cast(schema).to_batches()
            if rows:
                arrays = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            if corrupt:
                yield corrupt_batch(corrupt, contract)
    if stats.records > stats.corrupt:
        drift.note_missing()


def _batches(file: InputFile) -> Iterator[bytes]:
    pieces: list[bytes] = []
    for lines, is_last in complete_lines(file):
        pieces.append(lines)
        if is_last or sum(map(len, pieces)) >= _BATCH:
            text = b"".join(pieces)
            pieces = []
            if text:
                yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _lines(text: bytes) -> tuple[pa.Array, list[str]]:
    """The lines as an Arrow array on the same memory, and those that are not UTF-8, decoded with U+FFFD."""
    undecodable: list[str] = []
    if not is_utf8(text):
        lines = text.splitlines(keepends=True)
        undecodable = [line.rstrip(b"\n").decode("utf-8", "replace") for line in lines if not is_utf8(line)]
        text = b"".join(line for line in lines if is_utf8(line))
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 10) + 1 if text else np.empty(0, np.int64)
    last = [] if text.endswith(b"\n") or not text else [len(text)]
    offsets = np.concatenate([[0], ends, last]).astype(np.int32)
    lines = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text))
    return lines, undecodable


class _Drift:
    """Notes how the file's keys and their kinds of values differ from the contract."""

    def __init__(self, contract: Contract, stats: FileStats) -> None:
        self._columns = {column.name: column for column in contract.columns}
        self._counts = stats.drift
        self._unseen = set(contract.column_names)

    def note(self, name: str, kind: str, rows: int = 1) -> None:
        """So many rows hold a value of this kind under this key."""
        column = self._columns.get(name)
        self._unseen.discard(name)
        if column is None:
            self._counts["new_column", name, "not in the contract; kept in extra"] += rows
        elif kind not in _accepted(column) or (column.logical_type == "string" and kind not in ("string", "null")):
            self._counts["changed_type", name, f"{kind} in the file"] += rows

    def note_plain(self, connection: duckdb.DuckDBPyConnection, plain: pa.Table) -> None:
        """Note all keys of the lines that DuckDB read."""
        connection.register("plain", plain)
        for types, rows in connection.sql("select types, count(*) from plain group by types").fetchall():
            for name, kind in zip(self._columns, types, strict=True):
                if kind is not None:
                    self.note(name, _DUCKDB_KINDS.get(kind, "number"), rows)

    def note_missing(self) -> None:
        """Note the columns that no row had a key for."""
        for name in sorted(self._unseen):
            self._counts["missing_column", name, "not in the file; null in every row"] += 0


def _accepted(column: Column) -> frozenset[str]:
    """The kinds of values that a column takes; with another one a line is corrupt."""
    if column.logical_type in ("object", "array"):
        return frozenset({column.logical_type, "null"})
    return _SCALARS


def _read_line(line: str, contract: Contract, drift: _Drift) -> list[str | None] | None:
    """The line as a row of `text_schema(contract)`, or None where it is corrupt."""
    try:
        members = list(_members(line))
        if "\\u" in line:  # half of a surrogate pair is no character
            json.dumps([(key, value) for key, value, _ in members], ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    kinds = {key: _KINDS.get(spelling[0], "number") for key, _, spelling in members}
    known = {column.name: column for column in contract.columns}
    is_good = len(kinds) == len(members)
    for key, kind in kinds.items():
        is_good = is_good and (key not in known or kind in _accepted(known[key]))
    for key, kind in kinds.items():
        if is_good or key in known:
            drift.note(key, kind)
    if not is_good:
        return None
    texts = {
        key: None if kinds[key] == "null" else str(value) if kinds[key] == "string" else spelling
        for key, value, spelling in members
    }
    unknown = [f"{json.dumps(key, ensure_ascii=False)}: {spelling}" for key, _, spelling in members if key not in known]
    extra = "{" + ", ".join(unknown) + "}" if unknown else None
    return [*(texts.get(name) for name in known), extra, None]


def _members(line: str) -> Iterator[tuple[str, object, str]]:
    """Key, value and the value's spelling of each member of the object that a line is.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested too deeply to be read.
    """
    mark = _expect(_OPEN, line, 0)
    while mark[1] != "}":
        key = _expect(_KEY, line, mark.end())
        value, end = _DECODER.raw_decode(line, key.end())
        yield json.loads(key[1]), value, line[key.end() : end]
        mark = _expect(_NEXT, line, end)
    if mark.end() != len(line):
        raise ValueError


def _expect(pattern: re.Pattern[str], line: str, at: int) -> re.Match[str]:
    match = pattern.match(line, at)
    if match is None:
        raise ValueError
    return match


def _query(contract: Contract) -> str:
    """Query: of the plain lines the row and the types of its values, of the others the line as `doubtful`."""
    pointers = ", ".join(string("/" + name.replace("~", "~0").replace("/", "~1")) for name in contract.column_names)
    indices = range(len(contract.columns))
    spelled = ",\n        ".join(f"{_spelled(i, column)} as s{i}" for i, column in enumerate(contract.columns))
    known = " + ".join(f"cast(types[{i + 1}] is not null as int)" for i in indices)
    is_plain = " and ".join(f"coalesce(s{i} <> '', true)" for i in indices)
    is_verbatim = " and ".join(f"s{i} is null" for i in indices)
    values = ",\n    ".join(f"case when is_plain then coalesce(s{i}, texts[{i + 1}]) end as c{i}" for i in indices)
    return rf"""
with parsed as (
    select line, try_cast(line as json) as doc from lines
),
read as (
    select
        line,
        json_type(doc) = 'OBJECT' as is_object,
        json_keys(doc) as keys,
        json_type(doc, [{pointers}]) as types,
        json_extract_string(doc, [{pointers}]) as texts
    from parsed
),
spelled as (
    select
        *,
        {spelled}
    from read
),
judged as (
    select
        *,
        coalesce(
            is_object
            and len(keys) = {known} -- the contract's keys alone, each once
            and not regexp_matches(line, ',\s*[}}\]]') -- DuckDB takes a comma at the end
            and {is_plain}
            and (not contains(line, '\') or ({is_verbatim})),
            false
        ) as is_plain
    from spelled
)
select
    {values},
    types,
    case when not is_plain then line end as doubtful
from judged"""


def _spelled(i: int, column: Column) -> str:
    """SQL: a number, or an object or list of plain values, as it is spelled; empty where that can't be told."""
    nested = {"object": _FLAT_OBJECT, "array": _FLAT_LIST}.get(column.logical_type)
    exact = "'VARCHAR', 'NULL', 'BOOLEAN', 'UBIGINT'" if nested is None else "'NULL'"
    key = json.dumps(column.name, ensure_ascii=False)
    pattern = string(re.escape(key) + r"\s*:\s*" + (nested or _NUMBER))
    value = rf"ltrim(substr(regexp_extract(line, {pattern}), {len(key) + 1}), e' \t:')"
    twice = f"regexp_matches(line, {string(f'{re.escape(key)}.*{re.escape(key)}')})"
    return f"case when types[{i + 1}] not in ({exact}) then case when {twice} then '' else {value} end end"
