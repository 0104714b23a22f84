"""The application: routes, errors, the OpenAPI document, and the gate before all of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from clicklake._version import __version__
from clicklake.api.document import document
from clicklake.api.gate import Gate
from clicklake.api.problems import Problem, ProblemError, of_status, problem_of, too_large
from clicklake.api.routes import lineage, quality, query, reports, runs, system, tables
from clicklake.api.state import State
from clicklake.errors import ClicklakeError, TookTooLongError

if TYPE_CHECKING:
    from clicklake.lake import Lake

logger = logging.getLogger("clicklake")

_LOOK = 1.0
_NO_FAULTS = (ProblemError, TookTooLongError)
_EXPOSED = (
    *("ETag", "Link", "Location", "Retry-After", "X-Request-Id"),
    *("Clicklake-Release", "Clicklake-Version", "Clicklake-Note"),
)
"""Headers that web pages of other origins may read."""
_ABOUT = """\
Tables, reports, queries, quality, lineage and runs of a clicklake lake. All reads are of the newest release: the
versions of all tables that belong together.

**Who asks**: `Authorization: Bearer ...`, an API key or a JSON Web Token, or `X-API-Key: KEY`. **Errors** have one
shape, problem details (RFC 9457). **Rows** come as JSON, NDJSON, CSV or Arrow IPC, whichever `Accept` asks for;
numbers and times are spelled as `clicklake report --format json` spells them. **ETag**: send it back as
`If-None-Match`, and an answer that is still the same costs nothing. `Clicklake-Release` says which release was read.
"""


def create_app(lake: Lake) -> ASGIApp:
    """The API of a lake.

    Args:
        lake: The lake. Where its settings have no key and no token, whoever asks may read everything, with personal
            data masked: only for a server that nobody else can reach.
    """
    state = State(lake)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(_follow(state))
        try:
            yield
        finally:
            looking.cancel()
            await state.jobs.close()
            state.close()

    app = FastAPI(
        title="clicklake",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.lake = state
    for module in (tables, reports, query, quality, lineage, runs, system):
        app.include_router(module.router)
    app.add_exception_handler(ClicklakeError, _on_error)
    app.add_exception_handler(HTTPException, _on_status)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_error)
    app.openapi = lambda: document(app, lake.catalogue)  # type: ignore[method-assign]
    gate: ASGIApp = Gate(app, state)
    if lake.settings.api.origins:
        gate = _NamedOrigins(
            gate,
            allow_origins=lake.settings.api.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "If-None-Match", "Last-Event-ID"],
            expose_headers=_EXPOSED,
        )
    return gate


class _NamedOrigins(CORSMiddleware):
    """Answers for web pages of the origins that the settings name; what others get is the gate's to say."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_named = scope["type"] == "http" and self.is_allowed_origin(Headers(scope=scope).get("origin", ""))
        await (super().__call__ if is_named else self.app)(scope, receive, send)


async def _follow(state: State) -> None:
    """See every second whether there is a newer release, so that no request has to."""
    is_warm = False
    while True:
        try:
            await asyncio.get_running_loop().run_in_executor(None, state.look)
            if not is_warm:  # parsing all SQL for the first time takes seconds, which the first caller need not wait
                is_warm = True
                await asyncio.get_running_loop().run_in_executor(None, state.warm)
        except ClicklakeError as error:
            logger.warning("%s", error)
        except Exception:  # whatever it is, the next look may succeed
            logger.exception("looking for a newer release")
        await asyncio.sleep(_LOOK)


async def _on_error(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    # The gate tells of faults; that somebody has to wait, or asked for too much, is in the audit and the metrics.
    if problem.status >= 500 and isinstance(error, ClicklakeError) and not isinstance(error, _NO_FAULTS):
        logger.error("request %s: %s: %s", request.state.request_id, type(error).__name__, error)
    return _answered(request, problem)


async def _on_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "" if error.status_code != 404 else "there is nothing at this path; /openapi.json says what there is"
    if error.status_code == 400:
        detail = "the body can't be read"
    if error.status_code == 413:
        return _answered(request, problem_of(too_large(request.app.state.lake.body_bytes)))
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"  # which the gate makes of GET
    return _answered(request, of_status(error.status_code, detail, headers))


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(map(str, item["loc"]))[:200], "message": str(item["msg"])[:500]} for item in error.errors()
    ]
    told = "; ".join(f"{item['where']}: {item['message']}" for item in found[:5])
    return _answered(request, Problem(422, "invalid", "The request is not valid", told, errors=found[:50]))


def _answered(request: Request, problem: Problem) -> Response:
    return problem.response(request.scope["path"], request.state.request_id)
