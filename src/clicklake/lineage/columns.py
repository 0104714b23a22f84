"""Which columns of which tables a query's columns come from, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, walk_in_scope

from clicklake.engines.sql import DIALECT, parse
from clicklake.errors import ContractError
from clicklake.lineage.expressions import frame, framing_of, key_of, made_of, replaced, told, unknown

Influence = Literal["direct", "rows", "constant", "window", "filter", "join", "group"]
"""direct: the value; rows: how many rows there are; the last four: which rows, not the value."""

ROWS = "*"
"""Stands for a column where the rows themselves count, as in count(*)."""

_CLAUSES: Sequence[tuple[str, Influence]] = (
    ("where", "filter"),
    ("having", "filter"),
    ("qualify", "filter"),
    ("group", "group"),
)


@dataclass(frozen=True)
class Input:
    """One column that another one depends on.

    Args:
        table: `layer.table`; empty for a constant.
        column: Its column; `*` where its rows count, empty for a constant.
        influence: What it decides.
        transformation: `identity`, or the SQL that makes the one of the other.
    """

    table: str
    column: str
    influence: Influence
    transformation: str


def column_inputs(sql: str, schema: Mapping[str, Sequence[str]], what: str) -> dict[str, list[Input]]:
    """What each column of a query comes from, in the order of the query's columns.

    Args:
        sql: A SELECT; CTEs, unions, joins, subqueries and stars are followed down to its tables.
        schema: The columns of the tables, by `layer.table`.
        what: Whose SQL it is, for messages.

    Raises:
        ContractError: It is no query that can be followed.
    """
    nested: dict[str, object] = {}
    for name, columns in schema.items():
        layer, _, table = name.rpartition(".")
        cast(dict[str, object], nested.setdefault(layer, {}))[table] = dict.fromkeys(columns, "varchar")
    try:
        tree = qualify(
            parse(sql, what),
            schema=nested,
            dialect=DIALECT,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
        root = build_scope(tree)
    except SqlglotError as error:
        raise ContractError(f"{what}: its columns can't be followed. {str(error).splitlines()[0]}") from error
    if root is None:
        raise ContractError(f"{what}: it is no SELECT")
    written = {name: {column.lower(): column for column in columns} for name, columns in schema.items()}
    follower = _Follower(written)
    return {name: follower.inputs(root, name) for name in _names(root)}


class _Follower:
    """Follows the columns of one query down to the tables.

    Args:
        written: By table, each column's name as it is written, by the name in lower case.
    """

    def __init__(self, written: Mapping[str, Mapping[str, str]]) -> None:
        self.written = written
        self._trails: list[dict[int, Scope]] = []
        self._open: set[tuple[int, str]] = set()
        self._done: dict[tuple[int, str], tuple[list[exp.Expr], dict[int, Scope]]] = {}
        self._decided: dict[int, tuple[list[Input], dict[int, Scope]]] = {}

    def inputs(self, root: Scope, name: str) -> list[Input]:
        """What one column of the query comes from."""
        found: dict[Input, None] = {}
        trail: dict[int, Scope] = {}
        self._trails = [trail]
        for value in self._output(root, name):
            found.update(dict.fromkeys(_direct(value)))
        # What decides about rows may lead into more of the query's parts, which have clauses of their own.
        looked_at: set[int] = set()
        while remaining := [scope for key, scope in trail.items() if key not in looked_at]:
            looked_at.add(id(remaining[0]))
            for item in self._indirect(remaining[0]):
                found.setdefault(item)
        return list(found)

    def _output(self, scope: Scope, name: str) -> list[exp.Expr]:
        """A column of a query as SQL on the tables' columns: one for each branch of unions that it comes from."""
        key = (id(scope), name)
        if key in self._open:  # a recursive CTE reads itself
            return []
        if key not in self._done:
            self._open.add(key)
            self._trails.append({})
            values = list(self._values(scope, name))
            self._done[key] = values, self._trails.pop()
            self._open.discard(key)
        values, trail = self._done[key]
        self._trails[-1].update(trail)
        return values

    def _values(self, scope: Scope, name: str) -> Iterator[exp.Expr]:
        if scope.set_operation_scopes:
            position = _names(scope).index(name)
            for branch in scope.set_operation_scopes:
                yield from self._output(branch, _names(branch)[position])
            return
        self._trails[-1][id(scope)] = scope
        for item in cast(exp.Query, scope.expression).selects:
            if item.alias_or_name == name:
                for value in self._expanded(item.unalias(), scope):
                    yield self._counted(value, scope)

    def _expanded(self, node: exp.Expr, scope: Scope) -> list[exp.Expr]:
        """An expression with the columns of the query's own parts put in."""
        choices: dict[str, list[exp.Expr]] = {}
        for part in walk_in_scope(node):
            if isinstance(part, exp.Column) and key_of(part) not in choices:
                choices[key_of(part)] = self._column(part, scope)
        for inner in self._subqueries(node, scope):
            choices[key_of(inner.expression)] = self._output(inner, _names(inner)[0])
        branches = max((len(values) for values in choices.values()), default=1)
        values = []
        for branch in range(branches):
            chosen = {key: values[min(branch, len(values) - 1)] for key, values in choices.items() if values}
            values.append(replaced(node, chosen))
        return values if branches == 1 else list({value.sql(): value for value in values}.values())

    def _column(self, column: exp.Column, scope: Scope) -> list[exp.Expr]:
        at: Scope | None = scope
        while at is not None and column.table not in at.sources:  # a subquery may read from the query around it
            at = at.parent
        source = at.sources[column.table] if at else None
        if isinstance(source, exp.Table) and source.db:
            table = f"{source.db}.{source.name}"
            name = self.written.get(table, {}).get(column.name.lower(), column.name)
            return [exp.column(exp.to_identifier(name), table=exp.to_identifier(table))]
        if isinstance(source, Scope):
            if isinstance(source.expression, exp.Query):
                return self._output(source, column.name)
            if not isinstance(source.expression, exp.Values):
                return self._expanded(source.expression, source)  # unnest and the like
            return [exp.Var(this="a value of the SQL")]
        return [unknown(column.name)]

    def _subqueries(self, node: exp.Expr, scope: Scope) -> Iterator[Scope]:
        inside = {id(part) for part in node.walk()}
        return (inner for inner in scope.subquery_scopes if id(inner.expression) in inside)

    def _counted(self, value: exp.Expr, scope: Scope) -> exp.Expr:
        """The same, with a note at what depends on no column: of which tables the rows count."""
        for part in (value, *value.find_all(exp.AggFunc, exp.Window)):
            counts = isinstance(part, exp.Count) and isinstance(part.this, exp.Star)
            if part.meta.get("rows") is None and (counts or not made_of(part)):
                below = [table for inner in part.walk() for table in inner.meta.get("rows") or ()]
                part.meta["rows"] = list(dict.fromkeys(below or _tables(scope)))
        return value

    def _indirect(self, scope: Scope) -> list[Input]:
        """What decides about a query's rows, whichever of its columns is asked for."""
        if id(scope) not in self._decided:
            self._trails.append({})
            found = list(self._deciding_clauses(scope))
            self._decided[id(scope)] = found, self._trails.pop()
        found, trail = self._decided[id(scope)]
        self._trails[-1].update(trail)
        return found

    def _deciding_clauses(self, scope: Scope) -> Iterator[Input]:
        for key, influence in _CLAUSES:
            clause = scope.expression.args.get(key)
            if clause is not None:
                items = clause.expressions if key == "group" else [clause.this]
                for item in items:
                    yield from self._deciding(item, scope, influence, told(item))
        for window in scope.expression.args.get("windows") or ():
            for part in frame(window):
                yield from self._deciding(part, scope, "window", told(part))
        for join in scope.expression.args.get("joins") or ():
            if join.args.get("on") is not None:
                yield from self._deciding(join.args["on"], scope, "join", told(join.args["on"]))

    def _deciding(self, node: exp.Expr, scope: Scope, influence: Influence, text: str) -> Iterator[Input]:
        for value in self._expanded(node, scope):
            for table, name in (*made_of(value), *framing_of(value)):
                yield Input(table, name, influence, text)


def _direct(value: exp.Expr) -> Iterator[Input]:
    leaves = made_of(value)
    text = "identity" if isinstance(value, exp.Column) and leaves else told(value)
    for table, name in leaves:
        yield Input(table, name, "direct", text)
    for table, name in framing_of(value):
        yield Input(table, name, "window", text)
    aggregates = list(value.find_all(exp.AggFunc, exp.Window))
    counted = [table for part in aggregates for table in part.meta.get("rows") or ()]
    for table in dict.fromkeys(counted):
        yield Input(table, ROWS, "rows", text)
    if not leaves and not counted:
        yield Input("", "", "constant", text)


def _tables(scope: Scope) -> Iterator[str]:
    """The tables below a query."""
    for source in (*scope.set_operation_scopes, *(source for _, source in scope.selected_sources.values())):
        if isinstance(source, Scope):
            yield from _tables(source)
        elif source.db:
            yield f"{source.db}.{source.name}"


def _names(scope: Scope) -> list[str]:
    return cast(exp.Query, scope.expression).named_selects
