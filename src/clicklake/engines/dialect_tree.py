"""What the hooks of the dialect build trees with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import cast

import sqlglot
from sqlglot import exp

from clicklake.errors import EngineError


class PortabilityError(EngineError):
    """A statement that can't be carried over to another engine with the same result."""


def spark(template: str, **parts: exp.Expression) -> exp.Expression:
    """Spark SQL with other expressions put in for its `:names`."""
    tree = _template(template).copy()
    for placeholder in list(tree.find_all(exp.Placeholder)):
        placeholder.replace(wrapped(parts[placeholder.name]))
    return tree


@lru_cache(maxsize=256)
def _template(template: str) -> exp.Expression:
    return cast(exp.Expression, sqlglot.parse_one(template, read="spark"))


def wrapped(node: exp.Expression) -> exp.Expression:
    """A copy that may stand anywhere in an expression."""
    is_open = isinstance(node, (exp.Binary, exp.Unary, exp.Between, exp.In))
    return exp.Paren(this=node.copy()) if is_open and not isinstance(node, (exp.Dot, exp.Paren)) else node.copy()


def call(name: str, *arguments: exp.Expression) -> exp.Expression:
    """A function of Spark by its name, whatever sqlglot knows of it."""
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def nulls_last(key: exp.Expression) -> exp.Expression:
    """A struct whose nulls come behind all values."""
    named = isinstance(key, exp.Struct)
    if not named and not (isinstance(key, exp.Anonymous) and key.name.upper() == "STRUCT"):
        return key
    parts: list[exp.Expression] = []
    for item in key.expressions:
        value = item.expression if isinstance(item, exp.PropertyEQ) else item.unalias()
        parts += [spark("ISNULL(:v)", v=value), nulls_last(value).copy()]
    return exp.Anonymous(this="STRUCT", expressions=parts)


def text_of(node: exp.Expression | None, what: str) -> str:
    """The text of a literal.

    Raises:
        PortabilityError: It is none.
    """
    if isinstance(node, exp.Literal) and node.is_string:
        return node.name
    raise PortabilityError(f"{what} must be a text literal to be the same on all engines")


def unportable(what: str, instead: str) -> Callable[[exp.Expression], exp.Expression | None]:
    """A hook of what has another result on each engine."""

    def refuse(_: exp.Expression) -> exp.Expression | None:
        raise PortabilityError(f"{what} has not the same result on all engines; write instead: {instead}")

    return refuse
