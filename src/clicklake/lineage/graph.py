"""The lineage of a project: from reports and gold columns down to the columns of the source files, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract
from clicklake.contracts.explain import closest
from clicklake.contracts.model import Model, Report
from clicklake.engines.sql import parse, quote, tables, tables_of, text
from clicklake.errors import UnknownNameError, UsageError
from clicklake.lineage.columns import ROWS, Input, column_inputs
from clicklake.lineage.sources import FROM_RECORDS, MADE, candidates, rules, without_conversion

FILE, REPORT = "file:", "report:"
"""Before the name of a source: its files. Before the name of a report: its rows."""

_PROGRAM = {"silver.quarantine": "bronze.", "ops.duplicates": "bronze.", "ops.ledger": "bronze."}
"""Tables that the program itself derives, from every table whose name starts so."""


@dataclass(frozen=True)
class Column:
    """One column of a table; `column` is `*` for the table's rows."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True)
class Lineage:
    """What comes from what, read from contracts, mappings, models and reports; no table of a lake is needed.

    Args:
        catalogue: The project.
    """

    catalogue: Catalogue
    _known: dict[str, dict[str, list[Input]]] = field(default_factory=dict, compare=False)
    _of_values: dict[str, list[Input]] = field(default_factory=dict, compare=False)
    _above: dict[str, list[str]] = field(default_factory=dict, compare=False)

    @cached_property
    def tables(self) -> list[str]:
        """All names, from the files up: `file:<source>`, `layer.table`, `report:<name>`."""
        return [
            *(f"{FILE}{source}" for source in self.catalogue.source_names),
            *(f"bronze.{source}" for source in self.catalogue.source_names),
            *self.catalogue.silver,
            *_PROGRAM,
            *self.catalogue.gold,
            *(f"{REPORT}{report}" for report in self.catalogue.report_names),
        ]

    def find(self, name: str) -> tuple[str, str | None]:
        """The table that a person names, and the column where one is named.

        Args:
            name: `layer.table` or `layer.table.column`; the layer may be left out where that is clear.

        Raises:
            UnknownNameError: There is no such table or column; it names the nearest.
        """
        parts = name.split(".")
        for table, rest in ((".".join(parts[:n]), ".".join(parts[n:])) for n in (2, 1)):
            short = [known for known in self.tables if known.rpartition(".")[2] == table]
            if table in self.tables or len(short) == 1:
                found = table if table in self.tables else short[0]
                return found, self._column(found, rest) if rest else None
        likely = ".".join(parts[:2])
        if likely in self.catalogue.system:
            raise UsageError(f"{likely} is what clicklake notes about itself; it is made of no table")
        near = closest(likely, self.tables) or closest(parts[0], (t.rpartition(".")[2] for t in self.tables))
        if not near and len(parts) > 1:
            near = closest(parts[-1], self.tables)
        raise UnknownNameError(
            f"there is no table {likely!r}{near}. Known: {', '.join(t for t in self.tables if t not in _PROGRAM)}"
        )

    def _column(self, table: str, name: str) -> str:
        columns = self.columns(table)
        for column in columns:
            if column.lower() == name.lower():
                return column
        raise UnknownNameError(f"{table} has no column {name!r}{closest(name, columns)}; it has {', '.join(columns)}")

    def columns(self, table: str) -> list[str]:
        """The columns of a table, in its order."""
        return list(self.inputs(table))

    def description(self, table: str, column: str | None = None) -> str:
        """What a table or column means, as its document says; empty where it says nothing."""
        kind, name = _kind(table)
        if kind in (FILE, "bronze"):
            contract = self.catalogue.contract(name)
            own = {c.name: c.description for c in contract.columns}
            return own.get(column, "") if column else contract.description
        doc = self.catalogue.report(name).doc if kind == REPORT else None
        model = None if doc else self.catalogue.table(table)
        if column is None:
            return doc.description if doc else model.doc.description if model else ""
        columns = doc.columns if doc else model.doc.columns if model else {}
        return columns[column].description if column in columns else ""

    def is_personal(self, table: str, column: str) -> bool:
        """Whether a column holds personal data: its document says so, or it is a copy of a column that does."""
        kind, name = _kind(table)
        if kind in (FILE, "bronze"):
            return any(known.name == column and known.is_pii for known in self.catalogue.contract(name).columns)
        model = self.catalogue.table(table)
        if model and column in model.doc.columns and model.doc.columns[column].pii:
            return True
        if table not in self.tables:
            return False
        copied = (item for item in self.inputs(table).get(column, ()) if item.transformation == "identity")
        return any(item.table and self.is_personal(item.table, item.column) for item in copied)

    def inputs(self, table: str) -> Mapping[str, Sequence[Input]]:
        """What each column of a table comes from, one step up."""
        if table not in self._known:
            self._known[table] = self._inputs(table)
        return self._known[table]

    def inputs_of_values(self, report: str) -> Sequence[Input]:
        """What the values come from that a report computes before its rows.

        Raises:
            UnknownNameError: There is no such report.
            ContractError: Where one comes from can't be told.
        """
        if report not in self._of_values:
            known = self.catalogue.report(report)
            found = [
                column_inputs(sql, self._schema(tables_of(sql, str(known.file))), str(known.file))
                for sql in known.doc.values.values()
            ]
            self._of_values[report] = [item for columns in found for items in columns.values() for item in items]
        return self._of_values[report]

    def upstream(self, table: str) -> list[str]:
        """The tables that a table is made of, one step up."""
        if table not in self._above:
            self._above[table] = self._upstream(table)
        return self._above[table]

    def _upstream(self, table: str) -> list[str]:
        kind, name = _kind(table)
        if kind == "bronze":
            return [f"{FILE}{name}"]
        if prefix := _PROGRAM.get(table):
            return [known for known in self.tables if known.startswith(prefix)]
        if table in self.catalogue.silver:
            return [f"bronze.{contract.source}" for contract in self._feeding(table)]
        if kind == FILE:
            return []
        item = self.catalogue.report(name) if kind == REPORT else self.catalogue.gold[table]
        return tables(parse(_sql(item), str(item.file)))

    def downstream(self, table: str) -> list[str]:
        """The tables that are made of a table, one step down."""
        return [other for other in self.tables if table in self.upstream(other)]

    def inputs_of(self, column: Column) -> Sequence[Input]:
        """What a column comes from, one step up; of a table's rows, the rows of the tables that it is made of."""
        if column.column == ROWS:
            return [Input(table, ROWS, "rows", "identity") for table in self.upstream(column.table)]
        return self.inputs(column.table).get(column.column, ())

    def uses(self, column: Column) -> list[tuple[Column, Input]]:
        """The columns that are made of a column, one step down, with how."""
        return [
            (Column(table, name), item)
            for table in self.downstream(column.table)
            for name, items in self.inputs(table).items()
            for item in items
            if (item.table, item.column) == (column.table, column.column)
        ]

    def _inputs(self, table: str) -> dict[str, list[Input]]:
        kind, name = _kind(table)
        if kind == FILE:
            return {column: [] for column in self.catalogue.contract(name).column_names}
        if kind == "bronze":
            return self._of_bronze(self.catalogue.contract(name))
        if table in _PROGRAM:
            return self._of_program(table)
        if table in self.catalogue.silver:
            return self._of_silver(self.catalogue.silver[table])
        item = self.catalogue.report(name) if kind == REPORT else self.catalogue.gold[table]
        found = column_inputs(_sql(item), self._schema(self.upstream(table)), str(item.file))
        return {column: found[column] for column in item.doc.columns if column in found} or found

    def _of_bronze(self, contract: Contract) -> dict[str, list[Input]]:
        file = f"{FILE}{contract.source}"
        found = {name: [Input(file, name, "direct", "identity")] for name in contract.column_names}
        found |= {name: [Input(file, ROWS, "direct", "the record")] for name in FROM_RECORDS}
        return found | {name: [Input("", "", "constant", "given by clicklake")] for name in MADE}

    def _of_program(self, table: str) -> dict[str, list[Input]]:
        """What the program itself writes about raw rows: their own columns, and what was found out about them."""
        found: dict[str, list[Input]] = {name: [] for name in self.catalogue.system[table].doc.columns}
        for bronze in self.upstream(table):
            known = self.columns(bronze)
            for name, items in found.items():
                of_row = Input(bronze, name, "direct", "identity")
                items.append(of_row if name in known else Input(bronze, ROWS, "rows", "told of the rows by clicklake"))
        return found

    def _of_silver(self, model: Model) -> dict[str, list[Input]]:
        found: dict[str, list[Input]] = {name: [] for name in model.doc.columns}
        for contract in self._feeding(model.name):
            bronze = f"bronze.{contract.source}"
            sql = f"with candidates as ({candidates(contract, model)}) {without_conversion(contract, model)}"
            schema = {bronze: list(self._of_bronze(contract))}
            for name, items in column_inputs(sql, schema, str(model.file)).items():
                # A source that doesn't have the column gives null, which says nothing about where values come from.
                found[name] += [i for i in items if i.influence != "constant" or "null" not in i.transformation]
            mapped = column_inputs(f"select * from ({candidates(contract, model)}) as candidates", schema, bronze)
            for name, items in found.items():
                items += [item for item in rules(contract, mapped) if name in model.doc.columns]
        return found

    def _feeding(self, table: str) -> Iterator[Contract]:
        for source in self.catalogue.source_names:
            contract = self.catalogue.contract(source)
            if contract.options.silver_table == table:
                yield contract

    def _schema(self, names: Sequence[str]) -> dict[str, list[str]]:
        found = {}
        for name in names:
            model = self.catalogue.table(name)
            if model is not None:
                found[name] = list(model.doc.columns)
            elif name in self.tables:
                found[name] = self.columns(name)
        return found


def _sql(item: Model | Report) -> str:
    """The SQL of a model or report; predictions of a fitted model come from the columns that it is fitted to."""
    fit = item.doc.fit if isinstance(item, Report) else None
    if fit is None:
        return item.sql
    tree = parse(item.sql, str(item.file))
    steps = tree.find(exp.With)
    numbers = ", ".join(map(quote, (fit.frequency, fit.recency, fit.age)))
    made = {name: numbers for name in ("probability_alive", "predicted_purchases")}
    if fit.value:
        made |= {name: f"{numbers}, {quote(fit.value)}" for name in ("expected_value", "clv")}
    columns = ", ".join(f"{fit.model}({names}) as {name}" for name, names in made.items())
    fitted = parse(f"with fitted as (select *, {columns} from {quote(fit.rows)}) select 1", str(item.file))
    if steps is not None:
        place = next((i for i, cte in enumerate(steps.expressions, 1) if cte.alias == fit.rows), 0)
        steps.set("expressions", [*steps.expressions[:place], *fitted.find_all(exp.CTE), *steps.expressions[place:]])
    return text(tree)


def _kind(table: str) -> tuple[str, str]:
    """`file:`, `report:` or the layer; and the name behind it."""
    for prefix in (FILE, REPORT):
        if table.startswith(prefix):
            return prefix, table.removeprefix(prefix)
    layer, _, name = table.partition(".")
    return layer, name
