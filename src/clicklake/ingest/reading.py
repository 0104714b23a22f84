"""What every reader of a format gives: batches of text columns, and what was noticed on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from clicklake.contracts.contract import Contract
from clicklake.errors import InputError
from clicklake.ingest.files import InputFile

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

    def __call__(
        self, file: InputFile, contract: Contract, stats: FileStats
    ) -> Iterator[pa.RecordBatch]:
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


def complete_lines(blocks: Iterator[bytes], path: str) -> Iterator[tuple[bytes, bool]]:
    """Blocks that end at a line's end, and whether it is the file's last.

    A CR at a block's very end may be half of CR LF: it stays for the next block.

    Args:
        blocks: Bytes of a file.
        path: The file, for messages.

    Raises:
        InputError: A line is longer than `LONGEST_LINE`.
    """
    rest = b""
    for block in blocks:
        rest += block
        cut = rest.rfind(b"\n") + 1
        if not cut:
            cut = rest.rfind(b"\r", 0, len(rest) - 1) + 1
        if cut:
            yield rest[:cut], False
            rest = rest[cut:]
        elif len(rest) > LONGEST_LINE:
            raise InputError(path, f"has a line of more than {LONGEST_LINE >> 20} MB; is it a text file?")
    yield rest, True
