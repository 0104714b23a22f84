"""What gives rows another fate: replay of the quarantine, withdrawal of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from clicklake.errors import UnknownNameError
from clicklake.ingest.notes import FILES
from clicklake.ingest.withdrawals import ingested_file, withdraw
from clicklake.lake.running import Progress, RunningLake, RunResult
from clicklake.pipeline import Pipeline
from clicklake.refine.changes import Judgement
from clicklake.refine.refine import Refiner
from clicklake.refine.registry import Registry
from clicklake.refine.restatement import compare, expect
from clicklake.refine.settle import LEDGER


@dataclass
class RestatedResult(RunResult):
    """What a run did that gave older rows another fate.

    Args:
        restated: By source: how its fates changed, what became of its silver table, and the measures before and after.
    """

    restated: list[dict[str, Any]] = field(default_factory=list)


class RestatingLake(RunningLake):
    """The part of `Lake` that gives rows another fate."""

    def replay(
        self, source: str | None = None, reason: str | None = None, *, progress: Progress | None = None
    ) -> RestatedResult:
        """Let the open rows of the quarantine through that pass by today's contracts, and restate gold.

        Args:
            source: Only this source's rows.
            reason: Only rows that were rejected for it.
            progress: Is told each stage as it starts (True) and ends (False).

        Returns:
            What changed; `restated` has `source`, `passed`, `loaded`, `duplicates`, `still_open` and what `compare`
            finds.

        Raises:
            UnknownNameError: The lake doesn't know the source.
        """
        sources = self._known_sources(source)
        return self._restate("replay", sources, lambda pipeline: pipeline.replay(sources, reason), progress)

    def unload(self, source: str, file: str, *, progress: Progress | None = None) -> RestatedResult:
        """Withdraw the rows of one file everywhere, and restate what came from them.

        Bronze keeps the rows; their fate is `withdrawn`. A row that was dropped as a duplicate of one of them comes
        back. The file may be ingested again.

        Args:
            source: The source.
            file: The file, as it was given or as `source_file` has it.
            progress: Is told each stage as it starts (True) and ends (False).

        Raises:
            UnknownNameError: The source has no such file.
        """
        self._known_sources(source)
        engine = self.engine()
        try:
            path = ingested_file(self.store, engine, source, file)
        finally:
            engine.close()

        def work(pipeline: Pipeline) -> dict[str, dict[str, int]]:
            run_id = pipeline.run.run_id
            with pipeline.run.stage("unload", source) as stage:
                gone = withdraw(self.store, pipeline.engine, self.catalogue, source, path, run_id)
                stage.rows_out = sum(gone.values())
                pipeline.after("ops.withdrawn")
                now = datetime.now(timezone.utc)
                note = {"source": source, "source_file": path, "status": "withdrawn", "run_id": run_id}
                pipeline.append(
                    FILES,
                    [
                        {**note, "source_version": version, "records": rows, "ingested_at": now}
                        for version, rows in gone.items()
                    ],
                )
            return pipeline.refine([source])

        return self._restate("unload", [source], work, progress)

    def replay_preview(self, source: str | None = None, reason: str | None = None) -> list[dict[str, Any]]:
        """What a replay would do, by source; nothing is written.

        Returns:
            `source`, `open`, `passing`, `duplicates`, `still_open`, and what `expect` finds.
        """
        engine = self.engine()
        try:
            registry = self._registry()
            names = self._known_sources(source)
            refiner = Refiner(self.store, engine, self.catalogue, registry, "preview")
            found = []
            for name in names:
                tables = refiner.tables([name])
                last = tables.ledger.mark(f"refine:{name}")
                if name not in tables.bronze or not last or name not in self.catalogue.source_names:
                    continue
                judge = registry.today(self.catalogue.contract(name))
                judgement = Judgement(self.store, engine, tables.by_name(), tables.bronze)
                waiting, passing = judgement.find_passing(name, last, judge, reason)
                if waiting:
                    fates = judgement.rehearse(name, judge)
                    duplicates = engine.value(f"select count(*) from {fates.duplicates} where not is_history")
                    counts = {"open": waiting, "passing": passing, "duplicates": int(duplicates)}
                    more = expect(engine, judge.silver, fates.loaded())
                    found.append({"source": name, **counts, "still_open": waiting - passing, **more})
            return found
        finally:
            engine.close()

    def _registry(self) -> Registry:
        return Registry(self.store, self.catalogue, self.rule_parameters)

    def _known_sources(self, source: str | None) -> list[str]:
        known = self._registry().sources()
        if source is None:
            return known
        if source not in known:
            have = ", ".join(known) or "none yet"
            raise UnknownNameError(f"the lake has no source {source!r}; it has {have}")
        return [source]

    def _restate(
        self,
        command: str,
        sources: Sequence[str],
        change: Callable[[Pipeline], Mapping[str, Mapping[str, int]]],
        progress: Progress | None,
    ) -> RestatedResult:
        restated: list[dict[str, Any]] = []

        def work(pipeline: Pipeline, result: RunResult) -> None:
            pipeline.refine([])  # what was begun before is not this command's doing
            before = self._readable_versions()
            fates = change(pipeline)
            after = self._readable_versions()
            registry = pipeline.registry
            ledger = self.store.open(LEDGER)
            result.fates = {name: dict(counts) for name, counts in fates.items()}
            for name in sources:
                counts = fates.get(name) or {}
                if not counts:
                    continue
                judge = registry.judge(registry.version(name, ledger.mark(f"contract:{name}")))
                table = judge.silver.name
                versions = [self.store.open(table, version[table]) for version in (before, after)]
                changed = compare(pipeline.engine, judge.silver, name, *versions)
                restated.append({"source": name, **_told(counts), **changed})
            self._build(pipeline, result, full=False)

        result = self._run(command, work, progress)
        return RestatedResult(**vars(result), restated=restated)

    def _readable_versions(self) -> dict[str, int]:
        ledger = self.store.find(LEDGER)
        return {name: ledger.mark(f"read:{name}") if ledger else 0 for name in self.catalogue.silver}


def _told(counts: Mapping[str, int]) -> dict[str, int]:
    """How fates changed, in words of the command."""
    return {name: counts[name] for name in ("loaded", "duplicates", "quarantined", "withdrawn")}
