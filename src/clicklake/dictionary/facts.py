"""What is told about a table: its columns, keys, references, rules and owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

RuleKind = Literal["key", "reference", "rule", "check", "quality"]


@dataclass(frozen=True)
class ReferenceFacts:
    """Columns that name a row of another table.

    Args:
        columns: Here.
        table: The other table.
        to: Its columns, in the same order.
        is_checked: Whether every release has proved it; else an inferred member may stand in, or nothing.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    is_checked: bool = True


@dataclass(frozen=True)
class RuleFacts:
    """Something that must hold of a table.

    Args:
        name: The name.
        kind: `key` and `reference` follow from the document, `rule` is a contract's, `check` a table document's,
            `quality` one of the quality rules.
        severity: `fail`: nothing is published; `warn`: it is told; `reject`: the row goes to quarantine; `count`:
            the row is loaded, and counted.
        dimension: Of data quality.
        description: Why.
        columns: The columns that it looks at; empty where it looks at more than this table.
        sql: A rule's condition (true means broken), or a check's query (its rows offend); empty for the others.
        source: The source whose contract has it; empty where it is the table's own.
    """

    name: str
    kind: RuleKind
    severity: str
    dimension: str
    description: str
    columns: tuple[str, ...] = ()
    sql: str = ""
    source: str = ""


@dataclass(frozen=True)
class ColumnFacts:
    """One column of a table.

    Args:
        name: The name.
        type: As documents name types.
        description: The meaning.
        is_pii: Whether it tells who somebody is; copies of such columns count too.
        key: Its place in the key, from 1; None where it is no part of it.
        is_required: Whether the contract asks for a value.
        is_partition: Whether the table's files are parted by it.
        references: `table.column` that its values are found in.
        rules: The names of the rules that look at it.
        values: Those that are known; empty where any may be.
    """

    name: str
    type: str
    description: str
    is_pii: bool = False
    key: int | None = None
    is_required: bool = False
    is_partition: bool = False
    references: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """For showing."""
        return {
            "column": self.name,
            "type": self.type,
            "pii": self.is_pii,
            "key": self.key,
            "required": self.is_required,
            "partition": self.is_partition,
            "references": list(self.references),
            "rules": list(self.rules),
            "values": list(self.values),
            "description": self.description,
        }


@dataclass(frozen=True)
class TableFacts:
    """What the documents say about a table.

    Args:
        name: `layer.table`.
        description: What a row is, in one sentence.
        columns: In their order.
        grain: The columns that name a row.
        entity: The columns that name what a row is a version of, by the contract; empty where rows have no versions.
        owner: Who answers for it; None where nobody is named.
        owner_from: Where that stands.
        sources: The sources that feed a bronze or silver table.
        upstream: The tables (and files) that it is made of.
        downstream: The tables and reports that are made of it.
        references: Its foreign keys.
        referenced_by: Tables whose foreign keys name it.
        rules: What must hold.
        partition_by: Partition columns.
        strategy: How a gold table follows its inputs.
        sql: The model; empty where there is none.
        purpose: What the source's contract says it is for.
        limitations: What the source's contract says it is not good for.
        freshness_hours: How old the newest file may be, by the contract.
        version: Of the contract.
    """

    name: str
    description: str
    columns: tuple[ColumnFacts, ...]
    grain: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    owner: str | None = None
    owner_from: str = ""
    sources: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    downstream: tuple[str, ...] = ()
    references: tuple[ReferenceFacts, ...] = ()
    referenced_by: tuple[str, ...] = ()
    rules: tuple[RuleFacts, ...] = ()
    partition_by: tuple[str, ...] = ()
    strategy: str = ""
    sql: str = ""
    purpose: str = ""
    limitations: str = ""
    freshness_hours: float | None = None
    version: str = ""

    @property
    def layer(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    def column(self, name: str) -> ColumnFacts:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)

    def row(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "table": self.name,
            **{name: value for name, value in asdict(self).items() if name not in ("name", "columns", "sql")},
            "columns": [column.row() for column in self.columns],
        }


def names(columns: Sequence[str]) -> str:
    """Columns in a sentence."""
    return ", ".join(columns)
