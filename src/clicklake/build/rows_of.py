"""The rows of a table that have certain keys, and the files in which they lie."""

from __future__ import annotations

import time
from collections.abc import Sequence

from clicklake.build.difference import same_key
from clicklake.engines.base import Engine
from clicklake.engines.sql import quote
from clicklake.runs import logger
from clicklake.storage import Snapshot


def rows_of(engine: Engine, table: Snapshot, key: Sequence[str], keys: str, into: str, *, prune: bool = False) -> None:
    """Make a relation of a table's rows that have certain keys; `filename` says where each lies.

    Args:
        engine: Where the keys are.
        table: The table.
        key: The columns that make a key.
        keys: Relation of the keys.
        into: The relation to make.
        prune: Whether `keys` has the partition columns too, and a row lies where they say.
    """
    files = files_of(engine, table, key, keys, _partitions(engine, table, keys) if prune else table.files)
    engine.execute(
        f"create or replace table {into} as select rows.* from ({engine.scan(table, files, filename=True)}) as rows "
        f"semi join {keys} as keys on {same_key(key, 'rows', 'keys')}"
    )


def files_of(engine: Engine, table: Snapshot, key: Sequence[str], keys: str, files: Sequence[str]) -> list[str]:
    """Which files hold rows with certain keys, by a scan of the key columns alone."""
    begun = time.perf_counter()
    found = [
        str(file)
        for (file,) in engine.rows(
            f"select distinct filename from ({engine.scan(table, files, filename=True)}) as rows "
            f"semi join {keys} as keys on {same_key(key, 'rows', 'keys')} order by filename"
        )
    ]
    logger.debug(
        "%s: %d of %d files hold affected keys, found by a scan of %s in %.2f s",
        *(table.name, len(found), len(table.files), ", ".join(key), time.perf_counter() - begun),
    )
    return found


def _partitions(engine: Engine, table: Snapshot, keys: str) -> list[str]:
    """The files of the partitions that the keys are in."""
    names = table.partition_by
    if not names:
        return table.files
    texts = ", ".join(f"cast({quote(name)} as varchar)" for name in names)
    wanted = set(engine.rows(f"select distinct {texts} from {keys}"))
    return [
        table.uri(path) for path, (_, values) in table.paths.items() if tuple(values[name] for name in names) in wanted
    ]
