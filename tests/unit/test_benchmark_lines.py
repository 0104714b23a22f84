"""Where the lines of two programs cross."""

from __future__ import annotations

import pytest

from benchmarks.engines import Line


def test_a_line_goes_through_both_measurements() -> None:
    line = Line.through({20: 50.0, 2: 14.0})
    assert (line.fixed, line.slope) == (10.0, 2.0)


def test_more_cores_share_the_part_by_the_row_alone() -> None:
    assert Line(10.0, 2.0).on(4) == Line(10.0, 0.5)


@pytest.mark.parametrize(
    ("slope", "rows"),
    [(0.5, 20.0), (1.0, None), (2.0, None)],
)
def test_a_program_with_a_longer_start_wins_from_some_size_on_if_it_is_faster_by_the_row(
    slope: float, rows: float | None
) -> None:
    assert Line(11.0, slope).reaches(Line(1.0, 1.0)) == rows


def test_a_program_that_is_better_in_both_wins_at_once() -> None:
    assert Line(1.0, 0.5).reaches(Line(2.0, 1.0)) == 0
