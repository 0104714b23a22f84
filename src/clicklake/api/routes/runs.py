"""Runs: those that were, starting one, and following it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from clicklake.access import Grants
from clicklake.api.answers import documented, json_answer, to_json
from clicklake.api.caller import Caller, Server
from clicklake.api.jobs import Job
from clicklake.api.problems import ProblemError
from clicklake.api.sending import Streamed
from clicklake.api.state import State
from clicklake.engines.sql import quote
from clicklake.errors import UnknownNameError

router = APIRouter(tags=["runs"])

RUNS = "ops.runs"
_HEARTBEAT = 15.0
_MOST_FOLLOWERS = 50
_NO_SOURCES = (
    "the settings name no sources, so there is nothing that a run would read: name them with their paths under "
    "`sources:` in clicklake.yaml, and start the server again"
)
_LISTED = ("run_id", "command", "status", "started_at", "finished_at", "seconds", "error")
_JOB = {
    "job": "job-20250301T060000.000-1a2b3c",
    "command": "run",
    "status": "starting",
    "run_id": None,
    "started_by": "etl",
    "started_at": "2025-03-01T06:00:00.000Z",
    "finished_at": None,
    "error": None,
    "result": None,
}
_RUNS = [
    {
        "run_id": "20250301T060001.204-9c7a5e",
        "command": "run",
        "status": "done",
        "started_at": "2025-03-01T06:00:01.204000Z",
        "seconds": 8.1,
    }
]
_RUN = {"run_id": "20250301T060001.204-9c7a5e", "status": "done", "stages": [{"stage": "ingest", "seconds": 1.2}]}

RunName = Annotated[
    str,
    Path(max_length=100, description="A run, or the job that started it.", examples=["job-20250301T060000.000-1a2b3c"]),
]


class Wanted(BaseModel):
    """What a run takes in."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"sources": ["click_events"]}]})

    sources: Annotated[
        list[str] | None,
        Field(max_length=100, description="Sources that the settings name, with the paths they have there; else all."),
    ] = None
    full: Annotated[bool, Field(description="Judge every row and build every table anew.")] = False


@router.get("/v1/runs", summary="The runs", responses=documented(_RUNS))
async def runs(
    server: Server,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=1000, description="Runs at the most.", examples=[10])] = 100,
    before: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Only runs that began before this one.",
            examples=["20250301T060001.204-9c7a5e"],
        ),
    ] = None,
) -> Response:
    """The runs of the lake, the newest first, however they were started."""
    caller.columns(RUNS)
    return json_answer(await server.work(_runs, server, caller, limit, before))


@router.post(
    "/v1/runs",
    summary="Start a run",
    status_code=202,
    responses=documented(_JOB, 404, 409, 415, status=202, description="The run that was started."),
)
async def start(server: Server, caller: Caller, wanted: Wanted) -> Response:
    """Ingest, refine, build, check and publish, in the background: the same as `clicklake run`.

    What it reads are the paths that the settings name; a caller can't name others. One run at a time.
    """
    caller.require("run")
    configured = server.lake.settings.sources
    if not configured:
        raise ProblemError(409, "no-sources", _NO_SOURCES)
    for name in wanted.sources or ():
        if name not in configured:
            raise UnknownNameError(f"the settings name no source {name[:80]!r}; they name {', '.join(configured)}")
    job = server.jobs.start("run", {"sources": wanted.sources, "full": wanted.full}, caller.principal.name)
    return json_answer(job.row(), status=202, headers={"location": f"/v1/runs/{job.id}"})


@router.get("/v1/runs/{run}", summary="A run", responses=documented(_RUN, 404))
async def run(server: Server, caller: Caller, run: RunName) -> Response:
    """How a run stands, and its stages."""
    caller.columns(RUNS)
    job = server.jobs.get(run)
    if job:
        stages = [facts for kind, facts in job.events if kind == "stage" and facts["state"] == "ended"]
        return json_answer({**_told(caller, job), "stages": stages})
    return json_answer(await server.work(_run, server, caller, run))


@router.get(
    "/v1/runs/{run}/events",
    summary="Follow a run",
    response_class=Response,
    responses={
        **documented(None, 404),
        200: {
            "description": "Server-sent events: `stage` as each begins and ends, then `done` or `failed`.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 1\nevent: stage\ndata: {"stage": "ingest", "state": "begins"}\n\n',
                }
            },
        },
    },
)
async def events(
    server: Server,
    caller: Caller,
    run: RunName,
    last_event_id: Annotated[
        str | None, Header(description="Go on behind this one.", max_length=20, examples=["3"])
    ] = None,
) -> Response:
    """Each event as it happens, from the first, or from the one after `Last-Event-ID`, until the run is over.

    How it has ended is told in any case, even behind an event that there isn't.
    """
    caller.columns(RUNS)
    job = server.jobs.get(run)
    if job is None:
        raise UnknownNameError(
            f"this server has started no run {run[:80]!r} of late; /v1/runs/{{run}} shows older ones"
        )
    if server.followers >= _MOST_FOLLOWERS:
        raise ProblemError(503, "busy", "too many follow runs already; try again", {"Retry-After": "5"})
    after = int(last_event_id) if last_event_id and last_event_id.isdecimal() else 0
    server.followers += 1

    async def left() -> None:
        server.followers -= 1

    return Streamed(
        _followed(job, after),
        {"cache-control": "no-store"},
        "text/event-stream",
        seconds=server.settings.stalled_seconds,
        done=left,
    )


async def _followed(job: Job, after: int) -> AsyncGenerator[bytes, None]:
    yield b": what happens follows\n\n"
    async for event in job.follow(after, _HEARTBEAT):
        if event is None:
            yield b": still running\n\n"
        else:
            number, kind, facts = event
            yield f"id: {number}\nevent: {kind}\ndata: ".encode() + to_json(facts) + b"\n\n"


def _told(caller: Grants, job: Job) -> dict[str, Any]:
    """A job; what a run did is for those who may read what is noted of runs."""
    return job.row()


def _runs(server: State, caller: Grants, limit: int, before: str | None) -> list[dict[str, Any]]:
    shown = ", ".join(quote(name) for name in _LISTED if name in caller.columns(RUNS))
    condition = " and run_id < $before" if before else ""
    sql = f"where stage = 'run'{condition} order by run_id desc limit {int(limit)}"
    return _select(server, caller, shown, sql, {"before": before} if before else {})


def _run(server: State, caller: Grants, run: str) -> dict[str, Any]:
    rows = _select(server, caller, "*", "where run_id = $run order by started_at", {"run": run})
    if not rows:
        raise UnknownNameError(f"there was no run {run[:80]!r}")
    told = [{name: value for name, value in row.items() if value is not None} for row in rows]
    whole = next((row for row in told if row.get("stage") == "run"), told[-1])
    return {**whole, "stages": [row for row in told if row is not whole]}


def _select(server: State, caller: Grants, shown: str, end: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    snapshot = server.lake.store.find(RUNS)
    if snapshot is None:
        return []
    engine = server.lake.local_engine()
    try:
        granted = f"select {caller.projection(RUNS)} from ({engine.scan(snapshot)})"
        cursor = engine.connection.execute(f"select {shown} from ({granted}) {end}", values or None)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        engine.close()
