"""What every request passes, whatever it asks for: who asks, how often, how much; and what is noted of it."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clicklake.access import Principal
from clicklake.api.audit import told_query
from clicklake.api.problems import ProblemError, problem_of, too_large
from clicklake.errors import ClicklakeError, UnauthorizedError

if TYPE_CHECKING:
    from clicklake.api.state import State

logger = logging.getLogger("clicklake")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_OPEN = frozenset({"/health", "/ready"})
"""What is told to anybody: that the server is there, and nothing of the lake."""
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
_NOBODY = Principal("nobody", "none", "none")


class Gate:
    """The outermost part of the application.

    Args:
        app: What answers.
        state: The server's.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state
        settings = state.settings
        self._origins = {origin.encode() for origin in settings.origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Request(self._state, self._origins, scope).answer(self._app, receive, send)


class _EnoughError(Exception):
    """Of an answer that nobody takes further."""


class _Request:
    """One request on its way."""

    def __init__(self, state: State, origins: set[bytes], scope: Scope) -> None:
        self.state, self.origins, self.method = state, origins, scope["method"]
        # Of what GET would answer HEAD gets the head; the server itself goes by its own scope.
        self.scope = scope = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.id = given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        client = scope.get("client")
        self.address = client[0] if client else "unknown"
        self.principal = _NOBODY
        self.status, self.sent, self.is_complete = 0, 0, False
        self.received = 0
        facts: dict[str, Any] = {}
        self.facts = facts
        scope["state"] = {**scope.get("state", {}), "request_id": self.id, "facts": facts}

    async def answer(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        began = time.perf_counter()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS, (b"x-request-id", self.id.encode())]
            elif message["type"] == "http.response.body" and self.method == "HEAD":
                self.is_complete = True
                await send({"type": "http.response.body"})
                if message.get("more_body"):
                    raise _EnoughError  # what would follow need not be read
                return
            elif message["type"] == "http.response.body":
                self.sent += len(message.get("body", b""))
                self.is_complete = not message.get("more_body", False)
            await send(message)

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self.received += len(message.get("body", b""))
                if self.received > self.state.body_bytes:
                    raise HTTPException(413)  # which whoever reads the body lets pass
            return message

        try:
            self._admit()
            await app(self.scope, receiving, sending)
        except Exception as error:
            if self.is_complete and self.method == "HEAD":
                return
            if not isinstance(error, ClicklakeError):
                logger.exception("request %s: %s", self.id, type(error).__name__)
            if self.is_complete:
                return
            if self.status:
                raise  # half an answer: the connection is cut, so that nobody takes it for a whole one
            response = problem_of(error).response(self.scope["path"], self.id)
            await response(self.scope, receive, sending)
        finally:
            self._note(time.perf_counter() - began)

    def _admit(self) -> None:
        """Refuse what needn't be looked at.

        Raises:
            ClicklakeError: It is refused.
        """
        scope, headers, state = self.scope, self.headers, self.state
        self._require_host()
        self._require_own_page()
        if scope["path"] not in _OPEN:
            state.failures.require(self.address)
            try:
                if sum(name in (b"authorization", b"x-api-key") for name, _ in scope["headers"]) > 1:
                    raise UnauthorizedError("more than one key or token was sent")
                self.principal = state.authenticate(headers)
            except UnauthorizedError:
                state.failures.take(self.address)
                raise
            scope["state"]["grants"] = state.access.grants(self.principal)
        caller = self.address if self.principal.by in ("local", "none") else (self.principal.by, self.principal.name)
        state.limiter.require(caller)
        state.limiter.take(caller)
        if scope["method"] == "POST":  # no route knows another method that has a body
            self._require_body()

    def _require_host(self) -> None:
        """A page of another name that leads to this address (DNS rebinding) gets nothing."""
        if self.state.has_login and not self.state.settings.host_names:
            return  # a browser that was led here has no key
        hosts = [value for name, value in self.scope["headers"] if name == b"host"]
        name = _host_name(hosts)
        if name not in self.state.host_names:
            raise ProblemError(421, "misdirected", "the request is for another host; setting api.host_names")

    def _require_own_page(self) -> None:
        """Other people's web pages may not use a browser that reaches this server."""
        origin = self.headers.get(b"origin")
        is_cross = self.headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site")
        if (is_cross or origin) and origin not in self.origins and not self._is_own(origin):
            raise ProblemError(
                403, "cross-origin", "web pages of this origin may not call the API; setting api.origins"
            )

    def _is_own(self, origin: bytes | None) -> bool:
        if origin is None:
            return self.headers.get(b"sec-fetch-mode") == b"navigate" and self.scope["method"] == "GET"
        return origin == b"%s://%s" % (self.scope["scheme"].encode(), self.headers.get(b"host", b""))

    def _require_body(self) -> None:
        media = self.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if media != b"application/json":
            raise ProblemError(415, "unsupported-media-type", "the body must be application/json")
        length = self.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.state.body_bytes:
            raise too_large(self.state.body_bytes)

    def _note(self, seconds: float) -> None:
        scope = self.scope
        route = getattr(scope.get("route"), "path", "other")
        status = self.status or 499
        self.state.http.observe(_method(self.method), route, status, seconds)
        self.state.audit.note(
            request_id=self.id,
            principal=self.principal.name,
            role=self.principal.role,
            by=self.principal.by,
            address=self.address,
            method=self.method,
            path=scope["path"],
            query=told_query(scope["path"], scope["query_string"]),
            status=status,
            bytes=self.sent,
            ms=round(seconds * 1000, 1),
            **self.facts,
        )


def _method(method: str) -> str:
    """A label that can't be made up by callers."""
    return method if method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE") else "OTHER"


def _host_name(hosts: Iterable[bytes]) -> str | None:
    """The name of the only Host header, without port."""
    found = list(hosts)
    if len(found) != 1:
        return None
    host = found[0].decode("latin-1").lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
