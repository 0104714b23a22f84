"""Whether a project's own sources, models and reports can be used: each is compiled and run on no rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.engines.sql import parse
from clicklake.errors import ClicklakeError
from clicklake.ingest.ingest import bronze_spec
from clicklake.project.doctor import Finding
from clicklake.project.mapping import FILL_IN
from clicklake.project.portable import check_portable
from clicklake.refine.compile import Judge
from clicklake.reports.run import Window, plan, report_tables, run_reports

if TYPE_CHECKING:
    from clicklake.lake import Lake


def check_project(lake: Lake, project: Path) -> Iterator[Finding]:
    """Checks of all that a project adds to what clicklake brings.

    Args:
        lake: The project's lake; nothing of it is read.
        project: The project's folder.
    """
    shop = Catalogue()
    engine = lake.engine()
    try:
        yield from _numbered("sources", check_sources(lake, engine), len(_own(project / "sources", ".y*ml")))
        yield from _numbered("models", check_models(lake.catalogue), len(_own(project / "models", ".y*ml")))
        own = [name for name in lake.catalogue.report_names if name not in shop.report_names]
        replaced = {file.stem for file in _own(project / "reports", ".sql")} & set(shop.report_names)
        yield from _numbered(
            "reports", check_reports(lake, engine, [*own, *sorted(replaced)]), len(own) + len(replaced)
        )
        yield from check_portable(lake, project)
    finally:
        engine.close()


def _own(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.rglob(f"*{ending}"))


def _numbered(what: str, findings: Iterator[Finding], number: int) -> Iterator[Finding]:
    """The faults, or that there are none."""
    faults = list(findings)
    yield from faults
    if not faults:
        yield Finding("project", what, "ok", f"{number} of its own" if number else "none of its own")


def check_sources(lake: Lake, engine: Engine) -> Iterator[Finding]:
    """Whether each contract and mapping compiles, and runs with its rules."""
    for name in lake.catalogue.source_names:
        try:
            contract = lake.catalogue.contract(name)
            target = contract.options.silver_table
            if target not in lake.catalogue.silver:
                known = ", ".join(lake.catalogue.silver)
                yield Finding("project", name, "problem", f"silverTable: there is no {target}", f"there are {known}")
                continue
            judge = Judge(contract, lake.catalogue.silver[target], lake.rule_parameters)
            engine.attach_empty(f"bronze.{name}", bronze_spec(contract).schema)
            broken = " or ".join(judge.broken().values()) or "false"
            engine.rows(f"select count(*) from ({judge.standard(f'bronze.{name}')}) where {broken}")
        except ClicklakeError as error:
            yield _problem(f"source {name}", error)
            continue
        if FILL_IN in contract.mapping:
            advice = f"complete sources/{name}.sql"
            yield Finding("project", f"source {name}", "warning", f"its mapping has a place to {FILL_IN}", advice)


def check_models(catalogue: Catalogue) -> Iterator[Finding]:
    """Whether each model has a document that holds, and SQL that can be read."""
    try:
        models = [*catalogue.silver.values(), *catalogue.gold.values()]
    except ClicklakeError as error:
        yield _problem("models", error)
        return
    for model in models:
        try:
            parse(model.sql, str(model.file.with_suffix(".sql")))
        except ClicklakeError as error:
            yield _problem(model.name, error)


def check_reports(lake: Lake, engine: Engine, names: list[str]) -> Iterator[Finding]:
    """Whether each report runs on tables without rows.

    Args:
        lake: Its catalogue and settings.
        engine: Runs them.
        names: The reports.
    """
    for name in names:
        try:
            report = lake.catalogue.report(name)
            for table in report_tables(report):
                if model := lake.catalogue.table(table):
                    engine.attach_empty(table, model.doc.schema)
            run_reports(engine, [plan(engine, report, lake.parameters, Window(), 0)])
        except ClicklakeError as error:
            yield _problem(f"report {name}", error)


def _problem(check: str, error: ClicklakeError) -> Finding:
    return Finding("project", check, "problem", str(error).strip().partition("\n")[0], "correct it")
