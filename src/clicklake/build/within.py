"""When rows of affected keys happened: an input is read there, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from clicklake.contracts.model import Within
from clicklake.engines.duckdb import DuckDB, Ranges
from clicklake.engines.sql import quote

MOST_RANGES = 8
"""A session of yesterday and one of last year lie in two ranges; more of them would cost more than they spare."""


def ranges(engine: DuckDB, within: Within, old: str, came: str | None) -> Ranges:
    """The times that hold all rows of affected keys, and hardly any others.

    What a key had before lies between the bounds that its rows in the table name; what came is looked at itself.

    Args:
        engine: Where the relations are.
        within: What the document says of the input.
        old: The table's rows of affected keys.
        came: The input's rows that came, where any did.
    """
    time, first, last = map(quote, (within.time, within.first, within.last))
    spans = f"select {first} as first, {last} as last from {old}"
    if came:
        spans += f" union all select min({time}), max({time}) from {came} group by date_trunc('day', {time})"
    return Ranges(within.time, _apart(engine, spans))


def _apart(engine: DuckDB, spans: str) -> Sequence[tuple[date, date]]:
    """A few ranges that hold all spans, with the widest gaps between them."""
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
        return []
    starts = [lowest, *sorted(resumes for _, resumes in gaps)]
    ends = [*sorted(reached for reached, _ in gaps), highest]
    return list(zip(starts, ends, strict=True))
