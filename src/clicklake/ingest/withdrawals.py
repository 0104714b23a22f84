"""Files that were unloaded: bronze keeps their rows, `ops.withdrawn` names them, and they have no other fate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.explain import closest
from clicklake.engines.base import Engine
from clicklake.engines.sql import string
from clicklake.errors import ConflictError, UnknownNameError, UsageError
from clicklake.storage import Snapshot, Store, commit
from clicklake.tables import system_spec

WITHDRAWN = "ops.withdrawn"
STREAM = "kafka://"
"""What `source_file` begins with in rows that were messages."""

_TRIES = 20


@dataclass(frozen=True)
class Withdrawn:
    """Row ids that are withdrawn, both ends included."""

    withdrawal: int
    first: int
    last: int


def latest(snapshot: Snapshot | None, source: str) -> int:
    """The number of a source's newest withdrawal; 0 where there was none."""
    return snapshot.mark(f"withdrawals:{source}") if snapshot else 0


def withdrawn(store: Store, engine: Engine, source: str, up_to: int, after: int = 0) -> list[Withdrawn]:
    """The ranges of a source's withdrawals with numbers above `after`, up to `up_to`."""
    snapshot = store.find(WITHDRAWN)
    if snapshot is None or up_to <= after:
        return []
    rows = engine.rows(
        f"select withdrawal, first_row_id, last_row_id from ({engine.scan(snapshot)}) "
        f"where source = {string(source)} and withdrawal > {after} and withdrawal <= {up_to} order by 2"
    )
    return [Withdrawn(*row) for row in rows]


def among(ranges: Sequence[Withdrawn], column: str = "row_id") -> str:
    """SQL condition: a row id lies in one of the ranges."""
    return " or ".join(f"{column} between {r.first} and {r.last}" for r in ranges) or "false"


def live_versions(store: Store, engine: Engine, bronze: Snapshot) -> frozenset[str]:
    """The file contents in a bronze table that were not withdrawn: these are not ingested again.

    Rows of a stream have no file; what came of it is known by marks.
    """
    source = bronze.name.partition(".")[2]
    snapshot = store.find(WITHDRAWN)
    ranges = withdrawn(store, engine, source, latest(snapshot, source))
    rows = engine.rows(
        f"select distinct source_version from ({engine.scan(bronze)}) where not ({among(ranges)}) "
        f"and not starts_with(source_file, {string(STREAM)})"
    )
    return frozenset(row[0] for row in rows)


def withdraw(
    store: Store, engine: Engine, catalogue: Catalogue, source: str, path: str, run_id: str
) -> Mapping[str, int]:
    """Name the rows of a file as withdrawn; the next round takes them away.

    Args:
        store: The lake.
        engine: Runs the queries.
        catalogue: Knows the table.
        source: The source.
        path: The file, as `source_file` has it.
        run_id: The run.

    Returns:
        Rows withdrawn by content version; none where all were already.

    Raises:
        ConflictError: Other writers were always faster.
    """
    bronze = store.open(f"bronze.{source}")
    for _ in range(_TRIES):
        snapshot = store.ensure(system_spec(catalogue, WITHDRAWN))
        number = latest(snapshot, source)
        gone = among(withdrawn(store, engine, source, number))
        rows_of_file = f"from ({engine.scan(bronze)}) where source_file = {string(path)} and not ({gone})"
        # A file's rows are neighbours; of a stream only those of one partition that came in one batch.
        stretch = "row_id - row_number() over (order by row_id)" if path.startswith(STREAM) else "0"
        chosen = engine.rows(
            "select source_file, source_version, min(row_id), max(row_id), count(*) "
            f"from (select *, {stretch} as stretch {rows_of_file}) group by 1, 2, stretch order by 3"
        )
        if not chosen:
            return {}
        now = datetime.now(timezone.utc)
        names = ("source_file", "source_version", "first_row_id", "last_row_id", "rows")
        common = {"withdrawal": number + 1, "source": source, "run_id": run_id, "withdrawn_at": now}
        rows = [{**common, **dict(zip(names, row, strict=True))} for row in chosen]
        table = pa.Table.from_pylist(rows, schema=snapshot.schema)
        try:
            commit(store, snapshot, table, marks={f"withdrawals:{source}": number + 1})
        except ConflictError:
            continue
        counts: dict[str, int] = {}
        for row in chosen:
            counts[row[1]] = counts.get(row[1], 0) + row[4]
        return counts
    raise ConflictError(f"{WITHDRAWN}: {_TRIES} commits of other writers came first; try again")


def ingested_file(store: Store, engine: Engine, source: str, file: str) -> str:
    """The one file of a source that is meant.

    Args:
        store: The lake.
        engine: Runs the query.
        source: The source.
        file: Its path as `source_file` has it, relative to the working directory, or as much of its end as no other
            file shares.

    Raises:
        UnknownNameError: The source has no such file.
        UsageError: Several files end so.
    """
    bronze = store.find(f"bronze.{source}")
    if bronze is None:
        raise UnknownNameError(f"{source}: nothing was ingested yet")
    rows = engine.rows(f"select distinct source_file from ({engine.scan(bronze)}) order by 1")
    known = [row[0] for row in rows]
    for path in (file, str(Path(file).absolute()), str(Path(file).resolve())):
        if path in known:
            return path
    ends = [path for path in known if path.endswith("/" + file.lstrip("./"))]
    if len(ends) == 1:
        return str(ends[0])
    if ends:
        raise UsageError(f"{source}: {len(ends)} files end with {file}: {', '.join(ends[:5])}. Give more of the path.")
    listed = ", ".join(known[-5:]) + (" (the newest)" if len(known) > 5 else "")
    raise UnknownNameError(f"{source} has no file {file}{closest(file, known)}. It has {len(known):,}: {listed}")
