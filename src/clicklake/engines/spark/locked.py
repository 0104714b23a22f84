"""What a user's query may read on Spark, whose SQL can read any file by its path.

Functions need no list here: what no other engine has is refused where the query is carried over.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from clicklake.engines.dialect import relation_name
from clicklake.errors import EngineError


def require_harmless(tree: exp.Expression, known: Collection[str]) -> None:
    """Refuse all but a query on known views.

    Raises:
        EngineError: It is something else, or reads something else.
    """
    if not isinstance(tree, exp.Query):
        raise EngineError("a query is one SELECT; the lake is read-only")
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.GenerateSeries):
            continue
        is_name = isinstance(table.this, exp.Identifier) and not table.catalog
        if is_name and relation_name(f"{table.db}.{table.name}" if table.db else table.name) in known:
            continue
        if is_name and not table.db and table.name.lower() in ctes:
            continue
        raise EngineError(f"{table.sql(dialect='duckdb')} is no table of the lake")
