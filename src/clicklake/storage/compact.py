"""Small files of a table into larger ones: no row comes or goes, and no mark of what was consumed changes.

A compaction carries no `clicklake` mark and changes no data, so that a run which appends meanwhile need not start
over. It goes directly behind the version that still has all the files it replaces: delta-rs would let it pass behind
a commit that has rewritten them already.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from clicklake.errors import ConflictError, StorageError
from clicklake.storage.commit import NO_REBASE
from clicklake.storage.parquet import FILE_ROWS, write_files
from clicklake.storage.snapshot import Snapshot
from clicklake.storage.store import Store
from clicklake.storage.target import Target, Written

COMPACTION_MARK = "clicklake.compaction"
"""A random number in each compaction: any two conflict, and a writer knows its own after an unclear error."""

TARGET_BYTES = 128 * 1024 * 1024
"""Size of a file that needs no company."""

_LOWEST_TIER_BYTES = 64 * 1024
_TIER_FACTOR = 4
_BATCH = 131_072
_TRIES = 20

Group = list[str]
"""Paths of one partition's files that become one."""

Write = Callable[[Group], Written]
"""Writes the rows of a group as new files, in another order."""


@dataclass(frozen=True)
class Rewrite:
    """A group of files that is to be written anew; plain data, so that another process can be told.

    Args:
        target: The table.
        table: Its name.
        schema: Its columns.
        files: The partition values of each file.
        file_rows: Rows of a new file, at the most.
    """

    target: Target
    table: str
    schema: pa.Schema
    files: Mapping[str, Mapping[str, str | None]]
    file_rows: int


Each = Callable[[Callable[[Rewrite], Written], Sequence[Rewrite]], list[Written]]
"""Calls a function for each item, here or elsewhere."""


@dataclass(frozen=True)
class Policy:
    """When small files are put together on their own.

    Args:
        min_files: So many files of about a size in one partition.
        small_bytes: Larger files stay.
    """

    min_files: int = 8
    small_bytes: int = 16_000_000


@dataclass(frozen=True)
class Compacted:
    """What became of a table.

    Args:
        table: The table.
        version: The version that the compaction made; None where there was nothing to do or another writer came first.
        files: Files of the table before and after.
        size: Bytes before and after.
        rewritten: Bytes of the files that were replaced.
        written: Bytes of the files in their place.
        note: Why nothing was done, where that isn't plain.
    """

    table: str
    version: int | None
    files: tuple[int, int]
    size: tuple[int, int]
    rewritten: int = 0
    written: int = 0
    note: str | None = None


def tiers(snapshot: Snapshot, policy: Policy) -> list[Group]:
    """What to put together after a run.

    Files are sorted by size into tiers, each four times the one before; a tier that is full becomes one file of a
    higher tier, with what is left in the lower ones. So a row is rewritten about once a tier, not once a run.
    """
    groups = []
    for files in _by_partition(snapshot).values():
        by_tier: dict[int, Group] = {}
        for path, size in files.items():
            if size < policy.small_bytes:
                by_tier.setdefault(_tier(size), []).append(path)
        if full := [tier for tier, paths in by_tier.items() if len(paths) >= policy.min_files]:
            groups.append([path for path in files if any(path in by_tier.get(t, ()) for t in range(max(full) + 1))])
    return groups


def _tier(size: int) -> int:
    tier = 0
    while size >= _LOWEST_TIER_BYTES * _TIER_FACTOR**tier:
        tier += 1
    return tier


def bins(snapshot: Snapshot, target_bytes: int = TARGET_BYTES) -> list[Group]:
    """What to put together on request: neighbours of a partition that fit into a file of the target size."""
    groups: list[Group] = []
    for files in _by_partition(snapshot).values():
        group: Group = []
        filled = 0
        for path, size in files.items():
            if size >= target_bytes:
                continue
            if group and filled + size > target_bytes:
                groups.append(group)
                group, filled = [], 0
            group, filled = [*group, path], filled + size
        groups.append(group)
    return [group for group in groups if len(group) > 1]


def partitions(snapshot: Snapshot) -> list[Group]:
    """All files, by partition."""
    return [list(files) for files in _by_partition(snapshot).values()]


def _by_partition(snapshot: Snapshot) -> dict[tuple[str | None, ...], dict[str, int]]:
    """Size of each file, by partition (and month, where these are kept apart), in the order of writing."""
    found: dict[tuple[str | None, ...], dict[str, int]] = {}
    for path in sorted(snapshot.paths, key=snapshot.written_at.__getitem__):
        size, values = snapshot.paths[path]
        found.setdefault((*values.values(), snapshot.months.get(path)), {})[path] = size
    return found


def compact(
    store: Store,
    snapshot: Snapshot,
    groups: Sequence[Group],
    *,
    each: Each | None = None,
    write: Write | None = None,
) -> Compacted:
    """Write the files of each group anew and commit that.

    Args:
        store: Where the table is.
        snapshot: The version in which the files were found.
        groups: Files to replace, each of one partition.
        each: Who writes the groups; this process, one after the other, where None.
        write: Writes a group in another order; else rows lie as they lay.

    Raises:
        StorageError: The files could not be read or written.
    """
    before = (len(snapshot.paths), snapshot.size[1])
    gone = {path: snapshot.paths[path] for group in groups for path in group}
    unchanged = Compacted(snapshot.name, None, (before[0], before[0]), (before[1], before[1]))
    if not gone:
        return unchanged
    if write:
        written = _here(write, groups)
    else:
        written = (each or _here)(rewrite, _works(store, snapshot, groups))
    _require_all_rows(snapshot, groups, written)
    try:
        after = _commit(store, snapshot.name, gone, written)
    except ConflictError as error:
        return replace(unchanged, note=str(error))
    return Compacted(
        table=snapshot.name,
        version=after.version,
        files=(before[0], len(after.paths)),
        size=(before[1], after.size[1]),
        rewritten=sum(size for size, _ in gone.values()),
        written=sum(action.size for part in written for action in part.actions),
    )


def rewrite(work: Rewrite) -> Written:
    """Write the files of a group anew, the rows as they lie there.

    Raises:
        StorageError: A file could not be read or written.
    """
    # One thread: each had a file of its own, and there are enough of them already.
    return write_files(work.target, _read(work), work.schema, writers=1, file_rows=work.file_rows, text_bounds=True)


def _works(store: Store, snapshot: Snapshot, groups: Sequence[Group]) -> list[Rewrite]:
    target, schema = Target.of(store, snapshot), snapshot.schema
    return [
        Rewrite(target, snapshot.name, schema, {path: snapshot.paths[path][1] for path in group}, FILE_ROWS)
        for group in groups
    ]


def _read(work: Rewrite) -> Iterator[pa.RecordBatch]:
    """The rows of files as they lie there, with the columns and types of the table."""
    for path, values in work.files.items():
        try:
            with pq.ParquetFile(work.target.place.source(path)) as file:
                for batch in file.iter_batches(_BATCH):
                    yield _conform(batch, work.schema, values)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(f"table {work.table}: {path} can't be read: {error}") from error


def _conform(batch: pa.RecordBatch, schema: pa.Schema, values: Mapping[str, str | None]) -> pa.RecordBatch:
    columns = []
    for item in schema:
        if item.name in values:
            value = pa.scalar(values[item.name], pa.string()).cast(item.type)
            columns.append(pa.repeat(value, batch.num_rows))
        elif item.name not in batch.schema.names:  # the file is older than the column
            columns.append(pa.nulls(batch.num_rows, item.type))
        else:
            column = batch.column(item.name)
            columns.append(column if column.type == item.type else column.cast(item.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


T = TypeVar("T")


def _here(function: Callable[[T], Written], items: Sequence[T]) -> list[Written]:
    """Call a function for each item; where one fails, nothing is left of the others."""
    done: list[Written] = []
    try:
        for item in items:
            done.append(function(item))
    except BaseException:
        _remove(done)
        raise
    return done


def _require_all_rows(snapshot: Snapshot, groups: Sequence[Group], written: Sequence[Written]) -> None:
    """Refuse, and remove, new files that have not as many rows as the log names of the old ones."""
    known = snapshot.rows_by_path
    for group, part in zip(groups, written, strict=True):
        expected = [known[path] for path in group]
        if None not in expected and part.rows != sum(number or 0 for number in expected):
            _remove(written)
            raise StorageError(
                f"table {snapshot.name}: {part.rows} rows were read where its log names {sum(expected)}; "  # type: ignore[arg-type]
                "nothing was changed. `clicklake doctor` looks through the files."
            )


def _commit(
    store: Store, name: str, gone: Mapping[str, tuple[int, dict[str, str | None]]], written: Sequence[Written]
) -> Snapshot:
    """Put new files in the place of old ones, on top of whatever others have committed, if those are still there."""
    attempt = secrets.randbits(62)
    added: list[AddAction | RemoveAction] = [replace(a, data_change=False) for part in written for a in part.actions]
    note = {**store.note, "operation": "OPTIMIZE"}
    for _ in range(_TRIES):
        now = store.open(name)
        if not gone.keys() <= now.paths.keys():
            _remove(written)
            raise ConflictError("another writer has replaced the files meanwhile")
        moment = int(time.time() * 1000)
        removed = [RemoveAction(path, False, moment, size, values) for path, (size, values) in gone.items()]
        try:
            now.delta.create_write_transaction(
                [*removed, *added],
                mode="append",
                schema=now.delta.schema(),
                partition_by=list(now.partition_by) or None,
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(COMPACTION_MARK, attempt)],
                    custom_metadata={"clicklake": json.dumps(note)},
                    max_commit_retries=NO_REBASE,
                ),
            )
            return store.open(name)
        except (DeltaError, OSError) as error:
            after = store.open(name)  # where this fails, nobody knows: the new files stay
            if after.mark(COMPACTION_MARK) == attempt:
                return after
            if after.version == now.version:  # nobody else was there: a real failure
                _remove(written)
                raise StorageError(f"table {name} can't be written: {error}") from error
    _remove(written)
    raise ConflictError("other writers were always faster")


def _remove(written: Iterable[Written]) -> None:
    for part in written:
        part.remove()
