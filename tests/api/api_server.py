"""Real servers on free ports, and projects for them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from clicklake.access.keys import Keys
from clicklake.lake import Lake
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

PROBLEM = "application/problem+json"
SECRET = "0123456789abcdef0123456789abcdef"
PROGRAM = (sys.executable, "-c", "from clicklake.cli.main import main; main()")


@dataclass
class Server:
    """A running `clicklake serve`.

    Args:
        url: Where it listens.
        process: Its process.
        lake: Its lake's folder.
        project: Its project's folder.
    """

    url: str
    process: subprocess.Popen[str]
    lake: Path
    project: Path

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=300, **arguments)

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return httpx.post(self.url + path, timeout=300, **arguments)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """The exit code, and what it has told."""
        self.process.send_signal(number)
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, told


@dataclass
class Locked:
    """A server with login.

    Args:
        server: It.
        shown: A key of each role.
        keys: Those that it knows.
    """

    server: Server
    shown: dict[str, str]
    keys: Keys

    def get(self, role: str, path: str, **arguments: Any) -> httpx.Response:
        return self.server.get(path, headers=self.of(role), **arguments)

    def post(self, role: str, path: str, **arguments: Any) -> httpx.Response:
        return self.server.post(path, headers=self.of(role), **arguments)

    def of(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.shown[role]}"}


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CLICKLAKE_")}


@contextmanager
def running(project: Path, *arguments: str, **more: str) -> Iterator[Server]:
    """A server of a project."""
    command = [
        sys.executable,
        "-c",
        "from clicklake.cli.main import main; main()",
        "serve",
        "--config",
        str(project / "clicklake.yaml"),
        "--port",
        "0",
    ]
    process = subprocess.Popen(
        [*command, *arguments], cwd=project, stderr=subprocess.PIPE, text=True, env={**environment(), **more}
    )
    try:
        assert process.stderr
        told = ""
        while not (found := re.search(r"listens on (http://\S+)", told)):
            line = process.stderr.readline()
            assert line, f"it has ended: {told}"
            told += line
        port = found[1].rpartition(":")[2]
        server = Server(f"http://127.0.0.1:{port}", process, project / "lake", project)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                server.get("/health")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def make_project(folder: Path, rows: int = 4_000, more: str = "") -> Path:
    """A project with a lake of clicks and orders; its settings name the clicks as a source."""
    generate(folder / "data", GeneratorConfig(rows=rows, days=60, commerce=CommerceConfig()))
    sources = "".join(
        f"  {path.name}:\n    paths: {path}\n" for path in sorted((folder / "data").iterdir()) if path.is_dir()
    )
    (folder / "clicklake.yaml").write_text(f"lake: {folder / 'lake'}\nsources:\n{sources}{more}")
    Lake(config=folder / "clicklake.yaml").run()
    return folder
