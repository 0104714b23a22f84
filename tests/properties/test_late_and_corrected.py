"""What comes late or is corrected restates what was said before: sessions, first times, funnels, days."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from clicklake.lake import Lake

Clicks = Callable[..., Path]


def _web(folder: Path, name: str, *events: dict[str, object]) -> Path:
    file = folder / name
    file.write_text("".join(json.dumps({"session_id": "s1", "device_type": "mobile", **e}) + "\n" for e in events))
    return file


def test_an_event_months_late_lands_on_its_own_day(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks("u1,s1,2025-06-01 10:00:00,page_view,,,"))
    lake.run(click_events=clicks("u2,s9,2025-01-15 08:30:00,page_view,,,", name="late.csv"))
    days = {str(row["date"]): row["events"] for row in lake.report("daily_active_users").to_pylist()}
    assert days == {"2025-01-15": 1, "2025-06-01": 1}
    (late,) = lake.query(
        "select date_key, event_year, event_month from gold.fact_events where user_id = 'u2'"
    ).to_pylist()
    assert tuple(late.values()) == (20250115, 2025, 1)
    assert len(lake.query("select * from gold.dim_dates where date = date '2025-01-15'")) == 1


def test_a_late_event_moves_first_seen_and_the_start_of_its_session(lake: Lake, clicks: Clicks) -> None:
    lake.run(
        click_events=clicks("u1,s1,2025-01-05 10:00:00,page_view,,,", "u1,s1,2025-01-05 10:10:00,purchase,p1,5,success")
    )
    lake.run(click_events=clicks("u1,s1,2025-01-05 09:50:00,search,,,", name="late.csv"))
    (user,) = lake.query("select first_seen, first_purchase, total_events from gold.dim_users").to_pylist()
    assert f"{user['first_seen']:%H:%M} {user['first_purchase']:%H:%M} {user['total_events']}" == "09:50 10:10 3"
    (session,) = lake.query("select session_start, duration_seconds, event_count from gold.dim_sessions").to_pylist()
    assert f"{session['session_start']:%H:%M} {session['duration_seconds']} {session['event_count']}" == "09:50 1200 3"


def test_a_late_view_puts_a_user_into_the_funnel(lake: Lake, clicks: Clicks) -> None:
    lake.run(
        click_events=clicks(
            "u1,s1,2025-01-05 10:00:00,add_to_cart,p1,,", "u1,s1,2025-01-05 11:00:00,purchase,p1,5,success"
        )
    )

    def in_order() -> list[int]:
        return [row["users_in_order"] for row in lake.report("conversion_funnel").to_pylist()]

    assert in_order() == [0, 0, 0]
    lake.run(click_events=clicks("u1,s0,2025-01-04 10:00:00,product_view,p1,,", name="late.csv"))
    assert in_order() == [1, 1, 1]


def test_a_smaller_correction_takes_the_place_of_an_event_and_all_that_came_from_it(lake: Lake, tmp_path: Path) -> None:
    bought = {
        "user_id": "u2",
        "event_type": "purchase",
        "event_timestamp": "2025-01-05T10:00:00Z",
        "metadata": {"event_id": "e1", "product_id": "p1", "amount": "50", "order_id": "o1"},
    }
    lake.run(web_events=_web(tmp_path, "one.ndjson", bought))
    assert str(lake.report("revenue_metrics").to_pylist()[0]["total_revenue"]) == "50.00"
    smaller = {**bought, "user_id": "u1", "metadata": {**bought["metadata"], "amount": "20"}}  # type: ignore[dict-item]
    lake.run(web_events=_web(tmp_path, "two.ndjson", smaller))
    assert str(lake.report("revenue_metrics").to_pylist()[0]["total_revenue"]) == "20.00"
    users = lake.query("select user_id, total_spent from gold.dim_users order by 1").to_pylist()
    assert [(row["user_id"], str(row["total_spent"])) for row in users] == [("u1", "20.00")], "u2 was never there"
    assert [row["user_id"] for row in lake.query("select user_id from gold.dim_sessions").to_pylist()] == ["u1"]
    (ledger,) = lake.query(
        "select sum(loaded) as loaded, sum(duplicates) as duplicates, sum(conflicts) as conflicts from ops.ledger"
    ).to_pylist()
    assert [int(value) for value in ledger.values()] == [1, 1, 1]


def test_a_correction_that_came_first_wins_too(lake: Lake, tmp_path: Path) -> None:
    event = {"event_type": "page_view", "event_timestamp": "2025-01-05T10:00:00Z", "metadata": {"event_id": "e1"}}
    lake.run(web_events=_web(tmp_path, "small.ndjson", {**event, "user_id": "u1"}))
    lake.run(web_events=_web(tmp_path, "large.ndjson", {**event, "user_id": "u2"}))
    assert [row["user_id"] for row in lake.query("select user_id from silver.events").to_pylist()] == ["u1"]
