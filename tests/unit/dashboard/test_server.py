"""The dashboard's server: where it listens, how it looks, what it tells nobody, how it stops."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from streamlit import config

from clicklake.cli.main import run
from clicklake.dashboard import server, theme
from clicklake.errors import MissingExtraError, UsageError
from clicklake.lake import Lake
from clicklake.reports.render.theme import DARK, LIGHT
from clicklake.settings import LoginSettings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")],
        *[(host, False) for host in ("0.0.0.0", "::", "192.168.1.4", "example.com", "localhost.example.com", "")],
    ],
)
def test_what_only_this_machine_reaches(host, is_own):
    assert server.is_loopback(host) == is_own


def test_others_are_not_served_without_a_login(tmp_path):
    with pytest.raises(UsageError, match=r"--host 0\.0\.0\.0: others could reach .* no login is configured"):
        server.serve(Lake(tmp_path), "0.0.0.0", free_port(), print)


PROVIDER = {
    "metadata_url": "https://login.example.com/.well-known/openid-configuration",
    "client_id": "dashboard",
    "client_secret": "secret",
    "cookie_secret": "c" * 32,
    "url": "https://lake.example.com/",
}


def test_a_login_is_what_streamlit_reads():
    assert server.secrets(LoginSettings()) is None
    login = LoginSettings.model_validate(PROVIDER)
    server.require_safe(login)
    asked = server.secrets(login)["auth"]
    assert asked["redirect_uri"] == "https://lake.example.com/oauth2callback"
    assert asked["client_secret"] == "secret" and asked["cookie_secret"] == "c" * 32
    wanted = server.options("0.0.0.0", 8501, login)
    assert "lake.example.com" in wanted["server.allowedHosts"]
    assert wanted["server.corsAllowedOrigins"] == ["https://lake.example.com"]


@pytest.mark.parametrize("name", ["url", "metadata_url"])
def test_a_login_that_others_could_read_is_refused(tmp_path, name):
    unsafe = {**PROVIDER, name: PROVIDER[name].replace("https", "http")}
    lake = Lake(tmp_path, overrides={f"dashboard.login.{key}": value for key, value in unsafe.items()})
    with pytest.raises(UsageError, match=rf"dashboard\.login\.{name}: http://.* is not https://"):
        server.serve(lake, "0.0.0.0", free_port(), print)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"client_secret": None}, "a login needs client_secret too"), ({"cookie_secret": "short"}, "32 characters")],
)
def test_a_login_by_half_is_refused(tmp_path, change, said):
    given = {f"dashboard.login.{key}": value for key, value in {**PROVIDER, **change}.items() if value is not None}
    with pytest.raises(UsageError, match=said):
        server.serve(Lake(tmp_path, overrides=given), "127.0.0.1", free_port(), print)


def test_a_port_that_is_taken_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="can't be listened at .*--port names another"):
            server.serve(Lake(tmp_path), "127.0.0.1", taken.getsockname()[1], print)


def test_without_streamlit_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError):
        server.require_streamlit()
    assert run(["dashboard"]) == 2
    assert "the dashboard needs streamlit: pip install 'clicklake[dashboard]'" in capsys.readouterr().err


def test_streamlit_knows_every_setting():
    known = config.get_config_options()
    wanted = {**server.options("127.0.0.1", 8501, LoginSettings()), **theme.options()}
    assert set(wanted) <= set(known)
    assert not wanted["browser.gatherUsageStats"] and wanted["client.showErrorDetails"] == "none"


def test_colours_are_those_of_the_reports():
    wanted = theme.options()
    assert wanted["theme.light.primaryColor"] == LIGHT["accent"]
    assert wanted["theme.dark.backgroundColor"] == DARK["surface"]
    drawing = {"mark": {"color": LIGHT["accent"]}, "layer": [{"fill": LIGHT["ink"]}, 3, "text"]}
    assert theme.repainted(drawing, is_dark=False) is drawing
    at_night = {"mark": {"color": DARK["accent"]}, "layer": [{"fill": DARK["ink"]}, 3, "text"]}
    assert theme.repainted(drawing, is_dark=True) == at_night


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_it_serves_until_it_is_stopped(lake_of_clicks, number):
    port = free_port()
    program = [sys.executable, "-c", "from clicklake.cli.main import main; main()"]
    command = [*program, "--lake", lake_of_clicks.path, "dashboard", "--port", str(port)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{port}"
        answer = wait_for(f"{address}/_stcore/health", started)
        page = urllib.request.urlopen(address, timeout=30).read().decode()
        started.send_signal(number)
        said, told = started.communicate(timeout=60)
    finally:
        started.kill()
        started.wait()
    assert answer == "ok" and "<title>" in page
    assert started.returncode == 0 and said == ""
    assert told.splitlines() == [
        f"dashboard of {lake_of_clicks.path}: {address} (stop with ^C)",
        "dashboard stopped",
    ]


def wait_for(url: str, started: subprocess.Popen[str]) -> str:
    for _ in range(600):
        assert started.poll() is None, started.communicate()
        try:
            return str(urllib.request.urlopen(url, timeout=5).read().decode())
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the dashboard does not answer")
