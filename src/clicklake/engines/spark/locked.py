"""What a user's query may not do on Spark, whose SQL can read any file and call any class."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from clicklake.engines.dialect import relation_name
from clicklake.errors import EngineError

_FORBIDDEN = frozenset({"java_method", "reflect", "try_reflect", "read_files", "input_file_name", "assert_true"})


def require_harmless(tree: exp.Expression, known: Collection[str]) -> None:
    """Refuse a query that reads anything but known views, or calls what reaches beyond them.

    Raises:
        EngineError: It does.
    """
    if not isinstance(tree, exp.Query):
        raise EngineError("a query is one SELECT; the lake is read-only")
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Func) and not isinstance(table.this, exp.Anonymous):
            continue  # unnest, generate_series
        name = relation_name(f"{table.db}.{table.name}" if table.db else table.name)
        if isinstance(table.this, exp.Anonymous) or (name not in known and not (not table.db and name.lower() in ctes)):
            raise EngineError(f"{table.sql(dialect='duckdb')} is no table of the lake")
    for call in tree.find_all(exp.Anonymous):
        if call.name.lower() in _FORBIDDEN:
            raise EngineError(f"{call.name} can't be called here")
