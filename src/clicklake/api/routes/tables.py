"""Tables: which there are, what they hold, and their rows."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from clicklake.access import Grants
from clicklake.api.answers import answer, documented, is_known, json_answer, not_modified, tagged
from clicklake.api.caller import Caller, Server
from clicklake.api.formats import MEDIA, Format, accepted, parts, whole
from clicklake.api.problems import ProblemError
from clicklake.api.sending import Streamed
from clicklake.api.state import State
from clicklake.build.release import Release
from clicklake.dictionary.describe import describe
from clicklake.errors import ClicklakeError, StorageError, TookTooLongError, UnknownNameError
from clicklake.overview import tables as all_tables
from clicklake.serving.pages import Asked, Filter, Place, page, stream

router = APIRouter(tags=["tables"])

TableName = Annotated[str, Path(max_length=200, description="Layer and table.", examples=["gold.dim_users"])]

_HISTORY = 20
_PAGE = 1000
_LIST = [
    {
        "table": "gold.dim_users",
        "rows": 48201,
        "files": 1,
        "bytes": 2214402,
        "version": 3,
        "released": 3,
        "description": "One row per user.",
        "url": "/v1/tables/gold.dim_users",
    }
]
_TABLE = {
    "table": "gold.dim_users",
    "description": "One row per user.",
    "grain": ["user_id"],
    "columns": [{"column": "user_id", "type": "string", "description": "The user.", "is_pii": True, "is_masked": True}],
    "state": {"rows": 48201, "version": 3, "release": 3},
    "history": [{"version": 3, "time": "2025-03-01T06:00:11.100000Z", "operation": "WRITE"}],
}
_ROWS = [{"user_id": "***8c1f0d2ab6e4773d", "first_seen": "2025-01-03T10:00:00Z", "total_events": 17}]


@router.get("/v1/tables", summary="The tables", responses=documented(_LIST, tag=True))
async def tables(request: Request, server: Server, caller: Caller) -> Response:
    """The tables that the caller may read and that the lake has, with rows, bytes and versions."""

    def collect() -> list[dict[str, Any]]:
        granted = set(caller.tables())
        found = [row for row in all_tables(server.lake) if row["table"] in granted]
        return [{**row, "url": f"/v1/tables/{row['table']}"} for row in found]

    found = await server.work(collect)
    etag = server.etag(caller, "tables", found)
    return not_modified(etag) if is_known(request, etag) else json_answer(found, etag=etag)


@router.get("/v1/tables/{name}", summary="A table", responses=documented(_TABLE, 404, tag=True))
async def table(request: Request, server: Server, caller: Caller, name: TableName) -> Response:
    """What documents say of a table, how it stands, and its last versions."""
    found = await server.work(_described, server, caller, name)
    etag = server.etag(caller, "table", name, found)
    return not_modified(etag) if is_known(request, etag) else json_answer(found, etag=etag)


@router.get(
    "/v1/tables/{name}/rows",
    summary="The rows of a table",
    responses=documented(_ROWS, 404, 406, 410, 504, rows=True, tag=True),
)
async def rows(
    request: Request,
    server: Server,
    caller: Caller,
    name: TableName,
    columns: Annotated[
        str | None,
        Query(max_length=4_000, description="Names with commas; else all.", examples=["user_id,total_events"]),
    ] = None,
    filter: Annotated[
        list[str] | None,
        Query(
            description="`column:operator:value`; all must hold. Operators: eq, ne, lt, lte, gt, gte, in (values with "
            "commas), null (true or false).",
            examples=[["total_events:gte:10"]],
        ),
    ] = None,
    limit: Annotated[
        int | None,
        Query(
            ge=0,
            le=100_000,
            description="Rows of a page, 1,000 where it is left out or as many as the server allows (setting "
            "api.page_rows); 0 streams all rows, in no order.",
            examples=[100],
        ),
    ] = None,
    after: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Where the page begins, as the link to it has it.",
            examples=[Place(1, None, 0, 1000).to_text()],
        ),
    ] = None,
) -> Response:
    """Rows of the version that the newest release names. A `Link` header leads to the next page of the same version.

    Pages of a version neither overlap nor leave out rows, whatever is published meanwhile. With `limit=0` all rows
    come as one stream, which takes no memory on the server.
    """
    format = accepted(request.headers.get("accept", ""))
    most = server.settings.page_rows
    if limit is None:
        limit = min(_PAGE, most)
    if limit > most:
        raise ProblemError(422, "invalid", f"limit: a page has {most:,} rows at the most, or 0: all")
    caller.columns(name)
    wanted = columns.split(",") if columns else []
    filters = [Filter.parse(text) for text in filter or ()]
    start = Place.parse(after) if after else None
    place, asked = await server.work(_asked, server, caller, name, start, wanted, filters)
    etag = server.etag(caller, "rows", name, place, wanted, filters, limit, format)
    if is_known(request, etag):
        return not_modified(etag)
    version = {"clicklake-version": str(asked.snapshot.version)}
    if place.release is not None:
        version["clicklake-release"] = str(place.release)
    if limit == 0:
        return await _stream(server, asked, format, {**tagged(etag), **version})
    body, following = await server.work(_page, server, asked, place, limit, format)
    if following:
        link = request.url.include_query_params(after=following.to_text())
        version["link"] = f'<{link.path}?{link.query}>; rel="next"'
    return answer(body, format, etag=etag, headers=version)


def _asked(
    server: State, caller: Grants, name: str, start: Place | None, columns: list[str], filters: list[Filter]
) -> tuple[Place, Asked]:
    """The version of a table that is read, and what of it."""
    place, lake = start, server.lake
    if place is None:
        release = server.serving.release
        version = release.versions.get(name) if release else None
        if name.startswith("gold.") or version is not None:
            with server.serving.reading() as generation:
                place = Place(generation.release.release_id, None)
        else:
            place = Place(None, lake.store.open(name).version)
    try:
        snapshot = lake.store.open(name, _version(server, name, place))
    except (UnknownNameError, StorageError) as error:
        if start is None or isinstance(error, UnknownNameError):
            raise
        raise _gone() from error
    there = snapshot.schema.names
    known = [column for column in caller.columns(name) if column in there]
    asked = Asked(snapshot, caller.projection(name, there), known, columns or known, filters)
    asked.check()
    return place, asked


def _version(server: State, name: str, place: Place) -> int | None:
    if place.release is None:
        return place.version
    release: Release | None = server.serving.known
    if release is None or release.release_id != place.release:
        release = server.lake.release(place.release)
    version = release.versions.get(name) if release else None
    if version is None:
        raise UnknownNameError(f"release {place.release} has no table {name}")
    return version


def _page(server: State, asked: Asked, place: Place, limit: int, format: Format) -> tuple[bytes, Place | None]:
    with server.serving.reading() as generation, generation.cursor(server.settings.query_seconds) as engine:
        try:
            found, following = page(engine, asked, place, limit)
        except ClicklakeError as error:
            raise _told(asked, error) from error
    return whole(found, format), following


async def _stream(server: State, asked: Asked, format: Format, headers: dict[str, str]) -> Response:
    """All rows, while they are read; the engine is let go when the last is sent, or the caller has left."""
    stack, at_work = ExitStack(), threading.Lock()

    def begin() -> Any:  # noqa: ANN401 - schema and batches
        generation = stack.enter_context(server.serving.reading())
        engine = stack.enter_context(generation.cursor(server.settings.stream_seconds))
        try:
            return stream(engine, asked)
        except ClicklakeError as error:
            raise _told(asked, error) from error

    server.work.enter_stream()
    try:
        schema, batches = await server.work(begin)
    except BaseException:
        await server.work.leave_stream(stack, at_work)
        raise
    return Streamed(
        server.work.parts(parts(schema, batches, format), at_work),
        headers,
        MEDIA[format],
        seconds=server.settings.stalled_seconds,
        done=partial(server.work.leave_stream, stack, at_work),
    )


def _told(asked: Asked, error: ClicklakeError) -> ClicklakeError:
    """A version whose files were removed is gone for good."""
    if not isinstance(error, TookTooLongError) and "No files found" in str(error):
        return _gone()
    return error


def _gone() -> ProblemError:
    return ProblemError(410, "gone", "the version of this page is not there any more: start again, without after")


def _described(server: State, caller: Grants, name: str) -> dict[str, Any]:
    granted = caller.columns(name)
    found = describe(server.lake, name).row()
    columns = [{**item, "is_masked": granted[item["column"]]} for item in found["columns"] if item["column"] in granted]
    if len(columns) < len(found["columns"]):  # what is not granted is not told by the way either
        found = {key: value for key, value in found.items() if key not in ("sql", "rules", "references")}
    known = set(caller.tables())
    for key in ("upstream", "downstream", "referenced_by"):
        found[key] = [other for other in found.get(key, ()) if other.startswith("report:") or other in known]
    try:
        history = [_told_entry(asdict(entry), known) for entry in server.lake.history(name, limit=_HISTORY)]
    except UnknownNameError:  # not there yet
        history = []
    return {**found, "columns": columns, "history": history}


def _told_entry(entry: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """A version of a table, without the tables that it was made of and that are not granted."""
    of = {name: name.partition(":")[2] for name in entry["marks"]}
    return {**entry, "marks": {n: v for n, v in entry["marks"].items() if "." not in of[n] or of[n] in known}}
