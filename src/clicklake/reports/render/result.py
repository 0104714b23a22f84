"""What is shown: a report's rows with what a reader must know about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa

from clicklake.contracts.model import ReportColumn, ReportDoc
from clicklake.reports import formats
from clicklake.reports.formats import Format
from clicklake.reports.render.values import pythonic


@dataclass(frozen=True)
class Result:
    """The rows of a report.

    Args:
        name: The report's name on the command line.
        doc: Its document; without columns, their formats are guessed from their types.
        table: The rows, columns in the order in which they are shown. Timestamps are in UTC.
        currency: The currency of columns with format money; may be empty.
        window: The days that were looked at, in words.
        total_rows: How many rows there are, where `table` was limited.
        note: What else a reader must know, such as the source of purchases.
    """

    name: str
    doc: ReportDoc
    table: pa.Table
    currency: str
    window: str
    total_rows: int | None = None
    note: str | None = None

    @property
    def rows_in_all(self) -> int:
        """How many rows there are without a limit."""
        return max(self.total_rows or 0, int(self.table.num_rows))

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        words = " ".join(self.doc.description.split())
        return re.split(r"(?<=[.!?]) (?=[A-Z`])", words, maxsplit=1)[0]

    def columns(self, first: int | None = None) -> list[Column]:
        """The columns as they are shown, of the first rows only where asked."""
        return columns_of(self.table.slice(0, first), self.doc.columns, self.currency)


@dataclass(frozen=True)
class HtmlSection:
    """A part of a page that is no report, such as the quality of the sources.

    Args:
        title: Its heading.
        text: One paragraph.
        table: Rows beneath it.
        docs: How the columns are shown; guessed for the others.
        currency: The currency of columns with format money.
        status: Colours a mark before the heading.
        html: What stands beneath the text, ready made: all text from data in it is escaped already.
    """

    title: str
    text: str = ""
    table: pa.Table | None = None
    docs: Mapping[str, ReportColumn] = field(default_factory=dict)
    currency: str = ""
    status: Literal["good", "warning", "bad"] | None = None
    html: str = ""


@dataclass(frozen=True)
class Column:
    """A column as it is shown.

    Args:
        name: Its name in the table.
        header: Its name for people, with the unit.
        format: How its values are written.
        description: What it means; empty where no document says it.
        values: Numbers, and texts for all else; None for null.
    """

    name: str
    header: str
    format: Format
    description: str
    values: list[Any]

    @cached_property
    def texts(self) -> list[str]:
        """The values as people read them."""
        return [formats.show(value, self.format) for value in self.values]

    @property
    def is_number(self) -> bool:
        """Whether it is aligned right."""
        return self.format in formats.NUMERIC


def columns_of(
    table: pa.Table, docs: Mapping[str, ReportColumn], currency: str = "", *, plain_names: bool = False
) -> list[Column]:
    """The columns of a table as they are shown.

    Args:
        table: The rows.
        docs: Formats and meanings by column; guessed for the others.
        currency: Stands in the header of money.
        plain_names: Keep the names of columns without a document as they are.
    """
    shown = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        doc = docs.get(name)
        format_ = doc.format if doc else formats.guess(name, values.type)
        header = formats.text(name) if plain_names and not doc else formats.header(name, format_, currency)
        shown.append(Column(name, header, format_, doc.description if doc else "", pythonic(values)))
    return shown
