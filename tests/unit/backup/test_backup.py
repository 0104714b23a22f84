from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clicklake.backup import backups
from clicklake.backup.take import standing
from clicklake.cli.main import run
from clicklake.errors import ConflictError, StorageError, UnknownNameError, UsageError
from clicklake.lake import Lake
from clicklake.project.init import create_project
from clicklake.storage import Store

Clicks = Callable[..., Path]
FIRST = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
SECOND = "u2,s2,2025-01-02 10:05:00,purchase,p1,12.50,success"
THIRD = "u1,s3,2025-01-03 10:05:00,purchase,p2,2.50,success"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    create_project(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def lake(project: Path, clicks: Clicks) -> Lake:
    opened = Lake(config=project / "clicklake.yaml")
    opened.run(click_events=clicks(FIRST, "broken", name="1.csv"))
    return opened


def content(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    return {name: lake.query(f"select * from {name} order by all").to_pylist() for name in lake.store.names()}


def test_the_drill(lake: Lake, project: Path, tmp_path: Path, clicks: Clicks) -> None:
    """Back up, destroy everything, restore, compare every table, and go on with new data."""
    lake.run(click_events=clicks(SECOND, name="2.csv"))
    (project / "reports" / "mine.sql").write_text("select count(*) as n from gold.fact_events", encoding="utf-8")
    before, names = content(lake), lake.store.names()
    taken = lake.backup(tmp_path / "backups")
    assert taken.backup.release == 2 and taken.backup.tables.keys() == set(names)
    shutil.rmtree(project)

    done = Lake(tmp_path / "new" / "lake").restore_backup(tmp_path / "backups", project=tmp_path / "new")
    assert done.backup == taken.backup
    again = Lake(config=tmp_path / "new" / "clicklake.yaml")
    assert Path(again.path) == tmp_path / "new" / "lake"
    assert content(again) == before and again.store.names() == names
    assert again.report("mine").to_pylist() == [{"n": 2}]
    assert run(["doctor", "--config", str(tmp_path / "new" / "clicklake.yaml")]) == 0

    result = again.run(click_events=clicks(THIRD, name="3.csv"))
    assert result.release is not None and result.release.release_id == 3
    assert again.query("select count(*) as n from gold.fact_events").to_pylist() == [{"n": 3}]
    skipped = again.run(click_events=tmp_path / "1.csv")
    assert [outcome.status for outcome in skipped.files["click_events"]] == ["skipped"]


def test_a_second_backup_copies_what_is_new(lake: Lake, tmp_path: Path, clicks: Clicks) -> None:
    folder = tmp_path / "backups"
    first = lake.backup(folder)
    assert first.new_files > 0
    assert lake.backup(folder).new_files == 0
    lake.run(click_events=clicks(SECOND, name="2.csv"))
    third = lake.backup(folder)
    assert 0 < third.new_files < len(third.backup.files) and third.new_bytes > 0
    assert len(backups(folder)) == 3
    old = Lake(tmp_path / "old")
    old.restore_backup(folder, backup=first.backup.backup_id)
    assert old.query("select count(*) as n from gold.fact_events").to_pylist() == [{"n": 1}]
    new = Lake(tmp_path / "new")
    new.restore_backup(folder)
    assert new.query("select count(*) as n from gold.fact_events").to_pylist() == [{"n": 2}]


def test_a_lake_that_went_another_way_since_is_backed_up_into_the_same_folder(
    lake: Lake, tmp_path: Path, clicks: Clicks
) -> None:
    """The restored lake makes other commits under the same version numbers."""
    folder = tmp_path / "backups"
    lake.backup(folder)
    lake.run(click_events=clicks(SECOND, name="2.csv"))
    lake.backup(folder)
    again = Lake(tmp_path / "again")
    again.restore_backup(folder, backup=backups(folder)[0])
    again.run(click_events=clicks(THIRD, name="3.csv"))
    again.backup(folder)
    for number, user in ((1, "u2"), (2, "u1")):
        one = Lake(tmp_path / f"lake{number}")
        one.restore_backup(folder, backup=backups(folder)[number])
        users = one.query("select user_id from gold.fact_events order by event_timestamp desc limit 1").to_pylist()
        assert users == [{"user_id": user}]


def test_only_what_readers_and_the_next_run_need_is_copied(lake: Lake, tmp_path: Path, clicks: Clicks) -> None:
    for number in range(4):
        lake.run(click_events=clicks(f"u{number},s1,2025-02-0{number + 1} 10:00:00,click,,,", name=f"x{number}.csv"))
    taken = lake.backup(tmp_path / "backups").backup
    users = [path for path in taken.files if path.startswith("gold/dim_users/") and "_delta_log" not in path]
    assert len(users) == 1


@pytest.mark.parametrize("damage", ["bits", "missing", "short", "manifest"])
def test_a_damaged_backup_restores_nothing(lake: Lake, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "backups"
    backup = lake.backup(folder).backup
    path = next(path for path in backup.files if path.endswith(".parquet"))
    file = folder / "objects" / backup.files[path].sha256[:2] / backup.files[path].sha256
    if damage == "manifest":
        manifest = folder / "backups" / f"{backup.backup_id}.json"
        manifest.write_text(manifest.read_text().replace('"rows": 2', '"rows": 3'), encoding="utf-8")
    elif damage == "missing":
        file.unlink()
    else:
        bits = file.read_bytes()
        file.write_bytes(bits[:-1] if damage == "short" else bits[:50] + bytes([bits[50] ^ 1]) + bits[51:])
    with pytest.raises(StorageError, match="damaged"):
        Lake(tmp_path / "new").restore_backup(folder)
    assert not (tmp_path / "new").exists() and not (tmp_path / "new.restoring").exists()


def test_a_killed_backup_is_none_and_a_killed_restore_is_seen(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    first = lake.backup(folder).backup
    (folder / "objects" / "draft-1").write_bytes(b"half")
    (folder / "backups" / ".20991231.json.17").write_text("{", encoding="utf-8")
    assert backups(folder) == [first.backup_id]
    (tmp_path / "new.restoring" / "gold").mkdir(parents=True)
    (tmp_path / "new.restoring" / "gold" / "half").touch()
    lake.backup(folder)
    Lake(tmp_path / "new").restore_backup(folder)
    assert not (tmp_path / "new.restoring").exists() and not (tmp_path / "new" / "gold" / "half").exists()
    assert content(Lake(tmp_path / "new")) == content(lake)


def test_nothing_is_overwritten(lake: Lake, project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    lake.backup(folder)
    with pytest.raises(UsageError, match="not empty"):
        lake.restore_backup(folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "clicklake.yaml").write_text("currency: EUR\n", encoding="utf-8")
    with pytest.raises(UsageError, match="differs"):
        Lake(tmp_path / "new").restore_backup(folder, project=tmp_path / "other")
    assert not (tmp_path / "new").exists()
    (tmp_path / "new").mkdir()
    Lake(tmp_path / "new").restore_backup(folder, project=project)  # the same files are there


@pytest.mark.parametrize("place", ["in the lake", "full", "file"])
def test_a_folder_that_is_not_for_backups(lake: Lake, tmp_path: Path, place: str) -> None:
    folder = Path(lake.path) / "backups" if place == "in the lake" else tmp_path / "things"
    if place == "full":
        folder.mkdir()
        (folder / "letter.txt").touch()
    elif place == "file":
        folder.touch()
    with pytest.raises(UsageError):
        lake.backup(folder)
    assert place == "in the lake" or not (folder / "objects").exists()


def test_what_is_not_there_is_told(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(UnknownNameError):
        Lake(tmp_path / "empty").backup(tmp_path / "backups")
    with pytest.raises(UsageError):
        Lake(tmp_path / "empty").restore_backup(tmp_path / "backups")
    lake.backup(tmp_path / "backups")
    with pytest.raises(UnknownNameError):
        Lake(tmp_path / "empty").restore_backup(tmp_path / "backups", backup="20200101")


def test_tables_stand_still_at_one_moment(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from clicklake.backup import take

    versions = iter([{"a": 1}, {"a": 2}, {"a": 3}, {"a": 3}])
    seen: list[dict[str, int]] = []

    def names(store: Store) -> list[str]:
        seen.append(next(versions))
        return ["a"]

    monkeypatch.setattr(take, "_WAIT_SECONDS", 0)
    monkeypatch.setattr(Store, "names", names)
    monkeypatch.setattr(take.log, "versions", lambda folder: [seen[-1]["a"]])
    assert standing(lake.store) == {"a": 3}
    versions = iter({"a": number} for number in range(1000))
    with pytest.raises(ConflictError, match="try again"):
        standing(lake.store)


def test_the_commands(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "backups")
    assert run(["backup", folder, "--lake", lake.path, "--json"]) == 0
    (taken,) = json.loads(capsys.readouterr().out)
    assert run(["backup", folder, "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"backup": taken["backup"]}]
    assert run(["restore-backup", folder, "--lake", str(tmp_path / "new"), "--json"]) == 0
    (done,) = json.loads(capsys.readouterr().out)
    assert (done["rows"], done["tables"], done["lake"]) == (taken["rows"], taken["tables"], str(tmp_path / "new"))
    assert run(["restore-backup", folder, "--lake", str(tmp_path / "new")]) == 2


def test_a_backup_that_was_killed_at_its_very_beginning(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / ".clicklake-backup.json.4711").write_text("{")
    (folder / "objects").mkdir()
    assert lake.backup(folder).backup.release == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "objects.txt").write_text("")
    with pytest.raises(UsageError, match="neither empty"):
        lake.backup(tmp_path / "other")
