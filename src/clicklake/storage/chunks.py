"""Rows apart by partition and month, until they are enough for a row group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROW_GROUP = 1 << 19
"""Rows in a row group, at the least, but for the last of a file."""

MOST_WAITING = 1 << 21
"""Rows of all partitions that wait for their row group to become full: what is held in memory."""

_FEW_CODES = 1 << 16

Partition = tuple[str | None, ...]
"""The values of the partition columns; and the month, where a table is clustered by one."""

Chunk = tuple[Partition, list[pa.RecordBatch]]


class Waiting:
    """Rows by partition until they are enough for a row group."""

    def __init__(self) -> None:
        self._batches: dict[Partition, list[pa.RecordBatch]] = {}
        self._rows: dict[Partition, int] = {}
        self._total = 0

    def add(self, partition: Partition, batch: pa.RecordBatch) -> Iterator[Chunk]:
        """Keep a batch; gives what has become enough."""
        self._batches.setdefault(partition, []).append(batch)
        self._rows[partition] = self._rows.get(partition, 0) + batch.num_rows
        self._total += batch.num_rows
        if self._rows[partition] >= ROW_GROUP:
            yield self._take(partition)
        elif self._total >= MOST_WAITING:  # many partitions at once, as unsorted history has them
            yield self._take(max(self._rows, key=self._rows.__getitem__))

    def rest(self) -> Iterator[Chunk]:
        """All that is left."""
        for partition in list(self._rows):
            yield self._take(partition)

    def _take(self, partition: Partition) -> Chunk:
        self._total -= self._rows.pop(partition)
        return partition, self._batches.pop(partition)


def split(
    batch: pa.RecordBatch, columns: tuple[str, ...], cluster_by: str | None = None
) -> Iterator[tuple[Partition, pa.RecordBatch]]:
    """The batch's rows by their partition, without the partition columns; and by month, the last of the values."""
    if not batch.num_rows:
        return
    rest = batch.select([name for name in batch.schema.names if name not in columns])
    values_of = [batch.column(name) for name in columns]
    if cluster_by:
        values_of.append(_months(batch.column(cluster_by)))
    if not values_of:
        yield (), rest
        return
    encoded = [array.dictionary_encode(null_encoding="encode") for array in values_of]
    if all(len(array.dictionary) == 1 for array in encoded):
        yield tuple(_text(array.dictionary[0]) for array in encoded), rest
        return
    codes = np.zeros(batch.num_rows, np.int64)
    highest = 1
    for array in encoded:
        codes = codes * len(array.dictionary) + array.indices.to_numpy(zero_copy_only=False)
        highest *= len(array.dictionary)
    # Counting is much cheaper than the sort behind `unique`, but needs a place for each code.
    found = np.flatnonzero(np.bincount(codes)) if highest <= _FEW_CODES else np.unique(codes)
    for code in found:
        values: list[str | None] = []
        left = int(code)
        for array in reversed(encoded):
            left, position = divmod(left, len(array.dictionary))
            values.append(_text(array.dictionary[position]))
        yield tuple(reversed(values)), rest.filter(pa.array(codes == code)) if len(found) > 1 else rest


def _text(value: pa.Scalar) -> str | None:
    plain = value.as_py()
    return None if plain is None else str(plain)


def _months(times: pa.Array) -> pa.Array:
    """The month of each time or date, counted from the year 0."""
    if pa.types.is_timestamp(times.type):
        times = times.view(pa.timestamp(times.type.unit))  # in UTC, without asking for its rules
    return pc.add(pc.multiply(pc.year(times), 12), pc.month(times))
