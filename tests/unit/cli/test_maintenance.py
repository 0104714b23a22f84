from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from clicklake.cli.main import run
from clicklake.lake import Lake

Clicks = Callable[..., Path]
HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
FIRST = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
SECOND = "u2,s2,2025-01-02 10:05:00,purchase,p1,12.50,success"


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two_runs")
    for number, record in enumerate((FIRST, SECOND)):
        file = folder / f"{number}.csv"
        file.write_text(f"{HEADER}\n{record}\n", encoding="utf-8")
        Lake(folder / "lake").run(click_events=file)
    return folder


@pytest.fixture
def root(tmp_path: Path, two_runs: Path) -> str:
    """A lake of two runs and their files, to do with what a test wants."""
    shutil.copytree(two_runs, tmp_path, dirs_exist_ok=True)
    return str(tmp_path / "lake")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_history_for_people_and_machines(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    newest, *_ = said(capsys, "history", "gold.fact_events", "--lake", root, "--limit", "1")
    assert _ == []
    assert newest["run_id"] == Lake(root).query("select max(run_id) as r from ops.runs").to_pylist()[0]["r"]
    assert {"input:silver.events", "model"} <= set(newest["marks"])  # type: ignore[call-overload]
    assert run(["history", "gold.fact_events", "--lake", root]) == 0
    assert "silver.events@2" in capsys.readouterr().out


@pytest.mark.parametrize("table", ["gold.dim_users", "gold.fact_events"])
def test_a_restored_gold_table_is_brought_up_to_date_by_the_next_run(
    root: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Lake(root).query(f"select * from {table} order by all").to_pylist()
    (done,) = said(capsys, "restore", table, "--to", "1", "--yes", "--lake", root)
    assert (done["from_version"], done["to_version"], done["version"], done["rows"]) == (2, 1, 3, [2, 1])
    assert Lake(root).query(f"select * from {table} order by all").to_pylist() == before  # as released
    assert Lake(root).store.open(table).size[0] == 1
    result = Lake(root).run({})
    assert table in {**result.rebuilt, **result.incremented}
    assert Lake(root).query(f"select * from {table} order by all").to_pylist() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gold.dim_users", "--to", "1"], "--yes"),
        (["gold.dim_users", "--to", "7", "--yes"], "is at version 2"),
        (["gold.dim_users", "--to", "2", "--yes"], "is at version 2"),
        (["gold.dim_users", "--to", "then", "--yes"], "neither a version nor a time"),
        (["gold.dim_users", "--to", "1999-01-01", "--yes"], "had no version"),
        (["gold.dim_user", "--to", "1", "--yes"], "gold.dim_users"),
        (["ops.contracts", "--to", "0", "--yes"], "can't go back"),
    ],
)
def test_a_wrong_restore_is_told_and_changes_nothing(
    root: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Lake(root).store.open("gold.dim_users").version
    assert run(["restore", *arguments, "--lake", root]) == 2
    assert told in capsys.readouterr().err
    assert Lake(root).store.open("gold.dim_users").version == before


def test_tables_are_completed(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.main import get_command

    from clicklake.cli.main import app
    from clicklake.cli.maintenance import complete_table

    context = get_command(app).make_context("clicklake", ["--lake", root, "tables"])
    assert complete_table(context, "gold.dim_u") == ["gold.dim_users"]


def test_optimize_says_what_it_did(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Lake(root).query("select * from silver.events order by all").to_pylist()
    done = {str(row["table"]): row for row in said(capsys, "optimize", "--all", "--lake", root)}
    assert done.keys() == set(Lake(root).store.names())
    assert (done["silver.events"]["files_before"], done["silver.events"]["files_after"]) == (2, 1)
    assert (done["gold.dim_users"]["version"], done["gold.dim_users"]["note"]) == (None, "nothing to do")
    (again,) = said(capsys, "optimize", "silver.events", "--lake", root)
    assert again["version"] is None
    (newest,) = said(capsys, "history", "silver.events", "--limit", "1", "--lake", root)
    assert (newest["operation"], newest["rows_added"], newest["rows_removed"]) == ("OPTIMIZE", 2, 2)
    result = Lake(root).run({})
    assert all(fate == 0 for fates in result.fates.values() for fate in fates.values())
    assert Lake(root).query("select * from silver.events order by all").to_pylist() == before


@pytest.mark.parametrize("option", ["--sort-by", "--zorder"])
def test_optimize_lays_rows_out(root: str, clicks: Clicks, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    records = [f"u{n % 7},s{n % 5},2025-01-02 10:05:00,product_view,p{n % 11},," for n in range(300)]
    Lake(root).run(click_events=clicks(*records, name="many.csv"))
    query = "select user_id, product_id from silver.events order by all"
    before = Lake(root).query(query).to_pylist()
    said(capsys, "optimize", "silver.events", option, "user_id, product_id", "--lake", root)
    snapshot = Lake(root).store.open("silver.events")
    (path,) = snapshot.paths
    as_it_lies = pq.ParquetFile(snapshot.uri(path)).read(columns=["user_id", "product_id"]).to_pylist()
    assert len(as_it_lies) == snapshot.size[0]
    if option == "--sort-by":
        assert as_it_lies == sorted(as_it_lies, key=lambda row: (row["user_id"], row["product_id"]))
    else:
        jumps = [{name: a[name] != b[name] for name in a} for a, b in itertools.pairwise(as_it_lies)]
        assert all(sum(jump[name] for jump in jumps) < 0.6 * len(jumps) for name in ("user_id", "product_id"))
    Lake(root).run({})
    assert Lake(root).query(query).to_pylist() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--all"),
        (["silver.events", "--all"], "--all"),
        (["silver.event"], "silver.events"),
        (["silver.events", "--sort-by", "user"], "user_id"),
        (["silver.events", "--sort-by", "metadata"], "several values"),
        (["silver.events", "--sort-by", "ingestion_date"], "partitioned by"),
        (["silver.events", "--sort-by", "user_id", "--zorder", "product_id"], "either"),
        (["silver.events", "--target-size", "much"], "--target-size"),
    ],
)
def test_a_wrong_optimize_is_told(
    root: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["optimize", *arguments, "--lake", root]) == 2
    assert told in capsys.readouterr().err


def test_vacuum_lists_first_and_removes_with_yes(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    lake = Lake(root)
    old = set(lake.store.open("gold.dim_users", 1).paths)
    orphan = Path(root, "silver", "events", "part-of-a-killed-writer.parquet")
    orphan.write_bytes(b"12345")
    assert said(capsys, "vacuum", "--all", "--lake", root) == []  # all is younger than a week
    assert run(["vacuum", "--all", "--retention", "0", "--lake", root]) == 2
    assert "--force" in capsys.readouterr().err
    zero = ["vacuum", "--all", "--retention", "0", "--force", "--lake", root]
    listed = said(capsys, *zero)
    assert {row["removed"] for row in listed} == {False} and orphan.exists()
    gone = said(capsys, *zero, "--yes")
    assert [row["file"] for row in gone] == [row["file"] for row in listed]
    assert {row["file"] for row in gone if row["table"] == "gold.dim_users"} == old
    assert not orphan.exists() and said(capsys, *zero) == []
    assert run(["doctor", "--lake", root]) == 0
    assert Lake(root).query("select count(*) as n from gold.fact_events").to_pylist() == [{"n": 2}]
    assert Lake(root).run({}).ok


def test_vacuum_keeps_what_was_released_within_the_retention(root: str, clicks: Clicks) -> None:
    lake = Lake(root)
    for version, file in enumerate(Path(root).rglob("part-*.parquet")):
        os.utime(file, (version, version))
    assert lake.vacuum("gold.dim_users", retention_hours=1)[0].files == ()
    assert lake.query("select count(*) as n from gold.fact_events", at=1).to_pylist() == [{"n": 1}]


@pytest.mark.parametrize("step", ["optimize", "vacuum", "both"])
def test_no_change_that_waits_is_lost(root: str, step: str, clicks: Clicks, tmp_path: Path) -> None:
    """Bronze is ahead of silver, then silver ahead of gold: looking after the tables changes nothing of that."""
    lake, other = Lake(root), Lake(tmp_path / "other")
    third = clicks("u3,s3,2025-01-03 10:05:00,purchase,p3,3.50,success", FIRST, name="third.csv")

    def look_after() -> None:
        if step != "vacuum":
            lake.optimize()
        if step != "optimize":
            lake.vacuum(retention_hours=0, dry_run=False, force=True)

    lake.ingest("click_events", third)
    look_after()
    lake.refine()
    look_after()
    result = lake.build()
    other.run(click_events=[tmp_path / "0.csv", tmp_path / "1.csv"])
    other.run(click_events=third)
    assert result.release is not None
    for table in ("gold.fact_events", "gold.dim_users", "gold.dim_dates", "ops.duplicates"):
        own = {"event_id", "row_id"}
        found = [
            sorted(
                str([value for name, value in row.items() if name not in own])
                for row in one.query(f"select * from {table}")
            )
            for one in (lake, other)
        ]
        assert found[0] == found[1], table
    balance = "select sum(rows_ingested) = sum(loaded + duplicates + quarantined) as ok from ops.ledger"
    assert lake.query(balance).to_pylist() == [{"ok": True}]
    assert lake.query("select count(*) as n from silver.events").to_pylist() == [{"n": 3}]
