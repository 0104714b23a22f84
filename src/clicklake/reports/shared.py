"""What several queries have in common, computed once.

The steps of a report are CTEs. One that stands in several reports, with the same text and on the same tables, gives
the same rows: it becomes a table of the engine, which keeps it in memory or in its spill folder, and all of them read
that. Only steps that make fewer rows are worth it: those that group or filter, and that name their columns.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from sqlglot import exp

from clicklake.engines.base import Engine
from clicklake.engines.sql import DIALECT, quote, text
from clicklake.errors import EngineError

_NOT_THE_SAME_TWICE = (exp.Rand, exp.Uuid)


def share(engine: Engine, queries: Sequence[exp.Expression]) -> list[exp.Expression]:
    """The queries with their common steps replaced by tables, which are made here.

    Args:
        engine: Gets the tables, in schema `work`; all tables that the queries read must be attached.
        queries: Parameters are bound, windows put in.
    """
    steps = [_steps(query) for query in queries]
    readers = Counter(step for found in steps for step in set(found.values()))
    tables: dict[str, str | None] = {}
    shared = []
    for query, found in zip(queries, steps, strict=True):
        changed = query.copy() if any(readers[step] > 1 for step in found.values()) else query
        before: list[exp.CTE] = []
        for cte in _ctes(changed):
            before.append(cte)
            step = found.get(cte.alias)
            if step is None or readers[step] < 2:
                continue
            if step not in tables:
                tables[step] = _made(engine, f"work.shared_{len(tables) + 1}", before)
            if table := tables[step]:
                cte.set("this", exp.select("*").from_(exp.to_table(table, dialect=DIALECT)))
        shared.append(changed)
    return shared


def _made(engine: Engine, table: str, ctes: Sequence[exp.CTE]) -> str | None:
    """The last step as a table; None where it can't be made: the reports that need it tell what is wrong with them."""
    steps = ", ".join(map(text, ctes))
    try:
        engine.execute(f"create or replace table {table} as with {steps} select * from {quote(ctes[-1].alias)}")
    except EngineError:
        return None
    return table


def _ctes(query: exp.Expression) -> Iterator[exp.CTE]:
    if isinstance(query, exp.Query):
        yield from query.ctes


def _steps(query: exp.Expression) -> dict[str, str]:
    """What tells each CTE that may be shared from others, by its name: its text and those of all that it reads."""
    found: dict[str, str] = {}
    known: dict[str, str] = {}
    if len(list(query.find_all(exp.With))) > 1:
        return {}  # names mean different things in different places
    for cte in _ctes(query):
        step, alias = cte.this, cte.args["alias"]
        read = sorted({table.name for table in step.find_all(exp.Table) if not table.db and table.name in known})
        whole = " ".join([text(step), *(f"{name}: {known[name]}" for name in read)])
        known[cte.alias] = hashlib.sha256(whole.encode()).hexdigest()
        if not alias.columns and _is_worth_it(step) and not step.find(*_NOT_THE_SAME_TWICE):
            found[cte.alias] = known[cte.alias]
    return found


def _is_worth_it(step: exp.Expression) -> bool:
    is_smaller = any(step.args.get(part) for part in ("where", "group", "distinct"))
    return isinstance(step, exp.Select) and is_smaller and not step.is_star
