"""The doctor on lakes: whole ones, and each way in which one can be broken."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from clicklake.cli.main import run
from clicklake.lake import Lake
from clicklake.project.lake_checks import check_folder, check_lake, missing_files
from clicklake.refine.plan import ROUND
from clicklake.refine.settle import QUARANTINE
from clicklake.storage import commit
from clicklake.storage.store import FORMAT_MARK, FORMAT_VERSION

HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n"
ROWS = "u1,s1,2024-01-01 10:00:00,page_view,,,\n" * 2 + "u2,s2,2024-01-01 10:00:00,click,,,\n,,,,,,\n"


@pytest.fixture
def filled(tmp_path):
    """A lake with rows of every fate."""
    (tmp_path / "clicks.csv").write_text(HEADER + ROWS)
    lake = Lake(tmp_path / "lake")
    lake.run(click_events=str(tmp_path / "clicks.csv"))
    return lake


def problems(lake):
    return {f.check: f for f in check_lake(Lake(lake.path)) if f.status == "problem"}


def warnings(lake):
    return {f.check: f for f in check_lake(Lake(lake.path)) if f.status == "warning"}


def data_files(lake, table):
    return sorted(Path(lake.store.uri(table)).rglob("*.parquet"))


def test_a_whole_lake(filled):
    found = {f.check: f for f in check_lake(filled)}
    assert {f.status for f in found.values()} == {"ok"}
    fates = "4 rows = 2 loaded + 1 duplicates + 1 quarantined + 0 withdrawn, counted again"
    assert found["ledger of click_events"].detail == fates
    assert "release 1" in found["releases"].detail and "are whole" in found["tables"].detail


def test_a_lake_that_is_not_there_yet(tmp_path):
    found = {f.check: f for f in check_lake(Lake(tmp_path / "none" / "lake"))}
    assert {f.status for f in found.values()} == {"ok"}
    assert "the first run makes it" in found["folder"].detail and "demo" in found["tables"].advice
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("table", ["bronze.click_events", "silver.events", "ops.ledger"])
def test_a_data_file_that_is_gone(filled, table):
    data_files(filled, table)[0].unlink()
    found = problems(filled)
    assert "is missing" in found[table].detail and found[table].advice
    assert run(["--lake", filled.path, "doctor"]) == 1


def test_a_data_file_that_is_cut_short(filled):
    file = data_files(filled, "silver.events")[0]
    file.write_bytes(file.read_bytes()[:-1])
    assert f"{file} has {file.stat().st_size:,} bytes instead of" in problems(filled)["silver.events"].detail


def test_missing_files_are_counted(filled):
    for file in data_files(filled, "silver.quarantine"):
        file.unlink()
    snapshot = filled.store.open("silver.quarantine")
    assert len(missing_files(snapshot)) == len(snapshot.files)


def test_a_release_whose_files_are_gone(filled):
    for table in ("silver.quarantine", "ops.duplicates"):
        data_files(filled, table)[0].unlink()
    found = problems(filled)["releases"]
    assert "release 1, which readers see" in found.detail and "and 1 more" in found.detail


def test_an_older_release_may_have_lost_its_files(filled, tmp_path):
    first = data_files(filled, "silver.quarantine")
    (tmp_path / "more.csv").write_text(HEADER + "u3,s3,2024-01-02,click,,,\n")
    filled.run(click_events=str(tmp_path / "more.csv"))
    snapshot = filled.store.open("silver.quarantine")
    kept = pa.table(snapshot.delta.to_pyarrow_table())
    commit(filled.store, snapshot, kept, mode="overwrite", marks={})
    filled.build()  # a release with the new file alone
    for file in first:
        file.unlink()
    found = warnings(filled)
    assert "can't be read any more" in found["older releases"].detail
    assert not problems(filled)


def test_a_log_that_can_t_be_read(filled):
    log = sorted(Path(filled.store.uri("gold.dim_users"), "_delta_log").glob("*.json"))[-1]
    log.write_text("garbage")
    found = problems(filled)["gold.dim_users"]
    assert "can't be read" in found.detail and "build --full" in found.advice


def test_rows_that_another_program_removed(filled):
    snapshot = filled.store.open("silver.events")
    filled.store.own(snapshot).delete("user_id = 'u2'")
    found = problems(filled)["ledger of click_events"]
    assert "loaded 2 in the ledger, 1 in the tables" in found.detail and found.advice


def test_an_unfinished_refine(filled, tmp_path):
    snapshot = filled.store.open(QUARANTINE)
    commit(filled.store, snapshot, snapshot.schema.empty_table(), marks={ROUND: 2})
    found = warnings(filled)
    assert "clicklake run finishes it" in found["unfinished refine"].advice
    assert found["ledger"].status == "warning" and not problems(filled)


def test_a_source_without_a_contract(tmp_path, monkeypatch):
    project = tmp_path / "shop"
    assert run(["init", str(project)]) == 0
    monkeypatch.chdir(project)
    (project / "mine.csv").write_text("user_id,time,event\nu,2024-01-01,view\n")
    assert run(["source", "add", "mine.csv", "--yes"]) == 0
    assert run(["run", "mine=mine.csv"]) == 0
    for file in (project / "sources").glob("mine.*"):
        file.unlink()
    found = {f.check: f for f in check_lake(Lake())}["ledger of mine"]
    assert found.status == "ok", "the lake knows the contract that judged the rows"


def test_a_newer_format(filled, capsys):
    snapshot = filled.store.open("ops.contracts")
    rows = snapshot.schema.empty_table()
    commit(filled.store, snapshot, rows, marks={FORMAT_MARK: FORMAT_VERSION + 1})
    assert run(["--lake", filled.path, "doctor"]) == 1
    assert "Install a newer clicklake" in capsys.readouterr().out


def test_the_lakes_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    assert next(check_folder(tmp_path / "file" / "lake")).status == "problem"
    assert [f.status for f in check_folder(tmp_path)] == ["ok", "ok"]

    def refuse(self, *arguments, **others):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    found = list(check_folder(tmp_path))
    assert [f.status for f in found] == ["problem"] and "Permission denied" in found[0].detail


def test_a_lake_without_its_ledger(filled):
    shutil.rmtree(filled.store.uri("ops.ledger"))
    found = warnings(filled)
    assert "the ledger ends with round 0" in found["unfinished refine"].detail
