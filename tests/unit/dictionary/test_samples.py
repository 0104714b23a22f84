"""Sample rows show what a table holds, and nothing personal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.dictionary import table_facts
from clicklake.dictionary.samples import sample_rows
from clicklake.lake import Lake

SECRETS = ("secret-user", "secret-short", "secret-extra", "jane@example.com")


@pytest.fixture
def filled(lake: Lake, tmp_path: Path, clicks: Callable[..., Path]) -> Lake:
    clicks("secret-user,s1,2025-01-01 10:00:00,purchase,jane@example.com,12.50,success", "secret-short", name="a.csv")
    more = tmp_path / "b.csv"
    more.write_text(
        "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome,Note\n"
        "secret-user,s2,2025-01-01 11:00:00,page_view,,,,secret-extra\n"
    )
    lake.run(click_events=[tmp_path / "a.csv", more])
    return lake


@pytest.mark.parametrize(
    "name",
    [
        "bronze.click_events",
        "silver.events",
        "silver.quarantine",
        "gold.dim_users",
        "gold.dim_sessions",
        "gold.fact_events",
    ],
)
def test_nothing_personal_leaves(filled: Lake, name: str) -> None:
    facts = table_facts(filled.lineage, name)
    engine = filled.engine()
    rows = sample_rows(engine, filled.snapshot(name, filled.release()), facts)
    engine.close()
    assert 0 < rows.num_rows <= 5
    assert rows.column_names == [column.name for column in facts.columns]
    shown = str(rows.to_pylist())
    assert "***" in shown
    for secret in SECRETS:
        assert secret not in shown


def test_the_rest_is_shown_and_long_texts_are_cut(lake: Lake, clicks: Callable[..., Path]) -> None:
    lake.run(click_events=clicks(f"u1,s1,2025-01-01 10:00:00,page_view,{'p' * 500},,"))
    engine = lake.engine()
    facts = table_facts(lake.lineage, "gold.fact_events")
    (row,) = sample_rows(engine, lake.snapshot("gold.fact_events", lake.release()), facts).to_pylist()
    engine.close()
    assert (row["session_id"], row["event_type"], row["user_id"]) == ("s1", "page_view", "***")
    assert row["product_id"] == "p" * 119 + "…"
