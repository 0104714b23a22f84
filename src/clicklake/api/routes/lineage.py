"""Where tables, columns and single events come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from clicklake.access import Grants
from clicklake.api.answers import documented, is_known, json_answer, not_modified
from clicklake.api.caller import Caller, Server
from clicklake.api.state import State
from clicklake.contracts.explain import closest
from clicklake.errors import ClicklakeError, ForbiddenError, UnknownNameError
from clicklake.lineage.graph import Column, Lineage
from clicklake.lineage.walk import down, table_steps, up
from clicklake.trace.trace import Trace

router = APIRouter(tags=["lineage"])

_STEPS = [
    {
        "table": "gold.dim_users",
        "column": "total_spent",
        "upstream_table": "gold.fact_events",
        "upstream_column": "amount",
        "influence": "direct",
        "transformation": "aggregation",
    }
]
_TRACE = {
    "table": "silver.events",
    "release": 3,
    "rows": [{"event_id": 1099511632331, "event_type": "purchase", "user_id": "***"}],
    "stories": [{"source": "click_events", "row_id": 4555, "fate": "loaded", "file": {"path": "/data/clicks.csv"}}],
}


@router.get("/v1/lineage", summary="Where a table or column comes from", responses=documented(_STEPS, 404, tag=True))
async def lineage(
    request: Request,
    server: Server,
    caller: Caller,
    name: Annotated[
        str | None,
        Query(
            max_length=300, description="A table or column; else all tables.", examples=["gold.dim_users.total_spent"]
        ),
    ] = None,
    direction: Annotated[
        Literal["up", "down"], Query(description="What it is made of, or what is made of it.", examples=["down"])
    ] = "up",
) -> Response:
    """Steps from a table or column to what it is made of, as `clicklake lineage --format json` prints them.

    Steps from or to what the caller may not read are left out.
    """
    found = await server.work(_steps, server, caller, name, direction == "down")
    etag = server.etag(caller, "lineage", name, direction, found)
    return not_modified(etag) if is_known(request, etag) else json_answer(found, etag=etag)


def _steps(server: State, caller: Grants, name: str | None, is_down: bool) -> list[dict[str, str | None]]:
    known = server.lake.lineage
    table, column = _named(known, caller, name) if name else (None, None)
    if table and column:
        found = [step.row() for step in (down if is_down else up)(known, Column(table, column))]
    else:
        pairs = table_steps(known, table, is_down=is_down)
        found = [{"table": below, "upstream_table": above} for below, above in pairs]
    shown, partly = [], set()
    for row in found:
        if not _may_know(caller, row["table"], row.get("column")):
            continue
        if _may_know(caller, row["upstream_table"], row.get("upstream_column")):
            shown.append(row)
        else:
            partly.add((row["table"], row.get("column")))
    for row in shown:  # an expression may name the column whose step was left out
        if "transformation" in row and (row["table"], row["column"]) in partly:
            row["transformation"] = None
    return shown


def _named(known: Lineage, caller: Grants, name: str) -> tuple[str, str | None]:
    """The table and column that a caller names; of others not even the names are told.

    Raises:
        ForbiddenError: The table is not granted.
        UnknownNameError: There is none, or the column is not granted.
    """
    try:
        table, column = known.find(name)
    except UnknownNameError:
        table, column = next(((t, "") for t in caller.tables() if name.startswith(f"{t}.")), ("", ""))
    if table and not _may_know(caller, table, None):
        raise ForbiddenError(f"role {caller.principal.role} may not read {table}")
    if table and _may_know(caller, table, column):
        return table, column
    has = list(caller.columns(table) if table else caller.tables())
    wanted = name.rpartition(".")[2] if table else name
    what = f"{table} has no column" if table else "there is no table"
    raise UnknownNameError(f"{what} {wanted[:80]!r}{closest(wanted, has)}; you may read {', '.join(has)}")


def _may_know(caller: Grants, table: str | None, column: str | None) -> bool:
    """Whether a table, or a column of it, is granted; reports and files are no tables."""
    if table is None or table.partition(".")[0] not in ("bronze", "silver", "gold", "ops"):
        return True
    if table not in caller.tables():
        return False
    return column is None or column in caller.columns(table)


@router.get(
    "/v1/events/{event_id}/trace", summary="The story of an event", responses=documented(_TRACE, 404, tag=False)
)
async def trace(
    server: Server,
    caller: Caller,
    event_id: Annotated[
        int, Path(ge=0, lt=1 << 53, description="As tables and reports name it.", examples=[1099511632331])
    ],
) -> Response:
    """From an event down to the raw row, its file and the contract that judged it; and up to what counts it."""
    caller.require("trace")
    caller.columns("silver.events")
    return json_answer(await server.work(_traced, server, caller, event_id))


def _traced(server: State, caller: Grants, event_id: int) -> dict[str, Any]:
    shows_all = not any(masked for table in caller.tables() for masked in caller.columns(table).values())
    try:
        found = server.lake.trace("silver.events", {"event_id": event_id}, show_pii=shows_all)
    except ClicklakeError as error:
        if type(error) is ClicklakeError:  # there is no such row
            raise UnknownNameError(str(error)) from error
        raise
    return _granted(caller, found)


def _granted(caller: Grants, found: Trace) -> dict[str, Any]:
    told = found.to_dict()
    told["rows"] = [_only(caller, found.table, row) for row in found.rows]
    told["behind"] = [_only(caller, found.silver_table or "", row) for row in found.behind]
    for story in told["stories"]:
        bronze = f"bronze.{story['source']}"
        if isinstance(story["raw"], dict):
            story["raw"] = _only(caller, bronze, story["raw"])
        elif "corrupt_record" not in _columns(caller, bronze):
            story["raw"] = None
        if story["silver"] is not None:
            story["silver"] = _only(caller, story["silver_table"], story["silver"])
        if not _columns(caller, "silver.quarantine"):
            story["quarantine"] = []
        gold = [{**place, "key": _only(caller, place["table"], place["key"])} for place in story["gold"]]
        story["gold"] = [place for place in gold if _columns(caller, place["table"])]
    return told


def _only(caller: Grants, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    granted = _columns(caller, table)
    return {name: value for name, value in row.items() if name in granted}


def _columns(caller: Grants, table: str) -> set[str]:
    return set(caller.columns(table)) if table in caller.tables() else set()
