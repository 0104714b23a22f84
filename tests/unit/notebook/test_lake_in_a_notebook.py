"""A lake as HTML: layers and tables, the release, what to do next; and never a traceback."""

from __future__ import annotations

from pathlib import Path

from notebook_page import Page

from clicklake import overview
from clicklake.lake import Lake

GOOD = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
BAD = ",s1,never,purchase,p1,,"


def test_a_lake_shows_its_tables_by_layer(lake: Lake, clicks):
    lake.run(click_events=clicks(GOOD, BAD))
    shown = Page(lake._repr_html_())
    layers = [row[0] for row in shown.cells if len(row) == 1]
    assert layers == ["bronze", "silver", "gold", "ops"]
    by_name = {row[0]: row for row in shown.cells if len(row) == 6}
    found = {row["table"]: row for row in overview.tables(lake)}
    assert by_name["fact_events"][1] == "1" and by_name["fact_events"][4] == str(found["gold.fact_events"]["released"])
    assert by_name["click_events"][1] == "2" and by_name["click_events"][4] == "–"
    assert len(by_name) == len(found) + 1  # the head
    assert "release 1 of" in shown.text and lake.path in shown.text
    assert "clicklake quarantine list" in shown.text


def test_a_lake_in_order_has_no_steps(lake: Lake, clicks):
    lake.run(click_events=clicks(GOOD))
    assert "<li>" not in lake._repr_html_()


def test_an_empty_lake_says_what_to_do(lake: Lake):
    shown = Page(lake._repr_html_())
    assert "nothing is published yet" in shown.text
    assert "lake.run(click_events=" in shown.text and "clicklake demo" in shown.text


def test_a_broken_lake_says_so(lake: Lake, clicks):
    lake.run(click_events=clicks(GOOD))
    log = Path(lake.path, "gold/fact_events/_delta_log")
    for file in log.iterdir():
        file.write_bytes(b"gone bad")
    shown = Page(Lake(lake.path)._repr_html_())
    assert "gold.fact_events" in shown.text and "can't be read" in shown.text


def test_its_path_is_escaped(tmp_path: Path):
    assert "<b>" not in Lake(tmp_path / "<b>x")._repr_html_()


def test_its_plain_text_is_short(lake: Lake):
    assert repr(lake) == f"Lake({lake.path!r})"
