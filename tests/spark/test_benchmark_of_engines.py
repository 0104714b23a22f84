"""The benchmark of both engines, at a small size: what it runs, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import engines

pytestmark = pytest.mark.spark


@pytest.mark.slow
def test_it_writes_its_part_of_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "performance.md"
    sizes = ["--rows", "2000", "6000", "--repeat", "1"]
    engines.main([*sizes, "--work", str(tmp_path / "work"), "--output", str(document)])
    text = document.read_text()
    assert text.strip().endswith("<!-- benchmarks.engines: end -->")
    assert capsys.readouterr().out.strip() in text
    for told in ("clicklake, DuckDB, 2,000 rows", "clicklake, Spark, 6,000 rows", "PySpark script, 6,000 rows"):
        assert f"| {told} |" in text
    assert "clicklake on Spark against the script" in text
