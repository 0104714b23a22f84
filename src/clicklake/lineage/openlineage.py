"""OpenLineage events (spec 2-0-2): one job a stage of a run, with datasets, column lineage, rows and bytes.

The events are plain JSON: the reference client would bring ten more packages for what is a few dicts.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import duckdb
from sqlglot import exp

from clicklake._version import __version__
from clicklake.contracts.types import from_arrow
from clicklake.engines.sql import parse
from clicklake.errors import ClicklakeError
from clicklake.ingest.ingest import bronze_spec
from clicklake.lineage.columns import ROWS, Input
from clicklake.lineage.graph import FILE, Lineage
from clicklake.lineage.send import Sender
from clicklake.runs import Stage, logger

PRODUCER = f"urn:clicklake:{__version__}"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "documentation": "1-1-0/DocumentationDatasetFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "parent": "1-2-0/ParentRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "schema": "1-2-0/SchemaDatasetFacet",
    "sql": "1-1-0/SQLJobFacet",
}
_SUBTYPES = {"filter": "FILTER", "join": "JOIN", "group": "GROUP_BY", "window": "WINDOW"}
_OF_COLUMN, _OF_ROWS = ("direct", "window"), ("filter", "join", "group")
"""The influences on a column, and those that decide about the rows of all."""
_JOBS = {"run": "RUN", "ingest": "INGEST", "refine": "REFINE", "build": "MODEL"}
"""The stages that are told; checks and the release make no dataset."""


class Tables(Protocol):
    """What is asked of the lake: which tables it has."""

    root: str

    def names(self) -> list[str]:
        """The tables, `layer.table`."""


class Emitter:
    """Tells each stage of a run to OpenLineage as it starts and ends; never fails the run.

    Args:
        lineage: What comes from what.
        tables: The lake.
        namespace: Of the jobs and of the sources.
        sender: Where the events go.
    """

    def __init__(self, lineage: Lineage, tables: Tables, namespace: str, sender: Sender) -> None:
        self.lineage, self.tables, self.namespace, self.sender = lineage, tables, namespace, sender

    def __call__(self, stage: Stage, begins: bool) -> None:
        """Send the event of a stage that starts or has ended."""
        if stage.stage not in _JOBS:
            return
        try:
            self.sender.send(self.event(stage, begins=begins))
        except Exception as error:  # whatever is wrong here, the data is right
            logger.warning("OpenLineage: %s %s could not be told: %s", stage.stage, stage.target, error)

    def event(self, stage: Stage, *, begins: bool) -> dict[str, Any]:
        """The event of a stage."""
        failed = stage.status == "failed"
        inputs, outputs = self._tables_of(stage)
        moment = stage.started_at if begins else stage.finished_at
        return {
            "eventType": "START" if begins else "FAIL" if failed else "COMPLETE",
            "eventTime": (moment or stage.started_at).isoformat(),
            "producer": PRODUCER,
            "schemaURL": _EVENT,
            "run": {"runId": _run_id(stage.run_id, stage.stage, stage.target), "facets": self._run_facets(stage)},
            "job": {"namespace": self.namespace, "name": _job(stage), "facets": self._job_facets(stage)},
            # What is known of the datasets is told once, at the end.
            "inputs": [self._name(table) if begins else self._dataset(table) for table in inputs],
            "outputs": [self._name(table) if begins else self._output(table, stage, inputs) for table in outputs],
        }

    def _tables_of(self, stage: Stage) -> tuple[list[str], list[str]]:
        if stage.stage == "ingest":
            return [f"{FILE}{stage.target}"], [f"bronze.{stage.target}"]
        if stage.stage == "refine":
            there = self.tables.names()
            bronze = [name for name in self.lineage.tables if name.startswith("bronze.") and name in there]
            made = [name for source in bronze for name in self.lineage.downstream(source)]
            return bronze, list(dict.fromkeys(name for name in made if name.startswith("silver.")))
        return (self.lineage.upstream(stage.target), [stage.target]) if stage.stage == "build" else ([], [])

    def _run_facets(self, stage: Stage) -> dict[str, Any]:
        engine = {"version": duckdb.__version__, "name": "duckdb", "openlineageAdapterVersion": __version__}
        facets = {"processing_engine": _facet("processing_engine", **engine)}
        if stage.stage != "run":
            whole = {"runId": _run_id(stage.run_id, "run", "")}
            job = {"namespace": self.namespace, "name": f"clicklake.{stage.command}"}
            facets["parent"] = _facet("parent", run=whole, job=job, root={"run": whole, "job": job})
        if stage.status == "failed":
            from clicklake.config_values import without_secrets

            message = without_secrets(stage.error or "failed")
            facets["errorMessage"] = _facet("errorMessage", message=message, programmingLanguage="Python")
        return facets

    def _job_facets(self, stage: Stage) -> dict[str, Any]:
        kind = {"processingType": "BATCH", "integration": "CLICKLAKE", "jobType": _JOBS[stage.stage]}
        facets = {"jobType": _facet("jobType", **kind)}
        if stage.target in self.lineage.catalogue.gold:
            sql = self.lineage.catalogue.gold[stage.target].sql
            facets["sql"] = _facet("sql", query=sql, dialect="duckdb")
        return facets

    def _dataset(self, table: str) -> dict[str, Any]:
        fields = [{"name": name, "type": kind, "description": text} for name, kind, text in self._fields(table)]
        facets = {"schema": _facet("schema", fields=fields)}
        if description := self.lineage.description(table):
            facets["documentation"] = _facet("documentation", description=description)
        return {**self._name(table), "facets": facets}

    def _output(self, table: str, stage: Stage, inputs: Sequence[str]) -> dict[str, Any]:
        dataset = self._dataset(table)
        if lineage := self._column_lineage(table, inputs):
            dataset["facets"]["columnLineage"] = lineage
        rows, size = self._counts(table, stage)
        if rows is not None:
            counts = {"rowCount": rows} if size is None else {"rowCount": rows, "size": max(size, 0)}
            dataset["outputFacets"] = {"outputStatistics": _facet("outputStatistics", **counts)}
        return dataset

    def _counts(self, table: str, stage: Stage) -> tuple[int | None, int | None]:
        """Rows and bytes that a stage wrote to a table; refine counts the rows of all silver tables together."""
        if table in self.lineage.catalogue.system:
            return stage.rows_rejected, None
        if stage.stage == "refine" and len({*self.lineage.catalogue.silver} & {*self.tables.names()}) > 1:
            return None, None
        return stage.rows_out, stage.bytes_out

    def _column_lineage(self, table: str, inputs: Iterable[str]) -> dict[str, Any] | None:
        """What makes each column, and what decides about the rows of all."""
        known = set(inputs)
        fields: dict[str, dict[str, Any]] = {}
        deciding: dict[Input, None] = {}
        for name, items in self.lineage.inputs(table).items():
            used = [item for item in items if item.table in known and item.column != ROWS]
            values = [self._input_field(item) for item in used if item.influence in _OF_COLUMN]
            if values:
                fields[name] = {"inputFields": values}
            deciding.update(dict.fromkeys(item for item in used if item.influence in _OF_ROWS))
        if not fields:
            return None
        return _facet("columnLineage", fields=fields, dataset=[self._input_field(item) for item in deciding])

    def _input_field(self, item: Input) -> dict[str, Any]:
        if item.influence in _SUBTYPES:
            kind = {"type": "INDIRECT", "subtype": _SUBTYPES[item.influence]}
        else:
            kind = {"type": "DIRECT", "subtype": _subtype(item.transformation)}
        how = {**kind, "description": item.transformation, "masking": False}
        return {**self._name(item.table), "field": item.column, "transformations": [how]}

    def _fields(self, table: str) -> list[tuple[str, str, str]]:
        catalogue = self.lineage.catalogue
        if model := catalogue.table(table):
            return [(name, doc.type, doc.description) for name, doc in model.doc.columns.items()]
        contract = catalogue.contract(table.removeprefix(FILE).removeprefix("bronze."))
        if table.startswith(FILE):
            return [(column.name, column.logical_type, column.description) for column in contract.columns]
        told = {column.name: column.description for column in contract.columns}
        return [(f.name, from_arrow(f.type).name, told.get(f.name, "")) for f in bronze_spec(contract).schema]

    def _name(self, table: str) -> dict[str, Any]:
        """How OpenLineage names a dataset: where it lies, as every other program would name it."""
        if table.startswith(FILE):
            return {"namespace": self.namespace, "name": table}
        path = table.replace(".", "/", 1)
        if "://" in self.tables.root:
            url = urlsplit(self.tables.root)
            return {"namespace": f"{url.scheme}://{url.hostname}", "name": f"{url.path.strip('/')}/{path}".lstrip("/")}
        return {"namespace": "file", "name": f"{os.path.abspath(self.tables.root)}/{path}"}

    def close(self) -> None:
        """Wait a moment for what is still on its way."""
        self.sender.close()


def _run_id(run_id: str, stage: str, target: str) -> str:
    """A UUID that the same stage of the same run always has."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"clicklake:{run_id}/{stage}/{target}"))


def _job(stage: Stage) -> str:
    if stage.stage == "run":
        return f"clicklake.{stage.command}"
    return ".".join(part for part in ("clicklake", stage.stage, stage.target) if part)


def _facet(name: str, /, **content: object) -> dict[str, Any]:
    place = _FACETS[name]
    kind = place.rpartition("/")[2]
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{place}.json#/$defs/{kind}", **content}


def _subtype(transformation: str) -> str:
    if transformation == "identity":
        return "IDENTITY"
    try:
        tree = parse(transformation, "lineage")
    except ClicklakeError:
        return "TRANSFORMATION"
    return "AGGREGATION" if tree.find(exp.AggFunc) else "TRANSFORMATION"
