"""Single rows of a lake's tables, found by their keys without reading whole tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from clicklake.build.release import Release
from clicklake.contracts.explain import closest
from clicklake.contracts.types import ColumnType, from_arrow
from clicklake.engines.base import Engine
from clicklake.engines.sql import parse, quote, string, text
from clicklake.errors import UnknownNameError, UsageError
from clicklake.lineage.graph import Lineage
from clicklake.storage import Snapshot

if TYPE_CHECKING:
    from clicklake.lake.reading import ReadingLake


@dataclass
class Reader:
    """Reads rows as the readers of a release see them; what the release doesn't name, at its newest version.

    Args:
        lake: The lake.
        engine: Runs the queries.
        release: What is read.
    """

    lake: ReadingLake
    engine: Engine
    release: Release | None
    _snapshots: dict[str, Snapshot | None] = field(default_factory=dict)

    @property
    def lineage(self) -> Lineage:
        """What comes from what."""
        return self.lake.lineage

    def find(self, name: str) -> Snapshot | None:
        """A table; None where the lake doesn't have it."""
        if name not in self._snapshots:
            version = dict(self.release.versions).get(name) if self.release else None
            self._snapshots[name] = self.lake.store.find(name, version)
        return self._snapshots[name]

    def rows(
        self, name: str, condition: str, *, limit: int, order: str = "1", files: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """The first rows of a table that fulfil a condition; only these files are looked at, where they are given."""
        snapshot = self.find(name)
        if snapshot is None:
            return []
        scan = self.engine.scan(snapshot, files)
        return self._select("*", scan, f"where {condition} order by {order} limit {int(limit)}")

    def count(self, name: str, condition: str) -> int:
        """How many rows of a table fulfil a condition."""
        found = self.select("count(*) as rows", name, f"where {condition}")
        return int(found[0]["rows"]) if found else 0

    def numbered(self, name: str, column: str, number: int, extra: str = "", *, limit: int = 1) -> list[dict[str, Any]]:
        """Rows by a whole number that rises with time: only the files whose statistics hold it are opened."""
        snapshot = self.find(name)
        files = files_of(snapshot, column, number) if snapshot else None
        return self.rows(name, f"{quote(column)} = {int(number)} {extra}", limit=limit, files=files)

    def select(self, columns: str, name: str, rest: str) -> list[dict[str, Any]]:
        """A small query on one table; no rows where the lake doesn't have it."""
        snapshot = self.find(name)
        return [] if snapshot is None else self._select(columns, self.engine.scan(snapshot), rest)

    def _select(self, columns: str, scan: str, rest: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.engine.table(f"select {columns} from ({scan}) {rest}").to_pylist()
        return [{name: _plain(value) for name, value in row.items()} for row in found]

    def conditions(self, name: str, keys: Mapping[str, str]) -> str:
        """SQL that is true for the rows that a person means.

        Raises:
            UsageError: A value is not of its column's type.
            UnknownNameError: The table has no such column.
        """
        snapshot = self.find(name)
        if snapshot is None:
            raise UnknownNameError(f"the lake has no table {name} yet: run `clicklake run` first")
        parts = []
        for column, value in keys.items():
            if column not in snapshot.schema.names:
                known = snapshot.schema.names
                raise UnknownNameError(
                    f"{name} has no column {column!r}{closest(column, known)}; it has {', '.join(known)}"
                )
            kind = from_arrow(snapshot.schema.field(column).type)
            if kind.name in ("map", "list"):
                raise UsageError(f"{column} is a {kind.name}; name a column of single values")
            if not value:
                parts.append(f"({quote(column)} is null or cast({quote(column)} as varchar) = '')")
                continue
            if self.engine.value(f"select try_cast({string(value)} as {kind.sql})") is None:
                raise UsageError(f"{column}={value}: {value!r} is no {kind.name}")
            parts.append(f"{quote(column)} = cast({string(value)} as {kind.sql})")
        return " and ".join(parts)

    def files(self, name: str, keys: Mapping[str, str]) -> list[str] | None:
        """The files that may hold the rows of whole-number keys, by statistics; None for all."""
        snapshot = self.find(name)
        found: list[str] | None = None
        for column, value in keys.items():
            is_number = snapshot is not None and pa.types.is_integer(snapshot.schema.field(column).type)
            if snapshot is not None and is_number and value.lstrip("-").isdigit():
                chosen = files_of(snapshot, column, int(value))
                found = chosen if found is None else [file for file in found if file in chosen]
        return found

    def equals(self, table: str, sql: str, column: str, value: object) -> str:
        """SQL that is true where an expression has the value of a gold column."""
        if value is None:
            return f"{sql} is null"
        kind = ColumnType(self.lake.catalogue.gold[table].doc.columns[column].type).sql
        return f"{sql} = cast({string(str(value))} as {kind})"

    def over_silver(self, table: str, column: str, silver: str) -> str | None:
        """SQL that makes a column of a gold table from one silver row; None where it takes more than one row.

        Args:
            table: A gold table.
            column: Its column.
            silver: The silver table.
        """
        if table == silver:
            return quote(column)
        if column not in self.lineage.columns(table):
            return None
        for item in self.lineage.inputs(table)[column]:
            if item.influence == "direct" and (item.table == silver or item.table.startswith("gold.")):
                sql = quote(item.column) if item.transformation == "identity" else item.transformation
                if made := self._composed(sql, item.table, silver):
                    return made
        # A date's row is made of all dates at once; but the rows that it is made of name it.
        for above in self.lineage.upstream(table):
            if above == silver or above.startswith("gold."):
                known = self.lineage.columns(above)
                if column in known and (made := self.over_silver(above, column, silver)):
                    return made
        return None

    def _composed(self, sql: str, table: str, silver: str) -> str | None:
        tree = parse(sql, table)
        if any(tree.find_all(exp.AggFunc, exp.Window, exp.Unnest, exp.Explode, exp.Query, exp.Placeholder)):
            return None
        for column in list(tree.find_all(exp.Column)):
            made = self.over_silver(table, column.name, silver)
            if made is None:
                return None
            inner = parse(made, table)
            if column is tree:
                return made
            column.replace(exp.paren(inner))
        return text(tree)

    def key_of(self, table: str, silver: str) -> dict[str, str] | None:
        """SQL on a silver row for each column that names a gold table's row, or what the row belongs to.

        The columns are those of the grain; where a row of silver does not tell them (a version of a customer), those of
        the key that its table is kept by. None where these have no such SQL either.
        """
        doc = self.lake.catalogue.gold[table].doc
        for columns in (doc.grain, doc.key or ()):
            made = {column: self.over_silver(table, column, silver) for column in columns}
            found = {column: sql for column, sql in made.items() if sql is not None}
            if found and len(found) == len(made):
                return found
        return None

    def typed(self, table: str, column: str, sql: str) -> str:
        """SQL cast to the type of a gold column; a plain column stays plain, so that statistics can be used."""
        if isinstance(parse(sql, table), exp.Column):
            return sql
        return f"cast({sql} as {ColumnType(self.lake.catalogue.gold[table].doc.columns[column].type).sql})"


def files_of(snapshot: Snapshot, column: str, number: int) -> list[str]:
    """The files of a table that may hold a number, by the statistics in its log."""
    actions = snapshot.actions.to_pylist()
    chosen = []
    for row in actions:
        low, high = row.get(f"min.{column}"), row.get(f"max.{column}")
        if low is None or high is None or low <= number <= high:
            chosen.append(snapshot.uri(row["path"]))
    return chosen


def _plain(value: object) -> object:
    """Maps as dicts: Arrow gives them as lists of pairs."""
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        return dict(value)
    return value
