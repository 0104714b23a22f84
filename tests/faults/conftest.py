from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from faults.process import TESTS
from faults.server import Server


@pytest.fixture(scope="session")
def python_path() -> str:
    """For processes that need this package: where this one found its modules."""
    return os.pathsep.join([str(TESTS), *filter(None, sys.path)])


@pytest.fixture(scope="module")
def server(python_path: str) -> Iterator[Server]:
    """Starts runs, alone or several at once."""
    made = Server(python_path)
    yield made
    made.close()
