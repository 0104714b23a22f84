"""What a lake holds, found without any code of the product: deltalake lists the files, plain SQL reads them.

`examine` gives the content of every table without its provenance, for comparing two lakes, and everything that is
wrong by itself: tables that can't be read at some version, bronze rows without a fate or with two, ledgers and
releases that don't fit.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

PROVENANCE = {
    "event_id",
    "row_id",
    "ingestion_timestamp",
    "ingestion_date",
    "source_file",
    "quarantined_at",
    "resolved_at",
}
FATES = ("loaded", "duplicates", "quarantined", "withdrawn", "erased")

Content = dict[str, Counter[str]]


@dataclass
class Findings:
    """One lake.

    Args:
        content: Rows of each table without provenance, counted.
        torn: Tables and versions that can't be read.
        lost: Bronze rows without a fate, and what else is missing.
        doubled: Bronze rows with two fates, and what else is there twice.
        unbalanced: Ledgers that don't fit their tables.
        wrong: Whatever else is not as it must be.
        orphans: Parquet files that no version names: harmless, vacuum takes them.
    """

    content: Content = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    orphans: int = 0
    lost_rows: int = 0
    doubled_rows: int = 0

    def lose(self, rows: int, text: str) -> None:
        """Note rows that are missing."""
        self.lost_rows += rows
        self.lost.append(text)

    def double(self, rows: int, text: str) -> None:
        """Note rows that are there too often."""
        self.doubled_rows += rows
        self.doubled.append(text)

    def faults(self) -> list[str]:
        """All that is wrong, in words."""
        return [
            f"{kind}: {item}"
            for kind in ("torn", "lost", "doubled", "unbalanced", "wrong")
            for item in getattr(self, kind)
        ]


def examine(lake: Path, *, every_version: bool = True) -> Findings:
    """Look at a lake that no run is working on."""
    return _Audit(lake, Findings()).run(every_version)


def compare(found: Findings, reference: Content) -> None:
    """Add to the findings what differs from a lake that was never killed."""
    for name in sorted({*found.content, *reference}):
        here, there = found.content.get(name, Counter()), reference.get(name, Counter())
        for note, difference in ((found.lose, there - here), (found.double, here - there)):
            if count := sum(difference.values()):
                note(count, f"{name}: {count} rows, such as {next(iter(difference))[:300]}")


class _Audit:
    def __init__(self, lake: Path, findings: Findings) -> None:
        import duckdb

        self.lake, self.found = lake, findings
        self.sql = duckdb.connect(config={"threads": 1})
        self.sql.execute("set timezone = 'UTC'")
        logs = sorted(lake.glob("*/*/_delta_log"))
        self.tables = [f"{log.parent.parent.name}.{log.parent.name}" for log in logs]
        self.sources = [name.partition(".")[2] for name in self.tables if name.startswith("bronze.")]
        self.readable: dict[str, int] = {}

    def run(self, every_version: bool) -> Findings:
        for name in self.tables:
            self._read_versions(name, every_version)
        if self.found.torn:
            return self.found
        for name in self.tables:
            self._view(name)
        for source in self.sources:
            self._fates(source)
            self._ledger(source)
        self._silver()
        self._files()
        self._releases()
        self._content()
        return self.found

    def _delta(self, name: str, version: int | None = None) -> Any:
        from deltalake import DeltaTable

        return DeltaTable(str(self.lake / name.replace(".", "/")), version=version)

    def _read_versions(self, name: str, every_version: bool) -> None:
        import pyarrow.parquet as pq

        named: set[str] = set()
        try:
            newest = self._delta(name).version()
            versions = range(newest + 1) if every_version else [newest]
            for version in versions:
                delta = self._delta(name, version)
                actions = pa.table(delta.get_add_actions(flatten=True))
                for uri in delta.file_uris():
                    if uri not in self.readable:
                        self.readable[uri] = pq.ParquetFile(uri).read().num_rows
                    named.add(uri)
                paths = actions["path"].to_pylist()
                root = self.lake / name.replace(".", "/")
                for path, rows in zip(paths, actions["num_records"].to_pylist(), strict=True):
                    if self.readable.get(str(root / path), rows) != rows:
                        self.found.torn.append(
                            f"{name} version {version}: {path} has not the {rows} rows that its log says"
                        )
        except Exception as error:
            self.found.torn.append(f"{name}: {type(error).__name__}: {error}")
        self.found.orphans += len(set(map(str, (self.lake / name.replace(".", "/")).rglob("*.parquet"))) - named) - len(
            list((self.lake / name.replace(".", "/") / "_delta_log").glob("*.parquet"))
        )

    def _view(self, name: str, version: int | None = None, alias: str | None = None) -> None:
        layer, _, table = (alias or name).partition(".")
        self.sql.execute(f"create schema if not exists {layer}")
        self.sql.execute(f"create or replace view {layer}.{table} as {self._scan(name, version)}")

    def _scan(self, name: str, version: int | None = None) -> str:
        delta = self._delta(name, version)
        schema = pa.schema(delta.schema().to_arrow())
        files = [f"'{file}'" for file in delta.file_uris()]
        if not files:
            self.sql.register(f"empty_{name.replace('.', '_')}", schema.empty_table())
            return f"select * from empty_{name.replace('.', '_')}"
        kinds = {column: str(schema.field(column).type) for column in delta.metadata().partition_columns}
        types = ", ".join(f"{c}: {'date' if kind == 'date32[day]' else 'int'}" for c, kind in kinds.items())
        hive = f"hive_partitioning = true, hive_types = {{{types}}}" if types else "hive_partitioning = false"
        there = {
            row[0]
            for row in self.rows(
                f"describe select * from read_parquet([{', '.join(files)}], {hive}, union_by_name = true)"
            )
        }
        columns = ", ".join(f'"{c}"' if c in there else f'null as "{c}"' for c in schema.names)
        return f"select {columns} from read_parquet([{', '.join(files)}], {hive}, union_by_name = true)"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.sql.execute(sql).fetchall()

    def _value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def _has(self, name: str) -> bool:
        return name in self.tables

    def _silver_of(self, source: str) -> tuple[str, str]:
        """The silver table of a source, and its column that leads to the bronze row."""
        table = "events" if source.endswith("events") else source
        return f"silver.{table}", "event_id" if table == "events" else "row_id"

    def _fate_rows(self, source: str) -> str:
        silver, key = self._silver_of(source)
        own = f"where source = '{source}'"
        parts = [f"select row_id, 'ingested' as fate from bronze.{source}"]
        if self._has(silver):
            parts.append(f"select {key}, 'loaded' from {silver} {own}")
        if self._has("ops.duplicates"):
            parts.append(f"select row_id, 'duplicates' from ops.duplicates {own}")
        if self._has("silver.quarantine"):
            parts.append(f"select row_id, 'quarantined' from silver.quarantine {own} and status = 'open'")
        if self._has("ops.withdrawn"):
            parts.append(
                f"select b.row_id, 'withdrawn' from bronze.{source} as b where exists (select 1 from ops.withdrawn w "
                "where w.source = b.data_source and b.row_id between w.first_row_id and w.last_row_id)"
            )
        return " union all ".join(parts)

    def _fates(self, source: str) -> None:
        counted = self.rows(f"""
            select ingested, fates, count(*), min(row_id) from (
                select row_id, count(*) filter (where fate = 'ingested') as ingested,
                    count(*) filter (where fate <> 'ingested') as fates
                from ({self._fate_rows(source)}) group by row_id)
            where ingested <> 1 or fates <> 1 group by all""")
        for ingested, fates, rows, example in counted:
            text = f"{source}: {rows} rows are {ingested} times in bronze with {fates} fates, such as {example}"
            (self.found.lose if fates == 0 else self.found.double)(rows, text)

    def _ledger(self, source: str) -> None:
        if not self._has("ops.ledger"):
            return
        counts = dict(self.rows(f"select fate, count(*) from ({self._fate_rows(source)}) group by fate"))
        expected = [counts.get("ingested", 0), *(counts.get(fate, 0) for fate in FATES)]
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in ("rows_ingested", *FATES))
        told = [int(value) for value in self.rows(f"select {sums} from ops.ledger where source = '{source}'")[0]]
        if told != expected:
            self.found.unbalanced.append(f"{source}: the ledger says {told}, the tables hold {expected}")
        if told[0] != sum(told[1:]):
            self.found.unbalanced.append(f"{source}: {told[0]} rows ingested, but fates {told[1:]}")
        if self._value("select count(*) from ops.ledger where not is_balanced"):
            self.found.unbalanced.append("ops.ledger has entries that are not balanced")

    def _silver(self) -> None:
        kept = []
        for silver, key in sorted({self._silver_of(source) for source in self.sources}):
            if self._has(silver):
                kept.append(f"select {key} from {silver}")
                if twice := self._value(f"select count(*) - count(distinct {key}) from {silver}"):
                    self.found.double(twice, f"{silver}: {twice} row ids are there twice")
        dangling = f"select count(*) from ops.duplicates where event_id not in ({' union all '.join(kept)})"
        if kept and self._has("ops.duplicates") and (count := self._value(dangling)):
            self.found.wrong.append(f"ops.duplicates: {count} rows name a kept row that is not in silver")

    def _files(self) -> None:
        if not self._has("ops.files"):
            return
        noted = Counter(self.rows("select source, source_version from ops.files where status = 'ingested'"))
        held = Counter()
        for source in self.sources:
            held.update(self.rows(f"select distinct '{source}', source_version from bronze.{source}"))
        for source, version in (held - noted).keys():
            self.found.wrong.append(f"ops.files: {version} of {source} is in bronze, but not noted")
        if twice := [file for file, count in noted.items() if count > 1]:
            self.found.wrong.append(f"ops.files: {twice} are noted more than once")

    def _releases(self) -> None:
        if not self._has("ops.releases"):
            return
        releases = self.rows("select release_id, versions from ops.releases order by release_id")
        if [number for number, _ in releases] != list(range(1, len(releases) + 1)):
            self.found.wrong.append(f"ops.releases: the numbers are {[number for number, _ in releases]}")
        before: dict[str, int] = {}
        for number, text in releases:
            versions = json.loads(text)
            if back := [name for name, version in before.items() if versions.get(name, -1) < version]:
                self.found.wrong.append(f"release {number}: goes back in {back}")
            before = versions
            self._release(number, versions)
        current = {name: self._delta(name).version() for name in self.tables if name.startswith("gold.")}
        if stale := [name for name, version in current.items() if before.get(name) != version]:
            self.found.wrong.append(f"the newest release does not name the newest version of {stale}")

    def _release(self, number: int, versions: dict[str, int]) -> None:
        tables = sorted(name for name in versions if name[:7] == "silver." and name != "silver.quarantine")
        loaded = " + ".join(f"(select count(*) from ({self._scan(name, versions[name])}))" for name in tables) or "0"
        if "silver.events" in tables:
            silver = self._scan("silver.events", versions["silver.events"])
            facts = self._scan("gold.fact_events", versions["gold.fact_events"])
            missing, extra = self.rows(f"""
                select count(*) filter (where f.event_id is null), count(*) filter (where s.event_id is null)
                from ({silver}) as s full join ({facts}) as f on s.event_id = f.event_id""")[0]
            if missing or extra:
                self.found.wrong.append(
                    f"release {number}: {missing} silver rows have no fact, {extra} facts no silver row"
                )
        quarantine = self._scan("silver.quarantine", versions["silver.quarantine"])
        duplicates = self._scan("ops.duplicates", versions["ops.duplicates"])
        ledger = self._scan("ops.ledger", versions["ops.ledger"])
        held = self.rows(f"""
            select {loaded}, (select count(*) from ({duplicates})),
                (select count(*) from ({quarantine}) where status = 'open')""")[0]
        told = self.rows(f"select sum(loaded), sum(duplicates), sum(quarantined) from ({ledger})")[0]
        if held != tuple(map(int, told)):
            self.found.wrong.append(f"release {number}: its ledger says {told}, its tables hold {held}")

    def _content(self) -> None:
        for name in self.tables:
            if name.startswith(("gold.", "silver.")):
                self._count(name, name, PROVENANCE)
        for source in self.sources:
            self._count(f"bronze.{source}", f"bronze.{source}", PROVENANCE | {"row_number"})
            if self._has("ops.duplicates"):
                self.sql.execute(
                    f"create or replace temp view duplicates_{source} as select b.*, d.is_conflict "
                    f"from ops.duplicates as d join bronze.{source} as b on b.row_id = d.row_id "
                    f"where d.source = '{source}'"
                )
                self._count(f"ops.duplicates of {source}", f"duplicates_{source}", PROVENANCE | {"source_version"})
        if self._has("ops.ledger"):
            sums = ", ".join(f"sum({name}) as {name}" for name in ("rows_ingested", *FATES))
            self.sql.execute(
                f"create or replace temp view ledger as select source, {sums} from ops.ledger group by source"
            )
            self._count("ops.ledger", "ledger", set())

    def _count(self, name: str, relation: str, without: Set[str]) -> None:
        columns = sorted({row[0] for row in self.rows(f"describe select * from {relation}")} - set(without))
        row = ", ".join(f"'{column}': cast(\"{column}\" as varchar)" for column in columns)
        self.found.content[name] = Counter(
            dict(self.rows(f"select cast(to_json({{{row}}}) as varchar), count(*) from {relation} group by 1"))
        )
