"""What else can happen to a run: each ends with an exit code, a message and a lake that the next run completes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.audit import examine
from faults.scenario import make
from faults.server import Ended, Run, Server

CLEAR = ("Traceback", "fault of clicklake", "panicked", "Logging error")
"""What must never be told: a user can't do anything with it."""


class Trial:
    """A lake that is to suffer, with its first files."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder, self.lake = server, folder, folder / "lake"
        self.clicks, self.web = folder / "input" / "a.csv", folder / "input" / "w1"
        make(folder / "input", 1)

    def command(self, *argv: str) -> list[str]:
        return [*argv, "--lake", str(self.lake)]

    @property
    def whole(self) -> list[str]:
        return self.command("run", f"click_events={self.clicks}", f"web_events={self.web}")

    def run(self, *runs: Run) -> list[Ended]:
        ended = self.server.run(self.folder, *runs)
        for one in ended:
            assert not any(text in one.stderr for text in CLEAR), one.stderr
            assert one.code == 0 or one.stderr.strip(), "a run that fails says why"
        return ended

    def assert_recovers(self, expected: dict[str, Counter[str]]) -> None:
        (ended,) = self.run(Run(self.whole))
        assert ended.code == 0, ended.stderr
        found = examine(self.lake)
        assert found.faults() == []
        assert found.content == expected


@pytest.fixture
def trial(server: Server, tmp_path: Path) -> Trial:
    return Trial(server, tmp_path)


@pytest.fixture(scope="module")
def expected(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """The content of a lake to which nothing happened."""
    calm = Trial(server, tmp_path_factory.mktemp("calm"))
    (ended,) = calm.run(Run(calm.whole))
    assert ended.code == 0, ended.stderr
    found = examine(calm.lake)
    assert found.faults() == []
    return found.content


Expected = dict[str, Counter[str]]


@pytest.fixture
def small_disk(trial: Trial) -> Iterator[Callable[[str], None]]:
    """Puts the lake on a file system of its own of so many bytes, or skips the test."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a file system needs root")

    def mount(options: str) -> None:
        trial.lake.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "lake", trial.lake], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"can't mount: {done.stderr.strip()}")

    yield mount
    subprocess.run(["umount", trial.lake], capture_output=True)


@pytest.mark.parametrize("size", [4000, pytest.param(5000, marks=pytest.mark.slow)])
def test_files_that_may_not_grow(trial: Trial, expected: Expected, size: int) -> None:
    (ended,) = trial.run(Run(trial.whole, {"file_size": size}))
    assert ended.code == 1
    assert "File too large" in ended.stderr
    trial.assert_recovers(expected)


@pytest.mark.parametrize("size", ["100k", "200k", pytest.param("300k", marks=pytest.mark.slow)])
def test_a_full_disk(trial: Trial, expected: Expected, small_disk: Callable[[str], None], size: str) -> None:
    small_disk(f"size={size}")
    (ended,) = trial.run(Run(trial.whole))
    assert ended.code == 1
    assert "No space left" in ended.stderr
    small_disk("remount,size=50m")
    trial.assert_recovers(expected)


def test_a_lake_that_may_only_be_read(trial: Trial, expected: Expected, small_disk: Callable[[str], None]) -> None:
    small_disk("size=50m")
    assert trial.run(Run(trial.whole))[0].code == 0
    small_disk("remount,ro")
    (ended,) = trial.run(Run(trial.command("run", f"click_events={trial.folder / 'input' / 'b.csv'}")))
    assert ended.code == 1
    assert "Read-only" in ended.stderr
    small_disk("remount,rw")
    trial.assert_recovers(expected)


@pytest.mark.parametrize("call", ["commit:*", "create:*"])
def test_writes_that_report_failure_although_they_went_through(trial: Trial, expected: Expected, call: str) -> None:
    (ended,) = trial.run(Run(trial.whole, {"lie": call}))
    assert ended.code == 0, ended.stderr
    trial.assert_recovers(expected)


def test_a_clock_that_goes_back_between_runs(trial: Trial) -> None:
    more = trial.command("run", f"click_events={trial.folder / 'input' / 'b.csv'}")
    assert [trial.run(Run(argv, {"clock": clock}))[0].code for argv, clock in ((trial.whole, 0), (more, -90_000))] == [
        0,
        0,
    ]
    last = trial.command("run", f"web_events={trial.folder / 'input' / 'w3.ndjson'}")
    assert trial.run(Run(last))[0].code == 0
    found = examine(trial.lake)
    assert [fault for fault in found.faults() if "a kept row" not in fault] == []
    right = Trial(trial.server, trial.folder / "right")
    for argv in (right.whole, right.command(*more[:2]), right.command(*last[:2])):
        right.run(Run(argv))
    assert {n: rows for n, rows in found.content.items() if not n.startswith("bronze.")} == {
        n: rows for n, rows in examine(right.lake).content.items() if not n.startswith("bronze.")
    }


def test_two_runs_at_once(trial: Trial, expected: Expected) -> None:
    runs = [
        Run(trial.command("run", f"click_events={trial.clicks}")),
        Run(trial.command("run", f"web_events={trial.web}")),
    ]
    for ended in trial.run(*runs):
        assert ended.code == 0 or "another" in ended.stderr, ended.stderr
    trial.assert_recovers(expected)


def test_two_ingests_of_the_same_file_at_once(trial: Trial, expected: Expected) -> None:
    ended = trial.run(*[Run(trial.command("ingest", "click_events", str(trial.clicks)))] * 3)
    assert [one.code for one in ended] == [0, 0, 0], ended
    trial.assert_recovers(expected)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_stop(trial: Trial, expected: Expected, number: int, code: int) -> None:
    stopped = 0
    for after in (0.15, 0.4, 0.8):
        (ended,) = trial.run(Run(trial.whole, signal=(number, after)))
        if ended.code == code:
            assert "run the same command again" in ended.stderr
            stopped += 1
        else:
            assert ended.code == 0, ended.stderr  # it was faster
    assert stopped
    trial.assert_recovers(expected)
