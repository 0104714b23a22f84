"""The guard of SQL that others send: one SELECT, of granted tables alone, with functions that only compute.

What it looks at is what DuckDB itself has parsed, so that what is checked is what runs. Everything that it doesn't know
is refused: a new kind of table, node or function has to be looked at first. sqlglot reads the text as well, and has to
find the same tables in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError

from clicklake.access.functions import LAKE, OPERATORS, SCALAR, TABLE
from clicklake.access.grants import Grants
from clicklake.contracts.explain import closest
from clicklake.engines.sql import parse
from clicklake.errors import ContractError, ForbiddenError, QueryError, UnknownNameError
from clicklake.sandbox import parser, require_one_select

LONGEST = 100_000
"""Characters of a query."""

_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_SOURCES = {"BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SUBQUERY", "TABLE_FUNCTION"}
_CLAUSES = {"DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER"}
_ORDERS = {"ASCENDING", "DESCENDING", "ORDER_DEFAULT"}
_EXPRESSIONS = {
    *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION"),
    *("LAMBDA", "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"),
}
_CTE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")
_SYSTEM_NAME = re.compile(r"(duckdb|pragma|sqlite|pg)_.*", re.IGNORECASE)
_READABLE = {
    "SHOW_REF": "DESCRIBE, SHOW and SUMMARIZE",
    "PARAMETER": "parameters such as ? and $1",
    "DEFAULT": "DEFAULT",
    "INSERT_QUERY_NODE": "INSERT",
    "UPDATE_QUERY_NODE": "UPDATE",
    "DELETE_QUERY_NODE": "DELETE",
    "MERGE_QUERY_NODE": "MERGE",
}


def check(sql: str, grants: Grants) -> list[str]:
    """Refuse what a principal may not ask; the tables that it asks for.

    Raises:
        ForbiddenError: It may not query, or reads a table or calls a function that it may not.
        QueryError: It is no single SELECT.
        UnknownNameError: There is no such table.
    """
    grants.require("query")
    if len(sql) > LONGEST or "\0" in sql:
        raise QueryError(f"a query has up to {LONGEST:,} characters, and no NUL among them")
    require_one_select(sql)
    found = _Found(grants)
    try:
        found.walk(_parsed(sql), frozenset())
        _require_same(sql, found)
    except RecursionError as error:
        raise QueryError("the query is nested too deeply") from error
    return sorted(found.tables)


def _parsed(sql: str) -> Mapping[str, Any]:
    """The query as DuckDB has parsed it.

    Raises:
        QueryError: It is no SELECT.
    """
    try:
        row = parser().cursor().execute("select json_serialize_sql(?)", [sql]).fetchone()
        parsed: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    except (duckdb.Error, ValueError) as error:
        raise QueryError(f"the query can't be read: {str(error).strip()}") from error
    if parsed.get("error") or len(parsed["statements"]) != 1:
        raise QueryError(f"a query is one SELECT: {parsed.get('error_message', 'there are several')}")
    statement: Mapping[str, Any] = parsed["statements"][0]
    if statement.get("named_param_map"):
        raise ForbiddenError(f"{_READABLE['PARAMETER']} can't be used in a query")
    node: Mapping[str, Any] = statement["node"]
    return node


class _Found:
    """Goes through a parsed query, refuses what may not be in it, and notes the tables."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants
        self.tables: set[str] = set()
        self.steps: set[str] = set()

    def walk(self, item: Any, steps: frozenset[str]) -> None:  # noqa: ANN401
        """Go through a part of the query.

        Args:
            item: The part.
            steps: The names of CTEs that it sees.
        """
        if isinstance(item, list):
            for part in item:
                self.walk(part, steps)
        if not isinstance(item, dict):
            return
        kind = item.get("type")
        if "class" in item:
            self._expression(item)
        elif isinstance(kind, str) and kind not in _NODES | _SOURCES | _CLAUSES | _ORDERS:
            raise ForbiddenError(f"{_READABLE.get(kind, kind)} can't be used in a query")
        if kind == "BASE_TABLE":
            self._table(item, steps)
        if kind == "TABLE_FUNCTION":
            self._function(item["function"], TABLE, "in FROM")
            self.walk(item["function"]["arguments"], steps)
            item = {key: value for key, value in item.items() if key != "function"}
        steps = self._with(item, steps)
        for key, part in item.items():
            if key not in ("cte_map", "qualified_name"):
                self.walk(part, steps)

    def _with(self, node: Mapping[str, Any], steps: frozenset[str]) -> frozenset[str]:
        """Look at the CTEs of a node; each sees those before it, a recursive one itself. What the node sees."""
        if node.get("type") == "RECURSIVE_CTE_NODE":
            steps |= {self._step(node["cte_name"])}
        for entry in node.get("cte_map", {}).get("map", []):
            name = self._step(entry["key"])
            self.walk({key: value for key, value in entry["value"].items()}, steps)
            steps |= {name}
        return steps

    def _step(self, name: str) -> str:
        """The name of a CTE: none that anything else could have, a file or a table of the system."""
        if not _CTE_NAME.fullmatch(name) or _SYSTEM_NAME.fullmatch(name):
            raise ForbiddenError(f"{name!r} can't be the name of a WITH query; allowed: letters, digits and _")
        self.steps.add(name.lower())
        return name.lower()

    def _table(self, item: Mapping[str, Any], steps: frozenset[str]) -> None:
        layer, name = item["schema_name"].lower(), item["table_name"].lower()
        if item["at_clause"]:
            raise ForbiddenError("AT can't be used in a query: it reads the newest release")
        if not layer and not item["catalog_name"] and name in steps:
            return
        path = [part for part in (item["catalog_name"], layer, name) if part]
        if len(path) != 2 or list(map(str.lower, item["qualified_name"]["path"])) != path:
            raise ForbiddenError(
                f"{'.'.join(path)} is no table of the lake{closest(name, self._short())}; "
                f"you may read {', '.join(self._grants.tables()) or 'no table'}"
            )
        full = ".".join(path)
        self._grants.columns(full)
        self.tables.add(full)

    def _short(self) -> list[str]:
        return [name.partition(".")[2] for name in self._grants.tables()]

    def _expression(self, item: Mapping[str, Any]) -> None:
        if item["class"] not in _EXPRESSIONS:
            raise ForbiddenError(f"{_READABLE.get(item['class'], item['class'])} can't be used in a query")
        if item["class"] in ("FUNCTION", "WINDOW"):
            self._function(item, SCALAR | LAKE | OPERATORS, "in a query")

    def _function(self, item: Mapping[str, Any], allowed: frozenset[str], where: str) -> None:
        # What stands before the name may be a schema as well as a column, as in `name.upper()`: nothing is different.
        name = str(item["function_name"]).lower()
        if name not in allowed:
            near = closest(name, allowed)
            raise ForbiddenError(
                f"the function {name} can't be used {where}{near}: only those that compute from their arguments alone"
                + (f" ({', '.join(sorted(TABLE))})" if allowed is TABLE else "")
            )


def _require_same(sql: str, found: _Found) -> None:
    """Refuse what another parser doesn't read alike.

    Raises:
        QueryError: It can't be read, or means other tables.
    """
    try:
        tree = parse(sql, "query")
    except (ContractError, SqlglotError, ValueError) as error:
        raise QueryError(f"the query can't be checked: {error}; please write it more simply") from error
    if not isinstance(tree, (exp.Query, exp.Values)):
        raise QueryError(f"a query is one SELECT, not {tree.key.upper()}")
    for wrong in tree.find_all(exp.DML, exp.DDL, exp.Command, exp.Into, exp.Parameter, exp.Placeholder):
        if not isinstance(wrong, exp.Query):
            raise ForbiddenError(f"{wrong.key.upper()} can't be used in a query")
    unknown = set(_named(tree)) - found.tables - found.steps
    if unknown:
        raise QueryError(f"the query can't be checked: {', '.join(sorted(unknown))} is read differently by two parsers")


def _named(tree: exp.Expression) -> Iterator[str]:
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            yield ".".join(part.name for part in table.parts).lower()


__all__ = ["LONGEST", "UnknownNameError", "check"]
