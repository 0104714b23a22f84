"""The calendar of the settings, from its file to dim_dates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from clicklake.errors import ConfigError
from clicklake.holidays import load_holidays
from clicklake.lake import Lake


def test_days_in_their_order_whatever_else_is_told(tmp_path: Path) -> None:
    file = tmp_path / "holidays.csv"
    file.write_text("Name, Date\nChristmas,2025-12-25\nNew Year,2025-01-01\nagain,2025-12-25\n", encoding="utf-8-sig")
    assert load_holidays(file) == (date(2025, 1, 1), date(2025, 12, 25))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("day,name\n2025-12-25,x\n", "the holidays have no column date"),
        ("date\n2025-12-25\n25.12.2025\n", "date '25.12.2025' is no day such as 2026-12-25"),
        ("date\n" + "\n".join(str(date.fromordinal(day)) for day in range(1, 20_002)), "more than 20,000 holidays"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "holidays.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_holidays(file)
    with pytest.raises(ConfigError, match="can't be read"):
        load_holidays(tmp_path / "none.csv")


def test_another_calendar_makes_dates_anew(tmp_path: Path, clicks: Callable[..., Path]) -> None:
    calendar = tmp_path / "holidays.csv"
    config = tmp_path / "clicklake.yaml"
    config.write_text("lake: lake\n")
    Lake(config=config).run(click_events=clicks("u1,s1,2025-12-25 10:00:00,page_view,,,"))

    def is_holiday() -> list[object]:
        rows = Lake(config=config).query("select is_holiday from gold.dim_dates").to_pylist()
        return [row["is_holiday"] for row in rows]

    assert is_holiday() == [None]
    config.write_text("lake: lake\nholidays: holidays.csv\n")
    for day, expected in (("2025-12-26", False), ("2025-12-25", True)):
        calendar.write_text(f"date,name\n{day},a day\n")
        Lake(config=config).build()
        assert is_holiday() == [expected]
