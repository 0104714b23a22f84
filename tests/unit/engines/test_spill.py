"""What does not fit into memory lies in a folder that goes with the run, or with the next one after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.spill import SpillFolder

HOLD = """
import sys
from clicklake.engines.spill import SpillFolder
folder = SpillFolder(sys.argv[1])
(folder.path / "spilled").write_bytes(b"x" * 10)
print(folder.path, flush=True)
sys.stdin.read()
"""


def folders(base: Path) -> list[Path]:
    return sorted(base.iterdir())


def test_a_closed_engine_leaves_nothing(tmp_path: Path) -> None:
    engine = DuckDB(spill=str(tmp_path / "new" / "spill"))
    (engine.spill / "spilled").write_bytes(b"x" * 10)
    assert engine.spilled_bytes() == 10
    engine.close()
    engine.close()
    assert folders(tmp_path / "new" / "spill") == []


def test_what_a_kill_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        held = Path(process.stdout.readline().strip())
        mine = SpillFolder(str(tmp_path))
        assert folders(tmp_path) == sorted([held, mine.path])
        process.kill()
        process.wait()
        assert (held / "spilled").is_file(), "a kill leaves it"
        other = SpillFolder(str(tmp_path))
        assert folders(tmp_path) == sorted([mine.path, other.path])
    mine.remove()
    other.remove()
    assert folders(tmp_path) == []


def test_folders_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "clicklake-spill-of-somebody").mkdir()  # just made, its lock is not there yet
    (tmp_path / "else").mkdir()
    SpillFolder(str(tmp_path)).remove()
    assert len(folders(tmp_path)) == 2
