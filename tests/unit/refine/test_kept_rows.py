"""Standardised rows are kept where they are few, and made again where they are many: with the same fates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.lake import Lake
from clicklake.refine import suspects

FIRST = ["u1,s1,2025-01-01 00:00:00,purchase,p1,5,", "u1,s1,2025-01-01 00:00:00,purchase,p1,5,", ",s1,soon,click,,,"]
SECOND = ["u1,s1,2025-01-01T00:00:00Z,purchase,p1,5.00,", "u2,s2,2025-01-02 00:00:00,Page View,,,", "u2,s2,x,click,,,"]
TABLES = {
    "silver.events": "event_id, user_id, event_type, amount",
    "silver.quarantine": "row_id, raw, reasons, status",
    "ops.duplicates": "row_id, event_id, is_conflict",
}


@pytest.mark.parametrize("most_values", [0, 10**9])
def test_fates_are_the_same(
    tmp_path: Path, clicks: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, most_values: int
) -> None:
    monkeypatch.setattr(suspects, "_MOST_VALUES", most_values)
    lake = Lake(tmp_path / "lake")
    lake.run(click_events=str(clicks(*FIRST, name="a.csv")))
    lake.run(click_events=str(clicks(*SECOND, name="b.csv")))
    found = {
        name: [tuple(row.values()) for row in lake.query(f"select {columns} from {name} order by 1").to_pylist()]
        for name, columns in TABLES.items()
    }
    base = found["silver.events"][0][0]
    assert isinstance(base, int)
    ids = [row[0] - base for row in found["silver.events"]]
    assert ids == [0, 4] and [row[2] for row in found["silver.events"]] == ["purchase", "page_view"]
    assert [(row[0] - base, row[1] - base) for row in found["ops.duplicates"]] == [(1, 0), (3, 0)]
    assert [(row[0] - base, row[2]) for row in found["silver.quarantine"]] == [
        (2, ["missing_user_id", "invalid_timestamp"]),
        (5, ["invalid_timestamp"]),
    ]
    assert all('"EventType":"click"' in str(row[1]) for row in found["silver.quarantine"])
