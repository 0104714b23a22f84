"""The benchmark of orders beside clicks, at a small size: what it runs, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import commerce


@pytest.mark.slow
def test_it_writes_its_part_of_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "performance.md"
    sizes = ["--rows", "5000", "--order-lines", "500", "--customers", "300", "--repeat", "1"]
    commerce.main([*sizes, "--work", str(tmp_path / "work"), "--output", str(document)])
    text = document.read_text()
    assert text.strip().endswith("<!-- benchmarks.commerce: end -->")
    assert capsys.readouterr().out.strip() in text
    assert "clicks with commerce against clicks alone" in text
    for told in ("build gold.fact_sales", "build gold.fact_payments", "`customer_lifetime_value`"):
        assert f"| {told} |" in text
