"""Gold tables from silver: a table that is stale follows its inputs, and says in its commit what it was built from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from clicklake.build.changed import Changed, ChangeReader
from clicklake.build.graph import build_order, inputs
from clicklake.build.replace import replace_rows
from clicklake.build.strategies import Increment, Limits, RebuildError, select_typed
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.model import Model
from clicklake.engines.base import Engine
from clicklake.engines.sql import Parameter, placeholders
from clicklake.errors import ChangesLostError, ConflictError
from clicklake.refine.registry import fingerprint
from clicklake.refine.settle import LEDGER, settled
from clicklake.storage import Snapshot, Store, commit, compare
from clicklake.storage.store import COMMIT_MARK
from clicklake.tables import spec_of

MODEL_MARK = "model"
"""Fingerprint of the model's SQL, document and parameters."""

How = Literal["rebuilt", "incremented", "unchanged"]

_TRIES = 20


@dataclass(frozen=True)
class Built:
    """One gold table behind a build.

    Args:
        snapshot: The version that fits its inputs.
        how: `rebuilt` whole, `incremented` by what changed, or `unchanged`.
        reason: Why it was built; None where it is unchanged.
        rows_in: Rows of its inputs that were read because they changed; all of them where it was rebuilt.
        bytes_in: Size of the files that hold them.
        rows_out: Rows written.
        bytes_out: Size of the files written.
    """

    snapshot: Snapshot
    how: How = "unchanged"
    reason: str | None = None
    rows_in: int = 0
    bytes_in: int = 0
    rows_out: int = 0
    bytes_out: int = 0


class Builder:
    """Builds a lake's gold tables.

    Args:
        store: The lake.
        engine: Runs the models; keeps views of all versions that belong together.
        catalogue: The models.
        parameters: What they name.
        after: Is called behind each commit with the table's name.
        limits: When an increment is done in another way.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        catalogue: Catalogue,
        parameters: Mapping[str, Parameter],
        after: Callable[[str], None] = lambda table: None,
        limits: Limits | None = None,
    ) -> None:
        self.store, self.engine, self.catalogue, self.parameters = store, engine, catalogue, parameters
        self.after = after
        self.limits = limits or Limits()
        self.versions: dict[str, Snapshot] = {}
        self.absent: set[str] = set()  # tables of sources that the lake has no file of: known to the engine, empty
        self.settled: dict[str, int] = {}  # versions of the tables of fates that belong to those of silver
        self._changes = ChangeReader(store, engine)

    def order(self) -> list[Model]:
        """The gold models, each behind what it reads."""
        return build_order(self.catalogue.gold, frozenset(self.catalogue.silver))

    def attach_silver(self) -> None:
        """Make the silver tables known as of the ledger: what is behind it has no settled fate yet."""
        ledger = self.store.find(LEDGER)
        for name, model in self.catalogue.silver.items():
            version = ledger.mark(f"read:{name}", -1) if ledger else -1
            if version < 0 and self.store.find(name) is None:
                self._leave_out(model)
                continue
            self.versions[name] = snapshot = self.store.open(name, max(version, 0))  # the first version is empty
            self.engine.attach(snapshot)
        if ledger:
            self.settled = {LEDGER: ledger.version, **settled(self.store, ledger)}

    def is_absent(self, model: Model) -> bool:
        """Whether a gold table has nothing to be built from; then it is made known to the engine without rows."""
        read = inputs(model)
        if self.absent.isdisjoint([*read, *model.doc.needs]) or self.store.find(model.name) is not None:
            return False
        has_all = self.absent.isdisjoint(model.doc.needs)
        if has_all and not self.absent.issuperset(read) and self._has_rows(model):
            return False
        self._leave_out(model)
        return True

    def _has_rows(self, model: Model) -> bool:
        """Whether a model makes rows although some of its inputs are not there; asking is cheap where it makes none."""
        key = set(model.doc.key or ())
        if key and any(key <= set(snapshot.schema.names) for snapshot in self._inputs(model).values()):
            return True
        return bool(self.engine.rows(f"select 1 from ({select_typed(model, self.parameters)}) as made limit 1"))

    def _leave_out(self, model: Model) -> None:
        self.absent.add(model.name)
        self.engine.attach_empty(model.name, model.doc.schema)

    def _inputs(self, model: Model) -> dict[str, Snapshot]:
        """The tables that a model reads and that the lake has."""
        return {name: self.versions[name] for name in inputs(model) if name not in self.absent}

    def build(self, model: Model, *, full: bool = False) -> Built:
        """Bring one gold table up to date with its inputs, which must be attached."""
        marks = {MODEL_MARK: self._fingerprint(model), **self._consumed(model)}
        for _ in range(_TRIES):
            table = self.store.ensure(spec_of(model))
            try:
                built = self._follow(model, table, marks, full=full)
            except ConflictError:
                continue
            if built.snapshot.version != table.version:
                self.after(model.name)
            self.versions[model.name] = built.snapshot
            self.engine.attach(built.snapshot)
            return built
        raise ConflictError(f"{model.name}: {_TRIES} commits of other writers came first; try again")

    def _follow(self, model: Model, table: Snapshot, marks: Mapping[str, int], *, full: bool) -> Built:
        reason = "asked for" if full else self._broken(model, table, marks)
        if reason:
            return self._rebuild(model, table, marks, reason)
        moved = [name for name, now in self._inputs(model).items() if table.mark(f"input:{name}", -1) != now.version]
        if not moved:
            return Built(table)
        try:
            changed = [self._changed(name, table) for name in moved]
        except ChangesLostError as error:
            return self._rebuild(model, table, marks, str(error))
        return self._increment(model, table, marks, [change for change in changed if change])

    def _increment(self, model: Model, table: Snapshot, marks: Mapping[str, int], changed: list[Changed]) -> Built:
        reason = ", ".join(map(str, changed))
        if not changed:  # files were only moved about: the marks follow, and nothing else does
            return Built(commit(self.store, table, table.schema.empty_table(), marks=marks, directly=True))
        work = Increment(self.engine, model, self.parameters, table, self._inputs(model), changed, self.limits)
        try:
            rows = work.follow()
            after = replace_rows(
                *(self.store, self.engine, table, model.doc.grain, rows, marks),
                small=self.limits.small,
                note={"how": "incremented", "reason": reason},
            )
        except RebuildError as error:
            return self._rebuild(model, table, marks, "; ".join(filter(None, (reason, str(error)))))
        finally:
            work.forget()
        rows_in, bytes_in = sum(change.count for change in changed), sum(change.bytes for change in changed)
        return _built(table, after, "incremented", reason, rows_in, bytes_in)

    def _rebuild(self, model: Model, table: Snapshot, marks: Mapping[str, int], reason: str) -> Built:
        schema = model.doc.schema
        before = table
        if not table.has_schema(schema, model.doc.partition_by):
            table = self.store.recreate(spec_of(model), table)
        rows = self.engine.write(self.store, table, [select_typed(model, self.parameters)])
        note = {"how": "rebuilt", "reason": reason}
        after = commit(self.store, table, rows, mode="overwrite", marks=marks, note=note, directly=True)
        sizes = [snapshot.size for snapshot in self._inputs(model).values()]
        return _built(before, after, "rebuilt", reason, sum(rows for rows, _ in sizes), sum(size for _, size in sizes))

    def _changed(self, name: str, table: Snapshot) -> Changed:
        document = self.catalogue.gold.get(name) or self.catalogue.silver[name]
        return self._changes.read(self.versions[name], table.mark(f"input:{name}", -1), document.doc.grain)

    def _broken(self, model: Model, table: Snapshot, marks: Mapping[str, int]) -> str | None:
        """Why the table can't just follow its inputs."""
        if table.mark(MODEL_MARK, -1) == -1:
            return "it was never built"
        if table.mark(MODEL_MARK) != marks[MODEL_MARK]:
            return "its model changed"
        if new := [mark.removeprefix("input:") for mark in marks if table.mark(mark, -1) == -1]:
            return f"{', '.join(new)} came to the lake"
        ours = table.mark(COMMIT_MARK)
        if ours == table.version:
            return None
        # Commits without our mark: a compaction moves rows about, anything else is a change by another program.
        try:
            foreign = self._changes.read(table, ours, model.doc.grain)
        except ChangesLostError as error:
            return str(error)
        return f"another program changed it ({foreign.rows})" if foreign else None

    def _fingerprint(self, model: Model) -> int:
        used = {name: str(self.parameters.get(name)) for name in placeholders(model.sql, str(model.file))}
        doc = model.doc
        columns = {name: column.type for name, column in doc.columns.items()}
        within = {name: bounds.model_dump() for name, bounds in doc.within.items()}
        follows = [doc.strategy, doc.key, doc.affected, doc.only_new_keys, within]
        lies = [doc.partition_by, doc.cluster_by]
        # Rows that were checked are not checked again: where they have to fulfil something else, they are made anew.
        keys = [doc.grain, [reference.model_dump() for reference in doc.references]]
        return fingerprint(json.dumps([model.sql, columns, used, self.engine.reporting_timezone, follows, lies, keys]))

    def _consumed(self, model: Model) -> dict[str, int]:
        return {f"input:{name}": snapshot.version for name, snapshot in self._inputs(model).items()}


def _built(before: Snapshot, after: Snapshot, how: How, reason: str, rows_in: int, bytes_in: int) -> Built:
    changes = compare(before, after)
    written = sum(after.paths[path][0] for path in changes.added)
    return Built(after, how, reason, rows_in, bytes_in, changes.rows_added, written)
