"""Starting and stopping the dashboard's server."""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
import os
import socket
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from clicklake.errors import MissingExtraError, UsageError
from clicklake.lake import Lake

SCRIPT = Path(__file__).parent / "script" / "app.py"
"""What Streamlit runs for each viewer."""
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
    if not is_loopback(host):
        raise UsageError(
            f"--host {host}: others could reach the dashboard there, and no login is configured; use 127.0.0.1"
        )
    require_free(host, port)

    from streamlit.web import bootstrap

    from clicklake.dashboard import opened, theme

    opened.open_for_pages(lake)
    flags = {name.replace(".", "_"): value for name, value in {**options(host, port), **theme.options()}.items()}
    flags["server_headless"] = not is_opened
    bootstrap.load_config_options(flags)
    logging.getLogger("streamlit").setLevel(logging.WARNING)
    say(f"dashboard of {lake.path}: {url(host, port)} (stop with ^C)")
    try:
        with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):  # it says there that it stops
            bootstrap.run(str(SCRIPT), False, [], flags)
    finally:
        opened.close()
    say("dashboard stopped")


def options(host: str, port: int) -> dict[str, object]:
    """Streamlit's settings but the theme: nothing is told to anybody, nothing is watched, errors stay here."""
    return {
        "server.address": host,
        "server.port": port,
        "server.allowedHosts": ["localhost", "127.0.0.1", "[::1]"],
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


def require_free(host: str, port: int) -> None:
    """Refuse a port that is taken.

    Raises:
        UsageError: It is, or can't be listened at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(f"{host}:{port} can't be listened at ({error.strerror}); --port names another") from error
