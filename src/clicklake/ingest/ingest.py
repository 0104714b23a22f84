"""New files of a source into its bronze table, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Protocol

import numpy as np
import pyarrow as pa

from clicklake.contracts.contract import Contract
from clicklake.errors import ClicklakeError, ConflictError, InputError
from clicklake.ingest.csv import read_csv
from clicklake.ingest.evolve import Evolver, new_columns
from clicklake.ingest.files import InputFile
from clicklake.ingest.ndjson import read_ndjson
from clicklake.ingest.parquet import read_parquet
from clicklake.ingest.reading import FileStats, Reader
from clicklake.storage import Snapshot, Store, TableSpec, Target, Written, add_columns, commit, constant, with_constants

ROW_MARK = "row_id"
"""The highest row id that a bronze table had before a commit; with it ids never go back, even if rows do."""

SOURCE_BITS = 40
"""row_id = source_number * 2^40 + n: unique in the lake, below 2^53, rising with ingestion."""

OFFSET = "source_offset"
"""Column of a bronze table that messages came to: the offset of the message; null for rows of files."""

_CONSTANTS = ("source_file", "source_version", "data_source")
_TRIES = 20
_AT_ONCE = 16
"""Objects that a store is asked about at the same time."""

_READERS: Mapping[str, Reader] = {"csv": read_csv, "ndjson": read_ndjson, "parquet": read_parquet}


@dataclass
class FileOutcome:
    """What came of one file: new, then `ingested`, `skipped` (its content is in the lake) or `failed`."""

    file: InputFile
    version: str = ""
    status: str = "new"
    stats: FileStats = field(default_factory=FileStats)
    error: InputError | None = None

    def fail(self, error: InputError) -> None:
        """Leave the file out."""
        self.status, self.error = "failed", error


def bronze_spec(contract: Contract) -> TableSpec:
    """The bronze table of a source."""
    text = [pa.field(name, pa.string()) for name in (*contract.column_names, "extra", "corrupt_record")]
    provenance = [
        pa.field("row_id", pa.int64()),
        pa.field("source_file", pa.string()),
        pa.field("source_version", pa.string()),
        pa.field("data_source", pa.string()),
        pa.field("ingestion_timestamp", pa.timestamp("us", tz="UTC")),
        pa.field("ingestion_date", pa.date32()),
    ]
    return TableSpec(
        name=f"bronze.{contract.source}",
        schema=pa.schema([*text, *provenance]),
        partition_by=("ingestion_date",),
        change_feed=True,
        pii=frozenset(field.name for field in text),
        sequences=("row_id", "ingestion_timestamp"),
    )


def ingest(
    store: Store,
    contract: Contract,
    source_number: int,
    files: Sequence[InputFile],
    known: Callable[[Snapshot], frozenset[str]],
    policy: str = "capture",
    loader: Loader | None = None,
    stamps: Mapping[tuple[str, str], str] | None = None,
) -> tuple[list[FileOutcome], Snapshot]:
    """Append the records of all new files to bronze.

    A file that can't be read to its end is left out whole; the others go in.

    Args:
        store: The lake.
        contract: The source's contract.
        source_number: Its place in row ids.
        files: What was found.
        known: The `source_version`s that a version of bronze holds.
        policy: What drift does: `fail` leaves a file that differs from the contract out, `evolve` adds its unknown
            columns to bronze; by `capture` they are in `extra` alone.
        loader: Who reads the files; this process where None.
        stamps: The `source_version` of objects that were read before, by URL and stamp: these need not be fetched to
            be known again.

    Returns:
        What came of each file, in the order given, and bronze afterwards.

    Raises:
        ConflictError: Other writers were always faster.
    """
    spec = bronze_spec(contract)
    work = loader or HERE
    outcomes = _stamped(files)
    if stamps:
        _recognise(outcomes, stamps, known(store.ensure(spec)))
    work.identify([outcome for outcome in outcomes if outcome.status == "new" and not outcome.version])
    for _ in range(_TRIES):
        bronze = store.ensure(spec)
        _skip_known(outcomes, known(bronze))
        while True:
            new = [outcome for outcome in outcomes if outcome.status == "new"]
            if not new:
                return outcomes, bronze
            try:
                if policy == "evolve":
                    spec = _evolved(bronze, contract, new, work)
                    store.specs[spec.name] = spec  # statistics of the new columns stay out of the log too
                    new = [outcome for outcome in new if outcome.status == "new"]
                after = _append(store, spec, bronze, contract, source_number, new, policy, work)
            except UnreadableFileError as failure:
                # Nothing was committed. The rest is looked through before the next try, so that many bad files
                # cost one reading each and not one of all for each.
                failure.outcome.fail(failure.error)
                work.probe(new, contract, policy)
            except ConflictError:
                break
            else:
                for outcome in new:
                    if outcome.status == "new":
                        outcome.status = "ingested"
                return outcomes, after
    raise ConflictError(f"bronze.{contract.source}: {_TRIES} commits of other writers came first; try again")


class UnreadableFileError(ClicklakeError):
    """Carries the file that broke an append."""

    def __init__(self, outcome: FileOutcome, error: InputError) -> None:
        super().__init__(str(error))
        self.outcome, self.error = outcome, error


def _stamped(files: Sequence[InputFile]) -> list[FileOutcome]:
    """The files; objects with the stamp that they have now."""
    outcomes = [FileOutcome(file) for file in files]
    remote = [outcome for outcome in outcomes if outcome.file.is_remote]
    with ThreadPoolExecutor(_AT_ONCE) as threads:  # none is started where there is nothing to ask
        for outcome, asked in [(outcome, threads.submit(outcome.file.stamped)) for outcome in remote]:
            try:
                outcome.file = asked.result()
            except InputError as error:
                outcome.fail(error)
    return outcomes


def _recognise(outcomes: Sequence[FileOutcome], stamps: Mapping[tuple[str, str], str], known: frozenset[str]) -> None:
    """Name the version of objects that are in bronze, and have not changed since, without fetching them."""
    for outcome in outcomes:
        version = stamps.get((outcome.file.path, outcome.file.stamp))
        if version in known:
            outcome.version = version


def _skip_known(outcomes: Sequence[FileOutcome], known: frozenset[str]) -> None:
    seen = set(known)
    for outcome in outcomes:
        if outcome.status == "new" and outcome.version in seen:
            outcome.status = "skipped"
        seen.add(outcome.version)


class Loader(Protocol):
    """Who reads files: this process, or others."""

    def identify(self, outcomes: Sequence[FileOutcome]) -> None:
        """Say by its content which version each file is; one that can't be read has failed."""

    def probe(self, outcomes: Sequence[FileOutcome], contract: Contract, policy: str) -> None:
        """Read new files for nothing but their statistics; one that can't be read to its end has failed."""

    def load(
        self,
        target: Target,
        schema: pa.Schema,
        contract: Contract,
        outcomes: Sequence[FileOutcome],
        policy: str,
        first: int,
    ) -> pa.RecordBatchReader | Written:
        """The records of new files with their provenance.

        Args:
            target: The bronze table.
            schema: Its columns; constants come as dictionaries.
            contract: Of the source.
            outcomes: The files; those that can't be read fail here, or raise.
            policy: See `ingest`.
            first: The first row id.

        Raises:
            UnreadableFileError: A file can't be read to its end; nothing of the others is lost by it.
        """


class _Here:
    """Reads files one after the other, in this process."""

    def identify(self, outcomes: Sequence[FileOutcome]) -> None:
        for outcome in outcomes:
            identify(outcome)

    def probe(self, outcomes: Sequence[FileOutcome], contract: Contract, policy: str) -> None:
        for outcome in outcomes:
            probe(outcome, contract, policy)

    def load(
        self,
        target: Target,
        schema: pa.Schema,
        contract: Contract,
        outcomes: Sequence[FileOutcome],
        policy: str,
        first: int,
    ) -> pa.RecordBatchReader:
        batches = rows_of(schema, contract, outcomes, policy, first)
        return pa.RecordBatchReader.from_batches(schema, batches)


HERE = _Here()


def identify(outcome: FileOutcome) -> None:
    """Say by its content which version a file is."""
    try:
        outcome.version = outcome.file.content_version()
    except InputError as error:
        outcome.fail(error)


def probe(outcome: FileOutcome, contract: Contract, policy: str) -> None:
    """Read a new file for nothing but its statistics."""
    if outcome.status == "new":
        try:
            for _ in _read(outcome, contract, policy):
                pass
        except InputError as error:
            outcome.fail(error)


def _evolved(bronze: Snapshot, contract: Contract, new: Sequence[FileOutcome], loader: Loader) -> TableSpec:
    """The spec with what was added to bronze before, and with the columns of files that the contract doesn't name.

    The files are looked through for it before anything is loaded.
    """
    loader.probe(new, contract, "evolve")
    base = bronze_spec(contract)
    stats = [outcome.stats for outcome in new if outcome.status == "new"]
    before = [item.name for item in bronze.schema if item.name not in (*base.schema.names, OFFSET)]
    names = [*before, *new_columns(stats, [*base.schema.names, *before])]
    fields = [pa.field(name, pa.string()) for name in names]
    return replace(base, schema=pa.schema([*base.schema, *fields]), pii=base.pii | set(names))


def _read(outcome: FileOutcome, contract: Contract, policy: str) -> Iterator[pa.RecordBatch]:
    outcome.stats = FileStats()
    for batch in _READERS[outcome.file.format](outcome.file, contract, outcome.stats):
        yield batch
        if policy == "fail" and outcome.stats.drift:
            break
    if policy == "fail" and outcome.stats.drift:
        kind, column, detail = next(iter(outcome.stats.drift))
        what = f"{kind.replace('_', ' ')} {column}".strip()
        raise InputError(outcome.file.path, f"differs from the contract: {what} ({detail}); its policy is fail")
    outcome.file.check_unchanged()


def _append(
    store: Store,
    spec: TableSpec,
    bronze: Snapshot,
    contract: Contract,
    source_number: int,
    new: Sequence[FileOutcome],
    policy: str,
    loader: Loader,
) -> Snapshot:
    bronze = add_columns(store, bronze, spec.schema)
    highest = max(bronze.mark(ROW_MARK), bronze.maximum("row_id") or 0, source_number << SOURCE_BITS)
    schema = with_constants(spec.schema, _CONSTANTS)
    rows = loader.load(Target.of(store, bronze), schema, contract, new, policy, highest + 1)
    return commit(store, bronze, rows, marks={ROW_MARK: highest}, note={"files": len(new)})


def rows_of(
    schema: pa.Schema, contract: Contract, new: Sequence[FileOutcome], policy: str, first: int
) -> Iterator[pa.RecordBatch]:
    """The files' records with their provenance; row ids rise by one from `first`."""
    added = schema.names[len(bronze_spec(contract).schema) :]
    evolve = Evolver(added) if added else None
    now = datetime.now(timezone.utc)
    moment = pa.scalar(now, schema.field("ingestion_timestamp").type)
    day = pa.scalar(now.date(), pa.date32())
    for outcome in new:
        texts = [outcome.file.path, outcome.version, contract.source]
        try:
            for batch in _read(outcome, contract, policy):
                size = batch.num_rows
                ids = pa.array(np.arange(first, first + size, dtype=np.int64))
                constants = [constant(value, size) for value in texts]
                times = [pa.repeat(moment, size), pa.repeat(day, size)]
                more = evolve(batch.column("extra")) if evolve else []
                yield pa.RecordBatch.from_arrays([*batch.columns, ids, *constants, *times, *more], schema=schema)
                first += size
        except InputError as error:
            raise UnreadableFileError(outcome, error) from error
