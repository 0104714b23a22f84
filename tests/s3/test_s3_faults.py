"""Runs on an object store that are killed and raced: the short form of what lakes in folders go through.

The server keeps its buckets in folders, so the same audit looks at what is there, past the server.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from faults.audit import examine
from faults.process import TESTS
from faults.scenario import make
from faults.server import Run, Server

from clicklake.errors import ConflictError
from clicklake.storage import Store, TableSpec, commit
from clicklake.storage.compact import bins, compact

from .conftest import Gateway, new_bucket


@pytest.fixture
def python_path() -> str:
    return os.pathsep.join([str(TESTS), *filter(None, sys.path)])


@pytest.mark.slow
def test_killed_anywhere_the_lake_is_the_one_that_was_never_killed(gateway: Gateway, python_path: str) -> None:
    folder = gateway.folder / new_bucket(gateway) / "trials"
    done = subprocess.run(
        [sys.executable, "-m", "faults", "--short", "--folder", str(folder)],
        env={
            **gateway.variables,
            "PYTHONPATH": python_path,
            "OPENBLAS_NUM_THREADS": "1",
            "FAULTS_BUCKETS": str(gateway.folder),
        },
        cwd=TESTS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    (kills,) = re.findall(r"^kills +(\d+)$", done.stdout, re.MULTILINE)
    assert int(kills) >= 10, done.stdout
    assert any(request.startswith("PutObject") for request in gateway.requests())


def _run(gateway: Gateway, python_path: str, folder: Path, *runs: Run) -> list[tuple[int, str]]:
    server = Server(python_path, gateway.variables)
    try:
        return [(ended.code, ended.stderr) for ended in server.run(folder, *runs)]
    finally:
        server.close()


def test_runs_at_once_and_writes_that_lie(gateway: Gateway, bucket: str, python_path: str, tmp_path: Path) -> None:
    """Three runs race for the same files, and a fourth is told of failures that were none: each row is there once."""
    make(tmp_path / "input", 1)
    files = [f"click_events={tmp_path / 'input' / 'a.csv'}", f"web_events={tmp_path / 'input' / 'w1'}"]
    found = {}
    for name, runs in {
        "calm": [{}],
        "raced": [{}, {}, {}],
        "lied": [{"lie": "commit:*"}],
    }.items():
        command = ["run", *files, "--lake", f"{bucket}/{name}"]
        ended = _run(gateway, python_path, tmp_path, *[Run(command, faults) for faults in runs])
        for code, told in ended:
            assert code == 0 or "another" in told, told
        if name == "raced":
            assert _run(gateway, python_path, tmp_path, Run(command))[0][0] == 0
        audit = examine(gateway.folder / bucket[5:] / name)
        assert audit.faults() == []
        found[name] = audit.content
    assert found["raced"] == found["calm"] == found["lied"]


SCHEMA = pa.schema([("n", pa.int64())])
SPEC = TableSpec("gold.numbers", SCHEMA)


def test_writers_that_race_for_a_version(gateway: Gateway, bucket: str) -> None:
    """Each commits on top of what it has seen: one wins each version, and no number is lost or there twice."""
    writers, rounds = 6, 5
    root = f"{bucket}/lake"
    Store(root, gateway.options).ensure(SPEC)
    barrier = threading.Barrier(writers)
    problems: list[str] = []
    beaten = Counter[int]()

    def work(writer: int) -> None:
        store = Store(root, gateway.options)
        try:
            for turn in range(rounds):
                number = writer * rounds + turn
                barrier.wait(60)
                while True:
                    seen = store.open(SPEC.name)
                    if seen.mark(f"number-{number}", -1) == number:
                        problems.append(f"{number} was there before it was written")
                    rows = pa.table({"n": [number]}, schema=SCHEMA)
                    try:
                        commit(store, seen, rows, marks={f"number-{number}": number})
                        break
                    except ConflictError:
                        beaten[writer] += 1
        except Exception as error:
            problems.append(f"{type(error).__name__}: {error}")
            barrier.abort()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    after = Store(root, gateway.options).open(SPEC.name)
    assert sorted(after.read()["n"].to_pylist()) == list(range(writers * rounds))
    assert after.version == writers * rounds
    assert sum(beaten.values()) > 0, "nobody raced"
    files = {entry.path for entry in after.place.files()}
    assert files == set(after.paths), "a beaten writer has left its file"


def test_a_compaction_among_writers(gateway: Gateway, bucket: str) -> None:
    store, other = (Store(f"{bucket}/lake", gateway.options) for _ in range(2))
    snapshot = store.ensure(SPEC)
    for number in range(6):
        snapshot = commit(store, snapshot, pa.table({"n": [number]}, schema=SCHEMA), marks={})
    commit(other, other.open(SPEC.name), pa.table({"n": [6]}, schema=SCHEMA), marks={})
    done = compact(store, snapshot, bins(snapshot))
    assert done.version == 8
    assert sorted(other.open(SPEC.name).read()["n"].to_pylist()) == list(range(7))
    assert len(other.open(SPEC.name).paths) == 2
