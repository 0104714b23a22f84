"""Files read by the processes of a distributed engine: a task a file, with the same readers and the same writer.

Row ids are given out before the files are read: each file gets as many as it may have records at the most, which its
line ends tell. So ids rise with the files, and a few between them are never used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clicklake.contracts.contract import Contract
from clicklake.engines.base import Engine
from clicklake.errors import InputError
from clicklake.ingest.files import InputFile, open_blocks, unreadable
from clicklake.ingest.ingest import FileOutcome, UnreadableFileError, identify, probe, rows_of
from clicklake.ingest.reading import FileStats
from clicklake.storage import Target, Written
from clicklake.storage.parquet import write_files


@dataclass(frozen=True)
class _Loaded:
    """What became of a file in a task."""

    stats: FileStats
    error: InputError | None
    written: Written | None


class Elsewhere:
    """Reads files in tasks.

    Args:
        engine: Runs them; the paths of files and lake lead there as they lead here.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._most: dict[str, int] = {}

    def identify(self, outcomes: Sequence[FileOutcome]) -> None:
        """Say by its content which version each file is, and how many records it may have."""
        for outcome, (found, most) in zip(outcomes, self._engine.each(_identified, outcomes), strict=True):
            outcome.version, outcome.status, outcome.error = found.version, found.status, found.error
            self._most[outcome.file.path] = most

    def probe(self, outcomes: Sequence[FileOutcome], contract: Contract, policy: str) -> None:
        """Read new files for nothing but their statistics."""
        read = partial(_probed, contract=contract, policy=policy)
        for outcome, found in zip(outcomes, self._engine.each(read, outcomes), strict=True):
            outcome.stats, outcome.status, outcome.error = found.stats, found.status, found.error

    def load(
        self,
        target: Target,
        schema: pa.Schema,
        contract: Contract,
        outcomes: Sequence[FileOutcome],
        policy: str,
        first: int,
    ) -> Written:
        """Read new files into new files of bronze; what can't be read has failed, and left nothing."""
        firsts = []
        for outcome in outcomes:
            firsts.append(first)
            first += self._most[outcome.file.path]
        load = partial(_load, target=target, schema=schema, contract=contract, policy=policy)
        done = self._engine.each(load, list(zip(outcomes, firsts, strict=True)))
        for outcome, loaded in zip(outcomes, done, strict=True):
            outcome.stats = loaded.stats
            if loaded.error:
                outcome.fail(loaded.error)
        return Written.together(target, (loaded.written for loaded in done if loaded.written))


def _identified(outcome: FileOutcome) -> tuple[FileOutcome, int]:
    identify(outcome)
    most = 0
    if outcome.error is None:
        try:
            most = _most_records(outcome.file)
        except InputError as error:
            outcome.fail(error)
    return outcome, most


def _most_records(file: InputFile) -> int:
    """Records of a file at the most: each ends with a line, but for the last."""
    if file.format == "parquet":
        try:
            return int(pq.read_metadata(file.parquet()).num_rows)
        except (OSError, pa.ArrowException) as error:
            raise unreadable(file, error) from error
    most = 1
    for block in open_blocks(file):
        codes = np.frombuffer(block, np.uint8)
        most += int(np.count_nonzero(codes == 10)) + int(np.count_nonzero(codes == 13))
    return most


def _probed(outcome: FileOutcome, contract: Contract, policy: str) -> FileOutcome:
    probe(outcome, contract, policy)
    return outcome


def _load(work: tuple[FileOutcome, int], target: Target, schema: pa.Schema, contract: Contract, policy: str) -> _Loaded:
    outcome, first = work
    try:
        written = write_files(target, rows_of(schema, contract, [outcome], policy, first), schema)
        return _Loaded(outcome.stats, None, written)
    except UnreadableFileError as failure:
        return _Loaded(outcome.stats, failure.error, None)
