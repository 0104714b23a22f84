"""A project of Great Expectations 1.x as files: its configuration, a suite a table, a script that runs them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clicklake.dictionary import table_facts
from clicklake.engines.currency import read_rates
from clicklake.engines.sql import Parameter
from clicklake.expectations.suite import Expectation, Suite, helper, suite_of
from clicklake.own_folder import fill

if TYPE_CHECKING:
    from clicklake.lake import Lake

COMMAND = "clicklake quality export great-expectations"
REQUIREMENTS = ("great-expectations>=1.24,<2", "deltalake>=1.6.6,<2", "pandas>=2.2", "pyarrow>=24")

_SOURCE, _BATCH = "clicklake", "whole"
_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "clicklake/great-expectations")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        folder: Where.
        suites: By table.
    """

    folder: Path
    suites: Sequence[Suite]

    @property
    def expectations(self) -> int:
        """How many there are."""
        return sum(len(suite.expectations) for suite in self.suites)

    @property
    def not_exported(self) -> int:
        """How many rules, or parts of one, are left out with a reason."""
        return sum(len(suite.not_exported) for suite in self.suites)


def export(lake: Lake, folder: Path) -> Exported:
    """Write the project; Great Expectations is not needed for it.

    Args:
        lake: Its documents and settings; no table is read.
        folder: New, empty, or made by this command before.

    Raises:
        UsageError: The folder has files of others.
    """
    suites = suites_of(lake)
    fill(folder, project_files(suites, lake.path), COMMAND)
    return Exported(folder, suites)


def suites_of(lake: Lake) -> list[Suite]:
    """A suite for each silver and gold table that a document describes."""
    parameters = rule_parameters(lake)
    fed = {lake.catalogue.contract(source).options.silver_table for source in lake.catalogue.source_names}
    names = [*(name for name in lake.catalogue.silver if name in fed), *lake.catalogue.gold]
    return [suite_of(table_facts(lake.lineage, name), parameters) for name in names]


def rule_parameters(lake: Lake) -> dict[str, Mapping[str, Parameter]]:
    """What rules may name: under an empty name what all may, and by source what its contract adds."""
    own = lake.rule_parameters
    currencies = [lake.settings.currency, *read_rates(own.get("rates"))]
    found: dict[str, Mapping[str, Parameter]] = {"": {**own, "currencies": currencies}}
    return found | {
        source: lake.catalogue.contract(source).options.parameters for source in lake.catalogue.source_names
    }


def project_files(suites: Sequence[Suite], lake: str) -> dict[str, str]:
    """All files of the project by path."""
    made = {
        "README.md": _readme(suites),
        "requirements.txt": "\n".join(REQUIREMENTS) + "\n",
        "validate.py": files(__package__).joinpath("validate.py.txt").read_text(encoding="utf-8"),
        "tables.json": _json({"lake": lake, "tables": [_plan(suite) for suite in suites]}),
        "gx/great_expectations.yml": _configuration(suites),
        "gx/.gitignore": "\nuncommitted/\n",
    }
    for suite in suites:
        made[f"gx/expectations/{suite.table.replace('.', '/')}.json"] = _json(_suite(suite))
        made[f"gx/validation_definitions/{suite.table}.json"] = _json(_definition(suite))
        made[f"gx/checkpoints/{suite.table}.json"] = _json(_checkpoint(suite))
    return made


def _plan(suite: Suite) -> dict[str, Any]:
    """What the script does for a table."""
    return {
        "table": suite.table,
        "references": [
            {"column": helper(item), "columns": item.columns, "table": item.table, "to": item.to}
            for item in suite.references
        ],
        "counts": suite.counts,
    }


def _suite(suite: Suite) -> dict[str, Any]:
    return {
        "expectations": [_expectation(suite, place, item) for place, item in enumerate(suite.expectations)],
        "id": _id("suite", suite.table),
        "meta": {"great_expectations_version": "1.24.0"},
        "name": suite.table,
        "notes": f"What clicklake's contracts and documents say of {suite.table}.",
    }


def _expectation(suite: Suite, place: int, item: Expectation) -> dict[str, Any]:
    return {
        "id": _id("expectation", suite.table, str(place), item.rule),
        "kwargs": dict(item.kwargs),
        "meta": {"rule": item.rule},
        "notes": item.notes or item.rule,
        "severity": item.severity,
        "type": item.kind,
    }


def _definition(suite: Suite) -> dict[str, Any]:
    return {
        "data": {
            "asset": {"id": _id("asset", suite.table), "name": suite.table},
            "batch_definition": {"id": _id("batch", suite.table), "name": _BATCH},
            "datasource": {"id": _id("source"), "name": _SOURCE},
        },
        "id": _id("definition", suite.table),
        "name": suite.table,
        "suite": {"id": _id("suite", suite.table), "name": suite.table},
    }


def _checkpoint(suite: Suite) -> dict[str, Any]:
    return {
        "actions": [],
        "id": _id("checkpoint", suite.table),
        "name": suite.table,
        "result_format": "SUMMARY",
        "validation_definitions": [{"id": _id("definition", suite.table), "name": suite.table}],
    }


def _configuration(suites: Sequence[Suite]) -> str:
    def store(kind: str, folder: str) -> dict[str, Any]:
        backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder}
        return {"class_name": kind, "store_backend": backend}

    assets = {
        suite.table: {
            "type": "dataframe",
            "id": _id("asset", suite.table),
            "batch_metadata": {},
            "batch_definitions": {_BATCH: {"id": _id("batch", suite.table), "partitioner": None}},
        }
        for suite in suites
    }
    told = {
        "config_version": 4.0,
        "plugins_directory": "plugins/",
        "stores": {
            "expectations_store": store("ExpectationsStore", "expectations/"),
            "validation_results_store": store("ValidationResultsStore", "uncommitted/validations/"),
            "checkpoint_store": store("CheckpointStore", "checkpoints/"),
            "validation_definition_store": store("ValidationDefinitionStore", "validation_definitions/"),
        },
        "expectations_store_name": "expectations_store",
        "validation_results_store_name": "validation_results_store",
        "checkpoint_store_name": "checkpoint_store",
        "data_docs_sites": {
            "local_site": {
                **store("SiteBuilder", "uncommitted/data_docs/local_site/"),
                "show_how_to_buttons": False,
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            }
        },
        "fluent_datasources": {_SOURCE: {"type": "pandas", "id": _id("source"), "assets": assets}},
        "progress_bars": {"globally": False},
        "analytics_enabled": False,
        "data_context_id": _id("context"),
    }
    return yaml.safe_dump(told, sort_keys=False)


def _readme(suites: Sequence[Suite]) -> str:
    """How it is run, and what is not in it."""
    text = files(__package__).joinpath("README.md.txt").read_text(encoding="utf-8")
    lines = []
    for suite in suites:
        if not suite.not_exported:
            continue
        lines += ["", f"### {suite.table}", "", "| rule | what is not checked, and why |", "|---|---|"]
        lines += [
            f"| `{item.rule}` | {' '.join(item.reason.split()).replace('|', '/')} |" for item in suite.not_exported
        ]
    return text + ("\n".join(lines) or "\nNothing: every rule could be told.") + "\n"


def _id(*names: str) -> str:
    """The same name has the same id each time, so that an export can be compared with the last one."""
    return str(uuid.uuid5(_NAMES, "/".join(names)))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
