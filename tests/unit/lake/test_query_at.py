from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from clicklake.errors import StorageError, UnknownNameError, UsageError
from clicklake.lake import Lake

Clicks = Callable[..., Path]


@pytest.fixture
def grown(lake: Lake, clicks: Clicks) -> Lake:
    """Two releases, and a file that is in bronze alone."""
    for number in range(2):
        record = f"u{number},s1,2025-01-01 10:00:00,product_view,p1,,"
        lake.run(click_events=clicks(record, name=f"{number}.csv"))
    lake.ingest("click_events", clicks("u9,s1,2025-01-01 10:00:00,click,,,", name="waiting.csv"))
    return lake


def count(lake: Lake, table: str, at: str | int | None = None) -> int:
    (row,) = lake.query(f"select count(*) as n from {table}", at=at).to_pylist()
    return int(row["n"])


def test_tables_are_as_of_the_release_whether_it_names_them_or_not(grown: Lake, clicks: Clicks) -> None:
    first, second = grown.release(1), grown.release(2)
    assert first is not None and second is not None
    for table in ("gold.fact_events", "silver.events", "ops.files", "bronze.click_events"):
        assert (count(grown, table, 1), count(grown, table, "2")) == (1, 2), table
    assert count(grown, "bronze.click_events") == 3
    between = (second.released_at - timedelta(microseconds=1)).isoformat()
    assert count(grown, "gold.fact_events", between) == count(grown, "bronze.click_events", between) == 1
    assert count(grown, "gold.fact_events", "2999-01-01") == 2


def test_what_was_not_there_is_told(grown: Lake, clicks: Clicks) -> None:
    with pytest.raises(UnknownNameError, match="there are 1 to 2"):
        count(grown, "gold.fact_events", 7)
    with pytest.raises(UnknownNameError):
        count(grown, "gold.fact_events", "1999-01-01")
    with pytest.raises(UsageError):
        count(grown, "gold.fact_events", "then")
    grown.ingest("web_events", _ndjson(clicks))
    with pytest.raises(UnknownNameError, match="bronze.web_events had no version"):
        count(grown, "bronze.web_events", 2)
    assert count(grown, "bronze.web_events") == 1


def test_vacuumed_files_are_told(grown: Lake) -> None:
    grown.vacuum(retention_hours=0, dry_run=False, force=True)
    with pytest.raises(StorageError, match="vacuumed"):
        count(grown, "gold.dim_users", 1)
    assert count(grown, "gold.dim_users") == 2


def _ndjson(clicks: Clicks) -> Path:
    file = clicks(name="any.csv").with_name("web.ndjson")
    file.write_text(
        '{"user_id": "u1", "event_type": "click", "event_timestamp": "2025-01-01T10:00:00Z"}\n', encoding="utf-8"
    )
    return file
