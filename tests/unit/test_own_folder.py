"""Only what was made here is replaced or removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clicklake.errors import UsageError
from clicklake.own_folder import MARKER, fill

COMMAND = "clicklake docs build"


def test_a_second_time_replaces_and_removes_its_own_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "site"
    fill(folder, {"index.html": "1", "tables/a.html": "a", "tables/b.html": "b"}, COMMAND)
    (folder / "CNAME").write_text("mine")
    assert fill(folder, {"index.html": "2", "tables/a.html": "a"}, COMMAND) == ["tables/b.html"]
    there = {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}
    del there[MARKER]
    assert there == {"index.html": "2", "tables/a.html": "a", "CNAME": "mine"}


@pytest.mark.parametrize(
    "marker", [None, "", "[]", '{"made_by": "clicklake docs build", "files": 1}', '{"made_by": "x", "files": []}', "no"]
)
def test_a_folder_of_others_is_refused(tmp_path: Path, marker: str | None) -> None:
    (tmp_path / "index.html").write_text("mine")
    if marker is not None:
        (tmp_path / MARKER).write_text(marker)
    with pytest.raises(UsageError, match="not empty and was not made by `clicklake docs build`"):
        fill(tmp_path, {"index.html": "ours"}, COMMAND)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_file_that_came_between_is_not_overwritten(tmp_path: Path) -> None:
    fill(tmp_path, {"index.html": "1"}, COMMAND)
    (tmp_path / "lineage.html").write_text("mine")
    with pytest.raises(UsageError, match="lineage.html is there and was not made by clicklake"):
        fill(tmp_path, {"index.html": "2", "lineage.html": "ours"}, COMMAND)
    assert ((tmp_path / "index.html").read_text(), (tmp_path / "lineage.html").read_text()) == ("1", "mine")


def test_a_marker_can_not_name_files_elsewhere(tmp_path: Path) -> None:
    site, secret = tmp_path / "site", tmp_path / "secret.txt"
    secret.write_text("mine")
    fill(site, {"index.html": "1"}, COMMAND)
    names = ["../secret.txt", "index.html", str(secret), "a/../../secret.txt"]
    (site / MARKER).write_text(json.dumps({"made_by": COMMAND, "files": names}))
    fill(site, {"index.html": "2"}, COMMAND)
    assert secret.read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        fill(tmp_path / "site", {"index.html": "1"}, COMMAND)


def test_an_interrupted_first_time_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / f".{MARKER}.unfinished").write_text("half")
    fill(tmp_path, {"index.html": "1"}, COMMAND)
    assert (tmp_path / "index.html").read_text() == "1"


def test_a_url_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="of this machine"):
        fill(Path("s3://bucket/site"), {"a.html": "text"}, "clicklake docs build")
    assert list(tmp_path.iterdir()) == []
