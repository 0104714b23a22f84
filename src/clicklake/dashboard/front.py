"""What browsers get before Streamlit's script runs: the page that starts it, an icon, the headers of all answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from clicklake.dashboard.pages import PAGES
from clicklake.reports.render.theme import LIGHT

ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
    f"<rect width='32' height='32' rx='7' fill='{LIGHT['accent']}'/>"
    "<path d='M5 13q5.5-5 11 0t11 0M5 21q5.5-5 11 0t11 0' fill='none' stroke='#fff' stroke-width='3' "
    "stroke-linecap='round'/></svg>"
)

# Streamlit's page holds a script and makes styles: these can't be forbidden.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""No answer lets a browser ask any other server for anything, or another site show it in a frame."""

# Where the server is: from a page's own address Streamlit would have to guess, and ask in vain.
_START = "<script>window.__streamlit={BACKEND_BASE_URL:location.origin,MAIN_PAGE_BASE_URL:location.origin}</script>"


def routes() -> list[Route]:
    """The pages, and their icon."""
    first, *others = PAGES
    return [
        Route("/", _page),
        *(Route(f"/{entry.name}", _page) for entry in others),
        Route(f"/{first.name}", _first),  # it has no name of its own in Streamlit's navigation
        Route("/favicon.svg", _icon),
    ]


def start_page() -> str:
    """Streamlit's page, with our name and icon, and nothing that is not needed."""
    html = files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")
    html = re.sub(r"<!--.*?-->\s*", "", html, flags=re.DOTALL)
    html = re.sub(r"<link[^>]*rel=\"(shortcut icon|service-desc|preload)\"[^>]*>\s*", "", html)
    html = html.replace("<title>Streamlit</title>", "<title>clicklake</title>")
    return html.replace("</title>", f"</title><link rel='icon' href='./favicon.svg'>{_START}", 1)


async def _page(_: Request) -> Response:
    return HTMLResponse(start_page(), headers={"cache-control": "no-cache"})


async def _first(request: Request) -> Response:
    query = request.url.query
    return RedirectResponse(f"./?{query}" if query else "./")


async def _icon(_: Request) -> Response:
    return Response(ICON, media_type="image/svg+xml", headers={"cache-control": "max-age=86400"})


class Headers:
    """Puts `HEADERS` on every answer."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - an ASGI application
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as ASGI has them
        """Answer a request."""

        async def send_with_headers(message: Any) -> None:  # noqa: ANN401
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*_others(message["headers"]), *_OWN]}
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


_OWN = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def _others(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower().decode() not in HEADERS]
