"""Texts and regular expressions, as Spark has them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from clicklake.engines.dialect_functions import LOWER, Make
from clicklake.engines.dialect_tree import PortabilityError, call, spark, text_of, unportable

_NO_ESCAPE = "\x01"


def _lower(node: exp.Expression) -> exp.Expression:
    return spark(LOWER, text=node.this)


def _upper(node: exp.Expression) -> exp.Expression:
    return spark("UPPER(TRANSLATE(:text, 'ß', 'ẞ'))", text=node.this)  # DuckDB: one character for one


def java_pattern(pattern: str) -> str:
    """A regular expression of RE2 for Java: `$` is the end of the text, `.` all but a line feed."""
    made, in_class, at = [], False, 0
    has_dot = False
    while at < len(pattern):
        here = pattern[at]
        if here == "\\":
            if pattern[at + 1 : at + 2] in ("b", "B"):
                raise PortabilityError(f"\\b is not the same on all engines: {pattern}")
            made.append(pattern[at : at + 2])
            at += 2
            continue
        if here == "[" and not in_class:
            in_class = True
            if pattern[at + 1 : at + 2] == "]":  # a bracket that stands first is itself
                made.append("[\\]")
                at += 2
                continue
        elif here == "[" and in_class and pattern[at + 1 : at + 2] != ":":
            here = "\\["
        elif here == "]":
            in_class = False
        elif here == "&" and in_class and pattern[at + 1 : at + 2] == "&":
            here = "\\&"
        elif not in_class and here == "$":
            here = "\\z"
        elif not in_class and here == ".":
            has_dot = True
        made.append(here)
        at += 1
    text = "".join(made)
    if "[[:" in pattern or "[:" in text:
        raise PortabilityError(f"classes such as [:alpha:] are not the same on all engines: {pattern}")
    text = text.replace("(?i", "(?iu")  # of all letters, not of A to Z alone
    return f"(?d){text}" if has_dot else text


def _pattern(node: exp.Expression) -> exp.Expression:
    return exp.Literal.string(java_pattern(text_of(node.args["expression"], "a regular expression")))


def _matches(node: exp.Expression) -> exp.Expression:
    if node.args.get("flag"):
        raise PortabilityError("options of regular expressions are not the same on all engines")
    return exp.Paren(this=spark(":text RLIKE :pattern", text=node.this, pattern=_pattern(node)))


def _full_match(node: exp.Expression) -> exp.Expression:
    if node.args.get("options"):
        raise PortabilityError("options of regular expressions are not the same on all engines")
    pattern = exp.Literal.string(f"\\A(?:{_pattern(node).name})\\z")
    return exp.Paren(this=spark(":text RLIKE :pattern", text=node.this, pattern=pattern))


def _extract(node: exp.Expression) -> exp.Expression:
    group = node.args.get("group") or exp.Literal.number(0)
    if not (isinstance(group, exp.Literal) and group.name.isdigit()) or node.args.get("parameters"):
        raise PortabilityError("regexp_extract() takes the number of a group, and no options")
    return call("REGEXP_EXTRACT", node.this, _pattern(node), group)


def _replace(node: exp.Expression) -> exp.Expression:
    modifiers = node.args.get("modifiers")
    if modifiers is None or modifiers.name != "g":
        raise PortabilityError("regexp_replace() replaces all matches on some engines: write the option 'g'")
    other = text_of(node.args.get("replacement"), "what regexp_replace() puts in")
    java = re.sub(r"\\(\d)", r"$\1", other.replace("$", "\\$"))
    return call("REGEXP_REPLACE", node.this, _pattern(node), exp.Literal.string(java))


def _like(node: exp.Expression) -> exp.Expression | None:
    """A backslash is a character of DuckDB's patterns, and an escape in Spark's."""
    pattern = node.args["expression"]
    if isinstance(node.parent, exp.Escape):
        return None
    if isinstance(pattern, exp.Literal):
        node.set("expression", exp.Literal.string(pattern.name.replace("\\", "\\\\")))
        return None
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(_NO_ESCAPE))


def _substring(node: exp.Expression) -> exp.Expression | None:
    start = node.args.get("start")
    if isinstance(start, exp.Literal) and int(start.name) > 0:
        return None
    raise PortabilityError("substring() takes a number above 0 as its start to be the same on all engines")


def _end(node: exp.Expression) -> exp.Expression | None:
    if isinstance(node.expression, exp.Literal):
        return None
    raise PortabilityError("left() and right() take a number of 0 or more to be the same on all engines")


def _split(node: exp.Expression) -> exp.Expression | None:
    if text_of(node.args["expression"], "what splits a text"):
        return None
    raise PortabilityError("string_split() at the empty text is not the same on all engines")


def _joined(node: exp.Expression) -> exp.Expression:
    """`array_to_string`: of nulls alone it is null, not the empty text."""
    if node.args.get("null"):
        raise PortabilityError("array_to_string() with a text for nulls is not the same on all engines")
    template = "CASE WHEN SIZE(:l) = 0 OR SIZE(ARRAY_COMPACT(:l)) > 0 THEN ARRAY_JOIN(:l, :by) END"
    return spark(template, l=node.this, by=node.expression)


def _bytes(node: exp.Expression) -> exp.Expression:
    return call("OCTET_LENGTH", *node.expressions)


HOOKS: Mapping[type[exp.Expression], Make] = {
    exp.Lower: _lower,
    exp.Upper: _upper,
    exp.RegexpLike: _matches,
    exp.RegexpFullMatch: _full_match,
    exp.RegexpExtract: _extract,
    exp.RegexpReplace: _replace,
    exp.RegexpILike: unportable("~*", "lower(..) and regexp_matches()"),
    exp.ArrayToString: _joined,
    exp.Substring: _substring,
    exp.Left: _end,
    exp.Right: _end,
    exp.Split: _split,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Glob: unportable("glob", "like, or regexp_matches()"),
}

KNOWN: Mapping[str, Make] = {"strlen": _bytes}
