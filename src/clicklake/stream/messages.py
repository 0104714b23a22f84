"""Messages as rows of bronze: each that is not empty is judged as a line of an NDJSON file would be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from clicklake.contracts.contract import Contract
from clicklake.ingest.ndjson import LineReader
from clicklake.ingest.reading import LONGEST_LINE, FileStats, text_schema
from clicklake.ingest.records import is_utf8

KEPT_OF_OVERSIZED = 1 << 16
"""Bytes that are kept of a message longer than any line of a file may be."""

_QUERY_BYTES = 16 << 20


@dataclass
class Records:
    """Messages that were read.

    Args:
        rows: Rows in `text_schema`, in the order of the messages.
        places: The message that each row is.
        stats: Records, corrupt ones, and how they differ from the contract.
        tombstones: Places of messages without a value.
        empty: Places of messages with nothing but blanks.
        oversized: Places of messages that were cut short.
    """

    rows: pa.Table
    places: np.ndarray
    stats: FileStats
    tombstones: np.ndarray
    empty: np.ndarray
    oversized: np.ndarray


def read_messages(values: Sequence[bytes | None], contract: Contract) -> Records:
    """Read messages; every one that is neither a tombstone nor empty is one row.

    Args:
        values: The messages.
        contract: The source's contract.
    """
    stats = FileStats()
    reader = LineReader(contract, stats)
    batches: list[pa.RecordBatch] = []
    places: list[np.ndarray] = []
    odd = _Odd()
    for first, last in _slices(values):
        lines, where, undecodable = odd.lines(values, first, last)
        for batch, at in reader.read(lines):
            batches.append(batch)
            places.append(where[at])
        if undecodable:
            batches.append(reader.corrupt([text for _, text in undecodable]))
            places.append(np.array([place for place, _ in undecodable], np.int64))
    rows = pa.Table.from_batches(batches, schema=text_schema(contract))
    found = np.concatenate([np.empty(0, np.int64), *places])
    if len(found) > 1 and not (found[1:] > found[:-1]).all():
        order = np.argsort(found, kind="stable")
        rows, found = rows.take(pa.array(order)), found[order]
    is_row = np.zeros(len(values), bool)
    is_row[found] = True
    tombstones = np.array(odd.tombstones, np.int64)
    is_row[tombstones] = True
    return Records(rows, found, stats, tombstones, np.flatnonzero(~is_row), np.array(odd.oversized, np.int64))


def _slices(values: Sequence[bytes | None]) -> list[tuple[int, int]]:
    """Stretches of messages of about as many bytes as one query reads."""
    sizes = np.fromiter((len(value) if value else 0 for value in values), np.int64, len(values))
    ends = np.cumsum(sizes)
    found, first = [], 0
    while first < len(values):
        limit = _QUERY_BYTES + (ends[first - 1] if first else 0)
        last = max(first + 1, int(np.searchsorted(ends, limit)))
        found.append((first, last))
        first = last
    return found


class _Odd:
    """Finds the messages that are no plain lines on the way to those that are."""

    def __init__(self) -> None:
        self.tombstones: list[int] = []
        self.oversized: list[int] = []

    def lines(
        self, values: Sequence[bytes | None], first: int, last: int
    ) -> tuple[pa.StringArray, np.ndarray, list[tuple[int, str]]]:
        """Messages as lines, the place of each, and those that are no text or too long, with their places."""
        part = values[first:last]
        places = np.arange(first, last)
        corrupt: list[tuple[int, str]] = []
        text = b"" if None in part else b"\n".join(part)  # type: ignore[arg-type]
        is_plain = bool(text) and len(text) <= LONGEST_LINE and text.count(b"\n") == len(part) - 1
        if not is_plain or b"\r" in text or not is_utf8(text):
            kept = []
            for place, value in enumerate(part, first):
                if value is None:
                    self.tombstones.append(place)
                elif len(value) > LONGEST_LINE:
                    self.oversized.append(place)
                    corrupt.append((place, value[:KEPT_OF_OVERSIZED].decode("utf-8", "replace")))
                elif not is_utf8(value):
                    corrupt.append((place, value.decode("utf-8", "replace")))
                else:
                    kept.append((place, _one_line(value)))
            places = np.array([place for place, _ in kept], np.int64)
            lengths = np.array([len(value) for _, value in kept], np.int64)
            text = b"".join(value for _, value in kept)
        else:
            lengths = np.fromiter(map(len, part), np.int64, len(part))  # type: ignore[arg-type]
            text = b"".join(part)  # type: ignore[arg-type]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        lines = pa.StringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(text))
        return lines, places, corrupt


def _one_line(value: bytes) -> bytes:
    """JSON that is spread over lines on one line: a line break can only stand between its parts."""
    if b"\n" not in value and b"\r" not in value:
        return value
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return value  # corrupt, and kept as it came
    return value.replace(b"\r", b" ").replace(b"\n", b" ")
