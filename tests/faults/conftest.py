from __future__ import annotations

import os
import sys

import pytest

from faults.process import TESTS


@pytest.fixture
def python_path() -> str:
    """For processes that need this package: where this one found its modules."""
    return os.pathsep.join([str(TESTS), *filter(None, sys.path)])
