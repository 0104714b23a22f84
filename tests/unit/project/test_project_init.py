"""A new project: its files are right, and nothing of the user's is written over."""

import json

import pytest

from clicklake.cli.main import run
from clicklake.config import load_settings
from clicklake.contracts.catalogue import Catalogue
from clicklake.errors import UsageError
from clicklake.project.init import FILES, TEMPLATE, create_project


def test_all_files_are_written(tmp_path):
    done = create_project(tmp_path / "deep" / "shop")
    assert done == dict.fromkeys(FILES, True)
    folder = tmp_path / "deep" / "shop"
    assert (folder / "clicklake.yaml").read_text() == TEMPLATE
    for name in ("sources", "models", "reports"):
        assert len((folder / name / "README.md").read_text()) > 100
    assert {"lake*/", "logs/"} <= set((folder / ".gitignore").read_text().splitlines())


def test_the_settings_load_and_the_sample_report_is_known(tmp_path):
    create_project(tmp_path / "shop")
    loaded = load_settings(start=tmp_path / "shop", environ={})
    assert loaded.project == tmp_path / "shop" and loaded.profile == "dev"
    catalogue = Catalogue(loaded.project)
    assert "gold.fact_events" in catalogue.report("events_by_type").sql


def test_a_project_is_refused_and_left_as_it_is(tmp_path, capsys):
    file = tmp_path / "clicklake.yaml"
    file.write_text("lake: ./mine\n")
    assert run(["init", str(tmp_path)]) == 2
    assert "is a project already" in capsys.readouterr().err
    assert file.read_text() == "lake: ./mine\n" and [child.name for child in tmp_path.iterdir()] == ["clicklake.yaml"]


def test_a_folder_with_other_files_becomes_a_project_around_them(tmp_path):
    (tmp_path / ".gitignore").write_text("mine\n")
    (tmp_path / "events.csv").write_text("a\n")
    done = create_project(tmp_path)
    assert not done[".gitignore"] and done["clicklake.yaml"]
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "shop").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        create_project(tmp_path / "shop")
    with pytest.raises(UsageError, match="can't be written"):
        create_project(tmp_path / "shop" / "inner")


def test_what_the_command_says(tmp_path, capsys):
    assert run(["init", "shop"]) == 0
    told = capsys.readouterr()
    assert "wrote shop/clicklake.yaml" in told.out and "cd shop" in told.err and "source add FILE" in told.err
    assert run(["init", "other", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"file": "other/clicklake.yaml", "written": True} in rows
    assert run(["init"]) == 2
