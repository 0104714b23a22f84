"""The first thing a newcomer runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clicklake.cli.main import run
from clicklake.lake import Lake


def test_the_demo_makes_a_shop_runs_it_and_prints_the_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    assert run(["demo", str(folder), "--rows", "3000"]) == 0
    out, err = capsys.readouterr()
    lake = Lake(folder / "lake")
    truth = json.loads((folder / "data" / "truth.json").read_text(encoding="utf-8"))
    assert set(truth["sources"]) == {"click_events", "web_events", "customers", "products", "orders", "payments"}
    for source, expected in truth["sources"].items():
        (row,) = lake.query(f"select count(*) as n from bronze.{source}").to_pylist()
        assert row["n"] == expected["records"] > 0
        assert f"{source} " in out
    for name in lake.catalogue.report_names:
        assert lake.catalogue.report(name).doc.title in out
    assert "orders" in err
    assert "Done" in err
    assert "</html>" in (folder / "reports.html").read_text(encoding="utf-8")


def test_the_demo_takes_no_folder_that_is_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert run(["demo", str(tmp_path), "--rows", "100"]) == 2
    assert "is not empty and no demo's" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
