"""Rows that leave the lake: an Arrow table with the usual ways on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from clicklake.errors import ClicklakeError, MissingExtraError, UsageError

if TYPE_CHECKING:
    import pandas
    import polars

    from clicklake.lake.reading import ReadingLake

T = TypeVar("T")


@dataclass(frozen=True)
class About:
    """Where rows come from, for showing them.

    Args:
        lake: The lake.
        report: The report; None for a query.
        sql: The query; None for a report.
        is_open: Whether personal data is shown.
    """

    lake: ReadingLake
    report: str | None = None
    sql: str | None = None
    is_open: bool = False


@dataclass(frozen=True)
class Rows:
    """The result of a report or a query.

    Args:
        table: Columns in order; timestamps are naive UTC.
        note: What a reader must know, such as what counted as a purchase.
        failure: Why a report that ran beside others has no rows.
        about: Where they come from.
    """

    table: pa.Table
    note: str | None = None
    failure: ClicklakeError | None = None
    about: About | None = field(default=None, repr=False, compare=False)

    def to_arrow(self) -> pa.Table:
        """As an Arrow table."""
        return self.table

    def to_pandas(self) -> pandas.DataFrame:
        """As a pandas data frame; amounts are `Decimal`, maps are dicts.

        Raises:
            MissingExtraError: pandas is not installed.
            UsageError: A column's type is none that pandas has.
        """
        try:
            import pandas  # noqa: F401 - Arrow imports it; the check is for the message
        except ImportError as error:
            raise MissingExtraError("to_pandas() needs pandas", "pandas") from error

        def convert(table: pa.Table) -> pandas.DataFrame:
            frame: pandas.DataFrame = table.to_pandas(maps_as_pydicts="strict")
            return frame

        return self._converted("pandas", convert)

    def to_polars(self) -> polars.DataFrame:
        """As a Polars data frame; amounts are `Decimal`.

        Raises:
            MissingExtraError: Polars is not installed.
            UsageError: A column's type is none that Polars has.
        """
        try:
            import polars
        except ImportError as error:
            raise MissingExtraError("to_polars() needs Polars", "polars") from error

        def convert(table: pa.Table) -> polars.DataFrame:
            frame = polars.from_arrow(table)
            assert isinstance(frame, polars.DataFrame)
            return frame

        return self._converted("Polars", convert)

    def to_pylist(self) -> list[dict[str, Any]]:
        """As a list of dicts; maps are dicts.

        Raises:
            UsageError: A value is none that Python has, such as an infinite date.
        """
        found: list[dict[str, Any]] = self._converted("Python", _pylist)
        return found

    def _converted(self, what: str, convert: Callable[[pa.Table], T]) -> T:
        try:
            return convert(self.table)
        except (MemoryError, KeyboardInterrupt):
            raise
        except Exception as error:  # each library has its own
            for name in self.columns:
                try:
                    convert(self.table.select([name]))
                except Exception as problem:
                    raise UsageError(
                        f"column {name}, of type {self.table.schema.field(name).type}, can't be given to {what}: "
                        f"{problem}. Cast it in the query, such as cast({name} as varchar), or take to_arrow()."
                    ) from error
            raise

    def show_pii(self) -> Rows:
        """The same rows; where they are displayed, personal data is not hidden."""
        return replace(self, about=replace(self.about, is_open=True)) if self.about else self

    @property
    def columns(self) -> list[str]:
        """The column names."""
        return list(self.table.column_names)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.table.to_batches():
            yield from Rows(pa.Table.from_batches([batch])).to_pylist()

    def __repr__(self) -> str:
        return f"<{len(self)} row{'' if len(self) == 1 else 's'} of {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        from clicklake.notebook.rows import rows_html

        return rows_html(self)


def _pylist(table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_pylist(maps_as_pydicts="strict")
    return found
