"""Columns that files have and their contract does not: by the policy `evolve` bronze gets columns of these names.

What the contract does not name stands in `extra` whatever the policy, so that a row's text is kept as it came; the
columns are beside it, for those who read bronze. The contract stays as it is: what its mapping does not use reaches no
other table. A reader that knows the old columns finds them as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb
import pyarrow as pa

from clicklake.engines.sql import quote, string
from clicklake.ingest.reading import FileStats

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
"""What every engine takes for a column's name; other keys stay in `extra`."""


def new_columns(stats: Iterable[FileStats], known: Iterable[str]) -> list[str]:
    """The columns to add for what files have shown, in the order of their names.

    Args:
        stats: Of files that were read.
        known: Columns that bronze has; names that differ in case only count as the same.
    """
    taken = {name.lower() for name in known}
    found: list[str] = []
    for name in sorted({column for one in stats for kind, column, _ in one.drift if kind == "new_column"}):
        if _NAME.fullmatch(name) and name.lower() not in taken:
            taken.add(name.lower())
            found.append(name)
    return found


class Evolver:
    """Reads columns out of `extra`.

    Args:
        columns: Their names.
    """

    def __init__(self, columns: list[str]) -> None:
        self._columns = columns
        self._connection = duckdb.connect(":memory:", config={"threads": 1})

    def __call__(self, extra: pa.Array) -> list[pa.Array]:
        """The columns' values, as text, for a batch's `extra`; objects and lists as they are spelled there."""
        if extra.null_count == len(extra):
            return [pa.nulls(len(extra), pa.string()) for _ in self._columns]
        self._connection.register("batch", pa.table({"extra": extra}))
        values = ", ".join(
            f"json_extract_string(extra, {string(json_path(name))}) as {quote(name)}" for name in self._columns
        )
        # One thread keeps the rows in their order.
        found = self._connection.sql(f"select {values} from batch").to_arrow_table().combine_chunks()
        return [found.column(name).combine_chunks().cast(pa.string()) for name in self._columns]

    def close(self) -> None:
        """Let go of the engine."""
        self._connection.close()


def json_path(name: str) -> str:
    """The JSON path of a key."""
    return f'$."{name}"'
