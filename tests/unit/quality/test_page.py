"""The page of the scorecard says what the scorecard says, and needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from clicklake.cli.main import run
from clicklake.quality.page import sparkline

Clicks = Callable[..., Path]
VIEW = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"


class Cells(HTMLParser):
    """The texts of table rows, and every attribute that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        self.loads += [
            f"{tag} {name}" for name, value in attrs if name in ("src", "href") and value and value[0] != "#"
        ]
        self.loads += [tag for bad in ("script", "link", "iframe", "img", "object") if tag == bad]

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


@pytest.fixture
def page(tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / "clicklake.yaml").write_text(
        "lake: lake\nquality: {tables: {events: {warn_under: 90}}, dimensions: {uniqueness: {fail_under: 99}}}\n"
    )
    strange = "u1,,2025-01-01 10:00:00,product_view,p1,,".replace("product_view", "<b>beam</b>")
    assert run(["run", f"click_events={clicks(VIEW, VIEW, strange, 'short', ',s,x,purchase,p,1.50,')}"]) == 0
    assert run(["quality", "--format", "html", "--out", "out/quality.html"]) == 3
    capsys.readouterr()
    return (tmp_path / "out" / "quality.html").read_text(encoding="utf-8")


def test_the_numbers_of_the_page(page: str) -> None:
    read = Cells()
    read.feed(page)
    by_name: dict[str, list[str]] = {}
    for row in read.rows:
        if row:
            by_name.setdefault(row[0], row)  # the first: later tables are lists of details
    assert by_name["click_events"][1:7] == ["5", "2", "1", "2", "0", "▲ 50%"]
    assert by_name["silver.events"][1:] == ["2", "100%", "100%", "▲ 50%", "–", "–"]
    assert by_name["bronze.click_events"][3] == "✕ 80%"
    assert by_name["bronze.click_events.duplicates"][:4] == [
        "bronze.click_events.duplicates",
        "uniqueness",
        "1",
        "✕ 80%",
    ]
    assert by_name["Revenue in quarantine"][1:4] == ["bronze.click_events", "1", "1.50"]
    assert by_name["session_id_complete"][2:5] == ["2", "1", "50%"]


def test_the_page_loads_nothing_and_shows_no_markup_of_the_data(page: str) -> None:
    read = Cells()
    read.feed(page)
    assert read.loads == []
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/2000/svg", "", page)
    assert "<b>beam" not in page


def test_a_line_goes_from_the_lowest_to_the_highest() -> None:
    line = sparkline([90.0, None, 99.0])
    assert "M3.0 18.0" in line and "L93.0 4.0" in line
    assert "2 times, 90% to 99%, lowest 90%" in line
    assert sparkline([]) == sparkline([None]) == ""
    assert "M3.0 11.0" in sparkline([100.0])
