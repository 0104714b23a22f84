"""Looking at the rows that were rejected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clicklake.contracts.catalogue import pick
from clicklake.engines.sql import string
from clicklake.personal import MASK
from clicklake.refine.settle import QUARANTINE

if TYPE_CHECKING:
    from clicklake.lake import Lake
    from clicklake.lake.opened import OpenedLake


def list_reasons(lake: Lake, *, source: str | None = None, status: str = "open") -> list[dict[str, Any]]:
    """One row a source and set of reasons: rows, first and last time seen.

    Raises:
        UnknownNameError: There is no such source, nor are there rows of one that there was.
    """
    snapshot = lake.store.find(QUARANTINE)
    if snapshot is None:
        return _of_source(lake, source, [])
    engine = lake.engine()
    try:
        rows = engine.rows(
            "select source, array_to_string(list_sort(reasons), ', ') as reasons, count(*) as n, "
            "count(distinct source_file) as files, min(quarantined_at), max(quarantined_at) "
            f"from ({engine.scan(snapshot)}) where status = {string(status)} {_and(source)} "
            "group by all order by n desc, 1, 2"
        )
    finally:
        engine.close()
    names = ("source", "reasons", "rows", "files", "first_seen", "last_seen")
    return _of_source(lake, source, [dict(zip(names, row, strict=True)) for row in rows])


def show(
    lake: Lake,
    *,
    source: str | None = None,
    reason: str | None = None,
    row_id: int | None = None,
    limit: int = 20,
    show_pii: bool = False,
) -> list[dict[str, Any]]:
    """Rejected rows, newest first, personal data masked unless asked for.

    Raises:
        UnknownNameError: As of `list_reasons`.
    """
    snapshot = lake.store.find(QUARANTINE)
    if snapshot is None:
        return _of_source(lake, source, [])
    conditions = _and(source)
    if reason:
        conditions += f" and list_contains(reasons, {string(reason)})"
    if row_id is not None:
        conditions += f" and row_id = {int(row_id)}"
    engine = lake.engine()
    try:
        rows = engine.rows(
            "select source, row_id, array_to_string(reasons, ', '), raw, source_file, quarantined_at, "
            f"contract_version, status from ({engine.scan(snapshot)}) where true {conditions} "
            f"order by quarantined_at desc, row_id limit {int(limit)}"
        )
    finally:
        engine.close()
    names = (
        "source",
        "row_id",
        "reasons",
        "raw",
        "source_file",
        "quarantined_at",
        "contract_version",
        "status",
    )
    found = _of_source(lake, source, [dict(zip(names, row, strict=True)) for row in rows])
    return found if show_pii else [{**row, "raw": mask(lake, row["source"], row["raw"])} for row in found]


def mask(lake: OpenedLake, source: str, raw: str) -> str:
    """A raw row with its personal data masked; a line that could not be split is masked whole."""
    try:
        fields = json.loads(raw)
    except ValueError:
        return f"{MASK} ({len(raw)} characters)"
    if not isinstance(fields, dict) or source not in lake.catalogue.source_names:
        return MASK
    personal = {column.name for column in lake.catalogue.contract(source).columns if column.is_pii}
    masked = {name: MASK if name in personal and value else value for name, value in fields.items()}
    return json.dumps(masked, ensure_ascii=False)


def _of_source(lake: OpenedLake, source: str | None, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows; that there are none of a source that there isn't, would tell something else."""
    if source and not rows:
        pick(source, dict.fromkeys(lake.catalogue.source_names), "source")
    return rows


def _and(source: str | None) -> str:
    return f"and source = {string(source)}" if source else ""
