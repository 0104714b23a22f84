"""Errors as callers see them: problem details (RFC 9457), one shape for all."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response

from clicklake import errors

logger = logging.getLogger("clicklake")

MEDIA = "application/problem+json"
TYPES = "urn:clicklake:problem:"


class ProblemError(errors.ClicklakeError):
    """A problem that only the API has, such as a body that is too large.

    Args:
        status: The HTTP status.
        name: What kind of problem it is.
        detail: For the caller.
        headers: That tell a program the same.
    """

    def __init__(self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.name, self.headers = status, name, dict(headers or {})


@dataclass(frozen=True)
class Problem:
    """What is told of an error.

    Args:
        status: The HTTP status.
        name: The last part of its type.
        title: The same for every problem of this type.
        detail: What is wrong in this case, and what to do.
        errors: Where the request is wrong.
        headers: More for programs.
    """

    status: int
    name: str
    title: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, instance: str, request_id: str) -> bytes:
        """As JSON."""
        told: dict[str, Any] = {
            "type": TYPES + self.name,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        }
        if self.errors:
            told["errors"] = list(self.errors)
        return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")

    def response(self, instance: str, request_id: str) -> Response:
        """As an answer."""
        return Response(
            self.body(instance, request_id), self.status, {**self.headers, "Cache-Control": "no-store"}, MEDIA
        )


_LOGIN = {"WWW-Authenticate": "Bearer"}
_BACK = {"Retry-After": "1"}
_NOTHING_YET = "the lake has published nothing yet: a run does, for example POST /v1/runs"
_OPTION = re.compile(r"(?<!\S)--([a-z]+(?:-[a-z]+)*)\b")

# The first that fits; what is not here is a fault of the program.
_KNOWN: list[tuple[type[errors.ClicklakeError], int, str, str, Mapping[str, str]]] = [
    (errors.UnauthorizedError, 401, "unauthorized", "Nobody is known by this key or token", _LOGIN),
    (errors.ForbiddenError, 403, "forbidden", "The role may not do this", {}),
    (errors.UnknownNameError, 404, "unknown-name", "There is nothing of this name", {}),
    (errors.QueryError, 400, "query", "The SQL can't be run", {}),
    (errors.MissingExtraError, 501, "not-installed", "The server lacks a package for this", {}),
    (errors.UsageError, 400, "usage", "The request can't be answered as it is", {}),
    (errors.TookTooLongError, 504, "took-too-long", "The query was stopped", {}),
    (errors.FitError, 422, "too-little-data", "The data is too small for this model", {}),
    (errors.ConflictError, 409, "conflict", "Somebody else was faster", _BACK),
]


def problem_of(error: Exception) -> Problem:
    """What callers are told of an error; of faults nothing but that there is one."""
    if isinstance(error, ProblemError):
        title = HTTPStatus(error.status).phrase
        return Problem(error.status, error.name, title, str(error), headers=error.headers)
    if isinstance(error, errors.NothingYetError):  # its own words have the lake's place on this machine
        return Problem(404, "nothing-yet", "The lake has published nothing yet", _NOTHING_YET)
    for kind, status, name, title, headers in _KNOWN:
        if isinstance(error, kind):
            return Problem(status, name, title, _plain(str(error)), headers=headers)
    if isinstance(error, errors.StorageError):
        detail = "the lake can't be read at the moment; the server's log says why"
        return Problem(503, "unavailable", "The lake can't be read", detail, headers=_BACK)
    detail = "this is a fault of the server; its log has it under the request_id"
    return Problem(500, "internal", "Internal error", detail)


def too_large(most: int) -> ProblemError:
    """A body that is."""
    return ProblemError(413, "too-large", f"a body may have {most:,} bytes")


def of_status(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> Problem:
    """A problem that a status says all about, such as a path that is not there."""
    title = HTTPStatus(status).phrase
    name = title.lower().replace(" ", "-")
    return Problem(status, name, title, detail or title, headers=headers or {})


def _plain(text: str) -> str:
    """An error in the words of the API: `as_of` where the command line has `--as-of`."""
    return _OPTION.sub(lambda option: option[1].replace("-", "_"), text)[:2000]
