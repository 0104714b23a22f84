"""Servers and lakes that the tests of the API share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import SECRET, Locked, Server, make_project, running

from clicklake.access.keys import Keys
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


ROLES = """
access:
  secret: ${CL_SECRET}
  roles:
    shopkeeper:
      reads: gold
      hides: [gold.fact_events.amount, gold.fact_sales]
      may: query
    monitor:
      reads: ops
  tokens:
    algorithms: HS256
    secret: ${CL_SECRET}
    issuer: https://login.example.com
    audience: clicklake
api:
  query_seconds: 3
  body_bytes: 20kB
  result_rows: 2000
"""


@pytest.fixture(scope="session")
def locked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """A server with roles, keys and tokens."""
    folder = tmp_path_factory.mktemp("locked") / "project"
    shutil.copytree(built, folder)
    settings = folder / "clicklake.yaml"
    settings.write_text(settings.read_text().replace(str(built), str(folder)) + ROLES)
    keys = Keys(folder / "access-keys.json", SECRET)
    roles = ("reader", "analyst", "engineer", "admin", "shopkeeper", "monitor")
    made = {role: keys.add(role, role)[0] for role in roles}
    with running(folder, CL_SECRET=SECRET) as server:
        yield Locked(server, made, keys)


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """A copy of that project, which a test may change."""
    copy = tmp_path / "project"
    shutil.copytree(built, copy)
    settings = copy / "clicklake.yaml"
    settings.write_text(settings.read_text().replace(str(built), str(copy)))
    return copy
