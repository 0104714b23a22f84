"""Lake: what the command line, notebooks and schedulers call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clicklake.build.release import Release, releases
from clicklake.config import LoadedSettings, Settings, load_settings, without_secrets
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract
from clicklake.contracts.model import Report
from clicklake.contracts.strict_yaml import closest
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import Parameter
from clicklake.errors import ClicklakeError, ContractError, UnknownNameError, UsageError
from clicklake.ingest.files import discover
from clicklake.ingest.ingest import FileOutcome
from clicklake.pipeline import Pipeline
from clicklake.refine.compile import Judge
from clicklake.refine.registry import CONTRACTS
from clicklake.reports.run import Window, report_sql, report_tables, run_report
from clicklake.rows import Rows
from clicklake.runs import Run, Stage
from clicklake.sandbox import named_tables, require_one_select, run_query
from clicklake.storage import Snapshot, Store

if TYPE_CHECKING:
    from clicklake.dry_run import DryRun

Progress = Callable[[Stage, bool], None]


@dataclass
class RunResult:
    """What a run did.

    Args:
        run_id: The run.
        files: What came of each file, by source.
        fates: Rows ingested, loaded, duplicates, quarantined by source.
        rebuilt: Gold tables that were built, with the reason.
        release: What was published; None where nothing changed.
        failures: What went wrong without stopping the run.
        seconds: Wall time.
    """

    run_id: str
    files: dict[str, list[FileOutcome]] = field(default_factory=dict)
    fates: dict[str, dict[str, int]] = field(default_factory=dict)
    rebuilt: dict[str, str] = field(default_factory=dict)
    release: Release | None = None
    failures: list[ClicklakeError] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures


class Lake:
    """A lake: bronze, silver and gold Delta tables under one root.

    Args:
        lake: Folder or URL; else the settings', else `./lake`.
        config: Settings file; else `clicklake.yaml` here or above.
        profile: Profile of the settings.
        overrides: Settings by dotted key, such as `duckdb.memory_limit`.

    Raises:
        ConfigError: A setting is wrong.
        FormatVersionError: The lake was written by a newer program.
    """

    def __init__(
        self,
        lake: str | Path | None = None,
        *,
        config: str | Path | None = None,
        profile: str | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> None:
        flags = {"lake": None if lake is None else str(lake), **(overrides or {})}
        given = {name: value for name, value in flags.items() if value is not None}
        self.loaded: LoadedSettings = load_settings(
            config=Path(config) if config else None, profile=profile, overrides=given
        )
        self.settings: Settings = self.loaded.settings
        if self.settings.engine != "duckdb":
            raise UsageError("engine: only duckdb is available in this version")
        if "://" in self.settings.lake:
            raise UsageError(f"lake {without_secrets(self.settings.lake)}: only folders are available in this version")
        self.catalogue = Catalogue(self.loaded.project)
        storage = self.settings.storage
        self.store = Store(
            root=self.settings.lake,
            compression=storage.compression,
            compression_level=storage.compression_level,
            properties={
                "delta.checkpointInterval": str(storage.checkpoint_interval),
                "delta.logRetentionDuration": f"interval {storage.log_retention_days} days",
                "delta.deletedFileRetentionDuration": f"interval {storage.file_retention_days} days",
            },
        )
        self.store.check_format(CONTRACTS)

    @property
    def path(self) -> str:
        """The lake's root."""
        return self.settings.lake

    @cached_property
    def rule_parameters(self) -> dict[str, Parameter]:
        """What the rules of contracts may name."""
        rules = self.settings.rules
        latest = rules.latest_event
        return {
            "currency": self.settings.currency,
            "max_amount": rules.max_amount,
            "earliest_event": rules.earliest_event,
            "latest_event": latest + timedelta(days=1) if latest else None,
        }

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What models and reports may name."""
        segments = self.settings.segments
        return {
            **self.rule_parameters,
            "segment_high": segments.high,
            "segment_medium": segments.medium,
            "segment_low": segments.low,
        }

    @property
    def log_directory(self) -> Path:
        """Where each run's log is written."""
        if self.settings.logs.directory:
            return Path(self.settings.logs.directory)
        return (self.loaded.project or Path(self.settings.lake)) / "logs"

    # --- changing the lake ---------------------------------------------------------------------------------------

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
            full: Build every gold table anew, even if it is up to date.
            progress: Is told each stage as it starts (True) and ends (False).
            **paths: Like `sources`.

        Raises:
            ClicklakeError: The run failed; what was published before is still what readers see.
        """
        wanted = self._wanted({**(sources or {}), **paths})

        def work(pipeline: Pipeline, result: RunResult) -> None:
            self._ingest(pipeline, result, wanted)
            result.fates = pipeline.refine()
            self._build(pipeline, result, full=full)

        return self._run("run", work, progress)

    def ingest(self, source: str, *paths: str | Path, progress: Progress | None = None) -> RunResult:
        """Files of a source to bronze, and no further."""
        wanted = self._wanted({source: list(paths)})
        return self._run("ingest", lambda pipeline, result: self._ingest(pipeline, result, wanted), progress)

    def refine(self, progress: Progress | None = None) -> RunResult:
        """Bronze to silver, and no further."""

        def work(pipeline: Pipeline, result: RunResult) -> None:
            result.fates = pipeline.refine()

        return self._run("refine", work, progress)

    def build(self, *, full: bool = False, progress: Progress | None = None) -> RunResult:
        """Silver to gold, checks, release."""
        return self._run("build", lambda pipeline, result: self._build(pipeline, result, full=full), progress)

    def dry_run(self, sources: Mapping[str, str | Path | Sequence[str | Path]] | None = None) -> list[DryRun]:
        """What a run with these paths would do; nothing is written."""
        from clicklake.dry_run import dry_run

        engine = self.engine()
        try:
            return [
                dry_run(self.store, engine, self.catalogue, self.rule_parameters, source, paths)
                for source, paths in self._wanted(sources or {}).items()
            ]
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
            discover(wanted[name], self._check_source(name).file_format)
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
        Judge(contract, silver, self.rule_parameters).check()
        return contract

    def _ingest(self, pipeline: Pipeline, result: RunResult, wanted: Mapping[str, Sequence[str]]) -> None:
        for source, paths in wanted.items():
            result.files[source] = pipeline.ingest(source, paths)

    def _build(self, pipeline: Pipeline, result: RunResult, *, full: bool) -> None:
        builder = pipeline.build(full=full)
        result.rebuilt = {name: reason for name, reason in pipeline.stale.items() if reason}
        result.release = pipeline.publish(builder)

    def _run(self, command: str, work: Callable[[Pipeline, RunResult], None], progress: Progress | None) -> RunResult:
        run = Run(command, self.log_directory, progress)
        result = RunResult(run.run_id, failures=run.failures)
        engine = self.engine()
        pipeline = Pipeline(
            self.store,
            engine,
            self.catalogue,
            self.parameters,
            run,
            rule_parameters=self.rule_parameters,
            drift_policies={name: s.drift for name, s in self.settings.sources.items() if s.drift},
        )
        try:
            work(pipeline, result)
        except BaseException as error:
            run.close(error)
            self._keep(pipeline)
            raise
        finally:
            engine.close()
        run.close()
        pipeline.record()
        result.seconds = run.stages[0].seconds or 0.0
        return result

    def _keep(self, pipeline: Pipeline) -> None:
        """Record a failed run, if the lake still takes it: the first error is the one to tell."""
        try:
            pipeline.record()
        except (ClicklakeError, OSError) as error:
            pipeline.run.failed(ClicklakeError(f"the run could not be recorded: {error}"))

    # --- reading the lake ----------------------------------------------------------------------------------------

    def engine(self) -> DuckDB:
        """A new engine by the settings."""
        settings = self.settings.duckdb
        return DuckDB(
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            spill=settings.temp_directory,
            reporting_timezone=self.settings.reporting_timezone,
        )

    def release(self, at: str | int | None = None) -> Release | None:
        """The newest release, or the one of a number or time (ISO 8601, UTC).

        Raises:
            UnknownNameError: There was none yet.
        """
        known = releases(self.store)
        if at is None:
            return known[-1] if known else None
        text = str(at)
        if text.isdigit():
            found = [release for release in known if release.release_id == int(text)]
        else:
            try:
                moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            except ValueError as error:
                raise UsageError(
                    f"--at {text}: neither the number of a release nor a time such as 2025-01-31"
                ) from error
            from datetime import timezone

            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            found = [release for release in known if release.released_at <= moment]
        if not found:
            have = f"there are 1 to {known[-1].release_id}" if known else "there is none yet"
            raise UnknownNameError(f"no release {text}; {have}")
        return found[-1]

    def snapshot(self, name: str, release: Release | None) -> Snapshot:
        """A table as readers see it: at its released version, or the newest where a release doesn't name it."""
        version = dict(release.versions).get(name) if release else None
        layer = name.partition(".")[0]
        if version is None and layer == "gold" and release is None:
            raise UnknownNameError(f"{name} is not published yet: run `clicklake run` first")
        return self.store.open(name, version)

    def report(
        self,
        name: str,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        limit: int | None = None,
        engine: DuckDB | None = None,
        release: Release | None = None,
        **parameters: Any,  # noqa: ANN401 - as the report declares them
    ) -> Rows:
        """The rows of a report.

        Args:
            name: The report.
            since: First day (reporting time zone).
            until: Last day, included.
            limit: Rows at the most; else the report's own default.
            engine: One that is kept for several reports.
            release: What is read; else the newest.
            **parameters: Values that the report declares, for example `user`.

        Raises:
            UnknownNameError: No such report.
        """
        report = self.catalogue.report(name)
        own = engine or self.engine()
        try:
            self.attach(own, report, release or self.release())
            return Rows(run_report(own, report, self.report_sql(report, since, until, limit, parameters)))
        finally:
            if engine is None:
                own.close()

    def report_sql(
        self,
        report: Report,
        since: date | str | None = None,
        until: date | str | None = None,
        limit: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> str:
        """The SQL of a report as it runs."""
        unknown = [name for name in parameters or {} if name not in report.doc.parameters]
        if unknown:
            known = ", ".join(report.doc.parameters) or "none"
            raise UsageError(f"report {report.name} has no parameter {', '.join(unknown)}; it has {known}")
        window = Window(_day(since, "since"), _day(until, "until"))
        rows = report.doc.limit.default if limit is None else limit
        return report_sql(report, {**self.parameters, **(parameters or {})}, window, rows)

    def attach(self, engine: DuckDB, report: Report, release: Release | None) -> None:
        """Make the tables of a report known to an engine, as of a release."""
        for name in report_tables(report):
            if release and name in engine.attached and engine.attached[name] == release.versions.get(name):
                continue  # for a report before
            model = self.catalogue.table(name)
            if release is None and model is not None:
                engine.attach_empty(name, model.doc.schema)
            else:
                engine.attach(self.snapshot(name, release))

    def query(self, sql: str, *, at: str | int | None = None) -> Rows:
        """The rows of a read-only SELECT on bronze, silver, gold and ops.

        Args:
            sql: One SELECT.
            at: Number or time of a release; else the newest.

        Raises:
            QueryError: It is not one SELECT, or fails.
        """
        release = self.release(at)
        engine = self.engine()
        try:
            require_one_select(engine.connection, sql)
            names = self._readable(named_tables(sql), release)
            snapshots = {name: self.snapshot(name, release) for name in names}
            return Rows(run_query(engine, sql, snapshots, str(Path(self.path).absolute())))
        finally:
            engine.close()

    def _readable(self, wanted: Sequence[str] | None, release: Release | None) -> list[str]:
        """Which tables a query gets: those that it names, or all.

        Raises:
            UnknownNameError: It names a table of a layer that the lake doesn't have.
        """
        names = [name for name in self.store.names() if release or not name.startswith("gold.")]
        if wanted is None:
            return names
        for name in wanted:
            if name.partition(".")[0] in ("bronze", "silver", "gold", "ops") and name not in names:
                known = ", ".join(names) or "none yet: run `clicklake run` first"
                raise UnknownNameError(f"there is no table {name} in the lake{closest(name, names)}. Tables: {known}")
        return [name for name in names if name in wanted]


def _day(value: date | str | None, name: str) -> date | None:
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"--{name} {value}: not a date such as 2025-01-31") from error
