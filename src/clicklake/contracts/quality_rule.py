"""Quality rules: SQL that returns the rows that break what the business takes for granted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from clicklake.contracts.strict_yaml import read_document, validate
from clicklake.engines.sql import tables_of
from clicklake.errors import ContractError

Dimension = Literal["completeness", "uniqueness", "validity", "accuracy", "consistency"]
"""What data quality is measured by."""

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


class QualityRuleDoc(BaseModel):
    """The document of a rule.

    Args:
        dimension: What it measures.
        table: The table whose quality it tells.
        description: What must hold.
        sql: Returns the rows that offend, with the columns that name them.
        base: Returns one number: the rows that were looked at; all rows of `table` where it is left out.
        impact: What the rows that offend mean for the business: aggregates on `sql`, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dimension: Dimension
    table: str = Field(pattern=r"^(silver|gold)\.[a-z][a-z0-9_]*$")
    description: str = Field(min_length=3)
    sql: str
    base: str | None = None
    impact: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class QualityRule:
    """A rule by its name."""

    name: str
    doc: QualityRuleDoc
    file: Path

    @property
    def tables(self) -> list[str]:
        """The tables that it reads, its own first."""
        read = [*tables_of(self.doc.sql, str(self.file))]
        if self.doc.base:
            read += tables_of(self.doc.base, str(self.file))
        return list(dict.fromkeys([self.doc.table, *read]))


def load_quality_rule(file: Path) -> QualityRule:
    """Read a rule's document.

    Raises:
        ContractError: A key or value is wrong, or the SQL can't be read.
    """
    doc = validate(QualityRuleDoc, read_document(file, error=ContractError), error=ContractError)
    return QualityRule(file.stem, doc, file)
