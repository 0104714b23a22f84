"""Tables of pages: as high as their rows, wide enough for their texts, numbers with the places that their type has."""

from __future__ import annotations

from decimal import Decimal

import pytest

pytest.importorskip("streamlit", reason="the dashboard needs streamlit: pip install 'clicklake[dashboard]'")

from clicklake.dashboard.parts import _format, _shown, _width  # noqa: E402
from clicklake.dashboard.sankey import flows_of, sankey  # noqa: E402
from clicklake.reports.render.result import Column  # noqa: E402


def column(values, format="number") -> Column:
    return Column("c", "C", format, "", values)


def test_numbers_without_a_document_keep_their_places():
    money = _format(column([None, Decimal("2716.00"), Decimal("2.50")]))
    assert [_shown(value, money) for value in (2716.0, 2.5, None, float("nan"))] == ["2,716.00", "2.50", "–", "–"]
    assert _shown(2.5, _format(column([2.5]))) == "2.5"
    assert _shown(2716.0, _format(column([Decimal("2716.00")], "percent"))) == "2,716.0%"


def test_a_long_text_further_down_is_not_cut_off():
    assert _width(column(["id"] * 9 + ["event_timestamp"], "text")) > 15 * 7
    assert _width(column(["event_timestamp"] + ["id"] * 9, "text")) is None
    assert _width(column(["id"] * 9 + ["x" * 500], "text")) is None
    assert _width(column([1] * 9 + [10**9])) is None


def test_a_narrow_screen_gets_the_last_steps_alone():
    rows = [
        {"steps_left": left, "from_step": f"s{left}", "to_step": "end", "users": 1, "sessions": left, "share_pct": 1.0}
        for left in (3, 2, 1)
    ]
    assert [flow.start for flow in flows_of(rows, 2)] == ["s2", "s1"] and len(flows_of(rows)) == 3
    drawing = sankey(flows_of(rows, 2))
    assert [flow.place for flow in flows_of(rows, 2)] == [0, 1]
    # What is said of a ribbon to those who can't see it is what pointing at it says.
    assert drawing["layer"][0]["encoding"]["description"]["field"] == "told"
    assert "1 session of 1 user," in flows_of(rows, 1)[0].told
