"""The rows in which two relations differ; rows that stand in both cancel out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clicklake.engines.base import Engine
from clicklake.engines.sql import quote


@dataclass(frozen=True)
class Difference:
    """Rows that came and went, as relations of the engine.

    Args:
        inserted: Relation of the rows that came.
        deleted: Relation of the rows that went.
        rows_inserted: How many came.
        rows_deleted: How many went.
    """

    inserted: str
    deleted: str
    rows_inserted: int
    rows_deleted: int

    def __bool__(self) -> bool:
        return bool(self.rows_inserted or self.rows_deleted)

    def __str__(self) -> str:
        told = [f"{self.rows_inserted:,} new"] if self.rows_inserted else []
        told += [f"{self.rows_deleted:,} gone"] if self.rows_deleted else []
        rows = "row" if self.rows_inserted + self.rows_deleted == 1 else "rows"
        return f"{' and '.join(told) or 'no changed'} {rows}"


def difference(
    engine: Engine, new: str, old: str, grain: Sequence[str], columns: Sequence[str], name: str
) -> Difference:
    """The rows of two relations that are not in both.

    Rows are the same where their grain is, and a 64-bit hash of all their columns: two contents of one and the same
    row would have to share it by chance for a change to go unseen.

    Args:
        engine: Where the relations are.
        new: The one relation.
        old: The other one.
        grain: The columns that name a row.
        columns: All columns that are compared; either relation may have others.
        name: What the relations of the result are called: `work.<name>_inserted` and `_deleted`.
    """
    inserted, deleted = f"work.{name}_inserted", f"work.{name}_deleted"
    counts = [_only_in(engine, *pair, grain, columns) for pair in ((new, old, inserted), (old, new, deleted))]
    return Difference(inserted, deleted, *counts)


def _only_in(engine: Engine, one: str, other: str, into: str, grain: Sequence[str], columns: Sequence[str]) -> int:
    keys = ", ".join(map(quote, grain))
    same = same_key(grain, "one", "other")
    ours = ", ".join(f"one.{quote(column)}" for column in columns)
    theirs = ", ".join(map(quote, columns))
    engine.execute(
        f"create or replace table {into} as select one.* from {one} as one anti join "
        f"(select {keys}, hash({theirs}) as content_hash from {other}) as other "
        f"on {same} and hash({ours}) = other.content_hash"
    )
    return int(engine.value(f"select count(*) from {into}"))


def same_key(key: Sequence[str], one: str, other: str) -> str:
    """SQL: two relations agree in these columns; null agrees with null."""
    return " and ".join(f"{one}.{quote(name)} is not distinct from {other}.{quote(name)}" for name in key)
