"""Servers and lakes that the tests of the API share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import Server, make_project, running

from clicklake.lake import Lake


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes."""
    return make_project(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def server(built: Path) -> Iterator[Server]:
    """A server of it without login, which no test stops."""
    with running(built) as server:
        yield server


@pytest.fixture(scope="session")
def known(built: Path) -> Lake:
    """Its lake."""
    return Lake(config=built / "clicklake.yaml")


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """A copy of that project, which a test may change."""
    copy = tmp_path / "project"
    shutil.copytree(built, copy)
    settings = copy / "clicklake.yaml"
    settings.write_text(settings.read_text().replace(str(built), str(copy)))
    return copy
