"""SQL of users: one SELECT, on a database that can reach nothing but the lake's tables and can't be changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import duckdb
import pyarrow as pa
from sqlglot.errors import SqlglotError

from clicklake.engines.base import Engine
from clicklake.engines.sql import parse, tables
from clicklake.errors import ContractError, EngineError, QueryError
from clicklake.storage import Snapshot


def named_tables(sql: str) -> list[str] | None:
    """The tables that a query names; None where that can't be told, then it may be any."""
    try:
        return tables(parse(sql, "query"))
    except (ContractError, SqlglotError):
        return None


def run_query(engine: Engine, sql: str, snapshots: Mapping[str, Snapshot], root: str) -> pa.Table:
    """Run a user's query.

    Args:
        engine: A fresh one: it is locked here for good.
        sql: One SELECT, see `require_one_select`.
        snapshots: The tables that it may read.
        root: The lake's folder, the only one that the engine may open files in.

    Raises:
        QueryError: It fails.
    """
    for snapshot in snapshots.values():
        engine.attach(snapshot)
    engine.lock(root)
    try:
        return engine.table(sql)
    except EngineError as error:
        raise QueryError(str(error)) from error


def require_one_select(sql: str) -> None:
    """Refuse everything but one SELECT, before anything else looks at the text.

    Raises:
        QueryError: It is something else.
    """
    try:
        statements = parser().cursor().extract_statements(sql)
        if len(statements) != 1:
            raise QueryError(f"a query is one SELECT; these are {len(statements)} statements")
        kind = statements[0].type
    except duckdb.Error as error:
        raise QueryError(str(error).strip()) from error
    except ValueError as error:  # a kind that Python has no name for
        raise QueryError("a query is one SELECT: this can't be run here, the lake is read-only") from error
    if kind != duckdb.StatementType.SELECT:
        raise QueryError(
            f"a query is one SELECT: {kind.name.replace('_', ' ')} can't be run here, the lake is read-only"
        )


@lru_cache(maxsize=1)
def parser() -> duckdb.DuckDBPyConnection:
    """A database without anything in it, that only parses; each thread takes a cursor of it."""
    connection = duckdb.connect(config={"memory_limit": "64MB", "threads": 1, "python_enable_replacements": "false"})
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection
