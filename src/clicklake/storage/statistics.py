"""What a Delta log says about the values of a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any

import pyarrow.parquet as pq

_LONGEST = 32
"""Letters of a bound: longer ones are left out."""


def statistics(metadata: pq.FileMetaData, columns: list[str]) -> dict[str, dict[str, Any]]:
    """Delta's statistics of a file, from those of its row groups."""
    lowest: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    without_bounds: set[str] = set()
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            column = metadata.row_group(group).column(position)
            name, found = column.path_in_schema, column.statistics
            if name not in columns or found is None:
                continue
            nulls[name] = nulls.get(name, 0) + (found.null_count or 0)
            if found.has_min_max:
                lowest[name] = min(lowest.get(name, found.min), found.min)
                highest[name] = max(highest.get(name, found.max), found.max)
            elif found.null_count != column.num_values and found.num_values:
                without_bounds.add(name)
    known = [name for name in lowest if name not in without_bounds]
    bounds = {name: (_json(lowest[name]), _json(highest[name])) for name in known}
    usable: Mapping[str, tuple[Any, Any]] = {n: b for n, b in bounds.items() if b[0] is not None and b[1] is not None}
    return {
        "minValues": {name: bound[0] for name, bound in usable.items()},
        "maxValues": {name: bound[1] for name, bound in usable.items()},
        "nullCount": nulls,
    }


def _json(value: object) -> object:
    """A bound as Delta's log has it; None where it can't stand there exactly."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return None  # Delta has no bounds of booleans
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else None
    return None
