"""Two lakes compared, row by row: what an engine made, the other one reads."""

from __future__ import annotations

import pyarrow as pa

from clicklake import Lake
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import quote
from clicklake.storage import Snapshot

PROVENANCE = frozenset(
    "event_id row_id ingestion_timestamp ingestion_date source_file quarantined_at resolved_at".split()
)
"""What depends on when and in which files rows came, and on the engine that gave them their numbers."""

LAYERS = ("silver", "gold")


def differences(one: Lake, other: Lake) -> dict[str, str]:
    """What differs between the silver and gold tables of two lakes, by table; nothing where they are equal."""
    names = [[name for name in lake.store.names() if name.partition(".")[0] in LAYERS] for lake in (one, other)]
    found = {name: "only one lake has it" for name in set(names[0]) ^ set(names[1])}
    engine = one.local_engine()
    try:
        for name in sorted(set(names[0]) & set(names[1])):
            said = _differ(engine, one.store.open(name), other.store.open(name))
            if said:
                found[name] = said
    finally:
        engine.close()
    return found


def _differ(engine: DuckDB, one: Snapshot, other: Snapshot) -> str | None:
    if _types(one) != _types(other):
        return f"{_types(one)} against {_types(other)}"
    # Maps are compared by their entries, which both engines sort.
    columns = ", ".join(
        f"map_entries({quote(field.name)})" if pa.types.is_map(field.type) else quote(field.name)
        for field in one.schema
        if field.name not in PROVENANCE
    )
    rows = [f"select {columns} from ({engine.scan(snapshot)}) as rows" for snapshot in (one, other)]
    lost, made = (engine.rows(f"{first} except all {second} limit 3") for first, second in (rows, rows[::-1]))
    return f"only here {lost}, only there {made}" if lost or made else None


def _types(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [(field.name, str(field.type)) for field in snapshot.schema]
