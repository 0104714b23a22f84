"""Filters of reports: which rows of the tables that a report reads belong to a source, a segment or what you like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clicklake.contracts.strict_yaml import read_document, validate
from clicklake.errors import ContractError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilterDoc(_Strict):
    """The document of a filter.

    A table that a report reads is restricted by the first of `columns` that it has. A gold table that has none is
    computed anew from restricted inputs; where that can't be done either, the filter is refused for the report.

    Args:
        title: What it is called.
        description: What it leaves.
        columns: Columns that tell which rows belong to it.
        members: SQL of one column, the values that `columns` may have for the value asked for, `:value`; without it
            they must be that value.
        values: SQL of all values: `value`, `kind` (what sort of value it is, or null) and `size` (how much it leaves).
        sized: What `size` counts.
        unaffected: Tables whose rows are the same whatever is asked for.
        known: Values that mean something although nothing has them yet.
        is_of_sources: Whether the names of sources with a contract are such values too.
    """

    title: str
    description: str
    columns: tuple[str, ...] = Field(min_length=1)
    members: str | None = None
    values: str
    sized: str = "rows"
    unaffected: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    is_of_sources: bool = False


class FilterUse(_Strict):
    """What a report makes of a filter, where it isn't simply computed on restricted tables.

    Args:
        values: Values of the report that are computed on restricted tables too; the others are of all rows.
        step: A step of the SQL whose rows are restricted instead of tables, where all rows have a say in them.
        column: The column of the step that tells which rows belong to the filter.
        refused: Why the report can't be restricted by it.
    """

    values: tuple[str, ...] = ()
    step: str | None = None
    column: str | None = None
    refused: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> FilterUse:
        if (self.step is None) != (self.column is None):
            raise ValueError("step and column belong together")
        return self


@dataclass(frozen=True)
class Filter:
    """A filter by its name."""

    name: str
    doc: FilterDoc
    file: Path


def load_filter(file: Path) -> Filter:
    """Read a filter's document.

    Raises:
        ContractError: A key or value is wrong.
    """
    return Filter(file.stem, validate(FilterDoc, read_document(file, error=ContractError), error=ContractError), file)
