"""Starting and stopping the dashboard's server."""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clicklake.errors import MissingExtraError, UsageError
from clicklake.lake import Lake
from clicklake.settings import LoginSettings

SCRIPT = Path(__file__).parent / "script" / "app.py"
"""What Streamlit runs for each viewer."""
_SECONDS_TO_STOP = 10.0
PORT = 8501
"""Where the dashboard is, unless asked for elsewhere."""


def require_streamlit() -> None:
    """Refuse where the extra is not installed.

    Raises:
        MissingExtraError: It is not.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise MissingExtraError("the dashboard needs streamlit", "dashboard")


def serve(lake: Lake, host: str, port: int, say: Callable[[str], None], *, is_opened: bool = False) -> None:
    """Show a lake in browsers until ^C or SIGTERM.

    Args:
        lake: The lake.
        host: The address to listen at.
        port: The port to listen at.
        say: Gets lines for the person who started it.
        is_opened: Whether a browser is opened too.

    Raises:
        MissingExtraError: Streamlit is not installed.
        UsageError: The port is taken, or the address is one that others reach.
    """
    require_streamlit()
    login = lake.settings.dashboard.login
    if not is_loopback(host) and not login.is_configured:
        raise UsageError(
            f"--host {host}: others could reach the dashboard there, and no login is configured (settings "
            "dashboard.login); use 127.0.0.1"
        )
    require_safe(login)
    listening = listen(host, port)

    from streamlit.web import bootstrap

    from clicklake.dashboard import opened, theme, warm

    here = opened.open_for_pages(lake)
    flags = {name.replace(".", "_"): value for name, value in {**options(host, port, login), **theme.options()}.items()}
    bootstrap.load_config_options(flags)
    logging.getLogger("streamlit").setLevel(logging.WARNING)
    say(f"dashboard of {lake.path}: {url(host, port)} (stop with ^C)")
    stop = threading.Event()
    warming = threading.Thread(target=warm.keep_warm, args=(here, stop), daemon=True)
    warming.start()
    if is_opened:
        webbrowser.open(url(host, port))
    try:
        _serve(listening, login)
    finally:
        stop.set()
        opened.close()
        warming.join(_SECONDS_TO_STOP)
    say("dashboard stopped")


def _serve(listening: socket.socket, login: LoginSettings) -> None:
    """Answer until ^C or SIGTERM."""
    import uvicorn
    from starlette.middleware import Middleware
    from streamlit.starlette import App

    from clicklake.dashboard import front
    from clicklake.serving.server import Server

    app = App(SCRIPT, secrets=secrets(login), routes=front.routes(), middleware=[Middleware(front.Headers)])
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        ws_max_size=1 << 20,
    )
    Server(config).run(sockets=[listening])


def options(host: str, port: int, login: LoginSettings) -> dict[str, object]:
    """Streamlit's settings but the theme: nothing is told to anybody, nothing is watched, errors stay here."""
    names = {"localhost", "127.0.0.1", "[::1]", *([urlsplit(login.url).hostname or ""] if login.url else [])}
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.allowedHosts": sorted(names),
        "server.corsAllowedOrigins": [login.url.rstrip("/")] if login.url else [],
        # What a person left in a file of Streamlit's own says nothing here.
        "secrets.files": [],
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.showEmailPrompt": False,
        "server.enableStaticServing": False,
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": host,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.allowedOrigins": [],
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
        "runner.magicEnabled": False,
    }


def secrets(login: LoginSettings) -> dict[str, Any] | None:
    """The login as Streamlit reads it; None where there is none."""
    if not (login.metadata_url and login.client_id and login.client_secret and login.cookie_secret and login.url):
        return None
    return {
        "auth": {
            "redirect_uri": f"{login.url.rstrip('/')}/oauth2callback",
            "cookie_secret": login.cookie_secret.get_secret_value(),
            "client_id": login.client_id,
            "client_secret": login.client_secret.get_secret_value(),
            "server_metadata_url": login.metadata_url,
        }
    }


def require_safe(login: LoginSettings) -> None:
    """Refuse a login by half, with a secret that can be guessed, or over connections that others can read.

    Raises:
        UsageError: It is one.
    """
    if login.is_configured and login.missing:
        raise UsageError(f"settings dashboard.login: a login needs {', '.join(login.missing)} too")
    if login.cookie_secret and len(login.cookie_secret.get_secret_value()) < 32:
        raise UsageError("settings dashboard.login: cookie_secret needs 32 characters or more")
    for name, address in (("url", login.url), ("metadata_url", login.metadata_url)):
        parts = urlsplit(address or "https://")
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise UsageError(f"dashboard.login.{name}: {address} is not https://, so that others could read the login")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url(host: str, port: int) -> str:
    """The address for a browser."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Raises:
        UsageError: It can't be listened at.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
    except OSError as error:
        listening.close()
        raise UsageError(f"{host}:{port} can't be listened at ({error.strerror}); --port names another") from error
    return listening
