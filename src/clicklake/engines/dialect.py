"""Statements in DuckDB's dialect as Spark SQL with the same results.

All SQL of the lake is written once, for DuckDB. sqlglot knows how another dialect spells it, but not where the other
engine answers differently without saying so: those places are `dialect_hooks.HOOKS`. What can't be carried over with
the same result is an error, never another result.

The session that runs it has the ANSI mode on and the time zone UTC; Spark's `timestamp` is then DuckDB's naive one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

from clicklake.engines.dialect_aggregates import AGGREGATES
from clicklake.engines.dialect_functions import lake_functions
from clicklake.engines.dialect_hooks import HOOKS, KNOWN, SAME
from clicklake.engines.dialect_queries import by_name
from clicklake.engines.dialect_tree import PortabilityError
from clicklake.engines.sql import DIALECT, tables

__all__ = ["PortabilityError", "relation_name", "to_spark", "tree_for_spark"]

SPARK = "spark"

_BY_NAME = re.compile(r"\bby\s+name\b", re.IGNORECASE)


def relation_name(name: str) -> str:
    """What a relation of a schema is called in Spark, whose temporary views have no schemas."""
    return name.replace(".", "__")


def to_spark(
    statement: str,
    reporting_timezone: str = "UTC",
    relation: Callable[[str], str] | None = relation_name,
    columns: Callable[[str], Sequence[str]] | None = None,
) -> str:
    """A statement in DuckDB's dialect as Spark SQL.

    Args:
        statement: One statement.
        reporting_timezone: The zone of `reporting_time`.
        relation: What a relation `schema.name` is called; they keep their names where None.
        columns: The columns of a relation, which `union by name` needs; it gets the name as the statement has it.

    Raises:
        PortabilityError: Something in it can't be said with the same result.
    """
    if _BY_NAME.search(statement):  # relations of one name may have other columns later
        return _to_spark(statement, reporting_timezone, relation, columns)
    return _kept(statement, reporting_timezone, relation)


@lru_cache(maxsize=1024)
def _kept(statement: str, reporting_timezone: str, relation: Callable[[str], str] | None) -> str:
    return _to_spark(statement, reporting_timezone, relation, None)


def _to_spark(
    statement: str,
    reporting_timezone: str,
    relation: Callable[[str], str] | None,
    columns: Callable[[str], Sequence[str]] | None,
) -> str:
    try:
        tree = cast(exp.Expression, sqlglot.parse_one(statement, read=DIALECT))
    except SqlglotError as error:
        raise PortabilityError(f"the SQL can't be read: {error}") from error
    for union in list(tree.find_all(exp.SetOperation)):
        if union.args.get("by_name"):
            by_name(union, columns)
    return spark_text(tree_for_spark(tree, reporting_timezone, relation))


def spark_text(tree: exp.Expression) -> str:
    """A tree that `tree_for_spark` gave, as text.

    Raises:
        PortabilityError: Spark has no word for something in it.
    """
    try:
        return tree.sql(dialect=SPARK, unsupported_level=ErrorLevel.RAISE, comments=False)
    except UnsupportedError as error:
        raise PortabilityError(f"Spark has no such SQL: {error}") from error


def tree_for_spark(
    tree: exp.Expression, reporting_timezone: str = "UTC", relation: Callable[[str], str] | None = relation_name
) -> exp.Expression:
    """A tree of DuckDB's dialect as one that says the same to Spark; the given one is changed.

    Raises:
        PortabilityError: Something in it can't be said with the same result.
    """
    root = exp.Paren(this=tree)  # so that every node has a parent, and can be replaced
    own = lake_functions(reporting_timezone)
    for node in _inside_out(tree):
        if isinstance(node, exp.Anonymous):
            name = node.name.lower()
            make = own.get(name) or KNOWN.get(name)
            if make is None:
                raise PortabilityError(f"{name}() is no function that all engines share")
        else:
            make = HOOKS.get(type(node))
            if make is None and isinstance(node, exp.Func) and type(node) not in SAME and type(node) not in AGGREGATES:
                raise PortabilityError(f"{node.sql_name().lower()}() is no function that all engines share")
        made = make(node) if make else None
        if made is not None and made is not node:
            node.replace(made)
    for node in list(root.find_all(*AGGREGATES)):
        AGGREGATES[type(node)](node)
    changed = cast(exp.Expression, root.this)
    if relation:
        _rename(changed, relation)
    changed.pop()
    return changed


def _inside_out(tree: exp.Expression) -> Iterator[exp.Expression]:
    """All nodes, each after those that it is made of."""
    return reversed(cast("list[exp.Expression]", list(tree.walk(bfs=False))))


def _rename(tree: exp.Expression, relation: Callable[[str], str]) -> None:
    named = {name for name in tables(tree) if "." in name}
    for table in list(tree.find_all(exp.Table)):
        if not table.db:
            continue
        other = exp.to_table(relation(f"{table.db}.{table.name}"), dialect=SPARK)
        if isinstance(table.parent, (exp.From, exp.Join)):
            # Columns go on being named by the table that the query was written for.
            other.set("alias", table.args.get("alias") or exp.TableAlias(this=table.this.copy()))
        for part in ("joins", "laterals", "pivots", "sample"):
            if part in table.args:
                other.set(part, table.args[part])
        table.replace(other)
    for column in tree.find_all(exp.Column):
        if f"{column.db}.{column.table}" in named:
            column.set("db", None)
