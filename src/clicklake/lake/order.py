"""The order in which rows of a partition lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from clicklake.contracts.explain import closest
from clicklake.engines.base import Engine
from clicklake.engines.sql import quote
from clicklake.errors import UnknownNameError, UsageError
from clicklake.storage import Snapshot

_BITS = 10
"""Each column is cut into 2 to the power of so many parts of as many rows; a z-value has the bits of all columns."""

_MOST_COLUMNS = 6


@dataclass(frozen=True)
class Order:
    """Columns to sort by, one after the other or (z-order) all at once.

    Args:
        columns: Their names; none where rows stay as they are.
        is_zorder: Whether rows that are near in all columns shall lie near each other.
    """

    columns: tuple[str, ...] = ()
    is_zorder: bool = False

    def check(self, snapshot: Snapshot) -> None:
        """Refuse what a table can't be ordered by.

        Raises:
            UnknownNameError: It has no such column.
            UsageError: The column has no order, is the same in all rows of a partition, or there are too many.
        """
        names = snapshot.schema.names
        for name in self.columns:
            if name not in names:
                known = ", ".join(names)
                raise UnknownNameError(f"{snapshot.name} has no column {name}{closest(name, names)}. Columns: {known}")
            if pa.types.is_nested(snapshot.schema.field(name).type):
                raise UsageError(f"{snapshot.name} can't be ordered by {name}: it holds several values")
            if name in snapshot.partition_by:
                raise UsageError(f"{snapshot.name} is partitioned by {name} already; name another column")
        if self.is_zorder and len(self.columns) > _MOST_COLUMNS:
            raise UsageError(f"--zorder: {_MOST_COLUMNS} columns at the most; each more helps the others less")

    def sql(self, engine: Engine, snapshot: Snapshot, paths: Sequence[str]) -> str:
        """The rows of some files of a table in this order; the engine sorts on disk what does not fit in memory."""
        scan = engine.scan(snapshot, [snapshot.uri(path) for path in paths])
        columns = ", ".join(quote(name) for name in snapshot.schema.names)
        if not self.is_zorder:
            return f"select {columns} from ({scan}) order by {', '.join(map(quote, self.columns))}"
        parts = ", ".join(
            f"ntile({1 << _BITS}) over (order by {quote(name)}) - 1 as z{position}"
            for position, name in enumerate(self.columns)
        )
        width = len(self.columns)
        bits = " + ".join(
            f"(((z{position} >> {bit}) & 1) << {bit * width + position})"
            for position in range(width)
            for bit in range(_BITS)
        )
        return f"select {columns} from (select *, {parts} from ({scan})) order by {bits}"
