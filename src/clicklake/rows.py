"""Rows that leave the lake: an Arrow table with the usual ways on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from clicklake.errors import ClicklakeError, UsageError

if TYPE_CHECKING:
    import pandas
    import polars


@dataclass(frozen=True)
class Rows:
    """The result of a report or a query.

    Args:
        table: Columns in order; timestamps are naive UTC.
        note: What a reader must know, such as what counted as a purchase.
        failure: Why a report that ran beside others has no rows.
    """

    table: pa.Table
    note: str | None = None
    failure: ClicklakeError | None = None

    def to_arrow(self) -> pa.Table:
        """As an Arrow table."""
        return self.table

    def to_pandas(self) -> pandas.DataFrame:
        """As a pandas data frame.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401 - Arrow imports it; the check is for the message
        except ImportError as error:
            raise UsageError("to_pandas() needs pandas: pip install 'clicklake[pandas]'") from error
        frame: pandas.DataFrame = self.table.to_pandas()
        return frame

    def to_polars(self) -> polars.DataFrame:
        """As a Polars data frame.

        Raises:
            UsageError: Polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise UsageError("to_polars() needs Polars: pip install 'clicklake[polars]'") from error
        frame = polars.from_arrow(self.table)
        assert isinstance(frame, polars.DataFrame)
        return frame

    def to_pylist(self) -> list[dict[str, Any]]:
        """As a list of dicts."""
        found: list[dict[str, Any]] = self.table.to_pylist()
        return found

    @property
    def columns(self) -> list[str]:
        """The column names."""
        return list(self.table.column_names)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.table.to_batches():
            yield from batch.to_pylist()

    def __repr__(self) -> str:
        return f"<{len(self)} rows of {', '.join(self.columns)}>"
