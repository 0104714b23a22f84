"""Listening: where, for whom, until when."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from clicklake.access import Access
from clicklake.api.app import create_app
from clicklake.api.audit import Audit
from clicklake.errors import ClicklakeError, UsageError
from clicklake.serving.server import Server

if TYPE_CHECKING:
    from clicklake.lake import Lake

_SECONDS_TO_FINISH = 10
_BACKLOG = 512


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(lake: Lake, say: Callable[[str], None]) -> None:
    """Answer requests until SIGTERM or ^C.

    Args:
        lake: The lake; its settings say where, and for whom.
        say: Is told where it listens.

    Raises:
        UsageError: It can't listen there, or may not.
        StorageError: Accesses can't be noted.
    """
    settings, has_login = lake.settings.api, Access(lake).is_configured
    if not has_login and not is_loopback(settings.host):
        raise UsageError(
            f"{settings.host} can be reached by others, and the settings have neither access.secret, for API keys, nor "
            "access.tokens: set one of them, or listen on 127.0.0.1"
        )
    if settings.audit == "always":
        Audit(lake.log_directory).check()
    app = create_app(lake)
    listening = _listen(settings.host, settings.port)
    is_empty = _is_empty(lake)
    port = listening.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"clicklake listens on http://{host}:{port} (openapi.json says what there is; ^C stops it)")
    if not has_login:
        say("no login: whoever reaches this machine's loopback address may read everything, personal data masked")
    if is_empty:
        say(
            f"warning: the lake {lake.path} has published nothing yet. If that is its path: clicklake run fills it, "
            "and is followed; else start again with --lake or --config"
        )
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        h11_max_incomplete_event_size=64 << 10,
        limit_concurrency=1000,
        backlog=_BACKLOG,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    Server(config).run(sockets=[listening])
    say("API stopped")


def _is_empty(lake: Lake) -> bool:
    try:
        return lake.release() is None
    except ClicklakeError:  # whoever follows the lake tells of that, now and later
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)  # who is told that it listens may come; two servers at once can bind, but not listen
    except (OSError, OverflowError) as error:
        listening.close()
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"can't listen on {host}, port {port}: {told or error}") from error
    return listening
