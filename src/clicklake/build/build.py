"""Gold tables from silver: each model that is stale is built, and says in its commit what it was built from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from clicklake.build.graph import build_order, inputs
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.model import Model
from clicklake.contracts.types import ColumnType
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import Parameter, bind, parse, quote, text
from clicklake.errors import ConflictError
from clicklake.refine.registry import fingerprint
from clicklake.refine.settle import LEDGER
from clicklake.storage import Snapshot, Store, commit
from clicklake.tables import spec_of

MODEL_MARK = "model"
"""Fingerprint of the model's SQL, document and parameters."""

_TRIES = 20


@dataclass(frozen=True)
class Built:
    """One gold table behind a build.

    Args:
        snapshot: The version that fits its inputs.
        reason: Why it was built; None where it was up to date.
        rows_in: Rows of its inputs, where it was built.
    """

    snapshot: Snapshot
    reason: str | None
    rows_in: int


class Builder:
    """Builds a lake's gold tables.

    Args:
        store: The lake.
        engine: Runs the models; keeps views of all versions that belong together.
        catalogue: The models.
        parameters: What they name.
        after: Is called behind each commit with the table's name.
    """

    def __init__(
        self,
        store: Store,
        engine: DuckDB,
        catalogue: Catalogue,
        parameters: Mapping[str, Parameter],
        after: Callable[[str], None] = lambda table: None,
    ) -> None:
        self.store, self.engine, self.catalogue, self.parameters = store, engine, catalogue, parameters
        self.after = after
        self.versions: dict[str, Snapshot] = {}

    def order(self) -> list[Model]:
        """The gold models, each behind what it reads."""
        return build_order(self.catalogue.gold, frozenset(self.catalogue.silver))

    def attach_silver(self) -> None:
        """Make the silver tables known as of the ledger: what is behind it has no settled fate yet."""
        ledger = self.store.find(LEDGER)
        for name, model in self.catalogue.silver.items():
            version = ledger.mark(f"read:{name}", -1) if ledger else -1
            snapshot = self.store.open(name, version) if version >= 0 else self.store.ensure(spec_of(model))
            self.versions[name] = snapshot
            self.engine.attach(snapshot)

    def build(self, model: Model, *, full: bool = False) -> Built:
        """Bring one gold table up to date with its inputs, which must be attached."""
        marks = {MODEL_MARK: self._fingerprint(model), **self._consumed(model)}
        for _ in range(_TRIES):
            table = self.store.ensure(spec_of(model))
            reason = "asked for" if full else self._stale(table, marks)
            rows_in = 0
            if reason:
                try:
                    table = self._rebuild(model, table, marks)
                except ConflictError:
                    continue
                rows_in = sum(self.versions[name].size[0] for name in inputs(model))
                self.after(model.name)
            self.versions[model.name] = table
            self.engine.attach(table)
            return Built(table, reason, rows_in)
        raise ConflictError(f"{model.name}: {_TRIES} commits of other writers came first; try again")

    def _rebuild(self, model: Model, table: Snapshot, marks: Mapping[str, int]) -> Snapshot:
        schema = model.doc.schema
        if not table.has_schema(schema, model.doc.partition_by):
            table = self.store.recreate(spec_of(model), table)
        rows = self.engine.stream(select_typed(model, self.parameters), schema)
        return commit(self.store, table, rows, mode="overwrite", marks=marks)

    def _fingerprint(self, model: Model) -> int:
        names = sorted(item.name for item in parse(model.sql, str(model.file)).find_all(exp.Placeholder))
        used = {name: str(self.parameters.get(name)) for name in names}
        doc = {name: column.type for name, column in model.doc.columns.items()}
        return fingerprint(json.dumps([model.sql, doc, used, self.engine.reporting_timezone]))

    def _consumed(self, model: Model) -> dict[str, int]:
        return {f"input:{name}": self.versions[name].version for name in inputs(model)}

    def _stale(self, table: Snapshot, marks: Mapping[str, int]) -> str | None:
        for mark, value in marks.items():
            found = table.mark(mark, -1)
            if found == -1:
                return "it was never built"
            if found != value:
                return "its model changed" if mark == MODEL_MARK else f"{mark.removeprefix('input:')} changed"
        return None


def select_typed(model: Model, parameters: Mapping[str, Parameter]) -> str:
    """A model's SQL with its parameters put in and each column in the type of its document."""
    query = bind(parse(model.sql, str(model.file)), parameters, str(model.file))
    columns = ", ".join(
        f"cast({quote(name)} as {ColumnType(doc.type).sql}) as {quote(name)}" for name, doc in model.doc.columns.items()
    )
    return f"select {columns} from ({text(query)}) as model"
