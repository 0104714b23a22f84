"""Files of events as people have them, and what is proposed for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.cli.main import run
from clicklake.project.propose import Proposal, propose
from clicklake.project.sample import look_at

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file: text or bytes."""

    def writes(content: str | bytes, name: str = "events.csv") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return writes


@pytest.fixture
def proposed(write: Write) -> Callable[..., Proposal]:
    """Proposes a contract for a file with this content."""

    def proposes(content: str | bytes, name: str = "events.csv") -> Proposal:
        return propose(look_at(str(write(content, name))), "events")

    return proposes


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project; the current folder."""
    folder = tmp_path / "shop"
    assert run(["init", str(folder)]) == 0
    monkeypatch.chdir(folder)
    return folder


def fills(proposal: Proposal) -> dict[str, str]:
    """By silver column, what fills it."""
    return {column.name: " + ".join(field.name for field in column.fields) for column in proposal.columns}
