"""Read-only SQL."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from clicklake.access import Grants
from clicklake.api.answers import answer, documented, note
from clicklake.api.audit import told_sql
from clicklake.api.caller import Caller, Server
from clicklake.api.formats import Format, accepted, whole
from clicklake.api.state import Body, State

router = APIRouter(tags=["query"])

_ROWS = [{"event_type": "purchase", "events": 31204}]


class Query(BaseModel):
    """What is asked."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"sql": "select event_type, count(*) as events from gold.fact_events group by 1"}]
        },
    )

    sql: Annotated[str, Field(min_length=1, max_length=100_000, description="One SELECT on tables that may be read.")]


@router.post(
    "/v1/query",
    summary="The rows of a query",
    responses=documented(_ROWS, 406, 413, 415, 504, rows=True),
)
async def query(request: Request, server: Server, caller: Caller, asked: Query) -> Response:
    """One SELECT on the tables that the caller may read, of the newest release; `clicklake query` knows the dialect.

    Columns that are not granted are not there, personal data is masked. Rows, memory and time are limited; where rows
    are left out, `Clicklake-Note` says so.
    """
    format = accepted(request.headers.get("accept", ""))
    caller.require("query")
    request.state.facts["sql"] = told_sql(asked.sql)
    body, told = await server.work(_rows, server, caller, asked.sql, format)
    return answer(body, format, headers=note(told))


def _rows(server: State, caller: Grants, sql: str, format: Format) -> Body:
    rows = server.query(caller, sql)
    return whole(rows.table, format), rows.note
