"""How good the data is, and what was rejected."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from clicklake.access import Grants
from clicklake.api.answers import documented, is_known, json_answer, not_modified
from clicklake.api.caller import Caller, Server
from clicklake.api.state import State
from clicklake.personal import names_of
from clicklake.quality.collect import collect
from clicklake.quarantine import list_reasons, show
from clicklake.refine.settle import LEDGER, QUARANTINE

router = APIRouter(tags=["quality"])

_QUALITY = "ops.quality"
_DRIFT = "ops.drift"
_SCORECARD = {
    "ledger": [{"source": "click_events", "rows_ingested": 2000000, "rows_loaded": 1941022, "score": 99.11}],
    "tables": [{"table": "gold.dim_users", "completeness": 100.0, "verdict": "ok"}],
    "measures": [{"measure": "gold.dim_users.unique_user_id", "score": 100.0, "verdict": "ok"}],
    "reasons": [{"source": "click_events", "reason": "missing_user_id", "rows": 812}],
}
_REASONS = [{"source": "click_events", "reasons": "missing_user_id", "rows": 812, "files": 1}]
_REJECTED = [{"source": "click_events", "row_id": 71, "reasons": "missing_user_id", "raw": '{"UserID": null}'}]
_PREVIEW = [{"source": "click_events", "open": 812, "passing": 40, "duplicates": 0, "still_open": 772}]
_JOB = {"job": "job-20250301T060000.000-1a2b3c", "command": "replay", "status": "starting", "run_id": None}


@router.get("/v1/quality", summary="The scorecard", responses=documented(_SCORECARD, tag=True))
async def quality(request: Request, server: Server, caller: Caller) -> Response:
    """What `clicklake quality --format json` prints, of the tables that the caller may read; nothing is written."""
    etag = await server.work(_tag, server, caller, "quality")
    if is_known(request, etag):
        return not_modified(etag)
    return json_answer(await server.work(_scorecard, server, caller, etag), etag=etag)


def _scorecard(server: State, caller: Grants, etag: str) -> dict[str, Any]:
    found = server.measured.get_or_make(_stamp(server), lambda: collect(server.lake, keep=False).row())
    granted = set(caller.tables())
    of = {"ledger": LEDGER, "dimensions": LEDGER, "trend": LEDGER, "reasons": QUARANTINE, "drift": _DRIFT}
    of["impact"] = _QUALITY
    shown = {part: rows for part, rows in found.items() if of.get(part) is None or of[part] in granted}
    shown["tables"] = [row for row in found["tables"] if row["table"] in granted]
    shown["measures"] = [row for row in found["measures"] if row["table"] in granted and _is_told(server, caller, row)]
    return shown


def _is_told(server: State, caller: Grants, measure: dict[str, Any]) -> bool:
    """Whether a measure tells of what is granted alone; one of a whole table may look at any of its columns."""
    columns, names = caller.columns(measure["table"]), names_of(server.lake.lineage, measure["table"])
    return all(name in columns for name in ([measure["column"]] if measure["column"] in names else names))


OnlySource = Annotated[
    str | None, Query(max_length=100, description="Only this source's rows.", examples=["click_events"])
]


@router.get("/v1/quarantine", summary="Why rows were rejected", responses=documented(_REASONS, 404, tag=True))
async def reasons(
    request: Request,
    server: Server,
    caller: Caller,
    source: OnlySource = None,
) -> Response:
    """The open rows of the quarantine by source and reasons."""
    caller.columns(QUARANTINE)
    etag = await server.work(_tag, server, caller, "reasons", source)
    if is_known(request, etag):
        return not_modified(etag)
    return json_answer(await server.work(list_reasons, server.lake, source=source), etag=etag)


@router.get("/v1/quarantine/rows", summary="Rejected rows", responses=documented(_REJECTED, 404, tag=True))
async def rejected(
    request: Request,
    server: Server,
    caller: Caller,
    source: OnlySource = None,
    reason: Annotated[
        str | None, Query(max_length=200, description="Only rows that break this rule.", examples=["missing_user_id"])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows at the most.", examples=[20])] = 100,
) -> Response:
    """Rows as they came, the newest first, with every rule that they break; personal data is masked."""
    granted = caller.columns(QUARANTINE)
    etag = await server.work(_tag, server, caller, "rejected", source, reason, limit)
    if is_known(request, etag):
        return not_modified(etag)
    found = await server.work(
        show, server.lake, source=source, reason=reason, limit=limit, show_pii=not granted.get("raw", True)
    )
    return json_answer([{n: v for n, v in row.items() if n in granted} for row in found], etag=etag)


class Replay(BaseModel):
    """Which rows are judged again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"source": "click_events"}]})

    source: Annotated[str | None, Field(max_length=100, description="Only this source's rows.")] = None
    reason: Annotated[str | None, Field(max_length=200, description="Only rows that break this rule.")] = None
    dry_run: Annotated[bool, Field(description="Only say what would pass; nothing is changed.")] = False


@router.post(
    "/v1/quarantine/replay",
    summary="Judge rejected rows again",
    status_code=202,
    responses={
        **documented(_JOB, 404, 409, 415, status=202, description="The run that was started."),
        200: documented(_PREVIEW, description="What a replay would do.")[200],
    },
)
async def replay(server: Server, caller: Caller, asked: Replay) -> Response:
    """Open rows that pass by today's contracts go through, once, and gold is restated, in a run of its own."""
    caller.require("replay")
    if asked.dry_run:
        return json_answer(await server.work(server.lake.replay_preview, asked.source, asked.reason))
    if asked.source is not None:
        await server.work(server.lake.catalogue.contract, asked.source)
    job = server.jobs.start("replay", {"source": asked.source, "reason": asked.reason}, caller.principal.name)
    return json_answer(job.row(), status=202, headers={"location": f"/v1/runs/{job.id}"})


def _stamp(server: State) -> tuple[object, ...]:
    """Versions of all that a scorecard is made of."""
    release = server.serving.release
    names = (LEDGER, QUARANTINE, _DRIFT, _QUALITY)
    found = [server.lake.store.find(name) for name in names]
    return (release.release_id if release else None, *(item.version if item else None for item in found))


def _tag(server: State, caller: Grants, *parts: object) -> str:
    return server.etag(caller, _stamp(server), *parts)
