"""What a run would do: the files are read and judged against the lake, and nothing of it is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.engines.ranges import Ranges
from clicklake.engines.sql import Parameter, string
from clicklake.errors import ClicklakeError
from clicklake.ingest.files import discover
from clicklake.ingest.ingest import FileOutcome, ingest
from clicklake.ingest.withdrawals import live_versions
from clicklake.refine.judge import Fates, judge_rows
from clicklake.refine.registry import Registry
from clicklake.storage import Snapshot, Store

SAMPLES = 5


@dataclass(frozen=True)
class DryRun:
    """What would come of a source's files.

    Args:
        source: The source.
        files: What would come of each file.
        fates: Rows `ingested`, `loaded`, `duplicates`, `quarantined`.
        reasons: Rows by broken rule.
        samples: Some rejected rows: `reasons`, `raw`, `source_file`.
        drift: Differences from the contract.
    """

    source: str
    files: list[FileOutcome]
    fates: dict[str, int]
    reasons: dict[str, int]
    samples: list[dict[str, Any]]
    drift: list[str]

    @property
    def failures(self) -> list[ClicklakeError]:
        """Files that can't be read."""
        return [outcome.error for outcome in self.files if outcome.error]


def dry_run(
    store: Store,
    engine: Engine,
    catalogue: Catalogue,
    parameters: Mapping[str, Parameter],
    source: str,
    paths: Sequence[str],
) -> DryRun:
    """Judge the new rows of files without touching the lake.

    Args:
        store: The lake; it is only read.
        engine: Runs the queries.
        catalogue: Contracts and models.
        parameters: What the rules name.
        source: The source.
        paths: Files, folders or globs.
    """
    contract = catalogue.contract(source)
    with tempfile.TemporaryDirectory(prefix="dry-run-", dir=engine.spill) as folder:
        scratch = Store(folder, compression=store.compression, compression_level=store.compression_level)
        registered = Registry(scratch, catalogue, parameters).register(contract)

        def known(bronze: Snapshot) -> frozenset[str]:
            there = store.find(bronze.name)
            return live_versions(store, engine, there) if there else frozenset()

        files = discover(paths, contract.file_format, store.options)
        # A number that no source has: the row ids of a rehearsal must not meet those of the lake.
        outcomes, bronze = ingest(scratch, contract, 8_000, files, known, policy=contract.options.drift_policy)
        judge = Registry(scratch, catalogue, parameters).judge(registered)
        silver = store.find(judge.silver.name)

        def history(near: Ranges | None) -> str:
            assert silver is not None
            return f"select * from ({engine.scan(silver, ranges=near)}) where source = {string(source)}"

        fates = judge_rows(engine, judge, engine.scan(bronze), history if silver and silver.files else None)
        return _summary(engine, outcomes, fates)


def _summary(engine: Engine, outcomes: list[FileOutcome], fates: Fates) -> DryRun:
    def count(sql: str) -> int:
        return int(engine.value(sql))

    quarantine = fates.quarantine
    reasons = engine.rows(
        f"select reason, count(*) from (select unnest(reasons) as reason from {quarantine}) "
        "group by 1 order by 2 desc, 1"
    )
    samples = engine.rows(f"select reasons, raw, source_file from {quarantine} order by row_id limit {SAMPLES}")
    drift = {
        f"{kind.replace('_', ' ')} {column}: {detail}".replace("  ", " ")
        for outcome in outcomes
        for kind, column, detail in outcome.stats.drift
    }
    return DryRun(
        source=fates.source,
        files=outcomes,
        fates={
            "ingested": count(f"select count(*) from {fates.bronze}"),
            "loaded": count(f"select count(*) from ({fates.loaded()})"),
            "duplicates": count(f"select count(*) from {fates.duplicates} where not is_history"),
            "quarantined": count(f"select count(*) from {quarantine}"),
        },
        reasons=dict(reasons),
        samples=[dict(zip(("reasons", "raw", "source_file"), row, strict=True)) for row in samples],
        drift=sorted(drift),
    )
