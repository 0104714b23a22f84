"""What changes a lake: run, ingest, refine, build."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clicklake.build.release import Release
from clicklake.contracts.contract import Contract
from clicklake.errors import ClicklakeError, ContractError
from clicklake.ingest.files import discover
from clicklake.ingest.ingest import FileOutcome
from clicklake.lake.compaction import compact_after_run
from clicklake.lake.opened import OpenedLake
from clicklake.pipeline import Pipeline
from clicklake.refine.registry import Registry
from clicklake.runs import Run, Stage, logger, new_run_id
from clicklake.setting_types import size_in_bytes
from clicklake.storage.compact import Policy

if TYPE_CHECKING:
    from clicklake.alerts.channels import Channel
    from clicklake.dry_run import DryRun
    from clicklake.quality.assess import Assessment

Progress = Callable[[Stage, bool], None]


@dataclass
class RunResult:
    """What a run did.

    Args:
        run_id: The run.
        files: What came of each file, by source.
        fates: Rows ingested, loaded, duplicates, quarantined by source.
        rejudged: Sources whose rows were all judged again, with the reason.
        rebuilt: Gold tables that were built whole, with the reason.
        incremented: Gold tables that followed changes of their inputs, with these changes.
        release: What was published; None where nothing changed.
        failures: What went wrong without stopping the run.
        quality: All measures, where the settings say that a run takes them.
        seconds: Wall time.
    """

    run_id: str
    files: dict[str, list[FileOutcome]] = field(default_factory=dict)
    fates: dict[str, dict[str, int]] = field(default_factory=dict)
    rejudged: dict[str, str] = field(default_factory=dict)
    rebuilt: dict[str, str] = field(default_factory=dict)
    incremented: dict[str, str] = field(default_factory=dict)
    release: Release | None = None
    failures: list[ClicklakeError] = field(default_factory=list)
    quality: Assessment | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures


class RunningLake(OpenedLake):
    """The part of `Lake` that changes it."""

    def run(
        self,
        sources: Mapping[str, str | Path | Sequence[str | Path]] | None = None,
        *,
        full: bool = False,
        progress: Progress | None = None,
        **paths: str | Path | Sequence[str | Path],
    ) -> RunResult:
        """Ingest, refine, build, check and publish.

        Args:
            sources: Paths by source; without any, what the settings name.
            full: Judge every row and build every gold table anew, even if nothing has changed.
            progress: Is told each stage as it starts (True) and ends (False).
            **paths: Like `sources`.

        Raises:
            ClicklakeError: The run failed; what was published before is still what readers see.
        """
        wanted = self._wanted({**(sources or {}), **paths})

        def work(pipeline: Pipeline, result: RunResult) -> None:
            self._ingest(pipeline, result, wanted)
            result.fates = pipeline.refine(full=full)
            self._build(pipeline, result, full=full)

        return self._run("run", work, progress)

    def ingest(self, source: str, *paths: str | Path, progress: Progress | None = None) -> RunResult:
        """Files of a source to bronze, and no further."""
        wanted = self._wanted({source: list(paths)})
        return self._run("ingest", lambda pipeline, result: self._ingest(pipeline, result, wanted), progress)

    def refine(self, *sources: str, full: bool = False, progress: Progress | None = None) -> RunResult:
        """Bronze to silver, and no further.

        Args:
            *sources: Only these; all where there are none.
            full: Judge all their rows anew, even if their contracts have not changed.
            progress: Is told each stage as it starts (True) and ends (False).
        """
        for source in sources:
            self._check_source(source)

        def work(pipeline: Pipeline, result: RunResult) -> None:
            result.fates = pipeline.refine(sources or None, full=full)

        return self._run("refine", work, progress)

    def build(self, *, full: bool | Collection[str] = False, progress: Progress | None = None) -> RunResult:
        """Silver to gold, checks, release.

        Args:
            full: Build every gold table anew, even if it is up to date; or those named.
            progress: Is told each stage as it starts (True) and ends (False).
        """
        return self._run("build", lambda pipeline, result: self._build(pipeline, result, full=full), progress)

    def dry_run(self, sources: Mapping[str, str | Path | Sequence[str | Path]] | None = None) -> list[DryRun]:
        """What a run with these paths would do; nothing is written."""
        from clicklake.dry_run import dry_run

        engine = self.local_engine()  # what it makes lies on this machine, where executors don't see it
        try:
            return [
                dry_run(self.store, engine, self.catalogue, self.rule_parameters, source, paths)
                for source, paths in self._wanted(sources or {}).items()
            ]
        finally:
            engine.close()

    def alert(self, assessment: Assessment) -> list[str]:
        """Tell the channels of the settings what measures say that they were not told yet; what was not delivered."""
        from clicklake.alerts.alert import alert_all

        engine, channels = self.engine(), self._channels()
        try:
            run_id = new_run_id()
            return alert_all(self.store, engine, self.catalogue, self.settings, channels, assessment, run_id)
        finally:
            engine.close()

    def stages(self, sources: int) -> int:
        """How many stages a run with so many sources has: those, refine, a build a gold table, check, publish."""
        return (sources or len(self.settings.sources)) + 1 + len(self.catalogue.gold) + 2

    def _wanted(self, given: Mapping[str, str | Path | Sequence[str | Path]]) -> dict[str, list[str]]:
        if not given:
            given = {name: list(source.paths) for name, source in self.settings.sources.items()}
        wanted = {
            name: [str(paths)] if isinstance(paths, (str, Path)) else [str(path) for path in paths]
            for name, paths in given.items()
        }
        for name in wanted:
            # What is wrong with a name, a contract or a path is told before anything is done.
            discover(wanted[name], self._check_source(name).file_format, self.store.options)
        return wanted

    def _check_source(self, name: str) -> Contract:
        contract = self.catalogue.contract(name)
        silver = self.catalogue.silver.get(contract.options.silver_table)
        if silver is None:
            known = ", ".join(self.catalogue.silver)
            raise ContractError(
                f"silverTable {contract.options.silver_table} is no silver table; there are {known}",
                file=contract.file,
            )
        Registry(self.store, self.catalogue, self.rule_parameters).today(contract).check()
        return contract

    def _ingest(self, pipeline: Pipeline, result: RunResult, wanted: Mapping[str, Sequence[str]]) -> None:
        for source, paths in wanted.items():
            result.files[source] = pipeline.ingest(source, paths)

    def _build(self, pipeline: Pipeline, result: RunResult, *, full: bool | Collection[str]) -> None:
        builder = pipeline.build(full=full)
        told = {name: built for name, built in pipeline.built.items() if built.reason}
        result.rebuilt = {name: built.reason or "" for name, built in told.items() if built.how == "rebuilt"}
        result.incremented = {name: built.reason or "" for name, built in told.items() if built.how == "incremented"}
        result.release = pipeline.publish(builder)
        if self.settings.quality.when == "after_run":
            result.quality = self._assess(pipeline)

    def _run(self, command: str, work: Callable[[Pipeline, RunResult], None], progress: Progress | None) -> RunResult:
        with self._listeners() as listeners:
            return self._measured(work, Run(command, self.log_directory, progress, listeners))

    def _measured(self, work: Callable[[Pipeline, RunResult], None], run: Run) -> RunResult:
        channels = self._channels()
        result = RunResult(run.run_id, failures=run.failures)
        pipeline = self._pipeline(run)
        engine = pipeline.engine
        try:
            work(pipeline, result)
            result.rejudged = dict(pipeline.rejudged)
            self._alert(pipeline, result, channels)
            self._compact(pipeline)
        except BaseException as error:
            if engine.is_distributed and not isinstance(error, Exception):  # ^C: others need not go on
                engine.interrupt()
            run.close(error)
            self._keep(pipeline)
            raise
        finally:
            engine.close()
        run.close()
        pipeline.record()
        result.seconds = run.stages[0].seconds or 0.0
        return result

    def _pipeline(self, run: Run) -> Pipeline:
        """The stages of a run, on an engine of its own."""
        engine = self.engine()
        run.usage = engine.usage
        return Pipeline(
            replace(self.store, note={"run": run.run_id}, touched=set()),
            engine,
            self.catalogue,
            self.parameters,
            run,
            rule_parameters=self.rule_parameters,
            drift_policies={name: s.drift for name, s in self.settings.sources.items() if s.drift},
        )

    @contextmanager
    def _listeners(self) -> Iterator[list[Progress]]:
        """Who is told about the stages of a run, beside the person in front of it."""
        settings = self.settings.openlineage
        if not settings.url and not settings.file:
            yield []
            return
        from clicklake.lineage.graph import Lineage
        from clicklake.lineage.openlineage import Emitter
        from clicklake.lineage.send import Sender

        sender = Sender(Path(settings.file) if settings.file else None, settings.url)
        emitter = Emitter(Lineage(self.catalogue), self.store, settings.namespace, sender)
        try:
            yield [emitter]
        finally:
            emitter.close()

    def _assess(self, pipeline: Pipeline) -> Assessment:
        """Take all measures of what was published."""
        from clicklake.quality.assess import assess

        settings = self.settings.quality
        with pipeline.run.stage("quality") as stage:
            found = assess(
                pipeline.store,
                pipeline.engine,
                self.catalogue,
                self.parameters,
                settings,
                keep=True,
                run_id=pipeline.run.run_id,
            )
            stage.rows_out = len(found.taken)
        return found

    def _channels(self) -> list[Channel]:
        """Who is told of broken thresholds."""
        if not self.settings.alerts.urls:
            return []
        from clicklake.alerts.channels import channels

        return channels(self.settings.alerts.urls)

    def _alert(self, pipeline: Pipeline, result: RunResult, channels: Sequence[Channel]) -> None:
        """Tell who wants to know; what goes wrong there is a warning."""
        if not channels:
            return
        from clicklake.alerts.alert import alert_all

        run_id, assessment = pipeline.run.run_id, result.quality
        try:
            with pipeline.run.stage("alert"):
                problems = alert_all(
                    pipeline.store, pipeline.engine, self.catalogue, self.settings, channels, assessment, run_id
                )
        except ClicklakeError as error:
            problems = [f"alerts: {error}; the next run tries again"]
        for problem in problems:
            logger.warning("%s", problem)

    def _compact(self, pipeline: Pipeline) -> None:
        """Put small files of the tables that the run wrote to together, if the settings say so."""
        settings = self.settings.storage.compaction
        if settings.when == "after_run":
            compact_after_run(pipeline, Policy(settings.min_files, size_in_bytes(settings.small_file)))

    def _keep(self, pipeline: Pipeline) -> None:
        """Record a failed run, if the lake still takes it: the first error is the one to tell."""
        try:
            pipeline.record()
        except (ClicklakeError, OSError) as error:
            pipeline.run.failed(ClicklakeError(f"the run could not be recorded: {error}"))
