"""CSV: a fast reader that has to prove, block by block, that it lost nothing, and a careful one beside it.

The fast reader is Arrow's. It is believed where its rows and the lines that it refused are as many as the
lines that are not blank, counted independently: then each record is one line. Lines that are no UTF-8 or may
open a quoted line break are set apart and read one by one; a block that fails the proof even so is read so as
a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from clicklake.contracts.contract import Contract
from clicklake.errors import InputError
from clicklake.ingest.files import InputFile
from clicklake.ingest.reading import FileStats, complete_lines, corrupt_batch, text_schema
from clicklake.ingest.records import (
    Record,
    blank,
    doubtful_lines,
    is_utf8,
    line_at,
    record_at,
    scan_fields,
    split_records,
)

_START = 1 << 12
_BOM = b"\xef\xbb\xbf"
_ESCAPED_IN_JSON = r'["\\\x00-\x1f]'


def read_csv(file: InputFile, contract: Contract, stats: FileStats) -> Iterator[pa.RecordBatch]:
    """Batches of a CSV file; see `reading.Reader`."""
    layout: _Layout | None = None
    carried = b""
    for lines, is_last in complete_lines(file):
        block = carried + lines if carried else lines
        carried = b""
        if layout is None:
            layout, block = _header(block, contract, stats, file.path)
            if layout is None:
                continue
        table, refused, records, carried = _read_block(block, layout, is_last=is_last)
        good = [record.fields for record in records if record.fields is not None]
        corrupt = [*refused, *(record.raw for record in records if record.fields is None)]
        stats.records += table.num_rows + len(good) + len(corrupt)
        stats.corrupt += len(corrupt)
        for batch in (*table.to_batches(), *layout.table(good).to_batches()):
            if batch.num_rows:
                yield layout.conform(batch)
        if corrupt:
            yield corrupt_batch(corrupt, contract)


class _Layout:
    """How the file's columns stand to the contract's.

    Args:
        names: The file's columns, under the contract's names where it knows them.
        contract: The contract.
    """

    def __init__(self, names: Sequence[str], contract: Contract) -> None:
        self.names = list(names)
        self.delimiter = contract.options.delimiter
        self.blank = blank(self.delimiter)
        self.is_doubtful = False
        """Whether a block of the file failed the proof until some lines were set apart."""
        self._places = [self.names.index(name) if name in names else None for name in contract.column_names]
        self._unknown = [place for place, name in enumerate(names) if name not in contract.column_names]
        self._schema = text_schema(contract)

    def table(self, rows: list[list[str]]) -> pa.Table:
        """Records in the file's columns."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self.names)
        return pa.table([pa.array(values, pa.string()) for values in columns], names=self.names)

    def conform(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch in the contract's order, unknown columns packed into `extra`."""
        empty = pa.nulls(batch.num_rows, pa.string())
        columns = [empty if place is None else batch.column(place) for place in self._places]
        extra = self._pack(batch) if self._unknown else empty
        return pa.RecordBatch.from_arrays([*columns, extra, empty], schema=self._schema)

    def _pack(self, batch: pa.RecordBatch) -> pa.Array:
        parts: list[pa.Array | str] = []
        for place in self._unknown:
            name = json.dumps(self.names[place], ensure_ascii=False)
            parts += [", " + name + ": " if parts else "{" + name + ": ", _as_json(batch.column(place))]
        return pc.binary_join_element_wise(*parts, "}", "")


def _as_json(values: pa.Array) -> pa.Array:
    """Each text as a JSON string."""
    if pc.any(pc.match_substring_regex(values, _ESCAPED_IN_JSON)).as_py():
        return pa.array([json.dumps(text, ensure_ascii=False) for text in values.to_pylist()], pa.string())
    return pc.binary_join_element_wise('"', values, '"', "")


def _header(block: bytes, contract: Contract, stats: FileStats, path: str) -> tuple[_Layout | None, bytes]:
    """The layout that the first line tells, and the block behind it; None while only blank lines came."""
    delimiter = contract.options.delimiter
    start = 0
    while start < len(block):
        end, following = line_at(block, start)
        if block[start:end].strip(blank(delimiter)):
            break
        start = following
    else:
        return None, b""
    line = block[start:end]
    scanned = scan_fields(line, 0, delimiter)
    if scanned is None:
        text = _shorten(line.decode("utf-8", "replace"))
        raise InputError(path, f"the header ({text}) opens a quote that its line doesn't close")
    found = [field.decode("utf-8", "replace").strip() for field in scanned[0]]
    known = {name.lower(): name for name in contract.column_names}
    if not any(name.lower() in known for name in found):
        if len(found) == len(contract.column_names):
            reason = "the first line names no column; the contract's order was taken"
            stats.drift["no_header", "", reason] += 0
            return _Layout(contract.column_names, contract), block[start:]
        raise InputError(
            path,
            f"line 1 names none of the contract's columns. It has {len(found)} fields "
            f"({_shorten(', '.join(found))}); expected a header with {', '.join(contract.column_names)}"
            + (_delimiter_hint(found, delimiter)),
        )
    names = [known.get(name.lower(), name) for name in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(path, f"the header names {', '.join(map(repr, twice))} twice")
    for name in names:
        if name not in contract.column_names:
            stats.drift["new_column", name, "not in the contract; kept in extra"] += 0
    for name in contract.column_names:
        if name not in names:
            stats.drift["missing_column", name, "not in the file; null in every row"] += 0
    return _Layout(names, contract), block[following:]


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _delimiter_hint(found: list[str], delimiter: str) -> str:
    for other, name in ((";", "a semicolon"), ("\t", "a tab"), ("|", "a bar"), (",", "a comma")):
        if len(found) == 1 and other in found[0] and other != delimiter:
            return f". Its fields seem to be parted by {name}: set the contract's customProperty `delimiter`"
    return ""


_Block = tuple[pa.Table, list[str], list[Record], bytes]
"""Rows, lines that the fast reader refused, records that were read one by one, and what may go on."""


def _read_block(block: bytes, layout: _Layout, *, is_last: bool) -> _Block:
    if not layout.is_doubtful:
        if (fast := _fast(block, layout)) is not None:
            return *fast, [], b""
        layout.is_doubtful = len(layout.names) > 1
    if layout.is_doubtful:
        plain, records, rest = _set_apart(block, layout, is_last=is_last)
        if (fast := _fast(plain, layout)) is not None:
            return *fast, records, rest
    found = list(split_records(block, len(layout.names), layout.delimiter, is_last=is_last))
    rest = block[found[-1][1] :] if found else block
    return layout.table([]), [], [record for record, _ in found if record], rest


def _set_apart(block: bytes, layout: _Layout, *, is_last: bool) -> tuple[bytes, list[Record], bytes]:
    """The block without the records that start at doubtful lines; these; and what may go on in the next one.

    If the fast reader proves that each line left is a record, then these lines were starts of records too.
    """
    plain: list[memoryview] = []
    records: list[Record] = []
    view, position = memoryview(block), 0
    for start in doubtful_lines(block, layout.delimiter):
        if start < position:
            continue  # inside a record that was read
        plain.append(view[position:start])
        found = record_at(block, start, len(layout.names), layout.delimiter, is_last=is_last)
        if found is None:
            return b"".join(plain), records, block[start:]
        record, position = found
        if record:
            records.append(record)
    plain.append(view[position:])
    return b"".join(plain), records, b""


def _fast(block: bytes, layout: _Layout) -> tuple[pa.Table, list[str]] | None:
    """The block's rows and refused lines by Arrow's reader; None where they are not proved to be all."""
    nothing = layout.blank + b"\r\n"
    if not block[:_START].strip(nothing) and not block.strip(nothing):
        return layout.table([]), []
    if len(layout.names) == 1:
        return None  # Arrow can't tell a blank line from an empty value
    if block.startswith(_BOM) or not is_utf8(block):
        return None  # Arrow would drop the mark, which means nothing inside a file
    has_quotes = b'"' in block
    if has_quotes and _is_open_at_the_end(block, layout):
        return None  # Arrow closes a quote that is still open at the end
    refused: list[str] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        refused.append(row.text)
        return "skip"

    table = pa_csv.read_csv(
        pa.py_buffer(block),
        read_options=pa_csv.ReadOptions(column_names=layout.names, block_size=len(block) + 1, use_threads=False),
        parse_options=pa_csv.ParseOptions(
            delimiter=layout.delimiter,
            quote_char='"' if has_quotes else False,
            newlines_in_values=False,
            invalid_row_handler=refuse,
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.string() for name in layout.names},
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    corrupt = [text for text in refused if text.strip(layout.blank.decode())]
    return (table, corrupt) if _is_all(block, layout, table.num_rows + len(corrupt)) else None


def _is_open_at_the_end(block: bytes, layout: _Layout) -> bool:
    end = len(block.rstrip(layout.blank + b"\r\n"))
    start = max(block.rfind(b"\n", 0, end), block.rfind(b"\r", 0, end)) + 1
    return scan_fields(block, start, layout.delimiter) is None


def _is_all(block: bytes, layout: _Layout, found: int) -> bool:
    """Whether so many records are all lines of the block that are not blank."""
    codes = np.frombuffer(block, np.uint8)
    lines = int(np.count_nonzero(codes == 10)) + (not block.endswith((b"\n", b"\r")))
    if b"\r" in block:
        returns = np.flatnonzero(codes == 13)
        behind = codes[np.minimum(returns + 1, len(codes) - 1)]
        lines += int(np.count_nonzero(behind != 10))
    if found != lines:  # blank lines, which the quick count takes for records, or rows that were lost
        lines = sum(1 for line in block.splitlines() if line.strip(layout.blank))
    return found == lines
