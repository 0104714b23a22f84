"""`clicklake metrics` prints what a scrape would see, or writes it in one step."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from clicklake.cli.main import run
from clicklake.lake import Lake

GOOD = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"


def test_it_prints_the_text_format_alone(lake: Lake, clicks, capsys):
    lake.run(click_events=clicks(GOOD))
    assert run(["metrics", "--lake", lake.path, "--label", "shop=main"]) == 0
    families = {family.name: family for family in text_string_to_metric_families(capsys.readouterr().out)}
    (sample,) = families["clicklake_release_number"].samples
    assert sample.value == 1 and sample.labels == {"shop": "main"}


def test_it_writes_a_file_in_one_step(lake: Lake, tmp_path: Path, capsys):
    file = tmp_path / "clicklake.prom"
    assert run(["metrics", "--lake", lake.path, "--out", str(file)]) == 0
    assert "clicklake_lake_up 1.0" in file.read_text() and capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []
    assert run(["metrics", "--lake", lake.path, "--out", str(tmp_path / "nowhere" / "a.prom")]) == 1
    assert "can't be written" in capsys.readouterr().err


def test_wrong_labels_and_names_are_told(lake: Lake, capsys):
    for wrong in (["--label", "shop"], ["--label", "1=a"], ["--label", "__name__=x"], ["--out", "metrics.txt"]):
        assert run(["metrics", "--lake", lake.path, *wrong]) == 2
        assert wrong[1] in capsys.readouterr().err
