"""A cluster for all tests of this folder, and drivers that share nothing with it but lake and sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import clicklake
from spark.cluster.driver import Site
from spark.cluster.standalone import Standalone


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster with two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    private = folder / "driver"
    (private / "tmp").mkdir(parents=True)
    cluster = Standalone(folder / "machines", [private], str(Path(clicklake.__file__).parents[1]))
    try:
        cluster.add_worker()
        cluster.add_worker()
        yield Site(cluster, folder / "shared", private)
    finally:
        cluster.stop()
