"""When rows of affected keys happened: an input is read there, and nowhere else."""

from __future__ import annotations

from clicklake.contracts.model import Within
from clicklake.engines.base import Engine
from clicklake.engines.ranges import Ranges, few_ranges
from clicklake.engines.sql import quote


def ranges(engine: Engine, within: Within, old: str, came: str | None) -> Ranges:
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
    return few_ranges(engine, within.time, spans)
