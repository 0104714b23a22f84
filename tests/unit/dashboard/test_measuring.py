"""Tables are measured beside the pages, once for what is asked for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from clicklake.dashboard.lake import measuring
from clicklake.dashboard.lake.measuring import Measuring
from clicklake.errors import StorageError
from clicklake.lake import Lake
from clicklake.quality.collect import collect


def test_it_finds_what_the_command_finds(lake_of_clicks: Lake) -> None:
    found = Measuring(lake_of_clicks)
    assert found.newest((1,)).assessment is None
    found.wait()
    known = found.newest((1,))
    assert known.of == (1,)
    assert known.assessment
    assert known.assessment.tables() == collect(lake_of_clicks, keep=False).assessment.tables()
    assert found.newest((1,)) is known
    found.close()


def test_another_release_waits_its_turn_with_the_last_one_in_sight(lake_of_clicks: Lake) -> None:
    found = Measuring(lake_of_clicks)
    found.newest(1)
    found.wait()
    known = found.newest(2)  # too early: the machine has just worked
    assert (known.of, found._thread) == (1, None)
    found._next = 0.0
    found.newest(2)
    found.wait()
    assert found.newest(2).of == 2
    found.close()


def test_a_failure_is_kept_and_told(lake_of_clicks: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StorageError("the disk is gone")

    monkeypatch.setattr(measuring, "assess", fail)
    found = Measuring(lake_of_clicks)
    found.newest(1)
    found.wait()
    assert str(found.newest(1).error) == "the disk is gone"
    found.close()


def test_it_stops_in_the_middle(lake_of_clicks: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def long(store: object, engine: measuring.DuckDB, *_: object) -> None:
        for _turn in range(1000):
            engine.execute("select sum(hash(range)) from range(1_000_000_000_000)")

    monkeypatch.setattr(measuring, "assess", long)
    found = Measuring(lake_of_clicks)
    found.newest(1)
    time.sleep(0.3)
    began = time.monotonic()
    found.close()
    assert time.monotonic() - began < 5
    assert found.newest(2).error  # and begins nothing any more
    assert found._thread is None


def test_an_empty_lake_is_measured_too(tmp_path: Path) -> None:
    found = Measuring(Lake(tmp_path / "lake"))
    found.newest(0)
    found.wait()
    assert found.newest(0).of == 0
    found.close()
