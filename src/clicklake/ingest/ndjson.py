"""Newline-delimited JSON: each line that is not blank is one record, whatever is in it.

DuckDB reads the plain lines, many at once: objects of known keys, none of them twice, whose numbers and objects
it can hand on as they are spelled. Every other line (unknown keys, deeper nesting, escapes beside numbers,
broken JSON) is read by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clicklake.contracts.columns import Column
from clicklake.contracts.contract import Contract
from clicklake.engines.sql import string
from clicklake.ingest.files import InputFile
from clicklake.ingest.reading import FileStats, complete_lines, corrupt_batch, text_schema
from clicklake.ingest.records import is_utf8

_BATCH = 16 << 20
"""Bytes for one query, which costs ten milliseconds however little it reads."""

_KINDS = {'"': "string", "{": "object", "[": "array", "t": "boolean", "f": "boolean", "n": "null"}
_DUCKDB_KINDS = {"VARCHAR": "string", "OBJECT": "object", "BOOLEAN": "boolean", "NULL": "null"}
_SCALARS = frozenset({"string", "number", "boolean", "null"})
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=tuple)
_NUMBER = "-?[0-9][-+.eE0-9]*"
_FLAT_VALUE = r'(?:"[^"\\]*"|' + _NUMBER + "|true|false|null)"
_NESTED = {
    "array": r"\[(?:\s*" + _FLAT_VALUE + r"\s*,?)*\s*\]",
    "object": r'\{(?:\s*"[^"\\]*"\s*:\s*' + _FLAT_VALUE + r"\s*,?)*\s*\}",
}
_STRING = r'"[^"\\\x00-\x1f]*"'
_SCALAR = rf"(?:{_STRING}|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)"
_PAIR = rf"[ \t]*{_STRING}[ \t]*:[ \t]*{_SCALAR}[ \t]*"
_SIMPLE_MEMBER = re.compile(
    rf"((?:^[ \t]*\{{|,)[ \t]*({_STRING})[ \t]*:[ \t]*({_SCALAR}|\{{(?:{_PAIR}(?:,{_PAIR})*|[ \t]*)\}})"
    r"[ \t]*(?:(?=,)|\}[ \t]*$))"
)
_OPEN = re.compile(r"[ \t]*\{[ \t]*(\}?)[ \t]*")
_KEY = re.compile(r'("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")[ \t]*:[ \t]*')
_NEXT = re.compile(r"[ \t]*([,}])[ \t]*")


def read_ndjson(file: InputFile, contract: Contract, stats: FileStats) -> Iterator[pa.RecordBatch]:
    """Batches of an NDJSON file; see `reading.Reader`.

    A line is corrupt where it is no JSON object, has a key twice or half of a surrogate pair, or where a column
    of text, number or time holds an object or a list, or a column of objects something else. Texts come
    decoded, everything else as it is spelled; that is drift in a column of text. Unknown keys go to `extra`.
    """
    reader = LineReader(contract, stats)
    for text in _batches(file):
        lines, corrupt = _lines(text)
        for rows, _ in reader.read(lines):
            yield rows
        if corrupt:
            yield reader.corrupt(corrupt)
    reader.note_missing()


class LineReader:
    """Reads lines into rows; a call can be followed by others, as batches of a file or messages of a stream.

    Args:
        contract: The columns.
        stats: Is filled in on the way.
    """

    def __init__(self, contract: Contract, stats: FileStats) -> None:
        self._contract, self._stats = contract, stats
        self._query, self._drift, self._schema = _query(contract), _Drift(contract, stats), text_schema(contract)

    def read(self, lines: pa.Array) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Rows in `text_schema`, with the place that each has among the lines; blank lines are no rows."""
        with _database().cursor() as connection:
            connection.register("lines", pa.table({"line": lines}))
            table = connection.sql(self._query).to_arrow_table()
            is_plain = pc.is_null(table["doubtful"]).to_numpy()
            doubtful = pc.drop_null(table["doubtful"]).to_pylist()
            plain = table.filter(pc.is_null(table["doubtful"])) if doubtful else table
            self._drift.note_plain(connection, plain)
        nothing = pa.nulls(plain.num_rows, pa.string())
        values = [*plain.columns[: len(self._contract.columns)], nothing, nothing]
        rows = pa.table(values, names=self._schema.names).cast(self._schema)
        self._stats.records += rows.num_rows
        places, first = np.flatnonzero(is_plain), 0
        for batch in rows.to_batches():
            yield batch, places[first : first + batch.num_rows]
            first += batch.num_rows
        yield from self._read_doubtful(doubtful, np.flatnonzero(~is_plain))

    def _read_doubtful(
        self, doubtful: Sequence[str], places: np.ndarray
    ) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        is_record = np.array([bool(line.strip(" \t\n")) for line in doubtful], bool)
        texts = [line.rstrip("\n") for line, given in zip(doubtful, is_record, strict=True) if given]
        places = places[is_record]
        rows, corrupt = _read_lines(texts, self._contract, self._drift)
        is_corrupt = np.zeros(len(texts), bool)
        is_corrupt[corrupt] = True
        self._stats.records += rows.num_rows
        if rows.num_rows:
            yield rows, places[~is_corrupt]
        if corrupt:
            yield self.corrupt([texts[at] for at in corrupt]), places[is_corrupt]

    def corrupt(self, lines: list[str]) -> pa.RecordBatch:
        """Rows of lines that can't be read."""
        self._stats.records += len(lines)
        self._stats.corrupt += len(lines)
        return corrupt_batch(lines, self._contract)

    def note_missing(self) -> None:
        """Note the columns that no row had a key for."""
        if self._stats.records > self._stats.corrupt:
            self._drift.note_missing()


@lru_cache(maxsize=1)
def _database() -> duckdb.DuckDBPyConnection:
    """One for all files: to start one takes longer than to read an hour's events."""
    return duckdb.connect(config={"threads": 1})


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

    def note(self, members: Mapping[str, str], rows: int, *, is_good: bool = True) -> None:
        """So many rows have these keys with these kinds of values."""
        for name, kind in members.items():
            column = self._columns.get(name)
            self._unseen.discard(name)
            if column is None:
                if is_good:
                    self._counts["new_column", name, "not in the contract; kept in extra"] += rows
            elif kind not in _accepted(column) or (column.logical_type == "string" and kind in ("number", "boolean")):
                self._counts["changed_type", name, f"{kind} in the file"] += rows

    def note_plain(self, connection: duckdb.DuckDBPyConnection, plain: pa.Table) -> None:
        """Note the keys of the lines that DuckDB read."""
        connection.register("plain", plain)
        for types, rows in connection.sql("select types, count(*) from plain group by types").fetchall():
            found = zip(self._columns, types, strict=True)
            self.note({name: _DUCKDB_KINDS.get(kind, "number") for name, kind in found if kind}, rows)

    def note_missing(self) -> None:
        """Note the columns that no row had a key for."""
        for name in sorted(self._unseen):
            self._counts["missing_column", name, "not in the file; null in every row"] += 0


def _accepted(column: Column) -> frozenset[str]:
    """The kinds of values that a column takes; with another one a line is corrupt."""
    if column.logical_type in _NESTED:
        return frozenset({column.logical_type, "null"})
    return _SCALARS


class _Shape:
    """What lines with the same keys and kinds of values have in common."""

    def __init__(self, keys: tuple[str, ...], kinds: tuple[str, ...], contract: Contract) -> None:
        columns = {column.name: column for column in contract.columns}
        places = {key: place for place, key in enumerate(keys)}
        self.members = dict(zip(keys, kinds, strict=True))
        self.is_good = len(places) == len(keys) and all(
            kind in _accepted(columns[key]) for key, kind in self.members.items() if key in columns
        )
        self.lines = 0
        self._known = [places.get(name) for name in columns]
        self._unknown = [
            (json.dumps(key, ensure_ascii=False), place) for key, place in places.items() if key not in columns
        ]

    def row(self, spellings: Sequence[str]) -> list[str | None]:
        """A line of this shape as a row of `text_schema(contract)`."""
        unknown = [f"{key}: {spellings[place]}" for key, place in self._unknown]
        extra = "{" + ", ".join(unknown) + "}" if unknown else None
        return [*(None if place is None else _text(spellings[place]) for place in self._known), extra, None]


def _read_lines(lines: Iterable[str], contract: Contract, drift: _Drift) -> tuple[pa.RecordBatch, list[int]]:
    """Rows of the good lines, and the places of the corrupt ones."""
    schema = text_schema(contract)
    shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], _Shape] = {}
    values: list[str | None] = []  # one after the other: many small lists would keep the garbage collector busy
    corrupt: list[int] = []
    for place, line in enumerate(lines):
        try:
            keys, spellings = _members(line)
        except (ValueError, RecursionError):
            corrupt.append(place)
            continue
        kinds = tuple([_KINDS.get(spelling[0], "number") for spelling in spellings])
        shape = shapes.get((keys, kinds))
        if shape is None:
            shape = shapes[keys, kinds] = _Shape(keys, kinds, contract)
        shape.lines += 1
        if shape.is_good:
            values += shape.row(spellings)
        else:
            corrupt.append(place)
    for shape in shapes.values():
        drift.note(shape.members, shape.lines, is_good=shape.is_good)
    columns = [values[i :: len(schema)] for i in range(len(schema))]
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema), corrupt


def _members(line: str) -> tuple[tuple[str, ...], Sequence[str]]:
    """The keys of the object that a line is, and the values as they are spelled.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested too deeply to be read.
    """
    if simple := _SIMPLE_MEMBER.findall(line):
        texts, quoted, spellings = zip(*simple, strict=True)
        if sum(map(len, texts)) == len(line):  # nothing between them
            return tuple([key[1:-1] for key in quoted]), spellings
    if "\\u" in line:  # half of a surrogate pair is no character
        json.dumps(_DECODER.decode(line), ensure_ascii=False).encode()
    keys: list[str] = []
    spelled: list[str] = []
    mark = _expect(_OPEN, line, 0)
    while mark[1] != "}":
        key = _expect(_KEY, line, mark.end())
        keys.append(json.loads(key[1]))
        _, end = _DECODER.raw_decode(line, key.end())
        spelled.append(line[key.end() : end])
        mark = _expect(_NEXT, line, end)
    if mark.end() != len(line):
        raise ValueError
    return tuple(keys), spelled


def _text(spelling: str) -> str | None:
    """A value as text: strings decoded, everything else as it is spelled."""
    if spelling[0] == '"':
        return str(json.loads(spelling)) if "\\" in spelling else spelling[1:-1]
    return None if spelling == "null" else spelling


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
    exact = "'NULL'" if column.logical_type in _NESTED else "'VARCHAR', 'NULL', 'BOOLEAN', 'UBIGINT'"
    key = json.dumps(column.name, ensure_ascii=False)
    pattern = string(re.escape(key) + r"\s*:\s*" + _NESTED.get(column.logical_type, _NUMBER))
    value = rf"ltrim(substr(regexp_extract(line, {pattern}), {len(key) + 1}), e' \t:')"
    twice = string(f"{re.escape(key)}.*{re.escape(key)}")  # one of them may be in a nested value
    value = f"case when regexp_matches(line, {twice}) then '' else {value} end"
    return f"case when types[{i + 1}] not in ({exact}) then {value} end"
