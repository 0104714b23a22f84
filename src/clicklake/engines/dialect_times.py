"""Dates and times, as Spark has them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from clicklake.engines.dialect_functions import Make
from clicklake.engines.dialect_tree import PortabilityError, call, spark, unportable

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_TRUNCATED = {"year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond"}

_DIFFERENCES = {
    "day": "DATEDIFF(CAST(:b AS DATE), CAST(:a AS DATE))",
    "week": "DATEDIFF(CAST(:b AS DATE), CAST(:a AS DATE)) DIV 7",
    "month": "(YEAR(:b) - YEAR(:a)) * 12 + MONTH(:b) - MONTH(:a)",
    "quarter": "(YEAR(:b) - YEAR(:a)) * 4 + QUARTER(:b) - QUARTER(:a)",
    "year": "YEAR(:b) - YEAR(:a)",
    "millisecond": "UNIX_MILLIS(CAST(:b AS TIMESTAMP)) - UNIX_MILLIS(CAST(:a AS TIMESTAMP))",
    "microsecond": "UNIX_MICROS(CAST(:b AS TIMESTAMP)) - UNIX_MICROS(CAST(:a AS TIMESTAMP))",
    **{
        unit: f"CAST(FLOOR(UNIX_SECONDS(CAST(:b AS TIMESTAMP)) / {n}) - "
        f"FLOOR(UNIX_SECONDS(CAST(:a AS TIMESTAMP)) / {n}) AS BIGINT)"
        for unit, n in _SECONDS.items()
    },
}
"""Boundaries between two times; Spark's own counts full units."""

_PARTS = {
    **{unit: f"{unit.upper()}(:x)" for unit in ("year", "quarter", "month", "day", "hour", "minute", "second")},
    "week": "WEEKOFYEAR(:x)",
    "isoyear": "EXTRACT(YEAROFWEEK FROM :x)",
    "doy": "DAYOFYEAR(:x)",
    "dayofyear": "DAYOFYEAR(:x)",
    "dow": "DAYOFWEEK(:x) - 1",
    "dayofweek": "DAYOFWEEK(:x) - 1",
    "weekday": "DAYOFWEEK(:x) - 1",
    "isodow": "WEEKDAY(:x) + 1",
    "epoch": "CAST(UNIX_MICROS(CAST(:x AS TIMESTAMP)) AS DOUBLE) / 1000000",
}

_FORMATS = {
    "%Y": "yyyy",
    "%m": "MM",
    "%d": "dd",
    "%H": "HH",
    "%M": "mm",
    "%S": "ss",
    "%f": "SSSSSS",
    "%y": "yy",
    "%B": "MMMM",
    "%b": "MMM",
    "%A": "EEEE",
    "%a": "EEE",
    "%j": "DDD",
    "%p": "a",
    "%I": "hh",
    "%-d": "d",
    "%-m": "M",
    "%-H": "H",
    "%-I": "h",
    "%%": "'%'",
}


def _unit(node: exp.Expression | None) -> str:
    return node.name.lower() if node is not None else ""


def _difference(node: exp.Expression) -> exp.Expression:
    unit = _unit(node.args.get("unit")) or "day"
    if unit not in _DIFFERENCES:
        raise PortabilityError(f"date_diff('{unit}', ..) is not the same on all engines")
    return spark(f"CAST({_DIFFERENCES[unit]} AS BIGINT)", a=node.args["expression"], b=node.args["this"])


def part(unit: str, value: exp.Expression) -> exp.Expression:
    """A part of a time, as DuckDB counts it.

    Raises:
        PortabilityError: Engines count it differently.
    """
    if unit not in _PARTS:
        raise PortabilityError(f"the part {unit} of a time is not the same on all engines")
    return exp.Paren(this=spark(f"CAST({_PARTS[unit]} AS BIGINT)" if unit != "epoch" else _PARTS[unit], x=value))


def _named(unit: str) -> Make:
    return lambda node: part(unit, node.this)


def _extract(node: exp.Expression) -> exp.Expression:
    return part(_unit(node.this), node.expression)


def _date_part(node: exp.Expression) -> exp.Expression:
    unit, value = node.expressions
    return part(_unit(unit), value)


def _truncate(node: exp.Expression) -> exp.Expression:
    unit = _unit(node.args.get("unit"))
    unit = "week" if unit.startswith("week") else unit
    if unit not in _TRUNCATED:
        raise PortabilityError(f"date_trunc('{unit}', ..) is not the same on all engines")
    return call("DATE_TRUNC", exp.Literal.string(unit.upper()), spark("CAST(:x AS TIMESTAMP)", x=node.this))


def _format(node: exp.Expression) -> exp.Expression:
    """Texts of times; the formats whose letters mean the same."""
    asked = node.args["format"].name if isinstance(node.args.get("format"), exp.Literal) else None
    if asked is None:
        raise PortabilityError("the format of strftime() must be a text literal to be the same on all engines")
    made, at = [], 0
    while at < len(asked):
        if asked[at] == "%":
            size = 3 if asked[at + 1 : at + 2] == "-" else 2
            letter = asked[at : at + size]
            if letter not in _FORMATS:
                raise PortabilityError(f"strftime(): {letter} is not the same on all engines")
            made.append(_FORMATS[letter])
            at += size
            continue
        made.append("''" if asked[at] == "'" else f"'{asked[at]}'" if asked[at].isalpha() else asked[at])
        at += 1
    return call("DATE_FORMAT", node.this, exp.Literal.string("".join(made)))


def _name(letters: str) -> Make:
    return lambda node: call("DATE_FORMAT", node.this, exp.Literal.string(letters))


def _from_number(node: exp.Expression) -> exp.Expression:
    scale = node.args.get("scale")
    if scale is None or scale.name != "6":
        raise PortabilityError("epoch_ms() and to_timestamp() are not the same on all engines; write make_timestamp()")
    return call("TIMESTAMP_MICROS", node.this)


def _interval(node: exp.Expression) -> exp.Expression | None:
    """`interval (x) day`: Spark's intervals are literals."""
    value = node.args.get("this")
    if value is None or isinstance(value, (exp.Literal, exp.Neg)):
        return None
    unit = _unit(node.args.get("unit")).rstrip("s").upper()
    return exp.Paren(this=spark(f":x * INTERVAL '1' {unit}", x=value))


def _days(node: exp.Expression) -> exp.Expression:
    return exp.Paren(this=spark(":x * INTERVAL '1' DAY", x=node.this))


def _micros(node: exp.Expression) -> exp.Expression:
    value = node.expressions[0] if node.expressions else node.this
    return spark("UNIX_MICROS(CAST(:x AS TIMESTAMP))", x=value)


HOOKS: Mapping[type[exp.Expression], Make] = {
    exp.DateDiff: _difference,
    exp.Extract: _extract,
    exp.DayOfWeek: _named("dow"),
    exp.DayOfWeekIso: _named("isodow"),
    exp.Week: _named("week"),
    exp.TimestampTrunc: _truncate,
    exp.DateTrunc: _truncate,
    exp.TimeToStr: _format,
    exp.TimeToUnix: _named("epoch"),
    exp.Dayname: _name("EEEE"),
    exp.Monthname: _name("MMMM"),
    exp.UnixToTime: _from_number,
    exp.UnixMicros: _micros,
    exp.Interval: _interval,
    exp.ToDays: _days,
    exp.AtTimeZone: unportable("at time zone", "reporting_time(..)"),
    exp.StrToTime: unportable("strptime()", "the formats of the source's contract"),
}

KNOWN: Mapping[str, Make] = {
    "epoch_us": _micros,
    "make_timestamptz": lambda node: call("TIMESTAMP_MICROS", *node.expressions),
    "date_part": _date_part,
    "datepart": _date_part,
    "isoyear": lambda node: part("isoyear", node.expressions[0]),
    "now": lambda node: call("CURRENT_TIMESTAMP"),
}
