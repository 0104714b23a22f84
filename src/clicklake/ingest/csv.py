"""CSV: a fast reader that has to prove, block by block, that it lost nothing, and a careful one where it can't.

The fast reader is Arrow's. It is believed where the number of its rows plus the number of lines that it refused
equals the number of lines that are not blank, counted independently. A block that fails the proof (line breaks in
quotes, open quotes, bytes that are not UTF-8) is split record by record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv

from clicklake.contracts.contract import Contract
from clicklake.errors import InputError
from clicklake.ingest.files import InputFile, open_blocks
from clicklake.ingest.reading import FileStats, complete_lines, corrupt_batch, text_schema
from clicklake.ingest.records import BLANK, Record, line_at, scan_fields, split_records

_BOM = b"\xef\xbb\xbf"


def read_csv(
    file: InputFile, contract: Contract, stats: FileStats
) -> Iterator[pa.RecordBatch]:
    """Batches of a CSV file; see `reading.Reader`."""
    path = file.path
    layout: _Layout | None = None
    carried = b""
    is_first = True
    for lines, is_last in complete_lines(open_blocks(file), path):
        block = carried + lines
        carried = b""
        if is_first and block.startswith(_BOM):
            block = block[len(_BOM) :]
        is_first = False
        if layout is None:
            layout, block = _header(block, contract, stats, path)
            if layout is None:
                continue
        fast = _fast(block, layout, contract, stats)
        if fast is not None:
            yield from fast
            continue
        batch, carried = _careful(block, layout, contract, stats, is_last=is_last)
        yield from batch


class _Layout:
    """How the file's columns stand to the contract's.

    Args:
        names: The file's columns, under the contract's names where it knows them.
        contract: The contract.
    """

    def __init__(self, names: Sequence[str], contract: Contract) -> None:
        self.names = list(names)
        self.delimiter = contract.options.delimiter
        self.unknown = [name for name in names if name not in contract.column_names]

    def conform(self, columns: dict[str, pa.Array], rows: int, contract: Contract) -> pa.RecordBatch:
        """A batch in the contract's order, unknown columns packed into `extra`."""
        empty = pa.nulls(rows, pa.string())
        extra = _pack(columns, self.unknown, rows) if self.unknown else empty
        arrays = [columns.get(name, empty) for name in contract.column_names]
        return pa.RecordBatch.from_arrays([*arrays, extra, empty], schema=text_schema(contract))


def _pack(columns: dict[str, pa.Array], names: list[str], rows: int) -> pa.Array:
    values = [columns[name].to_pylist() for name in names]
    packed = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in zip(*values, strict=True)]
    return pa.array(packed, pa.string(), size=rows)


def _header(
    block: bytes, contract: Contract, stats: FileStats, path: str
) -> tuple[_Layout | None, bytes]:
    """The layout that the first record tells, and the block behind it; None while only blank lines came."""
    start = 0
    while start < len(block):
        end, following = line_at(block, start)
        if block[start:end].strip(BLANK):
            break
        start = following
    else:
        return None, b""
    scanned = scan_fields(block, start, contract.options.delimiter)
    fields = scanned[0] if scanned else [block[start:end]]
    found = [field.decode("utf-8", "replace").strip() for field in fields]
    known = {name.lower(): name for name in contract.column_names}
    if not any(name.lower() in known for name in found):
        if len(found) == len(contract.column_names):
            stats.drift["no_header", "", "the first line names no column; the contract's order was taken"] += 0
            return _Layout(contract.column_names, contract), block[start:]
        raise InputError(
            path,
            f"line 1 names none of the contract's columns. It has {len(found)} fields "
            f"({_shorten(found)}); expected a header with {', '.join(contract.column_names)}"
            + (_delimiter_hint(found, contract.options.delimiter)),
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
    return _Layout(names, contract), block[scanned[2] if scanned else following :]


def _shorten(found: list[str]) -> str:
    text = ", ".join(found)
    return text if len(text) <= 80 else text[:77] + "..."


def _delimiter_hint(found: list[str], delimiter: str) -> str:
    for other, name in ((";", "a semicolon"), ("\t", "a tab"), ("|", "a bar")):
        if len(found) == 1 and other in found[0] and other != delimiter:
            return f". Its fields seem to be parted by {name}: set the contract's customProperty `delimiter`"
    return ""


def _fast(block: bytes, layout: _Layout, contract: Contract, stats: FileStats) -> list[pa.RecordBatch] | None:
    """The block's rows by Arrow's reader; None where they are not proved to be complete."""
    if not block.strip(b"\r\n" + BLANK):
        return []
    if len(layout.names) == 1:
        return None  # Arrow can't tell a blank line from an empty value
    if b'"' in block and scan_fields(block, _last_line(block), layout.delimiter) is None:
        return None  # Arrow closes a quote that is still open at the end
    refused: list[str] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        refused.append(row.text)
        return "skip"

    try:
        table = pa_csv.read_csv(
            pa.py_buffer(block),
            read_options=pa_csv.ReadOptions(
                column_names=layout.names, block_size=len(block) + 1, use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=layout.delimiter,
                quote_char='"' if b'"' in block else False,
                newlines_in_values=False,
                invalid_row_handler=refuse,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in layout.names}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    corrupt = [text for text in refused if text.strip()]
    if not _is_complete(block, table.num_rows + len(corrupt)):
        return None
    stats.records += table.num_rows + len(corrupt)
    stats.corrupt += len(corrupt)
    batches = [
        layout.conform(dict(zip(layout.names, batch.columns, strict=True)), batch.num_rows, contract)
        for batch in table.to_batches()
        if batch.num_rows
    ]
    return [*batches, corrupt_batch(corrupt, contract)] if corrupt else batches


def _last_line(block: bytes) -> int:
    end = len(block.rstrip(b"\r\n"))
    return max(block.rfind(b"\n", 0, end), block.rfind(b"\r", 0, end)) + 1


def _is_complete(block: bytes, found: int) -> bool:
    """Whether so many records are all lines of the block that are not blank."""
    lines = block.count(b"\n") + (0 if block.endswith((b"\n", b"\r")) else 1)
    if b"\r" in block:
        lines += block.count(b"\r") - block.count(b"\r\n")
    if found != lines:  # blank lines, which the quick count takes for records, or rows that were lost
        lines = sum(1 for line in block.splitlines() if line.strip(BLANK))
    return found == lines


def _careful(
    block: bytes, layout: _Layout, contract: Contract, stats: FileStats, *, is_last: bool
) -> tuple[list[pa.RecordBatch], bytes]:
    """The block's records one by one, and the rest, which may go on in the next block."""
    good: list[list[str]] = []
    corrupt: list[str] = []
    behind = 0
    record: Record | None
    for record, behind in split_records(block, len(layout.names), layout.delimiter, is_last=is_last):
        if record is None:
            continue
        if record.fields is None:
            corrupt.append(record.raw)
        else:
            good.append(record.fields)
    stats.records += len(good) + len(corrupt)
    stats.corrupt += len(corrupt)
    batches = []
    if good:
        columns = {
            name: pa.array(values, pa.string())
            for name, values in zip(layout.names, zip(*good, strict=True), strict=True)
        }
        batches.append(layout.conform(columns, len(good), contract))
    if corrupt:
        batches.append(corrupt_batch(corrupt, contract))
    return batches, block[behind:]
