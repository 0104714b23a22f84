"""SQL texts of contracts, models and reports: parsed once, parameters put in as literals."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from clicklake.errors import ContractError

DIALECT = "duckdb"

# What sqlglot can't parse it takes for a command, and says so on stderr; our callers say it better.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

Parameter = (
    str | int | float | bool | Decimal | date | datetime | list[str] | tuple[str, ...] | tuple[date | None, ...] | None
)
"""What may stand for a `:name` in SQL."""


def parse(sql: str, what: str) -> exp.Expression:
    """One statement or expression.

    Args:
        sql: The text.
        what: Whose it is, for the message.

    Raises:
        ContractError: It is no SQL.
    """
    return _parsed(sql, what).copy()


@lru_cache(maxsize=256)
def _parsed(sql: str, what: str) -> exp.Expression:
    try:
        tree = sqlglot.parse_one(sql, read=DIALECT)
    except SqlglotError as error:
        message = str(error).replace("\x1b[4m", "").replace("\x1b[0m", "").strip()
        raise ContractError(f"{what}: the SQL can't be read. {message}") from error
    return cast(exp.Expression, tree)


def bind(tree: exp.Expression, parameters: Mapping[str, Parameter], what: str) -> exp.Expression:
    """The same SQL with literals for its `:name` placeholders.

    Raises:
        ContractError: A placeholder has no value.
    """
    for placeholder in list(tree.find_all(exp.Placeholder)):
        name = placeholder.name
        if name not in parameters:
            known = ", ".join(sorted(parameters)) or "none"
            raise ContractError(f"{what}: no value for :{name}; there are {known}")
        value = parameters[name]
        if isinstance(value, (list, tuple)):
            literals = [literal(item) for item in value]
            parent = placeholder.parent
            if not isinstance(parent, exp.In):
                raise ContractError(f"{what}: :{name} is a list; it can only stand in `x in (:{name})`")
            position = parent.expressions.index(placeholder)
            parent.set(
                "expressions",
                [*parent.expressions[:position], *literals, *parent.expressions[position + 1 :]],
            )
        else:
            placeholder.replace(literal(value))
    return tree


@lru_cache(maxsize=256)
def placeholders(sql: str, what: str) -> tuple[str, ...]:
    """The parameters that a text names, each once, in the order of their names."""
    return tuple(sorted({item.name for item in _parsed(sql, what).find_all(exp.Placeholder)}))


_rendered: dict[tuple[object, ...], str] = {}
_MOST_RENDERED = 1000


def render(sql: str, what: str, parameters: Mapping[str, Parameter], names: Mapping[str, str] | None = None) -> str:
    """A text for DuckDB, with its parameters put in, reading other tables where `names` says so; made once.

    Raises:
        ContractError: It is no SQL, or a placeholder has no value.
    """
    # By type and spelling: 1, 1.0 and True are equal, but not the same literal.
    used = [
        (name, type(parameters[name]), repr(parameters[name])) for name in placeholders(sql, what) if name in parameters
    ]
    key = (sql, what, *used, *sorted((names or {}).items()))
    if key not in _rendered:
        if len(_rendered) >= _MOST_RENDERED:
            _rendered.clear()
        _rendered[key] = text(redirect(bind(parse(sql, what), parameters, what), names or {}))
    return _rendered[key]


def literal(value: Parameter) -> exp.Expression:
    """A value as SQL; never by pasting text."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "timestamp")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, (int, float, Decimal)):
        return exp.Literal.number(str(value))
    return exp.Literal.string(str(value))


def tables(tree: exp.Expression) -> list[str]:
    """The tables that a query reads, `layer.table`, each once, in the order of their names."""
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    found = {f"{table.db}.{table.name}" if table.db else table.name for table in tree.find_all(exp.Table)}
    return sorted(found - ctes)


def redirect(tree: exp.Expression, names: Mapping[str, str]) -> exp.Expression:
    """The same query reading other tables: each name of `names`, `layer.table` or bare, is replaced by its value."""
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        name = f"{table.db}.{table.name}" if table.db else table.name
        if name in names and (table.db or name not in ctes):
            other = exp.to_table(names[name], dialect=DIALECT)
            # Columns go on being named by the table that the query was written for.
            table.replace(exp.alias_(other, table.alias or table.name, table=True))
    for column in tree.find_all(exp.Column):
        if f"{column.db}.{column.table}" in names:
            column.set("db", None)
    return tree


@lru_cache(maxsize=256)
def tables_of(sql: str, what: str) -> tuple[str, ...]:
    """`tables` of a text; asked for again and again, and so kept."""
    return tuple(tables(_parsed(sql, what)))


def text(tree: exp.Expression) -> str:
    """The SQL for DuckDB."""
    return tree.sql(dialect=DIALECT)


def quote(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def string(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"
