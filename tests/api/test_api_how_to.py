"""What the documentation shows works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from api_server import Server, running

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "serve-the-api.md"
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("curl ")
]
CHANGES = [command for command in COMMANDS if '"sources"' in command]


def _asked(server: Server, command: str, folder: Path) -> bytes:
    arguments = shlex.split(command.replace("http://127.0.0.1:8470", server.url))
    done = subprocess.run(
        [*arguments, "--silent", "--show-error", "--fail"], cwd=folder, capture_output=True, timeout=60
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in CHANGES])
def test_what_is_asked(server: Server, command: str, tmp_path: Path) -> None:
    answer = _asked(server, command, tmp_path)
    if "--output" in command:
        assert (tmp_path / "users.arrow").stat().st_size > 1000
    elif "text/csv" in command:
        assert len(answer.splitlines()) == 8
    else:
        assert json.loads(answer)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_what_changes_the_lake(project: Path, tmp_path: Path) -> None:
    (command,) = CHANGES
    with running(project) as server:
        assert json.loads(_asked(server, command, tmp_path))["command"] == "run"


def test_every_path_is_told_of(server: Server) -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    for path in server.get("/openapi.json").json()["paths"]:
        plain = re.sub(r"/\{.*", "", path)
        assert plain in text, path
