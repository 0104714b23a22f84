"""What several queries have in common, computed once.

The steps of a report are CTEs. One that stands in several reports, with the same text and on the same tables, gives
the same rows: it becomes a table of the engine, which keeps it in memory or in its spill folder, and all of them read
that. Only steps that make fewer rows are worth it: those that group or filter, and that name their columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from sqlglot import exp

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import DIALECT, text
from clicklake.errors import EngineError

_NOT_THE_SAME_TWICE = (exp.Rand, exp.Uuid)


def share(engine: DuckDB, queries: Sequence[exp.Expression]) -> list[exp.Expression]:
    """The queries with their common steps replaced by tables, which are made here.

    Args:
        engine: Gets the tables, in schema `work`; all tables that the queries read must be attached.
        queries: Parameters are bound, windows put in.
    """
    steps = [_steps(query) for query in queries]
    readers = Counter(sql for found in steps for sql in set(found.values()))
    tables: dict[str, str | None] = {}
    shared = []
    for query, found in zip(queries, steps, strict=True):
        changed = query.copy()
        for cte in _ctes(changed):
            sql = found.get(cte.alias)
            if sql is None or readers[sql] < 2:
                continue
            if sql not in tables:
                tables[sql] = _made(engine, f"work.shared_{len(tables) + 1}", sql)
            if table := tables[sql]:
                cte.set("this", exp.select("*").from_(exp.to_table(table, dialect=DIALECT)))
        shared.append(changed)
    return shared


def _made(engine: DuckDB, table: str, sql: str) -> str | None:
    """The table; None where it can't be made: the reports that need it tell what is wrong with them."""
    try:
        engine.execute(f"create or replace table {table} as {sql}")
    except EngineError:
        return None
    return table


def _ctes(query: exp.Expression) -> Iterator[exp.CTE]:
    if isinstance(query, exp.Query):
        yield from query.ctes


def _steps(query: exp.Expression) -> dict[str, str]:
    """The SQL of each CTE that may be shared, by its name; it reads real tables only."""
    found: dict[str, str] = {}
    whole: dict[str, exp.Expression] = {}
    if len(list(query.find_all(exp.With))) > 1:
        return {}  # names mean different things in different places
    for cte in _ctes(query):
        whole[cte.alias] = _expanded(cte.this, whole)
        if not cte.args["alias"].columns and _is_worth_it(cte.this) and not whole[cte.alias].find(*_NOT_THE_SAME_TWICE):
            found[cte.alias] = text(whole[cte.alias])
    return found


def _expanded(step: exp.Expression, before: Mapping[str, exp.Expression]) -> exp.Expression:
    """The step with the CTEs that it reads put in as subqueries."""
    changed = step.copy()
    for table in list(changed.find_all(exp.Table)):
        if not table.db and table.name in before:
            inner = cast(exp.Query, before[table.name].copy())
            table.replace(inner.subquery(table.alias_or_name))
    return changed


def _is_worth_it(step: exp.Expression) -> bool:
    is_smaller = any(step.args.get(part) for part in ("where", "group", "distinct"))
    return isinstance(step, exp.Select) and is_smaller and not step.is_star
