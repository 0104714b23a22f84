"""Rules of contracts, taken apart: which values of which columns would break them, and in which rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from sqlglot import exp

Value: TypeAlias = str | int | float
Operator: TypeAlias = Literal["is null", "is not null", "=", "<>", "<", "<=", ">", ">=", "in", "not in"]

_COMPARISONS: dict[type[exp.Expr], Operator] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_TURNED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_OPPOSITE: dict[Operator, Operator] = {
    "is null": "is not null",
    "is not null": "is null",
    "=": "<>",
    "<>": "=",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "in": "not in",
    "not in": "in",
}
_MOST = 64  # combinations that a rule may have


@dataclass(frozen=True)
class Atom:
    """One comparison.

    Args:
        column: What is compared.
        operator: How.
        values: With what; several for `in` and `not in`.
        other: Or with which other column.
    """

    column: str
    operator: Operator
    values: tuple[Value, ...] = ()
    other: str = ""


@dataclass(frozen=True)
class Unclear:
    """A part of a condition that is no plain comparison."""

    sql: str


Part: TypeAlias = Atom | Unclear | None
"""None: it can never be true, because a setting is not set."""


def alternatives(condition: exp.Expr) -> list[list[Part]] | None:
    """The condition as alternatives of parts that must all be true; None where it is too large to take apart."""
    found = _parts(condition, is_not=False)
    return None if found is None else [list(parts) for parts in found]


def _parts(node: exp.Expr, *, is_not: bool) -> list[tuple[Part, ...]] | None:
    if isinstance(node, exp.Paren):
        return _parts(node.this, is_not=is_not)
    if isinstance(node, exp.Not):
        return _parts(node.this, is_not=not is_not)
    if isinstance(node, (exp.And, exp.Or)):
        left, right = _parts(node.left, is_not=is_not), _parts(node.right, is_not=is_not)
        if left is None or right is None:
            return None
        if isinstance(node, exp.Or) != is_not:
            return left + right
        if len(left) * len(right) > _MOST:
            return None
        return [(*a, *b) for a, b in product(left, right)]
    return [(part,) for part in _atoms(node, is_not=is_not)]


def _atoms(node: exp.Expr, *, is_not: bool) -> Iterator[Part]:
    if isinstance(node, exp.Between) and isinstance(node.this, exp.Column) and is_not:
        for kind, key in ((exp.LT, "low"), (exp.GT, "high")):
            yield _atom(kind(this=node.this, expression=node.args[key]), is_not=False)
        return
    yield _atom(node, is_not=is_not)


def _atom(node: exp.Expr, *, is_not: bool) -> Part:
    found: Part = Unclear(node.sql(dialect="duckdb"))
    if isinstance(node, exp.Is) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Null):
        found = Atom(node.this.name, "is null")
    elif type(node) in _COMPARISONS:
        found = _comparison(node, _COMPARISONS[type(node)])
    elif isinstance(node, exp.In) and isinstance(node.this, exp.Column) and node.expressions:
        values = [_value(item) for item in node.expressions]
        if all(value is not None for value in values):
            found = Atom(node.this.name, "in", tuple(value for value in values if value is not None))
    if isinstance(found, Atom) and is_not:
        return Atom(found.column, _OPPOSITE[found.operator], found.values, found.other)
    if isinstance(found, Unclear) and is_not:
        return Unclear(f"not ({found.sql})")
    return found


def _comparison(node: exp.Expr, operator: Operator) -> Part:
    left, right = node.this, node.expression
    if isinstance(left, exp.Null) or isinstance(right, exp.Null):
        return None
    if isinstance(right, exp.Column) and not isinstance(left, exp.Column):
        left, right, operator = right, left, _TURNED[operator]
    if not isinstance(left, exp.Column):
        return Unclear(node.sql(dialect="duckdb"))
    if isinstance(right, exp.Column):
        return Atom(left.name, operator, (), right.name)
    value = _value(right)
    return Unclear(node.sql(dialect="duckdb")) if value is None else Atom(left.name, operator, (value,))


def _value(node: exp.Expr) -> Value | None:
    """A literal; dates and times as ISO 8601."""
    if isinstance(node, exp.Neg):
        inner = _value(node.this)
        return None if inner is None or isinstance(inner, str) else -inner
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string:
        is_time = node.to.is_type("date", "timestamp", "timestampntz", "datetime")
        return str(node.this.this).replace(" ", "T") if is_time else None
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return str(node.this)
    number = float(node.this)
    return int(number) if number.is_integer() else number


def told(parts: Sequence[Part]) -> str:
    """Parts in words, for the reasons of what is not exported."""
    words = []
    for part in parts:
        if isinstance(part, Unclear):
            words.append(part.sql)
        elif part is not None:
            behind = part.other or ", ".join(map(repr, part.values))
            words.append(f"{part.column} {part.operator} {behind}".strip())
    return " and ".join(words)
