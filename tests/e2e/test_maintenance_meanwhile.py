"""Looking after a lake while another process runs: nothing is lost, nothing doubled, every backup is whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from clicklake.lake import Lake
from clicklake.quality.ledger import read_ledger, recount

Clicks = Callable[..., Path]
SETTINGS = {"storage.checkpoint_interval": 1000, "storage.compaction.when": "never"}
RUNS = """
import sys
from clicklake.lake import Lake
settings = {"storage.checkpoint_interval": 1000, "storage.compaction.min_files": 3}
for file in sys.argv[2:]:
    assert Lake(sys.argv[1], overrides=settings).run(click_events=file).ok
"""


def records(file: int) -> list[str]:
    """Each file repeats a record of the one before, and brings a bad one."""
    good = [f"u{n % 4},s{file},2025-0{n % 3 + 1}-01 10:00:{n:02},product_view,p{n},," for n in range(12)]
    return [*good, f"u0,s{file - 1},2025-01-01 10:00:00,product_view,p0,,", "short"]


def test_looking_after_a_lake_while_runs_go_on(tmp_path: Path, clicks: Clicks) -> None:
    files = [clicks(*records(number), name=f"{number}.csv") for number in range(4)]
    lake = Lake(tmp_path / "lake", overrides=SETTINGS)
    for file in files[:2]:
        lake.run(click_events=file)
    orphans = [Path(lake.path, *name.split("."), "part-of-a-killed-writer.parquet") for name in lake.store.names()]
    for orphan in orphans:
        orphan.write_bytes(b"12345")
    _age(Path(lake.path))
    errors = tmp_path / "errors.txt"
    with errors.open("w") as told:
        other = subprocess.Popen([sys.executable, "-c", RUNS, lake.path, *map(str, files[2:])], stderr=told)
    removed = optimized = backed_up = 0
    while other.poll() is None:
        optimized += sum(done.version is not None for done in lake.optimize())
        removed += sum(len(done.files) for done in lake.vacuum(retention_hours=1, dry_run=False))
        if not backed_up:
            lake.backup(tmp_path / "backups")
            backed_up += 1
        time.sleep(0.2)
    assert other.returncode == 0, errors.read_text()
    assert removed >= len(orphans) and not any(orphan.exists() for orphan in orphans)
    assert optimized and backed_up
    _balances(lake)
    quiet = Lake(tmp_path / "quiet")
    quiet.run(click_events=files)
    for sql in (
        "select * exclude (event_id) from gold.fact_events",
        "select * from gold.dim_users",
        "select * from gold.dim_sessions",
        "select source, raw, reasons from silver.quarantine",
        "select count(*) as n from ops.duplicates",
    ):
        ordered = f"{sql} order by all"
        assert lake.query(ordered).to_pylist() == quiet.query(ordered).to_pylist(), sql

    for number, name in enumerate(sorted(file.stem for file in (tmp_path / "backups" / "backups").glob("*.json"))):
        copy = Lake(tmp_path / f"copy{number}")
        copy.restore_backup(tmp_path / "backups", backup=name)
        copy.run(click_events=files)
        _balances(copy)
        for table in ("gold.fact_events", "gold.dim_users"):
            counted = f"select count(*) as n from {table}"
            assert copy.query(counted).to_pylist() == quiet.query(counted).to_pylist()


def _age(root: Path) -> None:
    """Make what was written and removed so far old enough for vacuum."""
    for file in root.rglob("part-*.parquet"):
        os.utime(file, (1, 1))
    for log in root.glob("*/*/_delta_log/*.json"):
        text = re.sub(r'"deletionTimestamp":\d+', '"deletionTimestamp":1', log.read_text(encoding="utf-8"))
        log.write_text(text, encoding="utf-8")


def _balances(lake: Lake) -> None:
    engine = lake.engine()
    try:
        for entry in read_ledger(lake.store, engine):
            counted = recount(lake.store, engine, lake.catalogue, entry.source)
            assert entry.is_balanced
            fates = ("rows_ingested", "loaded", "duplicates", "quarantined")
            assert [getattr(entry, fate) for fate in fates] == [getattr(counted, fate) for fate in fates]
    finally:
        engine.close()
