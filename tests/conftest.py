"""Fixtures that several packages of tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clicklake.lake import Lake

HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees the settings or the environment of the person who runs it."""
    import os

    for name in list(os.environ):
        if name.startswith("CLICKLAKE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def clicks(tmp_path: Path) -> Callable[..., Path]:
    """Writes click_events files: one string a record, the header put before."""

    def write(*records: str, name: str = "clicks.csv") -> Path:
        file = tmp_path / name
        file.write_text("\n".join([HEADER, *records]) + "\n", encoding="utf-8")
        return file

    return write


def rows(lake: Lake, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query, as tuples."""
    return [tuple(row.values()) for row in lake.query(sql).to_pylist()]
