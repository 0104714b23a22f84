"""Only what was made here is replaced or removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clicklake.catalogue_site.folder import MARKER, write_site
from clicklake.errors import UsageError


def test_a_second_time_replaces_and_removes_its_own_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "site"
    write_site(folder, {"index.html": "1", "tables/a.html": "a", "tables/b.html": "b"})
    (folder / "CNAME").write_text("mine")
    assert write_site(folder, {"index.html": "2", "tables/a.html": "a"}) == ["tables/b.html"]
    there = {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}
    del there[MARKER]
    assert there == {"index.html": "2", "tables/a.html": "a", "CNAME": "mine"}


@pytest.mark.parametrize("marker", [None, "", "[]", '{"files": 1}', "no json"])
def test_a_folder_of_others_is_refused(tmp_path: Path, marker: str | None) -> None:
    (tmp_path / "index.html").write_text("mine")
    if marker is not None:
        (tmp_path / MARKER).write_text(marker)
    with pytest.raises(UsageError, match="not empty and was not made by `clicklake docs build`"):
        write_site(tmp_path, {"index.html": "ours"})
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_file_that_came_between_is_not_overwritten(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.html": "1"})
    (tmp_path / "lineage.html").write_text("mine")
    with pytest.raises(UsageError, match="lineage.html is there and was not made by clicklake"):
        write_site(tmp_path, {"index.html": "2", "lineage.html": "ours"})
    assert ((tmp_path / "index.html").read_text(), (tmp_path / "lineage.html").read_text()) == ("1", "mine")


def test_a_marker_can_not_name_files_elsewhere(tmp_path: Path) -> None:
    site, secret = tmp_path / "site", tmp_path / "secret.txt"
    secret.write_text("mine")
    write_site(site, {"index.html": "1"})
    names = ["../secret.txt", "index.html", str(secret), "a/../../secret.txt"]
    (site / MARKER).write_text(json.dumps({"files": names}))
    write_site(site, {"index.html": "2"})
    assert secret.read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        write_site(tmp_path / "site", {"index.html": "1"})


def test_an_interrupted_first_time_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / f".{MARKER}.unfinished").write_text("half")
    write_site(tmp_path, {"index.html": "1"})
    assert (tmp_path / "index.html").read_text() == "1"
