"""Whether a project's own SQL runs on Spark as well as on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.dialect import PortabilityError, to_spark
from clicklake.engines.sql import Parameter, bind, parse, text
from clicklake.errors import ClicklakeError
from clicklake.project.doctor import Finding

if TYPE_CHECKING:
    from clicklake.lake import Lake


def check_portable(lake: Lake, project: Path) -> Iterator[Finding]:
    """A problem for each text that Spark can't run, where Spark is the engine; else what DuckDB alone can run.

    Silver models are not looked at: on Spark it is DuckDB that runs them, inside the executors.

    Args:
        lake: Its documents and settings.
        project: The project's folder, whose own files are looked at.
    """
    try:
        texts = dict(own_sql(lake.catalogue, project))
    except ClicklakeError:
        return  # the documents are wrong, which is told elsewhere
    found = {name: reason for name, sql in texts.items() if (reason := _refused(sql, name, lake.parameters))}
    if lake.settings.engine == "spark":
        for name, reason in found.items():
            yield Finding("project", name, "problem", reason, "write it as docs/concepts/portable-sql.md tells")
    elif found:
        told = "; ".join(f"{name}: {reason}" for name, reason in found.items())
        yield Finding("project", "engine spark", "ok", f"{len(found)} of its own run on DuckDB alone: {told}")
    elif texts:
        yield Finding("project", "engine spark", "ok", "its models, reports and rules run on it too")


def own_sql(catalogue: Catalogue, project: Path) -> Iterator[tuple[str, str]]:
    """The SQL of gold models, reports and quality rules that are files of a project, by what it is."""
    for model in catalogue.gold.values():
        if model.file.is_relative_to(project):
            yield model.name, model.sql
            yield from ((f"{model.name}: check {check.name}", check.sql) for check in model.doc.checks)
            yield from ((f"{model.name}: affected by {name}", sql) for name, sql in model.doc.affected.items())
    for name in catalogue.report_names:
        report = catalogue.report(name)
        if report.file.is_relative_to(project):
            yield f"report {name}", report.sql
            yield from ((f"report {name}: value {value}", sql) for value, sql in report.doc.values.items())
    for rule in catalogue.quality_rules.values():
        if rule.file.is_relative_to(project):
            yield f"rule {rule.name}", rule.doc.sql


def _refused(sql: str, what: str, parameters: Mapping[str, Parameter]) -> str | None:
    """Why Spark can't run it; None where it can, or where it is no SQL at all, which is told elsewhere."""
    try:
        tree = parse(sql, what)
        names = {placeholder.name: None for placeholder in tree.find_all(exp.Placeholder)}
        to_spark(text(bind(tree, {**names, **parameters}, what)))
    except PortabilityError as error:
        return str(error)
    except ClicklakeError:
        return None
    return None
