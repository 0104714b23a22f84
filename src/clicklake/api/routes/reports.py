"""Reports: which there are, and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from clicklake.access import Grants
from clicklake.api.answers import answer, documented, is_known, json_answer, not_modified, note
from clicklake.api.caller import Caller, Server
from clicklake.api.document import MOST_VALUE
from clicklake.api.formats import Format, accepted, whole
from clicklake.api.problems import ProblemError
from clicklake.api.state import Body, State
from clicklake.build.release import Release
from clicklake.contracts.model import Report
from clicklake.errors import ForbiddenError, UsageError
from clicklake.serving.generation import Generation

router = APIRouter(tags=["reports"])

_OWN = ("since", "until", "as_of", "limit")

_LIST = [
    {
        "name": "revenue_metrics",
        "title": "Revenue metrics",
        "description": "What purchases brought in, and how many buyers came back.",
        "fields": {"purchasers": {"type": "integer", "description": "Users who bought."}},
        "parameters": [],
        "has_window": True,
        "url": "/v1/reports/revenue_metrics",
    }
]
_ROWS = [{"purchasers": 812, "repeat_purchasers": 311, "repeat_purchaser_pct": 38.30, "total_revenue": 104512.75}]


@router.get("/v1/reports", summary="The reports", responses=documented(_LIST, tag=True))
async def reports(request: Request, server: Server, caller: Caller) -> Response:
    """The reports that the caller may see, with their fields and parameters."""

    def collect() -> list[dict[str, Any]]:
        found = []
        for name in server.lake.catalogue.report_names:
            report = server.report(name)
            try:
                server.require_report(caller, report, {})
            except ForbiddenError:
                continue
            found.append(_told(report))
        return found

    found = await server.work(collect)
    etag = server.etag(caller, "reports", found)
    return not_modified(etag) if is_known(request, etag) else json_answer(found, etag=etag)


@router.get(
    "/v1/reports/{name}",
    summary="The rows of a report",
    responses=documented(_ROWS, 404, 406, 413, 504, rows=True, tag=True),
)
async def report(
    request: Request,
    server: Server,
    caller: Caller,
    name: Annotated[
        str, Path(max_length=100, description="A report, as /v1/reports names it.", examples=["revenue_metrics"])
    ],
    since: Annotated[date | None, Query(description="The first day.", examples=["2025-01-01"])] = None,
    until: Annotated[date | None, Query(description="The last day, included.", examples=["2025-12-31"])] = None,
    as_of: Annotated[
        date | None,
        Query(description="The day that is taken for today; later ones are left out.", examples=["2025-12-31"]),
    ] = None,
    limit: Annotated[
        int | None, Query(ge=0, le=1_000_000, description="Rows at the most; else the report's own.", examples=[10])
    ] = None,
) -> Response:
    """The rows that `clicklake report NAME --format json` prints, of the newest release.

    Filters and the parameters that a report declares are parameters too.
    """
    format = accepted(request.headers.get("accept", ""))
    asked = server.report(name)
    more = {key: value for key, value in request.query_params.items() if key not in _OWN}
    if unknown := sorted(more.keys() - {*asked.doc.parameters, *server.lake.catalogue.filters}):
        has = ", ".join([*_OWN, *server.lake.catalogue.filters, *asked.doc.parameters])
        raise UsageError(f"report {name} has no parameter {', '.join(unknown)[:80]}; it has {has}")
    if long := [key for key, value in more.items() if len(value) > MOST_VALUE]:
        raise ProblemError(422, "invalid", f"{', '.join(long)}: a value has {MOST_VALUE:,} characters at the most")
    server.require_report(caller, asked, more)
    release = server.serving.known
    if release is None:  # nothing yet, or nobody has looked
        release = await server.work(lambda: server.serving.release)
    question = _Question(server, caller, asked, format, limit, {"since": since, "until": until, "as_of": as_of, **more})
    etag = question.etag(release)
    if is_known(request, etag):
        return not_modified(etag)
    found = server.answers.get(etag)
    if found is None:
        release, made = await server.work(question.answer)
        etag = question.etag(release)
    body, told = found or made
    head = {"clicklake-release": str(release.release_id if release else 0), **note(told)}
    return answer(body, format, etag=etag, headers=head)


@dataclass(frozen=True)
class _Question:
    """What a caller asks of a report."""

    server: State
    caller: Grants
    report: Report
    format: Format
    limit: int | None
    arguments: Mapping[str, Any]

    def etag(self, release: Release | None) -> str:
        """Of the answer on a release."""
        report = self.report
        versions = self.server.serving.versions(report, release, self.arguments)
        number = release.release_id if release else None
        return self.server.etag(
            self.caller, number, versions, report.name, report.sql, self.arguments, self.limit, self.format
        )

    def answer(self) -> tuple[Release, Body]:
        """The newest release, and the answer on it."""
        with self.server.serving.reading() as generation:
            release = generation.release
            return release, self.server.answers.get_or_make(self.etag(release), lambda: self._made(generation))

    def _made(self, generation: Generation) -> Body:
        most = self.server.settings.result_rows
        own = self.report.doc.limit.default if self.limit is None else self.limit
        # One row more than there may be tells that there are too many, without all of them.
        limit = most + 1 if own is None else own
        rows = self.server.serving.report(self.report.name, limit=limit, generation=generation, **self.arguments)
        if len(rows) > most:
            raise ProblemError(
                413, "too-many-rows", f"the report has more than {most:,} rows; give a limit, or a shorter window"
            )
        shown = self.caller.masked_report(self.report, rows)
        return whole(shown.table, self.format), rows.note


def _told(report: Report) -> dict[str, Any]:
    doc = report.doc
    return {
        "name": report.name,
        "title": doc.title,
        "description": doc.description,
        "fields": {
            name: {"type": column.type, "description": column.description} for name, column in doc.columns.items()
        },
        "parameters": list(doc.parameters),
        "has_window": bool(doc.window),
        "url": f"/v1/reports/{report.name}",
    }
