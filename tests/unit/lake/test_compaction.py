from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.errors import StorageError
from clicklake.lake import Lake, compaction

Clicks = Callable[..., Path]


def record(number: int) -> str:
    return f"u{number},s1,2025-01-01 10:00:00,product_view,p1,,"


def grown(root: Path, clicks: Clicks, runs: int, **overrides: object) -> Lake:
    lake = Lake(root, overrides={f"storage.compaction.{name}": value for name, value in overrides.items()})
    for number in range(runs):
        assert lake.run(click_events=clicks(record(number), name=f"{number}.csv")).ok
    return lake


def files(lake: Lake, name: str) -> int:
    return len(lake.store.open(name).paths)


def test_small_files_are_put_together_after_a_run(tmp_path: Path, clicks: Clicks) -> None:
    lake = grown(tmp_path / "lake", clicks, 5, min_files=3)
    for name in ("bronze.click_events", "silver.events", "ops.ledger", "ops.releases", "ops.files"):
        assert files(lake, name) == 1, name
    stages = lake.query("select target, rows_in, bytes_in, status from ops.runs where stage = 'compact'").to_pylist()
    assert {row["target"] for row in stages} >= {"bronze.click_events", "silver.events", "ops.runs"}
    assert all(row["status"] == "done" and row["bytes_in"] > 0 for row in stages)
    assert lake.query("select count(*) as n from gold.fact_events").to_pylist() == [{"n": 5}]
    assert lake.run({}).fates["click_events"].get("loaded", 0) == 0


def test_never_is_never(tmp_path: Path, clicks: Clicks) -> None:
    lake = grown(tmp_path / "lake", clicks, 4, min_files=2, when="never")
    assert files(lake, "silver.events") == files(lake, "bronze.click_events") == 4


def test_a_compaction_that_fails_does_not_fail_the_run(
    tmp_path: Path, clicks: Clicks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(compaction, "compact", broken)
    lake = grown(tmp_path / "lake", clicks, 3, min_files=2)
    assert files(lake, "silver.events") == 3
    assert "small files stay as they are: no room" in caplog.text
    assert lake.query("select max(status) as s from ops.runs where stage = 'run'").to_pylist() == [{"s": "done"}]
    release = lake.release()
    assert release is not None and release.release_id == 3
