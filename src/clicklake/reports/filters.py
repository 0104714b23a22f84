"""Filters on the tables that a report reads: put into its query, whatever its SQL is.

A table is restricted by a column that tells which of its rows belong; a mart that has none is computed anew, by its own
SQL, from restricted tables. Nothing is changed in the engine: reports with other filters may run there meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from clicklake.build.graph import inputs
from clicklake.build.strategies import select_typed
from clicklake.contracts.catalogue import Catalogue, pick
from clicklake.contracts.explain import closest
from clicklake.contracts.filter_doc import Filter, FilterUse
from clicklake.contracts.model import Report
from clicklake.engines.base import Engine
from clicklake.engines.sql import DIALECT, Parameter, bind, parse, tables_of, text
from clicklake.errors import UnknownNameError, UsageError

_KEPT = ("joins", "laterals", "pivots", "sample")
_NO_USE = FilterUse()


@dataclass(frozen=True)
class Filtering:
    """Filters with the values that somebody asked for.

    Args:
        catalogue: The tables and filters that there are.
        given: Values, by the names of filters.
        parameters: What models and filters may name.
    """

    catalogue: Catalogue
    given: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.given:
            pick(name, self.catalogue.filters, "filter")

    def __bool__(self) -> bool:
        return bool(self.given)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.given.items())

    def into_query(self, report: Report, tree: exp.Expression) -> exp.Expression:
        """A report's query on what its filters leave.

        Raises:
            UsageError: It can't be restricted by one of them.
        """
        uses = {name: self._use(report, name) for name in self.given}
        whole = [name for name, use in uses.items() if use.step is None]
        made = _Restricted(self, report, tree, whole)
        for name, use in uses.items():
            if use.step and use.column:
                made.restrict_step(use.step, name, use.column)
        return made.tree()

    def into_rows(self, report: Report, table: str, tree: exp.Expression) -> exp.Expression | None:
        """A query of the rows of a table that the report reads, on what its filters leave of them.

        Returns:
            None where that can't be said of single rows: the report counts others than those of a filter too, or the
            table is computed anew for it.
        """
        if any(self._use(report, name).step for name in self.given) or self.open_names(self.given, table):
            return None
        return _Restricted(self, report, tree, list(self.given)).tree()

    def into_value(self, report: Report, value: str, tree: exp.Expression) -> exp.Expression:
        """The query of one of a report's values on what those filters leave that it says to apply to it."""
        return _Restricted(self, report, tree, self._names_of(report, value)).tree()

    def tables(self, report: Report) -> list[str]:
        """The tables that the report reads with these filters.

        Raises:
            UsageError: It can't be restricted by one of them.
        """
        what = str(report.file)
        whole = [name for name in self.given if self._use(report, name).step is None]
        found = {table for name in tables_of(report.sql, what) for table in self._leaves(report, name, whole)}
        for value, sql in report.doc.values.items():
            names = self._names_of(report, value)
            found |= {table for name in tables_of(sql, what) for table in self._leaves(report, name, names)}
        for name in self.given:
            known = self.catalogue.filters[name]
            if known.doc.members:
                found |= set(tables_of(known.doc.members, f"{known.file}: members"))
        return sorted(found)

    def column(self, name: str, table: str) -> str | None:
        """The column of a table that tells which rows belong to a filter; None where it has none."""
        model = self.catalogue.table(table)
        columns = self.catalogue.filters[name].doc.columns
        return next((column for column in columns if model and column in model.doc.columns), None)

    def open_names(self, names: Iterable[str], table: str) -> tuple[str, ...]:
        """Those of some filters that can't be put on a table itself, but on what it is computed from."""
        return tuple(name for name in names if not (self.is_unaffected(name, table) or self.column(name, table)))

    def is_unaffected(self, name: str, table: str) -> bool:
        """Whether a table's rows are the same whatever is given for a filter."""
        return table in self.catalogue.filters[name].doc.unaffected

    def _leaves(self, report: Report, table: str, names: Iterable[str]) -> set[str]:
        """The tables from which a table's rows are computed; itself where it has the columns of the filters."""
        names = self.open_names(names, table)
        if not names or "." not in table:
            return {table}
        model = self.catalogue.gold.get(table)
        if model is None or not model.sql:
            columns = " or ".join(self.catalogue.filters[names[0]].doc.columns)
            raise UsageError(f"report {report.name} takes no --{names[0]}: {table} has no column {columns}")
        return {leaf for read in inputs(model) for leaf in self._leaves(report, read, names)}

    def _use(self, report: Report, name: str) -> FilterUse:
        use = report.doc.filters.get(name, _NO_USE)
        if use.refused:
            raise UsageError(f"report {report.name} takes no --{name}: {use.refused}")
        return use

    def _names_of(self, report: Report, value: str) -> list[str]:
        return [name for name in self.given if value in self._use(report, name).values]

    def members(self, name: str) -> exp.Expression | None:
        """The query of what a filter's columns may have; None where it is the value itself."""
        known = self.catalogue.filters[name]
        if known.doc.members is None:
            return None
        what = f"{known.file}: members"
        return bind(parse(known.doc.members, what), {**self.parameters, "value": self.given[name]}, what)


class _Restricted:
    """A query whose tables are being restricted."""

    def __init__(self, filtering: Filtering, report: Report, tree: exp.Expression, names: Collection[str]) -> None:
        self._filtering, self._report, self._tree = filtering, report, tree
        self._steps: dict[str, exp.CTE] = {}
        self._restrict(tree, tuple(names))

    def tree(self) -> exp.Expression:
        """The query, with the steps before its own that it needs now."""
        query = self._tree
        if not self._steps or not isinstance(query, exp.Query):
            return query
        own = query.args.get("with_") or exp.With()
        own.set("expressions", [*self._steps.values(), *query.ctes])
        query.set("with_", own)
        return query

    def restrict_step(self, step: str, name: str, column: str) -> None:
        """Leave only those rows of a step that belong to a filter."""
        for cte in self._tree.ctes if isinstance(self._tree, exp.Query) else ():
            if cte.alias == step:
                rows = exp.select("*").from_(cte.this.subquery(step)).where(self._condition(name, column))
                cte.set("this", rows)
                return
        raise UsageError(f"{self._report.file}: filters.{name}.step names {step!r}, which is no step of the SQL")

    def _restrict(self, tree: exp.Expression, names: tuple[str, ...]) -> None:
        for table in list(tree.find_all(exp.Table)) if names else ():
            if table.db:
                self._restrict_table(table, names)

    def _restrict_table(self, table: exp.Table, names: tuple[str, ...]) -> None:
        name = f"{table.db}.{table.name}"
        filters = self._filtering
        others = filters.open_names(names, name)
        columns = {each: filters.column(each, name) for each in names if not filters.is_unaffected(each, name)}
        conditions = [self._condition(each, column) for each, column in columns.items() if column]
        read = self._computed(name, others) if others else name
        if conditions or others:
            put_instead(table, exp.select("*").from_(exp.to_table(read, dialect=DIALECT)).where(*conditions))

    def _computed(self, name: str, names: tuple[str, ...]) -> str:
        """The step with a mart's rows, computed from restricted tables."""
        step = "_".join(["filtered", name.partition(".")[2], "by", *names])
        if step not in self._steps:
            model = self._filtering.catalogue.gold[name]
            tree = parse(select_typed(model, self._filtering.parameters), str(model.file))
            self._restrict(tree, names)
            self._lift_steps(tree, step)
            self._steps[step] = _step(step, tree)
        return step

    def _lift_steps(self, tree: exp.Expression, prefix: str) -> None:
        """Make the steps of a mart's SQL steps of the whole query, under names of their own: Spark has no others."""
        withs = list(tree.find_all(exp.With))
        if len(withs) != 1:
            return
        steps = list(withs[0].expressions)
        names = {cte.alias: f"{prefix}_{cte.alias}" for cte in steps}
        for table in list(tree.find_all(exp.Table)):
            if not table.db and table.name in names:
                kept = table.alias_or_name
                table.set("this", exp.to_identifier(names[table.name]))
                table.set("alias", exp.TableAlias(this=exp.to_identifier(kept)))
        withs[0].pop()
        for cte in steps:
            renamed = names[cte.alias]
            cte.args["alias"].set("this", exp.to_identifier(renamed))
            self._steps[renamed] = cte

    def _condition(self, name: str, column: str) -> exp.Expression:
        members = self._filtering.members(name)
        if members is None:
            return exp.column(column).eq(exp.Literal.string(self._filtering.given[name]))
        step = f"filter_{name}"
        self._steps.setdefault(step, _step(step, members))
        return exp.column(column).isin(query=exp.select("member").from_(exp.to_table(step)))


def _step(name: str, query: exp.Expression) -> exp.CTE:
    return exp.CTE(this=query, alias=exp.TableAlias(this=exp.to_identifier(name)))


def put_instead(table: exp.Table, query: exp.Select) -> None:
    """Read a query where a table was read, under the same name."""
    kept = {key: table.args[key] for key in _KEPT if table.args.get(key)}
    instead = query.subquery(table.alias_or_name)
    for key, value in kept.items():
        instead.set(key, value)
    root, db, name = table.root(), table.db, table.name
    table.replace(instead)
    for column in root.find_all(exp.Column):  # columns may be named by table and schema
        if (column.db, column.table) == (db, name):
            column.set("db", None)


def filters_of(catalogue: Catalogue, report: Report, parameters: Mapping[str, Parameter]) -> dict[str, str | None]:
    """What a report can be restricted by: each filter, with the reason where it can't."""
    found: dict[str, str | None] = {}
    for name in catalogue.filters:
        try:
            Filtering(catalogue, {name: ""}, parameters).tables(report)
            found[name] = None
        except UsageError as error:
            found[name] = str(error)
    return found


def values_tables(known: Filter) -> list[str]:
    """The tables that tell the values of a filter."""
    return list(tables_of(known.doc.values, f"{known.file}: values"))


def values_query(known: Filter, parameters: Mapping[str, Parameter]) -> str:
    """The query of a filter's values: value, kind, size; the largest of a kind first."""
    what = f"{known.file}: values"
    query = text(bind(parse(known.doc.values, what), dict(parameters), what))
    return f"select value, kind, cast(size as bigint) as size from ({query}) as found order by kind, size desc, value"


def require_known(engine: Engine, filtering: Filtering) -> None:
    """Refuse values that mean nothing in this lake; on a lake without any, all are right.

    Args:
        engine: Where the tables of the filters are attached.
        filtering: The filters.

    Raises:
        UnknownNameError: There is no such value.
    """
    for name, value in filtering.given.items():
        known = filtering.catalogue.filters[name]
        if value in known.doc.known or (known.doc.is_of_sources and value in filtering.catalogue.source_names):
            continue
        members = filtering.members(name)
        if members is not None and engine.rows(f"select 1 from ({text(members)}) as members limit 1"):
            continue
        values = [row[0] for row in engine.rows(values_query(known, filtering.parameters))]
        if values and value not in values:
            there_are = ", ".join(dict.fromkeys(values))
            raise UnknownNameError(
                f"--{name}: there is no {name} {value!r}{closest(value, values)}. Known: {there_are}"
            )
