"""What a replay or a withdrawal has changed: rows, days, and the table's measures before and after."""

from __future__ import annotations

from datetime import date
from typing import Any

from clicklake.contracts.model import Model
from clicklake.engines.base import Engine
from clicklake.engines.sql import quote, string
from clicklake.storage import Snapshot


def compare(engine: Engine, model: Model, source: str, before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """Two versions of a silver table compared, a source's rows by their ids.

    Args:
        engine: Runs the queries.
        model: The table.
        source: Whose rows.
        before: The version before.
        after: The version after.

    Returns:
        `rows_added`, `rows_removed`, `dates` (how many days have changed), `first_date`, `last_date` (reporting time
        zone), and `<measure>_before` and `<measure>_after` of the whole table.
    """
    identity, time = model.doc.identity, model.doc.time
    key = quote(identity.row_id if identity else "row_id")
    # A file that both versions hold has the same rows in both.
    old = [path for path in before.paths if path not in after.paths]
    new = [path for path in after.paths if path not in before.paths]
    columns = f"{key} as id" + (f", cast(reporting_time({quote(time)}) as date) as day" if time else ", null as day")

    def rows(snapshot: Snapshot, paths: list[str]) -> str:
        scan = engine.scan(snapshot, [snapshot.uri(path) for path in paths])
        return f"select {columns} from ({scan}) where source = {string(source)}"

    added, removed, days, first, last = engine.rows(
        f"""with old as ({rows(before, old)}), new as ({rows(after, new)}),
changed as (
    select day, 1 as added from (select * from new anti join old on new.id = old.id)
    union all
    select day, 0 as added from (select * from old anti join new on new.id = old.id)
)
select coalesce(sum(added), 0), coalesce(sum(1 - added), 0), count(distinct day), min(day), max(day) from changed"""
    )[0]
    found: dict[str, Any] = {"rows_added": int(added), "rows_removed": int(removed), "dates": int(days)}
    found |= {"first_date": first, "last_date": last}
    for name, sql in model.doc.measures.items():
        for when, snapshot in (("before", before), ("after", after)):
            found[f"{name}_{when}"] = engine.value(f"select {sql} from ({engine.scan(snapshot)})")
    return found


def expect(engine: Engine, model: Model, loaded: str) -> dict[str, Any]:
    """What rows would add to a silver table: `rows_added`, `dates`, `first_date`, `last_date` and the measures.

    Args:
        engine: Runs the query.
        model: The table.
        loaded: Query of the rows, with the table's columns.
    """
    time = model.doc.time
    day = f"cast(reporting_time({quote(time)}) as date)" if time else "cast(null as date)"
    measures = "".join(f", {sql}" for sql in model.doc.measures.values())
    count, days, first, last, *values = engine.rows(
        f"select count(*), count(distinct {day}), min({day}), max({day}){measures} from ({loaded})"
    )[0]
    dates: tuple[date | None, date | None] = (first, last)
    found: dict[str, Any] = {"rows_added": int(count), "dates": int(days)}
    found |= {"first_date": dates[0], "last_date": dates[1]}
    return found | {f"{name}_added": value for name, value in zip(model.doc.measures, values, strict=True)}
