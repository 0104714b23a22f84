"""Times as a few ranges: what lies elsewhere need not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from clicklake.engines.sql import quote

if TYPE_CHECKING:
    from clicklake.engines.base import Engine

MOST_RANGES = 8
"""A session of yesterday and one of last year lie in two ranges; more of them would cost more than they spare."""


@dataclass(frozen=True)
class Ranges:
    """Rows whose time lies in one of some ranges, or is null: row groups that hold none are not read.

    Args:
        column: A timestamp or date of a table.
        bounds: First and last of each range, both included; timestamps naive, UTC.
    """

    column: str
    bounds: Sequence[tuple[date, date]]

    def condition(self, relation: str, *, zoned: bool) -> str:
        """SQL on the rows of a relation.

        Args:
            relation: Where they are.
            zoned: Whether its timestamps have a zone, as Parquet files have it.
        """
        stored = f"{relation}.{quote(self.column)}"
        literal = _zoned if zoned else _naive
        within = [f"{stored} between {literal(first)} and {literal(last)}" for first, last in self.bounds]
        return " or ".join([*within, f"{stored} is null"])


def few_ranges(engine: Engine, column: str, spans: str) -> Ranges:
    """A few ranges that hold all spans, with the widest gaps between them.

    Args:
        engine: Runs the queries.
        column: What the ranges are of.
        spans: Query of spans, `first` and `last`; those without a first are left out.
    """
    engine.execute(
        f"create or replace table work.spans as select first, last, max(last) over (order by first "
        f"rows between unbounded preceding and 1 preceding) as reached from ({spans}) where first is not null"
    )
    ((lowest, highest),) = engine.rows("select min(first), max(last) from work.spans")
    gaps = engine.rows(
        "select reached, first from work.spans where first > reached "
        f"order by first - reached desc, first limit {MOST_RANGES - 1}"
    )
    engine.execute("drop table work.spans")
    if lowest is None:
        return Ranges(column, [])
    starts = [lowest, *sorted(resumes for _, resumes in gaps)]
    ends = [*sorted(reached for reached, _ in gaps), highest]
    return Ranges(column, list(zip(starts, ends, strict=True)))


def _naive(value: date) -> str:
    if type(value) is date:
        return f"date '{value.isoformat()}'"
    return f"timestamp '{value}'"


def _zoned(value: date) -> str:
    if type(value) is date:
        return _naive(value)
    return f"make_timestamptz({(value - datetime(1970, 1, 1)) // timedelta(microseconds=1)})"
