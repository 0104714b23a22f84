"""Callers that hang up, or never take what they asked for, use nothing up."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from api_server import Server, running

_MOST_FOLLOWERS = 50


def _ask(server: Server, path: str, stack: ExitStack | None = None) -> socket.socket:
    """A connection that has asked, and takes as little as it can."""
    caller = socket.socket()
    if stack:
        stack.enter_context(caller)
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    caller.settimeout(60)
    host, _, port = server.url.removeprefix("http://").partition(":")
    caller.connect((host, int(port)))
    caller.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return caller


def _status(caller: socket.socket) -> int:
    return int(caller.recv(64).split()[1])


def test_followers_that_hang_up_or_hang_leave_room_for_others(project: Path) -> None:
    with running(project) as server, ExitStack() as stack:
        job = server.post("/v1/runs", json={"full": True}).json()["job"]
        run = _stopped_run(server)
        path = f"/v1/runs/{job}/events"
        for _ in range(3 * _MOST_FOLLOWERS):  # before their answer has begun
            _ask(server, path).close()
        _fills(server, path)
        _fills(server, path)
        _ask(server, path, stack)  # and never takes anything
        assert server.get(f"/v1/runs/{job}").json()["status"] in ("starting", "running")
        os.kill(run, signal.SIGCONT)


def _stopped_run(server: Server) -> int:
    """The process of the run that was started, which stands still, so that it can be followed as long as it takes."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for children in Path(f"/proc/{server.process.pid}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                if b"clicklake.api.child" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(child, signal.SIGSTOP)
                    return child
        time.sleep(0.01)
    raise AssertionError("no run has started")


def _fills(server: Server, path: str) -> None:
    """As many follow as may, once those who have hung up are noticed; others are answered beside them."""
    until = time.monotonic() + 20
    while True:
        with ExitStack() as stack:
            callers = [_ask(server, path, stack) for _ in range(_MOST_FOLLOWERS + 10)]
            found = [_status(caller) for caller in callers]
            assert found.count(200) <= _MOST_FOLLOWERS and {*found} == {200, 503}
            assert server.get("/v1/tables").status_code == 200
            if found.count(200) == _MOST_FOLLOWERS:
                return
        assert time.monotonic() < until, f"those who have hung up are still counted: {found.count(200)} may follow"
        time.sleep(0.2)


def test_streams_that_nobody_takes_are_cut_off(project: Path) -> None:
    with (project / "clicklake.yaml").open("a") as settings:
        settings.write("api:\n  at_once: 2\n  waiting: 2\n  stalled_seconds: 2\n")
    path = "/v1/tables/silver.events/rows?limit=0"
    with running(project) as server:
        for _ in range(20):
            _ask(server, path).close()
            time.sleep(0.01)
        until = time.monotonic() + 20
        while server.get(path).status_code != 200 or server.get(path).status_code != 200:
            assert time.monotonic() < until, "those who have hung up still have their places"
            time.sleep(0.5)
        time.sleep(2)
        with ExitStack() as hanging:
            found = [_status(_ask(server, path, hanging)) for _ in range(4)]
            assert found[0] == 200 and found[-1] == 503, found
            assert server.get("/v1/tables/gold.dim_dates/rows?limit=1").status_code == 200
            until = time.monotonic() + 20
            while server.get(path).status_code != 200:
                assert time.monotonic() < until, "they were not cut off"
                time.sleep(0.2)
        _, told = server.stop()
        assert "was cut off" in told and "Traceback" not in told
    (file,) = (project / "logs").glob("audit-*.jsonl")
    assert any(json.loads(line).get("is_cut_off") for line in file.read_text().splitlines())
