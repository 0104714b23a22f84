"""Expressions of SQL: which columns are in them, and how they are told to people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp

from clicklake.engines.sql import DIALECT

_UNQUOTED_WORD = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[$]?\w+")


def made_of(node: exp.Expr) -> list[tuple[str, str]]:
    """The tables' columns that an expression is made of, each once."""
    framing = {id(column) for column in _framing_columns(node)}
    return _named(column for column in node.find_all(exp.Column) if id(column) not in framing)


def framing_of(node: exp.Expr) -> list[tuple[str, str]]:
    """The tables' columns that choose and order the rows which windows of an expression look at, each once."""
    return _named(_framing_columns(node))


def _framing_columns(node: exp.Expr) -> Iterator[exp.Column]:
    for window in node.find_all(exp.Window):
        for part in frame(window):
            yield from part.find_all(exp.Column)


def frame(window: exp.Expr) -> Iterator[exp.Expr]:
    """What a window parts rows by, and orders them by."""
    yield from window.args.get("partition_by") or ()
    if order := window.args.get("order"):
        yield from order.expressions


def _named(columns: Iterable[exp.Column]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((column.table, column.name) for column in columns if "." in column.table))


def replaced(node: exp.Expr, chosen: Mapping[str, exp.Expr]) -> exp.Expr:
    """The same with values in place of columns and subqueries.

    Args:
        node: The expression.
        chosen: The values, by `key_of` what they replace.
    """

    def put(part: exp.Expr) -> exp.Expr:
        if not isinstance(part, (exp.Column, exp.Query)) or key_of(part) not in chosen:
            return part
        value = chosen[key_of(part)].copy()
        within = part.parent is not None and not isinstance(part.parent, (exp.Func, exp.Paren, exp.Subquery))
        return exp.paren(value) if within and isinstance(value, (exp.Binary, exp.Case)) else value

    return node.transform(put)


def key_of(part: exp.Expr) -> str:
    """What tells a column or a subquery from others of the same query."""
    return f"{part.table}.{part.name}" if isinstance(part, exp.Column) else str(part.sql())


def unknown(name: str) -> exp.Expr:
    """A column of no table."""
    return exp.column(exp.to_identifier(name))


def told(node: exp.Expr) -> str:
    """SQL for people: lower case, no table names."""
    bare = node.copy()
    columns = list(bare.find_all(exp.Column))
    is_one = len({column.table for column in columns}) == 1
    for column in columns:
        if is_one or "." in column.table:
            column.set("table", None)
    names = {part.name for part in bare.find_all(exp.Identifier)}
    sql = bare.sql(dialect=DIALECT, normalize_functions="lower", comments=False)

    def lower(found: re.Match[str]) -> str:
        word = found[0]
        if word.startswith("$"):
            return f":{word[1:]}"  # a parameter, as it is written in models
        is_keyword = word.isupper() and word[0] not in "'\"" and word not in names
        return word.lower() if is_keyword else word

    return _UNQUOTED_WORD.sub(lower, sql)
