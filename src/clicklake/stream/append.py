"""Messages into bronze: their rows and their partitions' new positions in one commit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

import numpy as np
import pyarrow as pa

from clicklake.contracts.contract import Contract
from clicklake.errors import ConflictError, InputError
from clicklake.ingest.evolve import Evolver, new_columns
from clicklake.ingest.ingest import OFFSET, ROW_MARK, SOURCE_BITS, bronze_spec
from clicklake.ingest.reading import DriftKey
from clicklake.storage import Snapshot, Store, TableSpec, add_columns, commit, constant, with_constants
from clicklake.stream.lateness import EventTimes, count_late
from clicklake.stream.messages import Records, read_messages
from clicklake.stream.positions import NONE, Gap, Part, Told, Topic

_TRIES = 50
_NO_NEWEST = -(2**62)


@dataclass
class Appended:
    """What one batch did.

    Args:
        messages: Messages that were new.
        records: Rows in bronze.
        corrupt: Of these, those that could not be split into the contract's columns.
        tombstones: Messages without a value.
        empty: Messages of nothing but blanks.
        oversized: Messages cut short; they are corrupt records.
        repeated: Messages that another program had brought meanwhile.
        late: Events behind the watermark.
        newest: The newest event time of the partitions concerned, in microseconds.
        size: Bytes of the messages.
        positions: Next offsets by partition, as the table has them.
        back: Marks by partition where the table was set back: these are to be read again from there.
        gaps: What is missing before.
        drift: Differences from the contract.
        seconds: What it took.
    """

    messages: int = 0
    records: int = 0
    corrupt: int = 0
    tombstones: int = 0
    empty: int = 0
    oversized: int = 0
    repeated: int = 0
    late: int = 0
    newest: int | None = None
    size: int = 0
    positions: dict[int, int] = field(default_factory=dict)
    back: dict[int, int] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    drift: dict[DriftKey, int] = field(default_factory=dict)
    seconds: float = 0.0

    def told(self, topic: Topic, first: dict[int, int], lag: int) -> Told:
        """What the commit says about itself."""
        counts = {name: getattr(self, name) for name in COUNTS}
        return {
            "topic": topic.name,
            "cluster": topic.cluster,
            "offsets": {str(number): [first[number], until] for number, until in self.positions.items()},
            **{name: count for name, count in counts.items() if count},
            "newest": self.newest,
            "lag": lag,
            "gaps": [[gap.partition, gap.since, gap.until, gap.reason] for gap in self.gaps],
            "drift": [[*key, rows] for key, rows in self.drift.items()],
        }


COUNTS = ("messages", "records", "corrupt", "tombstones", "empty", "oversized", "late", "size")
"""What is counted of each batch."""


@dataclass
class Appender:
    """Appends batches of one topic to one bronze table.

    Args:
        store: The lake.
        contract: The source's contract.
        source_number: Its place in row ids.
        topic: The topic.
        watermark: Seconds from which an event is late.
        times: Reads the times of events.
        policy: What drift does; see `ingest`.
    """

    store: Store
    contract: Contract
    source_number: int
    topic: Topic
    watermark: float
    times: EventTimes
    policy: str = "capture"

    def table(self) -> Snapshot:
        """The newest version of the table, which is made where it isn't there."""
        return self.store.ensure(with_offset(bronze_spec(self.contract)))

    @property
    def is_begun(self) -> bool:
        """Whether there is a table already."""
        return self.store.find(bronze_spec(self.contract).name) is not None

    def begin_at(self, positions: dict[int, int]) -> None:
        """Note where a topic is begun that the table has nothing of, so that nothing of what comes is missed."""
        for _ in range(_TRIES):
            bronze = self.table()
            if bronze.mark(self.topic.incarnation_mark, 0) or any(
                self.topic.position(bronze, number) != NONE for number in positions
            ):
                return
            marks = {self.topic.position_mark(number): offset for number, offset in positions.items()}
            try:
                self._commit(bronze, bronze_spec(self.contract), None, marks, {})
                return
            except ConflictError:
                continue
        raise self._beaten()

    def append(self, parts: Sequence[Part], lag: int = 0) -> Appended:
        """Append what is new of a batch.

        Args:
            parts: Messages by partition.
            lag: Messages that wait at the broker, to be noted.

        Raises:
            ConflictError: Other writers were always faster.
            InputError: Messages differ from the contract, whose policy is `fail`.
        """
        begun = time.perf_counter()
        read = ReadMessages(parts, self.contract, self.times)
        check_drift(read.records, self.topic, self.policy)
        for _ in range(_TRIES):
            bronze = self.table()
            done, chosen, marks = self._choose(bronze, parts, read)
            if not done.positions:
                break
            first = {part.partition: self._first(bronze, part) for part in parts}
            try:
                spec = self._spec(bronze, read.records)
                self._commit(bronze, spec, read.rows(chosen, self.topic), marks, done.told(self.topic, first, lag))
                break
            except ConflictError:
                continue
        else:
            raise self._beaten()
        done.seconds = time.perf_counter() - begun
        return done

    def _first(self, bronze: Snapshot, part: Part) -> int:
        """The first offset that a part brings, for people."""
        begin = part.offsets[0] if part.offsets else part.next
        return max(self.topic.position(bronze, part.partition), begin) if not part.gap else begin

    def _choose(
        self, bronze: Snapshot, parts: Sequence[Part], read: ReadMessages
    ) -> tuple[Appended, np.ndarray, dict[str, int]]:
        """What is new for a version of the table: the counts, which rows, and the marks."""
        done, marks = Appended(), {}
        is_wanted = np.zeros(read.count, bool)
        is_anew = self.topic.is_anew(bronze)
        for part, (start, end) in zip(parts, read.bounds, strict=True):
            number, mark = part.partition, self.topic.position(bronze, part.partition)
            wanted = NONE if is_anew and part.gap else part.first_wanted(mark)
            if wanted is None:
                done.back[number] = mark
                continue
            if wanted >= part.next:
                done.repeated += end - start
                continue
            mine = read.offsets[start:end] >= wanted
            is_wanted[start:end] = mine
            done.repeated += int((~mine).sum())
            newest = bronze.mark(self.topic.newest_mark(number), _NO_NEWEST) if not is_anew else _NO_NEWEST
            late, newest_now = read.late(
                start, end, is_wanted, None if newest == _NO_NEWEST else newest, self.watermark
            )
            done.late += late
            if newest_now is not None:
                marks[self.topic.newest_mark(number)] = newest_now
                done.newest = max(newest_now, done.newest or newest_now)
            marks[self.topic.position_mark(number)] = done.positions[number] = part.next
            if part.gap:
                done.gaps.append(part.gap)
        chosen = is_wanted[read.records.places]
        read.count_into(done, is_wanted, chosen)
        return done, chosen, marks

    def _commit(
        self, bronze: Snapshot, spec: TableSpec, rows: pa.Table | None, marks: dict[str, int], told: Told
    ) -> Snapshot:
        whole = with_offset(spec)
        self.store.specs[spec.name] = whole
        bronze = add_columns(self.store, bronze, whole.schema)
        highest = max(bronze.mark(ROW_MARK), bronze.maximum("row_id") or 0, self.source_number << SOURCE_BITS)
        marks = {**marks, ROW_MARK: highest}
        if self.topic.number:
            marks[self.topic.incarnation_mark] = self.topic.number
        schema = with_constants(whole.schema, ("source_file", "data_source", "source_version"))
        batches = [] if rows is None else self._rows(rows, schema, spec, highest + 1)
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        return commit(self.store, bronze, reader, marks=marks, note={"stream": told})

    def _rows(self, rows: pa.Table, schema: pa.Schema, spec: TableSpec, first: int) -> list[pa.RecordBatch]:
        """Rows with their provenance, their ids rising by one."""
        added = spec.schema.names[len(bronze_spec(self.contract).schema) :]
        added = [name for name in added if name != OFFSET]
        ids = np.arange(first, first + rows.num_rows, dtype=np.int64)
        return with_provenance(rows, ids, schema, self.contract, self.topic, datetime.now(timezone.utc), added)

    def _spec(self, bronze: Snapshot, records: Records) -> TableSpec:
        """The table's columns, by the policy `evolve` with those that the contract doesn't name."""
        base = bronze_spec(self.contract)
        before = [name for name in bronze.schema.names if name not in (*base.schema.names, OFFSET)]
        names = before if self.policy == "evolve" else []
        if self.policy == "evolve":
            names = [*before, *new_columns([records.stats], [*base.schema.names, OFFSET, *before])]
        if not names:
            return base
        fields = [pa.field(name, pa.string()) for name in names]
        return replace(base, schema=pa.schema([*base.schema, *fields]), pii=base.pii | set(names))

    def _beaten(self) -> ConflictError:
        return ConflictError(f"bronze.{self.contract.source}: {_TRIES} commits of other writers came first; try again")


class ReadMessages:
    """A batch's messages as arrays, one partition behind the other."""

    def __init__(self, parts: Sequence[Part], contract: Contract, times: EventTimes) -> None:
        values = [value for part in parts for value in part.values]
        self.count = len(values)
        self.records = read_messages(values, contract)
        self.offsets = np.array([offset for part in parts for offset in part.offsets], np.int64)
        self.sizes = np.fromiter((len(value) if value else 0 for value in values), np.int64, len(values))
        ends = np.cumsum([len(part.values) for part in parts], dtype=np.int64)
        self.bounds = [(int(end) - len(part.values), int(end)) for end, part in zip(ends, parts, strict=True)]
        self._numbers = np.repeat([part.partition for part in parts], [len(part.values) for part in parts])
        self._micros = times.read(self.records.rows)

    def late(
        self, start: int, end: int, is_wanted: np.ndarray, newest: int | None, watermark: float
    ) -> tuple[int, int | None]:
        """Late events of the partition whose messages are these, and the newest time."""
        places = self.records.places
        mine = (places >= start) & (places < end) & is_wanted[places]
        return count_late(self._micros[mine], newest, watermark, time.time())

    def count_into(self, done: Appended, is_wanted: np.ndarray, chosen: np.ndarray) -> None:
        """Count what is wanted."""
        records = self.records
        done.messages, done.records = int(is_wanted.sum()), int(chosen.sum())
        done.size = int(self.sizes[is_wanted].sum())
        done.corrupt = int(records.rows["corrupt_record"].is_valid().to_numpy()[chosen].sum())
        for name in ("tombstones", "empty", "oversized"):
            setattr(done, name, int(is_wanted[getattr(records, name)].sum()))
        done.drift = dict(records.stats.drift) if done.records else {}

    def rows(self, chosen: np.ndarray, topic: Topic) -> pa.Table:
        """The chosen rows, with their offsets and partitions."""
        rows, places = self.records.rows, self.records.places
        if not chosen.all():
            rows, places = rows.filter(pa.array(chosen)), places[chosen]
        numbers = np.unique(self._numbers)
        files = pa.array([topic.file(int(number)) for number in numbers], pa.string())
        codes = np.searchsorted(numbers, self._numbers[places]).astype(np.int32)
        rows = rows.append_column("source_file", pa.DictionaryArray.from_arrays(pa.array(codes), files))
        return rows.append_column(OFFSET, pa.array(self.offsets[places]))


def check_drift(records: Records, topic: Topic, policy: str) -> None:
    """Refuse messages that differ from the contract, where its policy is `fail`.

    Raises:
        InputError: They do.
    """
    if policy == "fail" and records.stats.drift:
        kind, column, detail = next(iter(records.stats.drift))
        what = f"{kind.replace('_', ' ')} {column}".strip()
        raise InputError(f"kafka://{topic.name}", f"differs from the contract: {what} ({detail}); its policy is fail")


def with_provenance(
    rows: pa.Table,
    ids: np.ndarray,
    schema: pa.Schema,
    contract: Contract,
    topic: Topic,
    now: datetime,
    added: Sequence[str] = (),
) -> list[pa.RecordBatch]:
    """Rows of messages as bronze has them.

    Args:
        rows: In `text_schema`, with `source_file` and the offset.
        ids: Their row ids.
        schema: Bronze's columns; constants as dictionaries.
        contract: The source's contract.
        topic: The topic.
        now: The time of the commit.
        added: Columns that the policy `evolve` reads out of `extra`.
    """
    evolve = Evolver(list(added)) if added else None
    moment, day = pa.scalar(now, pa.timestamp("us", "UTC")), pa.scalar(now.date(), pa.date32())
    found, first = [], 0
    for batch in rows.combine_chunks().to_batches():
        size = batch.num_rows
        columns = {name: batch.column(name) for name in batch.schema.names}
        columns["row_id"] = pa.array(ids[first : first + size])
        columns["source_version"] = constant(topic.version, size)
        columns["data_source"] = constant(contract.source, size)
        columns["ingestion_timestamp"], columns["ingestion_date"] = pa.repeat(moment, size), pa.repeat(day, size)
        if evolve:
            columns.update(zip(added, evolve(batch.column("extra")), strict=True))
        found.append(pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema))
        first += size
    if evolve:
        evolve.close()
    return found


def with_offset(spec: TableSpec) -> TableSpec:
    """A bronze table to which messages come."""
    schema = pa.schema([*spec.schema, pa.field(OFFSET, pa.int64())])
    return replace(spec, schema=schema, sequences=(*spec.sequences, OFFSET))
