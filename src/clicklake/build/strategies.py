"""How a model follows changes of its inputs: from changed rows of the inputs to changed rows of its table.

`append`   each row of the only input makes rows of its own: the model's SQL runs on the rows that came, and on those
           that went.
`keys`     the model says which keys a changed row affects; its SQL runs on inputs restricted to these keys.
`rebuild`  its SQL runs on everything.

What a strategy returns is what really differs from the table's rows, so that nothing else is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clicklake.build.changed import Changed
from clicklake.build.difference import Difference, difference, same_key
from clicklake.build.rows_of import rows_of
from clicklake.build.within import ranges
from clicklake.contracts.model import Model
from clicklake.contracts.types import ColumnType
from clicklake.engines.base import Engine
from clicklake.engines.sql import Parameter, quote, render
from clicklake.storage import Snapshot

SMALL = 1_000_000
"""Rows of a table that may be written whole."""

MOST_AFFECTED = 0.2
"""Share of a table's rows; where more keys are affected, a full build is cheaper than one by keys. Measured: the two
meet between a tenth, where the keys lie in all files, and a third, where most of them are new."""


KEYS, MADE, UNMADE, OLD = "work.keys", "work.made", "work.unmade", "work.old"
"""Relations: the affected keys, what the model makes of them, what it made of rows that went, the table's rows."""

APPENDED = "work.appended"
"""Relation: what the model makes of rows that came, where none went."""


class RebuildError(Exception):
    """The model has to be built whole; the text says why."""


@dataclass(frozen=True)
class Limits:
    """When the cheaper way is another one; the defaults are measured.

    Args:
        small: Rows of a table that may be written whole.
        most_affected: Share of a table's keys from which on it is built whole.
    """

    small: int = SMALL
    most_affected: float = MOST_AFFECTED


@dataclass(frozen=True)
class Increment:
    """What a strategy works on.

    Args:
        engine: Where the inputs are attached.
        model: The model.
        parameters: What its SQL names.
        table: Its table.
        inputs: What it reads, as it is now.
        changed: What came and went in those inputs that have changed.
        limits: When the cheaper way is another one.
    """

    engine: Engine
    model: Model
    parameters: Mapping[str, Parameter]
    table: Snapshot
    inputs: Mapping[str, Snapshot]
    changed: Sequence[Changed]
    limits: Limits = Limits()

    def follow(self) -> Difference:
        """The rows of the table that have to come and go.

        Raises:
            RebuildError: The table has to be built whole.
        """
        return {"append": self._append, "keys": self._keys, "rebuild": self._rebuild}[self.model.doc.strategy]()

    def _append(self) -> Difference:
        if len(self.inputs) != 1:
            raise RebuildError("it appends, but reads more than one table")
        ((name, rows),) = [(change.table, change.rows) for change in self.changed]
        grain = self.model.doc.grain
        made = select_typed(self.model, self.parameters, {name: rows.inserted})
        if not rows.rows_deleted:  # nothing is kept: however many rows come, they go straight into files
            self.engine.execute(f"create or replace view {APPENDED} as {made}")
            return Difference(APPENDED, OLD, rows.rows_inserted, 0)
        self._create(MADE, made)
        self._create(UNMADE, select_typed(self.model, self.parameters, {name: rows.deleted}))
        rows_of(self.engine, self.table, grain, UNMADE, OLD, prune=True)
        return self._difference()

    def _keys(self) -> Difference:
        key = self.model.doc.key or ()
        self._affected(key)
        count, rows = self._count(KEYS), self.table.size[0]
        if count > self.limits.most_affected * rows:
            raise RebuildError(f"{count:,} keys are affected, the table has {rows:,} rows")
        if not count:
            return Difference(MADE, OLD, 0, 0)
        rows_of(self.engine, self.table, key, KEYS, OLD)
        made = select_typed(self.model, self.parameters, self._restricted(key))
        # A model may make rows of keys that nobody asked for, such as the known ones of a list.
        self._create(
            MADE, f"select made.* from ({made}) as made semi join {KEYS} as keys on {same_key(key, 'made', 'keys')}"
        )
        return self._difference()

    def _rebuild(self) -> Difference:
        if self.table.size[0] > self.limits.small:
            raise RebuildError("")
        self._create(MADE, select_typed(self.model, self.parameters))
        self._create(OLD, self.engine.scan(self.table, filename=True))
        return self._difference()

    def forget(self) -> None:
        """Free what the relations hold."""
        for name in (KEYS, MADE, UNMADE, OLD, "work.difference_inserted", "work.difference_deleted"):
            self.engine.execute(f"drop table if exists {name}")

    def _affected(self, key: Sequence[str]) -> None:
        """Make `KEYS`: the keys that the changed rows affect, each once."""
        doc = self.model.doc
        found = []
        for number, change in enumerate(self.changed):
            if change.table not in doc.affected:
                raise RebuildError(f"it does not say which keys a row of {change.table} affects")
            both = f"work.changed_{number}"
            self.engine.execute(
                f"create or replace view {both} as select * from {change.rows.inserted} "
                f"union all by name select * from {change.rows.deleted}"
            )
            what = f"{self.model.file}: affected by {change.table}"
            affected = render(doc.affected[change.table], what, self.parameters, {"changed": both})
            typed = ", ".join(f"cast({quote(n)} as {ColumnType(doc.columns[n].type).sql}) as {quote(n)}" for n in key)
            keys = f"select {typed} from ({affected}) as affected"
            if change.table in doc.only_new_keys and not change.rows.rows_deleted:
                there = self.engine.scan(self.table)
                same = same_key(key, "affected", "there")
                keys = f"select affected.* from ({keys}) as affected anti join ({there}) as there on {same}"
            found.append(keys)
        self._create(KEYS, " union ".join(found))

    def _restricted(self, key: Sequence[str]) -> dict[str, str]:
        """The inputs that have the key's columns, with the rows of affected keys only, by the input's name."""
        views = {}
        same = self._has_key(key)
        for number, (name, snapshot) in enumerate(self.inputs.items()):
            if set(key) <= set(snapshot.schema.names):
                views[name] = f"work.restricted_{number}"
                self.engine.execute(
                    f"create or replace view {views[name]} as select rows.* from ({self._near(name)}) as rows "
                    f"semi join {KEYS} as keys on {same}"
                )
        return views

    def _has_key(self, key: Sequence[str]) -> str:
        """SQL: a row of an input has an affected key.

        Plain equality lets the scan leave out partitions and row groups by their bounds; it doesn't find nulls.
        """
        nulls = " or ".join(f"{quote(name)} is null" for name in key)
        if self.engine.value(f"select coalesce(bool_or({nulls}), false) from {KEYS}"):
            return same_key(key, "rows", "keys")
        return " and ".join(f"rows.{quote(name)} = keys.{quote(name)}" for name in key)

    def _near(self, name: str) -> str:
        """An input's rows, but for those that lie where no affected key has any."""
        within = self.model.doc.within.get(name)
        if within is None:
            return f"select * from {name}"
        types = {self.table.schema.field(column).type for column in (within.first, within.last)}
        if types != {self.inputs[name].schema.field(within.time).type}:  # a date would cut a day off
            return f"select * from {name}"
        came = next((change.rows.inserted for change in self.changed if change.table == name), None)
        return self.engine.scan(self.inputs[name], ranges=ranges(self.engine, within, OLD, came))

    def _difference(self) -> Difference:
        doc = self.model.doc
        return difference(self.engine, MADE, OLD, doc.grain, list(doc.columns), "difference")

    def _create(self, name: str, query: str) -> None:
        self.engine.execute(f"create or replace table {name} as {query}")

    def _count(self, name: str) -> int:
        return int(self.engine.value(f"select count(*) from {name}"))


def select_typed(model: Model, parameters: Mapping[str, Parameter], instead: Mapping[str, str] | None = None) -> str:
    """A model's SQL with its parameters put in and each column in the type of its document.

    Args:
        model: The model.
        parameters: What it names.
        instead: Relations that are read instead of inputs, by the inputs' names.
    """
    query = render(model.sql, str(model.file), parameters, instead)
    columns = ", ".join(
        f"cast({quote(name)} as {ColumnType(doc.type).sql}) as {quote(name)}" for name, doc in model.doc.columns.items()
    )
    return f"select {columns} from ({query}) as model"
