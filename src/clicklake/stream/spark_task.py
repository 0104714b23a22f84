"""A micro-batch of messages into files of bronze, in Spark's executors: a task a partition of the topic."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from clicklake.contracts.contract import Contract
from clicklake.ingest.ingest import OFFSET
from clicklake.storage import Target, Written
from clicklake.storage.parquet import write_files
from clicklake.stream.append import Appended, ReadMessages, check_drift, with_provenance
from clicklake.stream.lateness import EventTimes
from clicklake.stream.positions import NONE, Part, Topic

RESULT = "done binary"
_RESULT = pa.schema([("done", pa.binary())])


@dataclass
class Done:
    """What a task did with a partition.

    Args:
        partition: The partition.
        first: The first offset that was wanted.
        next: The offset behind the last.
        appended: Counts.
        written: The files.
        newest: The newest event time.
    """

    partition: int
    first: int
    next: int
    appended: Appended
    written: Written
    newest: int | None


@dataclass(frozen=True)
class WriteMessages:
    """Writes a task's messages; plain data, so that it reaches the executors.

    Args:
        target: The bronze table.
        schema: Its columns, constants as dictionaries.
        contract: The source's contract.
        topic: The topic.
        event_time: The column of event times, where settings name one.
        watermark: Seconds from which an event is late.
        policy: What drift does.
        now: The time of the commit.
        first_id: The first row id that is free.
        width: Row ids of each partition.
        wanted: By partition the offset from which messages are new, and the newest event time so far.
    """

    target: Target
    schema: pa.Schema
    contract: Contract
    topic: Topic
    event_time: str | None
    watermark: float
    policy: str
    now: datetime
    first_id: int
    width: int
    wanted: Mapping[int, tuple[int, int | None]] = field(default_factory=dict)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write a task's messages: all of them are of one partition."""
        done: list[Done] = []
        written = write_files(self.target, self._rows(batches, done), self.schema, writers=1)
        if done:
            (one,) = done
            one.written = written
            yield pa.RecordBatch.from_arrays([pa.array([pickle.dumps(one)], pa.binary())], schema=_RESULT)

    def _rows(self, batches: Iterator[pa.RecordBatch], found: list[Done]) -> Iterator[pa.RecordBatch]:
        times = EventTimes(self.contract, self.event_time)
        for batch in batches:
            is_end = batch.column("is_end").to_numpy(zero_copy_only=False)
            for start, end in _stretches(batch):
                number, first = batch.column("partition")[start].as_py(), batch.column("first")[start].as_py()
                wanted, newest = self.wanted[number]
                first = wanted if first is None else first  # Spark's connector doesn't tell
                if not found:
                    nothing = Written.at(self.target)
                    found.append(Done(number, max(first, wanted), first, Appended(), nothing, newest))
                done = found[0]
                offsets = batch.column("offset").slice(start, end - start).to_pylist()
                done.next = offsets[-1] if is_end[end - 1] else max(done.next, offsets[-1] + 1)
                if is_end[end - 1]:
                    offsets.pop()
                    end -= 1
                if offsets:
                    values = batch.column("value").slice(start, end - start).to_pylist()
                    yield from self._read(done, Part(number, NONE, offsets[-1] + 1, values, offsets), first, times)

    def _read(self, done: Done, part: Part, first: int, times: EventTimes) -> Iterator[pa.RecordBatch]:
        from clicklake.stream.stream import merge

        read = ReadMessages([part], self.contract, times)
        check_drift(read.records, self.topic, self.policy)
        is_wanted = read.offsets >= done.first
        one = Appended()
        one.late, done.newest = read.late(0, read.count, is_wanted, done.newest, self.watermark)
        chosen = is_wanted[read.records.places]
        read.count_into(one, is_wanted, chosen)
        merge(done.appended, one)
        for key, rows in one.drift.items():
            done.appended.drift[key] = done.appended.drift.get(key, 0) + rows
        rows = read.rows(chosen, self.topic)
        if rows.num_rows:
            place = sorted(self.wanted).index(part.partition)
            ids = self.first_id + place * self.width + (rows[OFFSET].to_numpy() - first)
            yield from with_provenance(rows, ids, self.schema, self.contract, self.topic, self.now)


def _stretches(batch: pa.RecordBatch) -> Iterator[tuple[int, int]]:
    """Rows of one partition, one behind the other; an end is the last of its stretch."""
    if not batch.num_rows:
        return
    numbers = batch.column("partition").to_numpy()
    cuts = np.flatnonzero(np.diff(numbers)) + 1
    edges = [0, *cuts.tolist(), batch.num_rows]
    yield from zip(edges[:-1], edges[1:], strict=True)
