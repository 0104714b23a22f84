"""Whether the server is there, and its figures."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from clicklake.api.answers import documented, json_answer
from clicklake.api.caller import Caller, Server
from clicklake.api.problems import ProblemError
from clicklake.errors import ClicklakeError

router = APIRouter(tags=["system"])


@router.get("/health", summary="Whether the server answers", responses=documented({"status": "ok"}))
async def health() -> Response:
    """For whoever restarts servers that hang; needs no key."""
    return json_answer({"status": "ok"})


@router.get("/ready", summary="Whether the lake can be read", responses=documented({"status": "ready"}))
async def ready(server: Server) -> Response:
    """200 where there is a release to read, 503 where there is none or the lake can't be reached; needs no key."""
    try:
        release = await server.work(lambda: server.serving.release)
    except ClicklakeError as error:
        raise ProblemError(503, "not-ready", "the lake can't be read", {"Retry-After": "5"}) from error
    if release is None:
        raise ProblemError(503, "not-ready", "the lake has published nothing yet", {"Retry-After": "5"})
    return json_answer({"status": "ready"})


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        **documented(None),
        200: {
            "description": "Rows by stage and fate, runs, table sizes and ages, quality, latencies of requests.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
async def metrics(server: Server, caller: Caller) -> Response:
    """For roles that may read `ops.runs`, for they tell of all tables."""
    caller.columns("ops.runs")
    body = await server.work(generate_latest, server.registry)
    return Response(body, 200, {"cache-control": "no-store"}, CONTENT_TYPE_LATEST)
