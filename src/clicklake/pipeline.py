"""The stages of a run, each measured: ingest, refine, build, check, publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from clicklake.build.build import Builder, Built
from clicklake.build.checks import CheckResult, checks_of, run_together
from clicklake.build.news import news_since
from clicklake.build.release import Release, newest, publish
from clicklake.contracts.catalogue import Catalogue, pick
from clicklake.engines.base import Engine
from clicklake.engines.sql import Parameter, quote, string
from clicklake.errors import CheckFailedError
from clicklake.ingest.elsewhere import Elsewhere
from clicklake.ingest.files import discover
from clicklake.ingest.ingest import FileOutcome, ingest
from clicklake.ingest.notes import KnownFiles, drift_of, known_stamps, note_files
from clicklake.refine.plan import Kind, Work
from clicklake.refine.refine import Refined, Refiner
from clicklake.refine.registry import Registry
from clicklake.runs import Run, logger
from clicklake.storage import Snapshot, Store
from clicklake.tables import append

DRIFT, RUNS = "ops.drift", "ops.runs"


@dataclass
class Pipeline:
    """What the stages share.

    Args:
        store: The lake's tables.
        engine: Runs the SQL.
        catalogue: Contracts and models.
        parameters: What models name.
        run: Measures and logs.
        after: Is called behind each commit with the table's name.
        rule_parameters: What the rules of contracts name.
        drift_policies: By source, where the settings overrule the contract.
        built: What `build` did to each gold table.
        rejudged: Sources whose rows were all judged again, with the reason; filled by `refine`.
    """

    store: Store
    engine: Engine
    catalogue: Catalogue
    parameters: Mapping[str, Parameter]
    run: Run
    after: Callable[[str], None] = lambda table: None
    rule_parameters: Mapping[str, Parameter] = field(default_factory=dict)
    drift_policies: Mapping[str, str] = field(default_factory=dict)
    built: dict[str, Built] = field(default_factory=dict)
    rejudged: dict[str, str] = field(default_factory=dict)

    @cached_property
    def registry(self) -> Registry:
        """The contract versions of the lake."""
        return Registry(self.store, self.catalogue, self.rule_parameters)

    def ingest(self, source: str, paths: Sequence[str]) -> list[FileOutcome]:
        """Append new files of a source to bronze; files that can't be read are noted as failures of the run."""
        contract = self.catalogue.contract(source)
        files = discover(paths, contract.file_format, self.store.options)
        with self.run.stage("ingest", source) as stage:
            registered = self.registry.register(contract)
            self.registry.judge(registered).check(self.engine)
            number = registered.source_number
            before = self.store.find(f"bronze.{source}")
            policy = self.drift_policies.get(source, contract.options.drift_policy)
            known = KnownFiles(self.store, self.engine)
            loader = Elsewhere(self.engine) if self.engine.is_distributed else None
            remote = any(file.is_remote for file in files)
            stamps = known_stamps(self.store, self.engine, source) if remote else None
            outcomes, after = ingest(self.store, contract, number, files, known, policy, loader, stamps)
            self.after(f"bronze.{source}")
            done = [outcome for outcome in outcomes if outcome.status == "ingested"]
            failed = [outcome.error for outcome in outcomes if outcome.error]
            stage.bytes_in = sum(outcome.file.size for outcome in done)
            stage.rows_in = stage.rows_out = sum(outcome.stats.records for outcome in done)
            stage.rows_rejected = sum(outcome.stats.corrupt for outcome in done)
            stage.nulls = _nulls(after)
            stage.bytes_out = after.size[1] - (before.size[1] if before else 0)
            stage.error = "; ".join(str(error) for error in failed) or None
            for error in failed:
                self.run.failed(error)
            self._record_files(source, outcomes, known.versions)
        return outcomes

    def refine(self, sources: Sequence[str] | None = None, *, full: bool = False) -> dict[str, dict[str, int]]:
        """Judge all rows that are to be judged; how the fates changed, by source.

        Args:
            sources: Whose rows; all that the lake knows where None.
            full: Judge all rows of these again.
        """
        names = list(self.registry.sources() if sources is None else sources)
        return self._refine(names, lambda refiner: refiner.refine(names, full=full))

    def replay(self, sources: Sequence[str], reason: str | None = None) -> dict[str, dict[str, int]]:
        """Let open rows of the quarantine through that pass by now; how the fates changed, by source."""
        return self._refine(sources, lambda refiner: refiner.replay(sources, reason))

    def _refine(
        self, names: Sequence[str], rounds: Callable[[Refiner], Iterable[Refined]]
    ) -> dict[str, dict[str, int]]:
        refiner = Refiner(self.store, self.engine, self.catalogue, self.registry, self.run.run_id, self.after)
        total: dict[str, dict[str, int]] = {name: {} for name in names}
        nulls: dict[str, int] = {}
        with self.run.stage("refine") as whole:
            for done in rounds(refiner):
                for work in done.works:
                    if work.kind is Kind.NEW:
                        self._note_new_values(work)
                for column, rows in done.nulls.items():
                    nulls[column] = nulls.get(column, 0) + rows
                for source, counts in done.counts.items():
                    mine = total.setdefault(source, {})
                    for fate, rows in counts.items():
                        mine[fate] = mine.get(fate, 0) + rows
            self.rejudged.update(refiner.reasons)
            whole.rows_in = sum(counts.get("rows_ingested", 0) for counts in total.values())
            whole.rows_out = sum(counts.get("loaded", 0) for counts in total.values())
            whole.rows_rejected = sum(counts.get("quarantined", 0) for counts in total.values())
            whole.rows_duplicate = sum(counts.get("duplicates", 0) for counts in total.values())
            whole.spilled_bytes = self.engine.spilled_bytes()
            whole.nulls = json.dumps(nulls) if nulls else None
            whole.score = score(whole.rows_out, whole.rows_rejected)
        return total

    def build(self, *, full: bool | Collection[str] = False) -> Builder:
        """Bring every gold table up to date; what reads it sees nothing before `publish`.

        Args:
            full: Build every table anew, or those named.

        Raises:
            UnknownNameError: There is no such gold table.
        """
        builder = Builder(self.store, self.engine, self.catalogue, self.parameters, self.after)
        anew = set(self.catalogue.gold) if full is True else {self._gold(name) for name in full or ()}
        builder.attach_silver()
        for model in builder.order():
            if builder.is_absent(model):
                continue
            with self.run.stage("build", model.name) as stage:
                built = self.built[model.name] = builder.build(model, full=model.name in anew)
                stage.rows_in, stage.bytes_in = built.rows_in, built.bytes_in
                stage.rows_out, stage.bytes_out = built.rows_out, built.bytes_out
                stage.reason = f"{built.how}: {built.reason}" if built.reason else built.how
                stage.nulls = _nulls(built.snapshot)
                stage.spilled_bytes = self.engine.spilled_bytes()
        return builder

    def _gold(self, name: str) -> str:
        """The full name of a gold table."""
        full_name = name if "." in name else f"gold.{name}"
        pick(full_name, self.catalogue.gold, "gold table")
        return full_name

    def publish(self, builder: Builder) -> Release | None:
        """Check the new versions and publish them together.

        Returns:
            The release; None where the newest one names the same versions already.

        Raises:
            CheckFailedError: A check of severity `fail` did not hold; nothing was published.
        """
        versions = {name: snapshot.version for name, snapshot in builder.versions.items()} | builder.settled
        last = newest(self.store)
        if not builder.versions or last and dict(last.versions) == versions:
            return None
        with self.run.stage("check") as stage:
            results = self._check(builder, last.versions if last else {})
            for result in results:
                logger.debug("check %s %s: %.3f s", result.table, result.name, result.seconds)
            broken = [result for result in results if not result.passed]
            stage.rows_rejected = sum(result.offending for result in broken)
            fatal = [result for result in broken if result.severity == "fail"]
            if fatal:
                listed = "; ".join(f"{r.table}: {r.name} ({r.offending:,} offending)" for r in fatal)
                raise CheckFailedError(f"{listed}. Nothing was published; readers still see the last release.")
            for result in broken:
                logger.warning("%s: check %s: %d rows", result.table, result.name, result.offending)
        with self.run.stage("publish") as stage:
            release = publish(self.store, self.catalogue, self.run.run_id, versions, len(results), len(broken))
            stage.rows_out = 1 if release else 0
        return release

    def _check(self, builder: Builder, published: Mapping[str, int]) -> list[CheckResult]:
        models = self.catalogue.gold
        news = news_since(self.store, self.engine, published, builder.versions, models)
        checks = (
            check
            for model in builder.order()
            if model.name not in builder.absent
            for check in checks_of(self.engine, model, models, self.parameters, news)
        )
        return run_together(self.engine, checks)

    def _note_new_values(self, rows: Work) -> None:
        """Values that the contract doesn't know are loaded, and are drift."""
        if rows.source not in self.catalogue.source_names:
            return
        options = self.catalogue.contract(rows.source).options
        identity = self.catalogue.silver[options.silver_table].doc.identity
        now = datetime.now(timezone.utc)
        for column, known in options.known_values.items():
            listed = ", ".join(map(string, known))
            silver = self.engine.scan(self.store.open(options.silver_table))
            found = self.engine.rows(
                f"select source_file, {quote(column)}, count(*) from ({silver}) where source = {string(rows.source)} "
                f"and {quote(identity.row_id if identity else 'row_id')} between {rows.first} and {rows.last} "
                f"and {quote(column)} not in ({listed}) group by all order by all"
            )
            self.append(
                DRIFT,
                [
                    {
                        "source": rows.source,
                        "source_file": file,
                        "kind": "new_value",
                        "column_name": column,
                        "rows": count,
                        "detail": f"{value!r} is not among the contract's known values; the rows are loaded",
                        "run_id": self.run.run_id,
                        "seen_at": now,
                    }
                    for file, value, count in found
                ],
            )

    def record(self) -> None:
        """Keep the run's stages in `ops.runs`."""
        rows = [stage.row() for stage in self.run.stages]
        self.append(RUNS, rows)

    def append(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows to a system table that nothing is derived from."""
        append(self.store, self.catalogue, name, rows)

    def _record_files(self, source: str, outcomes: Sequence[FileOutcome], known: frozenset[str]) -> None:
        note_files(self.store, self.engine, self.catalogue, source, outcomes, known, self.run.run_id)
        self.append(DRIFT, drift_of(source, outcomes, self.run.run_id))


def _nulls(snapshot: Snapshot) -> str | None:
    return json.dumps(snapshot.nulls) if snapshot.nulls else None


def score(loaded: int | None, quarantined: int | None) -> float | None:
    """Quality score in percent: loaded of loaded and quarantined, not rounded; None where there are no rows."""
    total = (loaded or 0) + (quarantined or 0)
    return 100.0 * (loaded or 0) / total if total else None
