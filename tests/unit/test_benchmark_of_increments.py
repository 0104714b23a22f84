"""The benchmark of increments, at a small size: what it runs, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import increment
from benchmarks.measure import Cost


def test_goals_are_judged() -> None:
    met = increment.judge(100, Cost(1.0, 1.0, 1.0), Cost(3.9, 1.0, 1.0), [1.0] * 10 + [9.0] + [1.4] * 10)
    assert [verdict.is_met for verdict in met] == [True, True]
    missed = increment.judge(100, Cost(1.0, 1.0, 1.0), Cost(4.1, 1.0, 1.0), [1.0] * 10 + [1.6] * 10)
    assert [(verdict.measured, verdict.is_met) for verdict in missed] == [(4.1, False), (1.6, False)]


@pytest.mark.slow
def test_it_writes_its_part_of_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "performance.md"
    sizes = ["--rows", "20000", "--day", "1000", "--many", "11"]
    increment.main([*sizes, "--work", str(tmp_path / "work"), "--output", str(document)])
    text = document.read_text()
    assert text.strip().endswith("<!-- benchmarks.increment: end -->")
    assert capsys.readouterr().out.strip() in text
    (fact,) = [line for line in text.splitlines() if line.startswith("| build gold.fact_events")]
    cells = [cell.strip() for cell in fact.strip("|").split("|")]
    assert "1,000" not in cells[2], "duplicates and faulty records are not in silver"
    assert cells[2] == cells[3], "each event is one row of the fact"
    assert "incremented: silver.events" in cells[-1]
    assert "11 increments of 1,000 events each" in text
