"""The benchmark of the API runs from end to end on small data, and says what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import serve


@pytest.mark.slow
def test_it_measures_judges_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--rows", "5000", "--new-rows", "1000", "--seconds", "0.3", "--requests", "100", "--repeat", "1"]
    output = tmp_path / "performance.md"
    code = serve.main([*sizes, "--work", str(tmp_path / "work"), "--output", str(output)])
    text = output.read_text()
    assert code == (0 if "6 of 6 goals met" in text else 1)
    assert capsys.readouterr().out.strip() in text
    for name in ("report", "rows", "query"):
        for clients in serve.CLIENTS:
            assert f"| {name} | {clients} |" in text
    assert "answers of 2 releases, 0 of them with tables that disagreed" in text
    assert "| requests that failed beside a run | yes |" in text
