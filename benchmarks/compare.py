"""Whether two programs did the same work: their fates of rows and all rows of their reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

Answers = Mapping[str, Sequence[Mapping[str, Any]]]

_SHOWN = 3
_IGNORED = frozenset({"event_id"})  # a number that each program gives in its own way
_ROUNDING = Decimal("0.01")  # of rates: floating point may round a half down


def key_facts(fates: Mapping[str, int], answers: Answers) -> dict[str, str]:
    """A handful of numbers that say at a glance what was computed."""
    top = answers["top_products"][0] if answers["top_products"] else {"product_id": None, "product_views": 0}
    metrics = answers["revenue_metrics"][0]
    return {
        "events": f"{fates['loaded']:,}",
        "duplicates": f"{fates['duplicates']:,}",
        "quarantined": f"{fates['quarantined']:,}",
        "users": f"{sum(row['user_count'] for row in answers['user_segments']):,}",
        "purchases": f"{sum(row['purchases'] for row in answers['day_of_week']):,}",
        "revenue": f"{Decimal(str(metrics['total_revenue'])):,.2f}",
        "top product": f"{top['product_id']} ({top['product_views']:,} views)",
    }


def true_facts(truths: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The same numbers as far as the generator of the data knows them.

    Args:
        truths: One a part. Which users of one part are in another too it doesn't know.
    """
    sources, totals = [truth["sources"]["click_events"] for truth in truths], [truth["totals"] for truth in truths]
    found = {
        "events": f"{sum(source['loaded'] for source in sources):,}",
        "duplicates": f"{sum(source['duplicates'] for source in sources):,}",
        "quarantined": f"{sum(source['quarantined'] for source in sources):,}",
        "purchases": f"{sum(total['purchases'] for total in totals):,}",
        "revenue": f"{sum(Decimal(total['revenue']) for total in totals):,.2f}",
    }
    return {**found, "users": f"{totals[0]['users']:,}"} if len(totals) == 1 else found


def fact_differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """What differs among the facts that both have."""
    return [f"{name}: {ours[name]}, not {theirs[name]}" for name in ours if theirs.get(name, ours[name]) != ours[name]]


def differences(ours: Answers, theirs: Answers) -> list[str]:
    """What differs between the reports; for each report the first few."""
    found = [f"{name}: only one of them has it" for name in sorted(set(ours) ^ set(theirs))]
    for name in sorted(set(ours) & set(theirs)):
        if len(ours[name]) != len(theirs[name]):
            found.append(f"{name}: {len(ours[name]):,} rows, not {len(theirs[name]):,}")
        wrong = [
            f"{name} row {number}: {column} is {mine.get(column)}, not {other.get(column)}"
            for number, (mine, other) in enumerate(zip(ours[name], theirs[name], strict=False), 1)
            for column in sorted((set(mine) | set(other)) - _IGNORED)
            if not _same(column, mine.get(column), other.get(column))
        ]
        found += wrong[:_SHOWN]
    return found


def _same(column: str, one: Any, other: Any) -> bool:
    if one == other:
        return True
    if one is None or other is None:
        return False
    try:
        distance = abs(Decimal(str(one)) - Decimal(str(other)))
    except InvalidOperation:
        return str(one) == str(other)
    return distance == 0 or (column.endswith("_pct") and distance <= _ROUNDING)
