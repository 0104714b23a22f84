"""Parts of queries that Spark has not: what is said with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from clicklake.engines.dialect_functions import Make
from clicklake.engines.dialect_tree import PortabilityError, nulls_last, unportable

_KEEP = "__keep"


def _select(node: exp.Expression) -> exp.Expression | None:
    _replaced(node)
    if sum(1 for item in node.expressions for _ in item.find_all(exp.Explode)) > 1:
        raise PortabilityError("two unnest() beside each other are not the same on all engines")
    if isinstance(distinct := node.args.get("distinct"), exp.Distinct) and distinct.args.get("on"):
        raise PortabilityError("distinct on: pick a row by row_number()")
    return _qualified(node) if node.args.get("qualify") else None


def _replaced(select: exp.Expression) -> None:
    """`* replace (x as a)`: all but `a`, and then `x as a`; the columns have another order, and the same names."""
    made: list[exp.Expression] = []
    behind: list[exp.Expression] = []
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        replaced = star.args.get("replace") if isinstance(star, exp.Star) else None
        if replaced:
            names = [exp.to_identifier(other.alias) for other in replaced]
            star.set("except_", [*(star.args.get("except_") or []), *names])
            star.set("replace", None)
            behind += replaced
        made.append(item)
    if behind:
        if isinstance(select.parent, exp.SetOperation):
            raise PortabilityError("* replace: the columns have another order, which a union would not see")
        select.set("expressions", [*made, *behind])


def _qualified(select: exp.Expression) -> exp.Expression:
    """What `qualify` asks for as a column of an inner query; all columns but this one leave the outer one."""
    inner = select.copy()
    named = {item.alias: item.this for item in inner.expressions if isinstance(item, exp.Alias)}
    condition = inner.args["qualify"].this
    for column in list(condition.find_all(exp.Column)):
        if not column.table and column.name in named:
            column.replace(exp.Paren(this=named[column.name].copy()))
    outer = exp.Select()
    star = exp.Star(**{"except_": [exp.to_identifier(_KEEP)]})
    outer.set("expressions", [star])
    for part in ("with_", "order", "limit", "offset"):
        if inner.args.get(part):
            outer.set(part, inner.args[part].copy())
            inner.set(part, None)
    inner.set("qualify", None)
    inner.append("expressions", exp.alias_(condition.copy(), _KEEP))
    if inner.args.get("distinct"):
        raise PortabilityError("select distinct with qualify: do it in two steps")
    outer.set("from_", exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("__all")))))
    outer.set("where", exp.Where(this=exp.column(_KEEP)))
    return outer


def _ordered(node: exp.Expression) -> exp.Expression | None:
    node.set("this", nulls_last(node.this))
    return None


def _join(node: exp.Expression) -> exp.Expression | None:
    for word in ("method", "kind", "side"):
        if str(node.args.get(word) or "").upper() in ("ASOF", "POSITIONAL", "NATURAL"):
            raise PortabilityError(f"{node.args[word].lower()} join is not the same on all engines; join by conditions")
    return None


def by_name(union: exp.Expression, columns: Callable[[str], Sequence[str]] | None) -> None:
    """`union all by name`: both sides with all columns of both, null where a side has none."""
    sides = [union.args["this"], union.args["expression"]]
    known = [_columns(side, columns) for side in sides]
    every = list(dict.fromkeys(name for names in known for name in names))
    for part, side, names in zip(("this", "expression"), sides, known, strict=True):
        selected = [
            exp.column(exp.to_identifier(name, quoted=True))
            if name in names
            else exp.alias_(exp.null(), exp.to_identifier(name, quoted=True))
            for name in every
        ]
        from_ = exp.From(this=exp.Subquery(this=side.copy(), alias=exp.TableAlias(this=exp.to_identifier("side"))))
        union.set(part, exp.Select(**{"expressions": selected, "from_": from_}))
    union.set("by_name", None)


def _columns(side: exp.Expression, columns: Callable[[str], Sequence[str]] | None) -> list[str]:
    if not isinstance(side, exp.Select):
        raise PortabilityError("union by name takes plain selects")
    if not side.is_star:
        return side.named_selects
    table = side.args["from_"].this if side.args.get("from_") else None
    if len(side.expressions) == 1 and isinstance(table, exp.Subquery) and not side.args.get("joins"):
        return _columns(table.this, columns)
    if len(side.expressions) != 1 or not isinstance(table, exp.Table) or columns is None or side.args.get("joins"):
        raise PortabilityError("union by name: the columns are not known here; list them, or write union all")
    return list(columns(f"{table.db}.{table.name}" if table.db else table.name))


HOOKS: Mapping[type[exp.Expression], Make] = {
    exp.Select: _select,
    exp.Join: _join,
    exp.Ordered: _ordered,
    exp.Pivot: unportable("pivot", "filter (where ..)"),
    exp.TableSample: unportable("a sample", "rows that a condition picks"),
}
