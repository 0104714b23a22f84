"""SQL of others: guarded, then run where nothing but the granted tables can be reached."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from clicklake.access.grants import Grants
from clicklake.access.guard import check
from clicklake.access.workers import Workers
from clicklake.build.release import Release
from clicklake.engines.duckdb import empty_sql, scan_sql
from clicklake.engines.functions import duckdb_functions
from clicklake.engines.standardise import FUNCTIONS
from clicklake.errors import EngineError, QueryError, TookTooLongError
from clicklake.rows import Rows
from clicklake.setting_types import size_in_bytes
from clicklake.storage.objects import is_url

if TYPE_CHECKING:
    from clicklake.lake.reading import ReadingLake


@dataclass(frozen=True)
class Limits:
    """What a query may use.

    Args:
        seconds: How long it may take.
        rows: Rows that come back; the rest is left out, and said so.
        size: Bytes that come back, at the most.
        memory: As DuckDB takes it.
        threads: Of one query.
    """

    seconds: float = 30.0
    rows: int = 10_000
    size: int = 32_000_000
    memory: str = "512MB"
    threads: int = 2


def query(
    lake: ReadingLake, grants: Grants, sql: str, limits: Limits | None = None, release: Release | None = None
) -> Rows:
    """The rows of a SELECT that somebody else sends; `note` says where rows are left out.

    Args:
        lake: The lake.
        grants: What may be read.
        sql: One SELECT.
        limits: What it may use; else the defaults.
        release: What is read; else the newest.

    Raises:
        ForbiddenError: It reads or calls what it may not.
        QueryError: It is no single SELECT, or fails.
        TookTooLongError: It was stopped.
    """
    limits = limits or Limits()
    tables = check(sql, grants)
    request = _request(lake, grants, tables, release or lake.release())
    memory = {"memory": limits.memory, "bytes_of_memory": size_in_bytes(limits.memory), "threads": limits.threads}
    try:
        table, is_cut = _workers().run(
            {**request, **memory, "sql": sql, "rows": limits.rows, "bytes": limits.size}, limits.seconds
        )
    except TookTooLongError as error:
        raise TookTooLongError(
            str(error) or f"the query was stopped: it took longer than {limits.seconds:g} seconds"
        ) from error
    except EngineError as error:
        raise QueryError(str(error).replace(lake.path, "<lake>")) from error
    return Rows(table, f"cut off after {limits.rows:,} rows" if is_cut else None)


def _request(lake: ReadingLake, grants: Grants, tables: list[str], release: Release | None) -> dict[str, Any]:
    """What a worker is told of the tables: views that show what is granted, and the only files that they need."""
    statements = [*_prepared(lake.settings.reporting_timezone)]
    paths: list[str] = []
    objects: dict[str, Any] = {}
    for table in tables:
        schema = lake.absent(table, release)
        if schema is not None:
            scan, names = empty_sql(schema), schema.names
        else:
            snapshot = lake.snapshot(table, release)
            scan, names = scan_sql(snapshot), snapshot.schema.names
            paths += snapshot.files
            if is_url(snapshot.root):
                from clicklake.engines.objects import files_of

                objects.update(files_of(snapshot))
        statements.append(f"create view {table} as select {grants.projection(table, names)} from ({scan})")
    return {"statements": statements, "paths": paths, "objects": objects}


@lru_cache(maxsize=8)
def _prepared(reporting_timezone: str) -> tuple[str, ...]:
    settings = ("set timezone = 'UTC'", "set enable_progress_bar = false")
    layers = (f"create schema {layer}" for layer in ("bronze", "silver", "gold", "ops"))
    return (*settings, *layers, *FUNCTIONS, *duckdb_functions(reporting_timezone))


@lru_cache(maxsize=1)
def _workers() -> Workers:
    return Workers(max(2, os.cpu_count() or 2))


__all__ = ["Limits", "query"]
