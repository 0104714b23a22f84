"""What a principal may read and do, resolved against the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from clicklake.access.principal import Principal
from clicklake.access.reports import columns_filtered, columns_read, personal_columns, persons_asked
from clicklake.contracts.explain import closest
from clicklake.contracts.model import Report
from clicklake.dictionary.tables import table_names
from clicklake.engines.sql import quote
from clicklake.errors import ForbiddenError, UnknownNameError
from clicklake.personal import columns_of, identifiers, masked, masked_value, names_of, pseudonym
from clicklake.rows import Rows
from clicklake.settings import Action, RoleSettings

if TYPE_CHECKING:
    from clicklake.lineage.graph import Lineage


class Grants:
    """What a principal may read and do.

    Args:
        principal: Who asks.
        role: What its role says.
        lineage: Of the project; it knows the tables, their columns, and which hold personal data.
        salt: What codes of masked identifiers are made with; nobody may know it who sees them.
    """

    def __init__(self, principal: Principal, role: RoleSettings, lineage: Lineage, salt: str) -> None:
        self.principal = principal
        self.role = role
        self._lineage = lineage
        self._salt = salt
        self._known: dict[str, dict[str, bool]] = {}

    def may(self, action: Action) -> bool:
        """Whether the principal may do something beside reading."""
        return action in self.role.may

    def require(self, action: Action) -> None:
        """Refuse what the principal may not do.

        Raises:
            ForbiddenError: It may not.
        """
        if not self.may(action):
            can = ", ".join(self.role.may) or "nothing beside reading"
            raise ForbiddenError(f"{self._who} may not {action}; it may {can}")

    def tables(self) -> list[str]:
        """The tables of which at least one column may be read, in the order of the layers."""
        return list(self._tables)

    def columns(self, table: str) -> dict[str, bool]:
        """The columns of a table that may be read, in its order, and whether they are masked.

        Raises:
            ForbiddenError: None may be read.
            UnknownNameError: There is no such table.
        """
        if table in self._tables:
            return dict(self._columns(table))
        can = ", ".join(self._tables) or "no table"
        if table not in self._all:
            raise UnknownNameError(f"there is no table {table!r}{closest(table, self._tables)}. Tables: {can}")
        raise ForbiddenError(f"{self._who} may not read {table}; it may read {can}")

    def projection(self, table: str, there: Collection[str] | None = None) -> str:
        """The select list that shows of a table what may be read, masks applied; filter what it gives, not beneath.

        Args:
            table: The table.
            there: The columns that it has in this lake; all that its document names where None.

        Raises:
            ForbiddenError: None of its columns may be read.
            UnknownNameError: There is no such table.
        """
        parts = []
        for name, is_masked in self.columns(table).items():
            if there is not None and name not in there:
                continue  # a table of before has fewer
            shown = quote(name)
            if is_masked:
                hidden = pseudonym(name, self._salt) if name in self._identifiers else masked(name)
                shown = f"{hidden} as {quote(name)}"
            parts.append(shown)
        return ", ".join(parts)

    def require_report(self, report: Report | str, parameters: Mapping[str, object] | None = None) -> None:
        """Refuse a report that reads what may not be read; who may not trace may not choose a person either.

        Args:
            report: The report.
            parameters: What is given to it.

        Raises:
            ForbiddenError: It reads or asks for too much.
            UnknownNameError: There is no such report.
        """
        report = self._report(report)
        given = parameters or {}
        self._require(f"see report {report.name}: it reads", columns_read(self._lineage, report))
        filtered = columns_filtered(self._lineage, report, given)
        self._require(f"restrict report {report.name} so: that reads", filtered)
        if not self.may("trace") and (asked := persons_asked(self._lineage, report, given)):
            raise ForbiddenError(
                f"{self._who} may not look at one person: {', '.join(asked)} of report {report.name} chooses whom"
            )

    def _require(self, what: str, wanted: Mapping[str, set[str]]) -> None:
        """Refuse what reads columns that may not be read."""
        for table, columns in wanted.items():
            if table not in self._tables:
                raise ForbiddenError(f"{self._who} may not {what} {table}")
            if missing := sorted(columns - self._columns(table).keys()):
                raise ForbiddenError(f"{self._who} may not {what} {', '.join(f'{table}.{name}' for name in missing)}")

    def masked_columns(self, report: Report | str, rows: Rows) -> set[str]:
        """The columns of a report's rows that are masked."""
        report = self._report(report)
        if not self._reads_masked(report):
            return set()
        personal = personal_columns(self._lineage, report)
        if personal is None:
            personal = {field.name for field in rows.table.schema if not _tells_nobody(field.type)}
        return personal & set(rows.columns)

    def masked_report(self, report: Report | str, rows: Rows) -> Rows:
        """A report's rows as the principal sees them: computed of what is, then masked."""
        table = rows.table
        for name in self.masked_columns(report, rows):
            salt = self._salt if name in self._identifiers else None
            shown = pa.array([masked_value(value, salt) for value in table.column(name).to_pylist()], pa.string())
            table = table.set_column(table.schema.get_field_index(name), name, shown)
        return Rows(table, rows.note, rows.failure)

    @property
    def _who(self) -> str:
        return f"role {self.principal.role}"

    @cached_property
    def _all(self) -> dict[str, None]:
        return dict.fromkeys(table_names(self._lineage.catalogue))

    @cached_property
    def _tables(self) -> dict[str, None]:
        lineage = self._lineage
        return {table: None for table in self._all if any(self._reads(table, c) for c in names_of(lineage, table))}

    @cached_property
    def _identifiers(self) -> set[str]:
        return identifiers(self._lineage.catalogue)

    def _columns(self, table: str) -> dict[str, bool]:
        if table not in self._known:
            role = self.role
            self._known[table] = {
                name: is_personal and not _matches(role.plain, f"{table}.{name}")
                for name, is_personal in columns_of(self._lineage, table).items()
                if self._reads(table, name)
            }
        return self._known[table]

    def _reads(self, table: str, column: str) -> bool:
        name = f"{table}.{column}"
        return _matches(self.role.reads, name) and not _matches(self.role.hides, name)

    def _report(self, report: Report | str) -> Report:
        return self._lineage.catalogue.report(report) if isinstance(report, str) else report

    def _reads_masked(self, report: Report) -> bool:
        """Whether anything that a report reads is personal data that the role sees masked."""
        return any(
            self._columns(table).get(name, True)
            for table, columns in columns_read(self._lineage, report).items()
            for name in columns
        )


def _matches(patterns: Iterable[str], column: str) -> bool:
    """Whether a pattern names a column, its table or its layer."""
    parts = column.split(".", 2)
    for pattern in patterns:
        wanted = pattern.split(".", 2)
        if all(fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=False)):
            return True
    return False


def _tells_nobody(data_type: pa.DataType) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_temporal)
    return any(kind(data_type) for kind in kinds)
