"""Whoever reads a table while runs go on sees whole versions only, with whatever program."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import polars
from deltalake import DeltaTable

from faults.scenario import HEADER
from faults.server import Run, Server

RUNS = 4
ROWS = 48
"""Rows that each run adds: every sum is a multiple of it, in every version."""

Numbers = tuple[int, int, Decimal]
"""Rows, distinct keys, sum."""

TABLES = {
    "silver.events": ("event_id", "amount"),
    "gold.fact_events": ("event_id", "amount"),
    "gold.dim_users": ("user_id", "total_spent"),
}


def _by_duckdb(table: DeltaTable, key: str, amount: str) -> Numbers:
    files = table.file_uris()
    if not files:
        return 0, 0, Decimal(0)
    listed = ", ".join(f"'{file}'" for file in files)
    sql = f"select count(*), count(distinct {key}), coalesce(sum({amount}), 0) from read_parquet([{listed}])"
    with duckdb.connect(config={"threads": 1}) as connection:
        rows, keys, total = connection.execute(sql).fetchall()[0]
    return rows, keys, Decimal(total)


def _by_delta_rs(table: DeltaTable, key: str, amount: str) -> Numbers:
    found = table.to_pyarrow_table(columns=[key, amount])
    return found.num_rows, len(set(found[key].to_pylist())), sum(found[amount].to_pylist(), Decimal(0))


def _by_pandas(table: DeltaTable, key: str, amount: str) -> Numbers:
    found = table.to_pandas(columns=[key, amount])
    return len(found), found[key].nunique(), sum(found[amount], Decimal(0))


def _by_polars(table: DeltaTable, key: str, amount: str) -> Numbers:
    found = polars.read_delta(table.table_uri, version=table.version(), columns=[key, amount])
    return found.height, found[key].n_unique(), Decimal(found[amount].sum() or 0)


READERS: dict[str, Callable[[DeltaTable, str, str], Numbers]] = {
    "DuckDB": _by_duckdb,
    "delta-rs": _by_delta_rs,
    "pandas": _by_pandas,
    "Polars": _by_polars,
}


class _Readers:
    """Threads that read until they are told to stop."""

    def __init__(self, lake: Path) -> None:
        self.lake = lake
        self.problems: list[str] = []
        self.versions: dict[str, set[int]] = defaultdict(set)
        self._stop = threading.Event()
        jobs = [(self._read_table, name) for name in READERS] + [(self._read_releases, "")]
        self._threads = [threading.Thread(target=self._loop, args=job) for job in jobs]

    def __enter__(self) -> _Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _loop(self, read: Callable[[str], None], name: str) -> None:
        while not self._stop.is_set():
            try:
                read(name)
            except Exception as error:
                self.problems.append(f"{name}: {type(error).__name__}: {error}")
                return
            self._stop.wait(0.05)

    def _open(self, name: str, version: int | None = None) -> DeltaTable | None:
        folder = self.lake / name.replace(".", "/")
        log = folder / "_delta_log" / f"{0:020}.json"
        return DeltaTable(str(folder), version=version) if log.is_file() else None

    def _read_table(self, reader: str) -> None:
        for name, (key, amount) in TABLES.items():
            if (table := self._open(name)) is None:
                continue
            rows, keys, total = READERS[reader](table, key, amount)
            self.versions[f"{reader} {name}"].add(table.version())
            expected = rows == keys and total % ROWS == 0 and (name == "gold.dim_users" or rows == total)
            if not expected:
                self.problems.append(f"{reader}: {name} {table.version()}: {rows} rows, {keys} keys, sum {total}")

    def _read_releases(self, _: str) -> None:
        table = self._open("ops.releases")
        releases = table.to_pyarrow_table().to_pylist() if table else []
        if not releases:
            return
        newest = max(releases, key=lambda row: row["release_id"])
        versions = json.loads(newest["versions"])
        counted = set()
        for name, (key, amount) in TABLES.items():
            released = self._open(name, versions[name])
            assert released
            counted.add(_by_duckdb(released, key, amount)[2])
        self.versions["releases"].add(newest["release_id"])
        if len(counted) != 1:
            self.problems.append(f"release {newest['release_id']}: the tables' sums are {counted}")


def test_readers_see_whole_versions_while_runs_go_on(server: Server, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    commands = []
    for number in range(RUNS):
        file = tmp_path / f"{number}.csv"
        days = [f"2025-01-{1 + (number * 7 + row) % 28:02}" for row in range(ROWS)]
        lines = [f"u{row % 6},s{number},{day} 10:00:{row:02},purchase,p1,1.00," for row, day in enumerate(days)]
        file.write_text("\n".join([HEADER, *lines]) + "\n")
        commands.append(["run", f"click_events={file}"])
    commands[2:2] = [["optimize", "--all"], ["build", "--full"]]
    with _Readers(lake) as readers:
        for command in commands:
            (ended,) = server.run(tmp_path, Run([*command, "--lake", str(lake)]))
            assert ended.code == 0, ended.stderr
    assert readers.problems == []
    assert _by_delta_rs(DeltaTable(str(lake / "gold/fact_events")), "event_id", "amount")[0] == RUNS * ROWS
    for reader in (*(f"{name} {table}" for name in READERS for table in TABLES), "releases"):
        assert len(readers.versions[reader]) > 1, f"{reader} saw {readers.versions[reader]}: it was too slow"
