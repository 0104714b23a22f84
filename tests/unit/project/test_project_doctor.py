"""The doctor: what is in order, what is a warning, what is a problem and what to do about it."""

import json
import sys
from collections import namedtuple

import pytest

from clicklake.cli.main import run
from clicklake.config import Settings, load_settings
from clicklake.lake import Lake
from clicklake.project import doctor
from clicklake.project.doctor import diagnose, engine, human, installation, libraries, memory, settings, space
from clicklake.project.portable import check_portable


def statuses(findings):
    return {finding.check: finding.status for finding in findings}


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    """As if clicklake were installed, even where the tests run from its source alone."""
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: ["duckdb>=1"])


def test_a_new_project_is_in_order(project, capsys):
    assert run(["doctor"]) == 0
    told = capsys.readouterr().out
    for piece in (
        "Installation",
        "Settings",
        "Engine",
        "Lake",
        "the lake has no tables yet",
        "Everything is in order.",
    ):
        assert piece in told
    assert not (project / "lake").exists()


def test_json(project, capsys):
    assert run(["doctor", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"installation", "settings", "engine", "project", "lake"} == {row["area"] for row in rows}
    assert {"area", "check", "status", "detail", "advice"} == set(rows[0])


def test_libraries():
    found = list(libraries(["duckdb>=1", "pytest<1", "no-such-library>=2,<3", "pandas>=99; extra == 'pandas'"]))
    assert statuses(found) == {"pytest": "problem", "no-such-library": "problem", "libraries": "ok"}
    assert found[1].advice == "pip install 'no-such-library<3,>=2'" and "is not installed" in found[1].detail


def test_clicklake_that_is_not_installed(monkeypatch):
    def unknown(name):
        raise doctor.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", unknown)
    assert statuses(installation()) == {"python": "ok", "clicklake": "ok", "libraries": "warning"}


def test_an_old_python(monkeypatch):
    version = namedtuple("version", "major minor micro level serial")(3, 9, 1, "final", 0)
    monkeypatch.setattr(sys, "version_info", version)
    found = next(installation())
    assert found.status == "problem" and found.advice == "install Python 3.10 or newer"


def test_settings_say_where_they_come_from_and_keep_secrets(tmp_path):
    (tmp_path / "clicklake.yaml").write_text(
        "profile: prod\ncurrency: EUR\nprofiles:\n  prod:\n    lake: ${LAKE_URL}\n    duckdb:\n      threads: 3\n"
    )
    environ = {"LAKE_URL": "s3://key:secret@bucket/lake", "CLICKLAKE_LOGS__LEVEL": "debug"}
    found = {f.check: f.detail for f in settings(load_settings(start=tmp_path, environ=environ))}
    assert found["file"].endswith("clicklake.yaml, profile prod")
    assert found["currency"] == "EUR (from clicklake.yaml:2)"
    assert found["duckdb.threads"] == "3 (from clicklake.yaml:7)"
    assert found["logs.level"] == "debug (from CLICKLAKE_LOGS__LEVEL)"
    assert found["lake"] == "${LAKE_URL} (from clicklake.yaml:5)" and "secret" not in str(found)


def test_paths_of_sources_that_lead_nowhere(tmp_path):
    (tmp_path / "clicklake.yaml").write_text("sources:\n  click_events:\n    paths: [data/*.csv, s3://b/x]\n")
    found = list(settings(load_settings(start=tmp_path, environ={})))
    assert [(f.check, f.status) for f in found if f.status != "ok"] == [("sources.click_events.paths", "warning")]


def test_no_settings_file(tmp_path):
    found = list(settings(load_settings(start=tmp_path, environ={})))
    assert found[0].status == "ok" and "clicklake init" in found[0].advice


def test_wrong_settings_are_a_problem_and_the_rest_is_still_looked_at(project, capsys):
    (project / "clicklake.yaml").write_text("lake: ./lake\nduckdb:\n  thread: 3\n")
    assert run(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "clicklake.yaml:3" in told and "did you mean" in told and "runs a query" in told and "1 problem" in told


def test_an_engine_that_can_t_start(tmp_path):
    (tmp_path / "file").write_text("")
    chosen = Settings.model_validate({"duckdb": {"temp_directory": str(tmp_path / "file")}})
    found = list(engine(chosen))
    assert [f.status for f in found] == ["problem"] and "duckdb.temp_directory" in found[0].advice


def test_more_memory_than_there_is():
    assert list(memory("1GB", 8_000_000_000)) == []
    assert next(memory("8GB", 8_000_000_000)).status == "warning"
    assert next(memory("8GiB", 8_000_000_000)).status == "warning"
    assert list(memory("8GB", None)) == []


@pytest.mark.parametrize(("free", "status"), [(10 << 30, "ok"), (500 << 20, "warning"), (50 << 20, "problem")])
def test_free_space(tmp_path, monkeypatch, free, status):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage(free * 2, free, free))
    found = space("lake", "disk", tmp_path, "make room")
    assert found.status == status and found.advice == ("" if status == "ok" else "make room")


def test_sizes_for_people():
    assert [human(size) for size in (0, 999, 1500, 2e6, 3.5e9, 4e12)] == [
        "0 bytes",
        "999 bytes",
        "1.5 KB",
        "2.0 MB",
        "3.5 GB",
        "4.0 TB",
    ]


def test_a_lake_that_can_t_be_reached(tmp_path):
    found = [f for f in diagnose(lake="gs://bucket/lake") if f.status == "problem"]
    assert [(f.area, f.check) for f in found] == [("lake", "opens")] and "by S3" in found[0].detail


def test_wrong_use(capsys):
    assert run(["doctor", "more"]) == 2
    assert run(["doctor", "--config", "none.yaml"]) == 1
    assert "no such file" in capsys.readouterr().out


def test_own_sources_models_and_reports_are_compiled_and_run_on_no_rows(project):
    (project / "a.csv").write_text("user_id,time,event\nu,2024-01-01,view\n")
    assert run(["source", "add", "a.csv", "--yes"]) == 0
    found = {f.check: f.detail for f in diagnose() if f.area == "project"}
    assert found.pop("engine spark") == "its models, reports and rules run on it too"
    assert found == {"sources": "1 of its own", "models": "none of its own", "reports": "1 of its own"}


def test_what_duckdb_alone_can_run_is_named(project, monkeypatch):
    report = project / "reports" / "events_by_type.sql"
    assert "count(*)" in report.read_text()
    report.write_text(report.read_text().replace("count(*)", "cast(median(event_id) as bigint)"))
    lake = Lake(project / "lake", config=project / "clicklake.yaml")
    (found,) = check_portable(lake, project)
    assert found.status == "ok" and "DuckDB alone: report events_by_type: median()" in found.detail
    monkeypatch.setenv("CLICKLAKE_ENGINE", "spark")
    lake = Lake(project / "lake", config=project / "clicklake.yaml")
    (found,) = check_portable(lake, project)
    assert found.status == "problem" and found.check == "report events_by_type" and "row_number" in found.detail


@pytest.mark.parametrize(
    ("file", "old", "new", "check", "told"),
    [
        ("sources/a.yaml", "version:", "versoin:", "source a", "did you mean 'version'"),
        ("sources/a.yaml", "silver.events", "silver.event", "a", "there is no silver.event"),
        ("sources/a.yaml", "user_id is null", "usr_id is null", "source a", "usr_id"),
        ("sources/a.sql", "user_id,", "usr_id as user_id,", "source a", "user_id"),
        ("sources/a.sql", "from", "form", "source a", "a.sql"),
        ("reports/events_by_type.sql", "gold.fact_events", "gold.facts", "report events_by_type", "facts"),
        ("reports/events_by_type.sql", "select", "selekt", "report events_by_type", "can't be read"),
    ],
)
def test_what_is_wrong_in_a_project_is_named(project, file, old, new, check, told):
    (project / "a.csv").write_text("user_id,time,event\nu,2024-01-01,view\n")
    assert run(["source", "add", "a.csv", "--yes"]) == 0
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new))
    found = [f for f in diagnose() if f.status == "problem"]
    assert [f.check for f in found] == [check] and told in found[0].detail


def test_a_model_that_is_wrong_and_a_mapping_to_fill_in(project):
    (project / "models" / "gold").mkdir()
    (project / "models" / "gold" / "mine.yml").write_text("description: One row per x.\n")
    (project / "a.csv").write_text("user_id,x\nu,1\n")
    assert run(["source", "add", "a.csv", "--yes"]) == 2
    found = statuses(diagnose())
    assert found["models"] == "problem" and found["source a"] == "warning"
