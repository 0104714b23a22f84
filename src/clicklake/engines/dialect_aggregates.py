"""Aggregates, as Spark has them: what nulls, orders and empty groups become."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from clicklake.engines.dialect_tree import PortabilityError, nulls_last, spark


def _outermost(node: exp.Expression) -> exp.Expression:
    """The aggregate with its `filter` and `over`."""
    while isinstance(node.parent, (exp.Filter, exp.Window, exp.IgnoreNulls)) and node.arg_key == "this":
        node = node.parent
    return node


def _around(node: exp.Expression, template: str, **parts: exp.Expression) -> None:
    """Put a template around an aggregate with its `filter` and `over`, as `:all`."""
    whole = _outermost(node)
    marker = exp.Paren(this=whole.copy())
    whole.replace(spark(template, all=marker, **parts))


def _by(node: exp.Expression) -> None:
    """`arg_min`, `arg_max`: DuckDB leaves out rows whose result is null; a null in a struct is its greatest value."""
    result, key = node.this, node.expression
    if node.args.get("count"):
        raise PortabilityError("arg_min() and arg_max() of several rows: number the rows by row_number()")
    node.set("expression", spark("CASE WHEN :r IS NOT NULL THEN :k END", r=result, k=nulls_last(key)))


def _list(node: exp.Expression) -> None:
    """`list(x order by ..)`: Spark leaves out nulls, knows no order, and has an empty list where no row is."""
    value, keys, is_distinct = node.this, [], False
    if isinstance(value, exp.Order):
        value, keys = value.this, value.expressions
    if isinstance(value, exp.Distinct):
        value, is_distinct = value.expressions[0], True
    if is_distinct and keys:
        raise PortabilityError("list(distinct .. order by ..): do it in two steps")
    fields = ", ".join(f":k{number} AS k{number}" for number in range(len(keys)))
    packed = spark(
        f"STRUCT(:v AS v{', ' + fields if fields else ''})",
        v=value,
        **{f"k{number}": key.this for number, key in enumerate(keys)},
    )
    node.set("this", packed)
    rows = f"ARRAY_SORT(:all, (l, r) -> {_comparison(keys)})" if keys else ":all"
    values = f"TRANSFORM({rows}, e -> e.v)"
    if is_distinct:
        values = f"ARRAY_DISTINCT({values})"
    _around(node, f"CASE WHEN SIZE(:all) > 0 THEN {values} END")


def _comparison(keys: list[exp.Expression]) -> str:
    cases = []
    for number, key in enumerate(keys):
        left, right = f"l.k{number}", f"r.k{number}"
        first = -1 if key.args.get("nulls_first") else 1
        less = 1 if key.args.get("desc") else -1
        cases.append(
            f"WHEN {left} IS NULL AND {right} IS NOT NULL THEN {first} "
            f"WHEN {left} IS NOT NULL AND {right} IS NULL THEN {-first} "
            f"WHEN {left} < {right} THEN {less} WHEN {left} > {right} THEN {-less}"
        )
    return f"CASE {' '.join(cases)} ELSE 0 END"


def _average(node: exp.Expression) -> None:
    """DuckDB's is a floating point number, of decimals too; their sum is exact."""
    whole = _outermost(node)
    value = node.this
    if isinstance(value, exp.Distinct):
        raise PortabilityError("avg(distinct ..): do it in two steps")
    total = _with(whole, node, exp.Sum(this=value.copy()))
    count = _with(whole, node, exp.Count(this=value.copy(), big_int=True))
    mean = spark("CAST(:total AS DOUBLE) / NULLIF(:count, 0)", total=total, count=count)
    whole.replace(exp.Paren(this=mean))


def _any(node: exp.Expression) -> None:
    """Not null where a row has a value; Spark's parser knows no `ignore nulls` before a `filter`."""
    outer = node.parent if isinstance(node.parent, exp.IgnoreNulls) else node
    outer.replace(exp.Anonymous(this="ANY_VALUE", expressions=[node.this.copy(), exp.true()]))


def _correlation(node: exp.Expression) -> None:
    """Spark's own divides by zero where a side has one value only; DuckDB's is no number then."""
    whole = _outermost(node)
    x, y = node.this, node.expression
    both = {
        "x": spark("CASE WHEN :y IS NOT NULL THEN CAST(:x AS DOUBLE) END", x=x, y=y),
        "y": spark("CASE WHEN :x IS NOT NULL THEN CAST(:y AS DOUBLE) END", x=x, y=y),
    }
    parts = {
        "n": _with(whole, node, spark("COUNT(:x)", **both)),
        "sx": _with(whole, node, spark("STDDEV_POP(:x)", **both)),
        "sy": _with(whole, node, spark("STDDEV_POP(:y)", **both)),
        "xy": _with(whole, node, spark("COVAR_POP(:x, :y)", **both)),
    }
    template = """CASE WHEN :n = 0 THEN NULL WHEN :sx * :sy = 0 THEN DOUBLE('NaN')
        ELSE :xy / NULLIF(:sx * :sy, 0) END"""
    whole.replace(spark(template, **parts))


def _with(whole: exp.Expression, node: exp.Expression, other: exp.Expression) -> exp.Expression:
    """A copy of an aggregate's `filter` and `over` with another aggregate in its place."""
    if whole is node:
        return other
    copied = whole.copy()
    copied.set("this", _with(whole.this, node, other))
    return copied


AGGREGATES: Mapping[type[exp.Expression], Callable[[exp.Expression], None]] = {
    exp.ArgMin: _by,
    exp.ArgMax: _by,
    exp.AnyValue: _any,
    exp.ArrayAgg: _list,
    exp.Avg: _average,
    exp.Corr: _correlation,
}
"""Run when all other nodes are Spark's, since they are about an aggregate with what stands around it."""
