"""Where Spark answers differently, or has another word: by the type of a node, what says the same to Spark.

A hook gets a node of DuckDB's dialect whose parts are Spark's already, and gives what stands in place of it; None
where it stays. Those of dates and times are in `dialect_times`, those of aggregates in `dialect_aggregates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.expressions import apply_index_offset

from clicklake.engines import dialect_queries, dialect_texts, dialect_times
from clicklake.engines.dialect_functions import Make
from clicklake.engines.dialect_tree import PortabilityError, call, spark, unportable

_DUCKDB = Dialect.get_or_raise("duckdb")
_FRACTIONS = (exp.DType.DOUBLE, exp.DType.FLOAT)
_INTEGERS = {exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT, exp.DType.TINYINT}

_TYPES = {
    exp.DType.TIMESTAMP: "timestamptz",  # in the session's zone, UTC; sqlglot's other one is timestamp_ntz
    exp.DType.TIMESTAMPNTZ: "timestamptz",
    exp.DType.UBIGINT: "bigint",
    exp.DType.UINT: "bigint",
    exp.DType.USMALLINT: "int",
    exp.DType.UTINYINT: "smallint",
    exp.DType.INT128: "decimal(38, 0)",
    exp.DType.UINT128: "decimal(38, 0)",
}


def _type(node: exp.Expression) -> exp.Expression | None:
    known = _TYPES.get(node.this)
    if node.this in (exp.DType.JSON, exp.DType.TIME, exp.DType.INTERVAL, exp.DType.UUID):
        raise PortabilityError(f"the type {node.this.value.lower()} is not the same on all engines")
    return exp.DataType.build(known) if known else None


def _cast(node: exp.Expression) -> exp.Expression | None:
    """Spark cuts fractions off where DuckDB rounds: decimals half away from zero, floating point half to even."""
    kind = _fraction(cast(exp.Expression, node.this))
    if not kind or node.args["to"].this not in _INTEGERS:
        return None
    rounded = "ROUND(:x)" if kind == "decimal" else "RINT(:x)"
    node.set("this", spark(rounded, x=node.this))
    return None


def _fraction(node: exp.Expression) -> str | None:
    """What kind of fractions an expression has by its text; None where it has none, or a column would tell."""
    if isinstance(node, exp.Cast):
        kind = node.args["to"].this
        if kind == exp.DType.DECIMAL:
            return "decimal" if not _scale_is_zero(node.args["to"]) else None
        return "double" if kind in _FRACTIONS else None
    if isinstance(node, exp.Literal) and not node.is_string and not node.name.isdigit():
        return "double" if "e" in node.name.lower() else "decimal"
    if isinstance(node, (exp.Div, exp.Sqrt, exp.Ln, exp.Exp, exp.Pow)):
        return "double"
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul)):
        kinds = {_fraction(cast(exp.Expression, side)) for side in (node.left, node.right)}
        return "double" if "double" in kinds else "decimal" if "decimal" in kinds else None
    return _fraction(node.this) if isinstance(node, (exp.Paren, exp.Neg, exp.Abs)) else None


def _scale_is_zero(data_type: exp.Expression) -> bool:
    sizes = [size.name for size in data_type.expressions]
    return len(sizes) == 1 or sizes[1:] == ["0"]


def _try_cast(node: exp.Expression) -> exp.Expression | None:
    if not isinstance(node.this, exp.Literal) and not node.args["to"].is_type("text", "varchar"):
        raise PortabilityError("try_cast takes other texts on other engines; type texts in the contract of the source")
    return None


def _divide(node: exp.Expression) -> exp.Expression:
    """DuckDB divides as floating point, by zero too."""
    part, whole = node.args["this"], node.args["expression"]
    plain = isinstance(whole, exp.Nullif) or (isinstance(whole, exp.Literal) and float(whole.name) != 0)
    if plain:
        return spark("CAST(:a AS DOUBLE) / CAST(:b AS DOUBLE)", a=part, b=whole)
    return spark(
        "CASE WHEN :b = 0 THEN CAST(:a AS DOUBLE) * DOUBLE('Infinity') "
        "ELSE CAST(:a AS DOUBLE) / CAST(:b AS DOUBLE) END",
        a=part,
        b=whole,
    )


def _bracket(node: exp.Expression) -> exp.Expression:
    """An element of a list, from 1 or from the end, or of a map; null where there is none."""
    index = node.expressions[0]
    if len(node.expressions) != 1 or isinstance(index, exp.Slice):
        raise PortabilityError("x[a:b] is not the same on all engines; write substring(x, a, length)")
    if not (isinstance(index, exp.Literal) and index.is_string):
        # sqlglot counts from 0 where it knows the number.
        (index,) = apply_index_offset(node.this, [index.copy()], 1, dialect=_DUCKDB)
        if isinstance(index, exp.Literal) and index.name == "0":
            return exp.null()
    return call("TRY_ELEMENT_AT", node.this, index)


def _row(node: exp.Expression) -> exp.Expression:
    return call("STRUCT", *node.expressions)


def _hash(node: exp.Expression) -> exp.Expression:
    """By texts, since maps have no hash; with what is null, since nulls count for nothing."""
    parts: list[exp.Expression] = []
    for value in node.expressions:
        parts += [spark("ISNULL(:v)", v=value), spark("CAST(:v AS STRING)", v=value)]
    return call("XXHASH64", *parts)


def _series(node: exp.Expression) -> exp.Expression:
    """`range(n)`, without its end, and `generate_series(a, b)`; Spark's own would count down where DuckDB stops."""
    if node.args.get("step"):
        raise PortabilityError("range() and generate_series() with a step are not the same on all engines")
    last = ":b - 1" if node.args.get("is_end_exclusive") else ":b"
    start = "CAST(:a AS BIGINT)"
    return spark(
        f"CASE WHEN {start} <= {last} THEN SEQUENCE({start}, CAST({last} AS BIGINT)) "
        f"WHEN {start} > {last} THEN CAST(ARRAY() AS ARRAY<BIGINT>) END",
        a=node.args["start"],
        b=node.args["end"],
    )


def _contains(node: exp.Expression) -> exp.Expression:
    return spark("COALESCE(ARRAY_CONTAINS(:l, :x), :l IS NULL AND NULL)", l=node.this, x=node.expression)


def _sort(node: exp.Expression) -> exp.Expression:
    if node.args.get("expression") or node.args.get("asc"):
        raise PortabilityError("list_sort() with an order is not the same on all engines; it sorts upwards, nulls last")
    return call("ARRAY_SORT", node.this)


def _distinct(node: exp.Expression) -> exp.Expression:
    return spark("ARRAY_DISTINCT(ARRAY_COMPACT(:l))", l=node.this)


def _round(node: exp.Expression) -> exp.Expression | None:
    """DuckDB rounds floating point numbers by their hundredfold, Spark by their shortest text."""
    digits = node.args.get("decimals")
    if digits is None:
        return None
    if not isinstance(digits, exp.Literal) or not 0 < int(digits.name) <= 9:
        raise PortabilityError("round() takes a number of digits from 1 to 9 to be the same on all engines")
    power = exp.Literal.number(10 ** int(digits.name))
    return exp.Paren(this=spark("ROUND(:x * :power) / :power", x=node.this, power=power))


def _is_nan(node: exp.Expression) -> exp.Expression:
    return spark("CASE WHEN :x IS NOT NULL THEN ISNAN(:x) END", x=node.this)


def _log(node: exp.Expression) -> exp.Expression | None:
    return call("LOG10", node.this) if node.args.get("expression") is None else None


def _concat(node: exp.Expression) -> exp.Expression:
    texts = [exp.cast(part.copy(), "text") for part in node.expressions]
    return call("CONCAT_WS", exp.Literal.string(""), *texts)


def _json_object(node: exp.Expression) -> exp.Expression:
    parts: list[exp.Expression] = []
    for pair in node.expressions:
        if not isinstance(pair, exp.JSONKeyValue):
            raise PortabilityError("json_object() takes pairs of a name and a value")
        parts += [pair.this, pair.expression]
    options = spark("MAP('ignoreNullFields', 'false')")
    return call("TO_JSON", call("NAMED_STRUCT", *parts), options)


def _command(node: exp.Expression) -> exp.Expression:
    raise PortabilityError(f"no SQL that all engines share: {node.sql(dialect='duckdb')[:80]}")


HOOKS: Mapping[type[exp.Expression], Make] = {
    exp.DataType: _type,
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.Div: _divide,
    exp.Bracket: _bracket,
    exp.GenerateSeries: _series,
    exp.ArrayContains: _contains,
    exp.ArraySort: _sort,
    exp.Log: _log,
    exp.Concat: _concat,
    exp.ArrayDistinct: _distinct,
    exp.Round: _round,
    exp.IsNan: _is_nan,
    exp.JSONObject: _json_object,
    exp.Command: _command,
    exp.Median: unportable("median()", "pick a row by row_number()"),
    exp.PercentileCont: unportable("quantile_cont()", "pick a row by row_number()"),
    exp.PercentileDisc: unportable("quantile_disc()", "pick a row by row_number()"),
    exp.Quantile: unportable("quantile()", "pick a row by row_number()"),
    exp.ApproxQuantile: unportable("approx_quantile()", "pick a row by row_number()"),
    exp.ApproxDistinct: unportable("approx_count_distinct()", "count(distinct ..)"),
    exp.Mode: unportable("mode()", "count, and pick a row by row_number()"),
    exp.ArrayConcat: unportable("list_concat()", "coalesce the lists and join them with ||"),
    exp.Format: unportable("format()", "join texts with ||"),
    exp.Typeof: unportable("typeof()", "the types are those of the documents"),
    exp.Rand: unportable("random()", "a result that can be repeated"),
    exp.Uuid: unportable("uuid()", "a key of the row's own columns"),
    **dialect_texts.HOOKS,
    **dialect_times.HOOKS,
    **dialect_queries.HOOKS,
}

KNOWN: Mapping[str, Make] = {
    "row": _row,
    "hash": _hash,
    "map_entries": lambda _: None,  # the same in both
    **dialect_texts.KNOWN,
    **dialect_times.KNOWN,
}
"""By the name of a function that sqlglot has no type for."""

SAME: frozenset[type[exp.Expression]] = frozenset(
    {
        *(exp.Abs, exp.And, exp.Array, exp.ArrayFilter, exp.ArrayMax, exp.ArrayMin, exp.ArraySize),
        *(exp.BitwiseAndAgg, exp.BitwiseOrAgg, exp.BitwiseXorAgg, exp.Case, exp.Ceil, exp.Coalesce, exp.ConcatWs),
        *(exp.Contains, exp.Count, exp.CountIf, exp.CovarSamp, exp.CumeDist, exp.CurrentDate),
        *(exp.CurrentTimestamp, exp.DateFromParts, exp.Day, exp.DayOfMonth, exp.DayOfYear, exp.DenseRank, exp.EndsWith),
        *(exp.Exists, exp.Exp, exp.Explode, exp.FirstValue, exp.Floor, exp.Greatest, exp.GroupConcat),
        *(exp.Grouping, exp.GroupingId, exp.Hour, exp.If, exp.JSONExtractScalar, exp.Lag, exp.LastDay),
        *(exp.LastValue, exp.Lead, exp.Least, exp.Length, exp.Ln, exp.LogicalAnd, exp.LogicalOr, exp.MD5),
        *(exp.MapFromEntries, exp.MapKeys, exp.Max, exp.Min, exp.Minute, exp.Month, exp.NthValue, exp.Ntile),
        *(exp.Nullif, exp.Or, exp.Pad, exp.PercentRank, exp.Pow, exp.Quarter, exp.Rank, exp.Repeat, exp.Replace),
        *(exp.RowNumber, exp.Second, exp.Sign, exp.SplitPart, exp.Sqrt, exp.StartsWith, exp.Stddev, exp.StddevPop),
        *(exp.StrPosition, exp.Struct, exp.StructExtract, exp.Sum, exp.TimestampFromParts, exp.Transform),
        *(exp.Translate, exp.Trim, exp.Unnest, exp.Variance, exp.VariancePop, exp.WeekOfYear, exp.Year),
    }
)
"""Functions that sqlglot spells for Spark with DuckDB's results; tests/spark/parity has run each on both engines."""
