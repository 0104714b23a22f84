"""Answers: their bodies, their tags, and how the OpenAPI document shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from clicklake.api.formats import MEDIA, Format
from clicklake.api.problems import MEDIA as PROBLEM
from clicklake.api.problems import TYPES

_CACHE = "private, no-cache"
"""Kept by the caller alone, and asked for again with its tag."""
_WHEN = {
    400: ("usage", "The request can't be answered as it is."),
    401: ("unauthorized", "No key or token, a wrong one, or one that doesn't hold any more."),
    403: ("forbidden", "The role may not read or do this; or a web page of another origin asks."),
    404: ("unknown-name", "There is nothing of this name, or nothing was published yet."),
    406: ("not-acceptable", "None of the formats that are accepted can be had."),
    409: ("run-in-progress", "One run at a time: another one is running."),
    410: ("gone", "The version that the page belongs to is not there any more: start again."),
    413: ("too-large", "The body, or the result, is too large."),
    415: ("unsupported-media-type", "The body is not application/json."),
    421: ("misdirected", "The Host header names another server."),
    422: ("invalid", "A parameter or a field of the body is wrong; `errors` says which."),
    429: ("too-many-requests", "Too many requests; Retry-After says when to come back."),
    500: ("internal", "A fault of the server; its log has it under the request_id."),
    503: ("busy", "Too much to do, or the lake can't be read at the moment; try again."),
    504: ("took-too-long", "The query took longer than it may, and was stopped."),
}
_ALWAYS = (400, 401, 403, 421, 422, 429, 500, 503)

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What is wrong, as RFC 9457 has it.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Which kind of problem; programs look at this."},
        "title": {"type": "string", "description": "The kind in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong in this case, and what to do."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "request_id": {"type": "string", "description": "Under which the server's log and audit have it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "message"],
                "properties": {"where": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
ROWS_SCHEMA: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
OBJECT_SCHEMA: dict[str, Any] = {"type": "object"}


def to_json(value: object) -> bytes:
    """JSON: times ISO 8601 in UTC, decimals as numbers."""
    return json.dumps(value, default=_spelled, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def json_answer(
    value: object, *, status: int = 200, etag: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that is small."""
    return answer(to_json(value), "json", status=status, etag=etag, headers=headers)


def answer(
    body: bytes,
    format: Format,
    *,
    status: int = 200,
    etag: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer whose bytes are known."""
    return Response(body, status, {**tagged(etag), **(headers or {})}, MEDIA[format])


def tagged(etag: str | None) -> dict[str, str]:
    """Headers that say how long an answer may be kept."""
    if etag is None:
        return {"cache-control": "no-store"}
    return {"etag": etag, "cache-control": _CACHE, "vary": "Accept, Authorization, X-API-Key"}


def is_known(request: Request, etag: str) -> bool:
    """Whether the caller has this answer already."""
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in given.split(","))


def not_modified(etag: str) -> Response:
    """The caller has it already."""
    return Response(None, 304, tagged(etag))


def note(text: str | None) -> dict[str, str]:
    """What a reader of rows must know, as a header."""
    return {"clicklake-note": text.encode("ascii", "replace").decode()} if text else {}


def documented(
    example: object = None,
    *problems: int,
    schema: Mapping[str, Any] | None = None,
    rows: bool = False,
    tag: bool = False,
    status: int = 200,
    description: str = "What was asked for.",
) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route, for the OpenAPI document.

    Args:
        example: Of the answer.
        *problems: Statuses beside those that every request may have.
        schema: Of the answer; else rows, or an object.
        rows: Whether it is rows, in all formats.
        tag: Whether the answer has an ETag, and may be 304.
        status: Of the answer.
        description: Of the answer.
    """
    shape = dict(schema or (ROWS_SCHEMA if isinstance(example, list) or rows else OBJECT_SCHEMA))
    content: dict[str, Any] = {"application/json": {"schema": shape, "example": example}}
    if rows:
        text = {"type": "string"}
        content["application/x-ndjson"] = {"schema": text}
        content["text/csv"] = {"schema": text}
        content[MEDIA["arrow"]] = {"schema": {**text, "format": "binary"}}
    found: dict[int | str, dict[str, Any]] = {status: {"description": description, "content": content}}
    if tag:
        etag = {"ETag": {"description": "Of the versions that were read.", "schema": {"type": "string"}}}
        found[status]["headers"] = etag
        found[304] = {"description": "What If-None-Match names is still what there is.", "headers": etag}
    for code in sorted({*_ALWAYS, *problems}):
        found[code] = _problem(code)
    return found


def _problem(status: int) -> dict[str, Any]:
    name, meaning = _WHEN[status]
    example = {
        "type": TYPES + name,
        "title": meaning.partition(";")[0].rstrip("."),
        "status": status,
        "detail": meaning,
        "instance": "/v1/...",
        "request_id": "5f0c2a9d4b7e1c33",
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": meaning, "content": {PROBLEM: {"schema": schema, "example": example}}}


def _spelled(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, datetime):
        moment = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return f"{moment.isoformat()}Z"
    return value.isoformat() if isinstance(value, date) else str(value)
