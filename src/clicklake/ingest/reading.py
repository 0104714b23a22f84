"""What every reader of a format gives: batches of text columns, and what was noticed on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from clicklake.contracts.contract import Contract
from clicklake.errors import InputError
from clicklake.ingest.files import InputFile, open_blocks

DriftKey = tuple[str, str, str]
"""Kind, column, detail."""


@dataclass
class FileStats:
    """Counted while a file is read.

    Args:
        records: Records found, corrupt ones included.
        corrupt: Records that could not be split into the contract's columns.
        drift: Differences between the file and the contract, with the rows concerned (0: the whole file).
    """

    records: int = 0
    corrupt: int = 0
    drift: Counter[DriftKey] = field(default_factory=Counter)


class Reader(Protocol):
    """Reads one file of a format."""

    def __call__(self, file: InputFile, contract: Contract, stats: FileStats) -> Iterator[pa.RecordBatch]:
        """Batches in `text_schema(contract)`; every record of the file is one row.

        Args:
            file: The file.
            contract: Its columns.
            stats: Is filled in on the way.

        Raises:
            InputError: The file can't be read to its end.
        """
        ...


def text_schema(contract: Contract) -> pa.Schema:
    """The contract's columns, `extra` and `corrupt_record`, all text."""
    names = (*contract.column_names, "extra", "corrupt_record")
    return pa.schema([(name, pa.string()) for name in names])


def corrupt_batch(lines: list[str], contract: Contract) -> pa.RecordBatch:
    """Rows of corrupt records: the raw text and nothing else."""
    schema = text_schema(contract)
    empty = pa.nulls(len(lines), pa.string())
    return pa.RecordBatch.from_arrays([*[empty] * (len(schema) - 1), pa.array(lines, pa.string())], schema=schema)


LONGEST_LINE = 64 << 20
"""Bytes that a line may have: more is no text file."""

_BOM = b"\xef\xbb\xbf"
_NO_TEXT = {
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8",
    b"\x1f\x8b": "is a gzip file; its name must end in .gz",
    b"\x28\xb5\x2f\xfd": "is a zstd file; its name must end in .zst",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"\xfd7zXZ\x00": "is an xz file; decompress it first",
    b"PAR1\x15": "is a Parquet file; its name must end in .parquet",
}
"""What files that are no UTF-8 text start with: their bytes would become rows of rubbish."""


def complete_lines(file: InputFile) -> Iterator[tuple[bytes, bool]]:
    """A file's text, without byte order mark, in pieces that end at a line's end, and whether it is the last.

    A CR at a block's very end may be half of CR LF: it stays for the next piece.

    Raises:
        InputError: The file can't be read to its end, is no text, or has a line longer than `LONGEST_LINE`.
    """
    is_first = True
    for lines, is_last in _cut_at_lines(file):
        if is_first:
            for start, reason in _NO_TEXT.items():
                if lines.startswith(start):
                    raise InputError(file.path, reason)
            lines = lines.removeprefix(_BOM)
            is_first = False
        yield lines, is_last


def _cut_at_lines(file: InputFile) -> Iterator[tuple[bytes, bool]]:
    rest = b""
    for block in open_blocks(file):
        if cut := block.rfind(b"\n") + 1:
            yield b"".join((rest, memoryview(block)[:cut])), False
            rest = block[cut:]
            continue
        rest += block
        if cut := rest.rfind(b"\r", 0, len(rest) - 1) + 1:
            yield rest[:cut], False
            rest = rest[cut:]
        elif len(rest) > LONGEST_LINE:
            raise InputError(file.path, f"has a line of more than {LONGEST_LINE >> 20} MB; is it a text file?")
    yield rest, True
