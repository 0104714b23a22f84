"""The lake functions of `functions.py` in Spark SQL, with the same results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from clicklake.engines.dialect_tree import PortabilityError, spark
from clicklake.engines.functions import is_utc

Make = Callable[[exp.Expression], exp.Expression | None]

# A division of whole numbers is exact; Spark's DIV drops the fraction as DuckDB's // does.
_PCT = """CAST(
    (CAST(:part AS BIGINT) * 20000 + CAST(:whole AS BIGINT)) DIV NULLIF(2 * CAST(:whole AS BIGINT), 0)
    AS DOUBLE) / 100"""

_PER = """CAST(
    CASE WHEN :total < 0 THEN -1 ELSE 1 END
    * CAST(
        (2 * ABS(CAST(CAST(:total AS DECIMAL(36, 2)) * 100 AS DECIMAL(38, 0))) + CAST(:n AS DECIMAL(38, 0)))
        DIV NULLIF(2 * CAST(:n AS DECIMAL(38, 0)), 0)
        AS DECIMAL(20, 0))
    * 0.01
    AS DECIMAL(18, 2))"""

# Spark's lower() knows that a sigma ends a word, and that a dotted capital I is two characters; DuckDB's takes each
# character for itself.
LOWER = "LOWER(TRANSLATE(:text, 'İΣ', 'iσ'))"

_LOWER_SNAKE = r"""CASE
    WHEN :text RLIKE '\\A[a-z0-9]+(_[a-z0-9]+)*\\z' THEN :text
    WHEN :text RLIKE '\\A[A-Z]?[a-z0-9]+([ _-][A-Z]?[a-z0-9]+)*\\z' THEN LOWER(TRANSLATE(:text, ' -', '__'))
    ELSE NULLIF(TRIM(BOTH '_' FROM REGEXP_REPLACE(LOWER(TRANSLATE(REGEXP_REPLACE(REGEXP_REPLACE(
        :text,
        '(\\p{Lu})(\\p{Lu}\\p{Ll})', '$1_$2'),
        '([\\p{Ll}\\p{N}])(\\p{Lu})', '$1_$2'),
        'İΣ', 'iσ')), '[^\\p{L}\\p{N}]+', '_')), '')
    END"""


def lake_functions(reporting_timezone: str) -> Mapping[str, Make]:
    """By the name of the lake function, what makes Spark SQL of a call of it."""

    def reporting_time(node: exp.Expression) -> exp.Expression:
        (time,) = _arguments(node, 1)
        if is_utc(reporting_timezone):
            return spark("CAST(:time AS TIMESTAMP)", time=time)
        zone = exp.Literal.string(reporting_timezone)
        return spark("FROM_UTC_TIMESTAMP(CAST(:time AS TIMESTAMP), :zone)", time=time, zone=zone)

    return {"reporting_time": reporting_time, "pct": _pct, "per": _per, "lower_snake": _lower_snake}


def _pct(node: exp.Expression) -> exp.Expression:
    part, whole = _arguments(node, 2)
    return exp.Paren(this=spark(_PCT, part=part, whole=whole))


def _per(node: exp.Expression) -> exp.Expression:
    total, n = _arguments(node, 2)
    return spark(_PER, total=total, n=n)


def _lower_snake(node: exp.Expression) -> exp.Expression:
    (value,) = _arguments(node, 1)
    return spark(_LOWER_SNAKE, text=value)


def _arguments(node: exp.Expression, count: int) -> list[exp.Expression]:
    arguments: list[exp.Expression] = node.expressions
    if len(arguments) != count:
        raise PortabilityError(f"{node.name.lower()}() takes {count} arguments, not {len(arguments)}")
    return arguments
