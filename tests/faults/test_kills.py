"""A run is killed at every point between two commits and at some inside one; `make faults` does it a thousand times."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from faults.process import TESTS


def test_killed_anywhere_the_lake_is_the_one_that_was_never_killed(tmp_path: Path, python_path: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faults", "--short", "--folder", str(tmp_path)],
        env={"PYTHONPATH": python_path, "OPENBLAS_NUM_THREADS": "1"},
        cwd=TESTS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    (kills,) = re.findall(r"^kills +(\d+)$", done.stdout, re.MULTILINE)
    assert int(kills) >= 30, done.stdout
