"""A table's suite: what its document and contracts say, as expectations of Great Expectations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from clicklake.dictionary import ReferenceFacts, RuleFacts, TableFacts
from clicklake.dictionary.rules import TEXT
from clicklake.engines.sql import Parameter, bind, parse
from clicklake.expectations.conditions import Atom, Part, Unclear, alternatives, told

CRITICAL, WARNING = "critical", "warning"
_SQL_ON_TABLES = "it is SQL on tables, and an expectation on a data frame sees the rows of one"
_SEVERITY = {"fail": CRITICAL, "reject": CRITICAL, "warn": WARNING, "count": WARNING}


@dataclass(frozen=True)
class Expectation:
    """One expectation.

    Args:
        kind: Its type in Great Expectations.
        kwargs: What it expects.
        rule: The rule that it tells.
        severity: `critical` where clicklake rejects or publishes nothing, `warning` where it tells.
        notes: What it means.
    """

    kind: str
    kwargs: Mapping[str, Any]
    rule: str
    severity: str
    notes: str


@dataclass(frozen=True)
class NotExported:
    """A rule, or a part of one, that Great Expectations can't check on a data frame."""

    rule: str
    reason: str


@dataclass
class Suite:
    """What is expected of a table.

    Args:
        table: The table.
        expectations: In the order of columns, key, references, rules.
        not_exported: What is left out, with the reason.
        references: Foreign keys whose outcome the script adds as a column of true and false.
        counts: Tables whose rows the script counts, by the name of the parameter.
    """

    table: str
    expectations: list[Expectation] = field(default_factory=list)
    not_exported: list[NotExported] = field(default_factory=list)
    references: list[ReferenceFacts] = field(default_factory=list)
    counts: dict[str, str] = field(default_factory=dict)


def suite_of(facts: TableFacts, parameters: Mapping[str, Mapping[str, Parameter]]) -> Suite:
    """The suite of a table.

    Args:
        facts: What documents say of the table.
        parameters: What the rules of each source may name; those of the lake under an empty name.
    """
    suite = Suite(facts.name)
    names = [*(column.name for column in facts.columns), *map(helper, facts.references)]
    _add(suite, "columns", "expect_table_columns_to_match_set", {"column_set": names})
    _count(suite, "rows_of_the_log", facts.name, CRITICAL, "As many rows are read as the log of this version tells.")
    _key(suite, facts)
    for reference in facts.references:
        suite.references.append(reference)
        severity = CRITICAL if reference.is_checked else WARNING
        notes = f"{', '.join(reference.columns)} is in {reference.table}, or null."
        kwargs = {"column": helper(reference), "value_set": [True]}
        name = f"{'_'.join(reference.columns)}_in_{reference.table.partition('.')[2]}"
        _add(suite, name, "expect_column_values_to_be_in_set", kwargs, severity, notes)
    for column in facts.columns:
        if column.values:
            notes = f"The values of {column.name} that contracts know; others are loaded, and told as drift."
            kwargs = {"column": column.name, "value_set": list(column.values)}
            _add(suite, f"{column.name}_known", "expect_column_values_to_be_in_set", kwargs, WARNING, notes)
    rules = [rule for rule in facts.rules if rule.kind == "rule"]
    for rule in rules:
        _rule(suite, facts, rule, rules, parameters)
    for rule in facts.rules:
        if rule.kind == "check":
            _check(suite, rule)
        elif rule.kind == "quality":
            suite.not_exported.append(NotExported(rule.name, _SQL_ON_TABLES))
    return suite


def helper(reference: ReferenceFacts) -> str:
    """The column that the script adds: whether the row that a foreign key names is there."""
    return f"{', '.join(reference.columns)} in {reference.table}"


def _add(
    suite: Suite, rule: str, kind: str, kwargs: Mapping[str, Any], severity: str = CRITICAL, notes: str = ""
) -> None:
    suite.expectations.append(Expectation(kind, kwargs, rule, severity, notes))


def _count(suite: Suite, rule: str, table: str, severity: str, notes: str) -> None:
    parameter = f"rows_of_{table.replace('.', '_')}"
    suite.counts[parameter] = table
    _add(suite, rule, "expect_table_row_count_to_equal", {"value": {"$PARAMETER": parameter}}, severity, notes)


def _key(suite: Suite, facts: TableFacts) -> None:
    rule = next((rule for rule in facts.rules if rule.kind == "key"), None)
    if rule is None:
        return
    if len(facts.grain) > 1:
        kwargs = {"column_list": list(facts.grain), "ignore_row_if": "never"}
        _add(suite, rule.name, "expect_compound_columns_to_be_unique", kwargs, notes=rule.description)
        return
    kwargs = {"column": facts.grain[0]}
    _add(suite, rule.name, "expect_column_values_to_be_unique", kwargs, notes=rule.description)
    _add(suite, rule.name, "expect_column_values_to_not_be_null", kwargs, notes="A key has a value.")


def _rule(
    suite: Suite,
    facts: TableFacts,
    rule: RuleFacts,
    rules: Sequence[RuleFacts],
    parameters: Mapping[str, Mapping[str, Parameter]],
) -> None:
    sources = rule.source.split(", ") if rule.source else list(facts.sources)
    for source in sources:
        known = {**parameters.get("", {}), **parameters.get(source, {})}
        of_source = [other for other in rules if not other.source or source in other.source.split(", ")]
        typed = set(_typed_by(of_source, known))
        # Where the table has rows of one source only, or all have the rule in the same words, no row is left out.
        where = Atom("source", "=", (source,)) if rule.source or _differs(rule, facts, parameters) else None
        found = alternatives(_bound(rule, known))
        if found is None:
            suite.not_exported.append(NotExported(rule.name, f"too many alternatives: {rule.sql}"))
            continue
        for parts in found:
            _alternative(suite, facts, rule, parts, typed, where)
        if where is None:
            return


def _differs(rule: RuleFacts, facts: TableFacts, parameters: Mapping[str, Mapping[str, Parameter]]) -> bool:
    """Whether the same words mean different things in the sources: their parameters differ."""
    names = [placeholder.name for placeholder in parse(rule.sql, rule.name).find_all(exp.Placeholder)]
    lake = parameters.get("", {})
    meant = {str([parameters.get(s, {}).get(name, lake.get(name)) for name in names]) for s in facts.sources}
    return len(meant) > 1


def _bound(rule: RuleFacts, parameters: Mapping[str, Parameter]) -> exp.Expression:
    return bind(parse(rule.sql, rule.name), parameters, rule.name)


def _typed_by(rules: Sequence[RuleFacts], parameters: Mapping[str, Parameter]) -> Iterator[str]:
    """Columns whose text a rejecting rule refuses where it gives no value: null text and null value are the same."""
    for rule in rules:
        if rule.severity != "reject":
            continue
        for parts in alternatives(_bound(rule, parameters)) or ():
            atoms = {(part.column, part.operator) for part in parts if isinstance(part, Atom)}
            for column, operator in atoms:
                if operator == "is null" and atoms == {(column, operator), (column + TEXT, "is not null")}:
                    yield column


def _alternative(
    suite: Suite, facts: TableFacts, rule: RuleFacts, parts: Sequence[Part], typed: set[str], where: Atom | None
) -> None:
    """One way to break a rule: what is expected of its column, in the rows where the rest is true."""
    names = {column.name for column in facts.columns}

    def leave(reason: str) -> None:
        suite.not_exported.append(NotExported(rule.name, f"`{told(parts) or rule.sql}`: {reason}"))

    if any(part is None for part in parts):
        return leave("the setting that it compares with is not set, so that nothing can break it")
    if any(isinstance(part, Unclear) for part in parts):
        return leave("it computes something, and expectations on a data frame compare columns with values")
    atoms = [_on_values(part, names, typed) for part in parts if isinstance(part, Atom)]
    compared = {atom.column for atom in atoms if atom and atom.operator not in ("is null", "is not null")}
    # A value that is compared is there, and so was its text.
    atoms = [a for a in atoms if not (a and a.operator == "is not null" and a.column.removesuffix(TEXT) in compared)]
    if any(atom is None or {atom.column, atom.other or atom.column} - names for atom in atoms):
        return leave("it looks at the text as the source wrote it, which the table doesn't keep")
    clear = [atom for atom in atoms if atom]
    fault = next((a for a in clear if a.operator == "is null"), clear[-1] if clear else None)
    if fault is None or (fault.operator == "is not null"):
        return leave("it names no value that a column must not have")
    if fault.other and fault.operator == "=":
        return leave("two columns must differ, for which there is no expectation")
    others = [atom for atom in clear if atom is not fault] + ([where] if where else [])
    if any(atom.other for atom in others):
        return leave("it compares two columns in order to choose rows")
    kind, kwargs = _expected(fault)
    if others:
        kwargs = {**kwargs, "row_condition": _row_condition(others)}
    notes = rule.description or rule.name
    _add(suite, rule.name, kind, kwargs, _SEVERITY[rule.severity], notes)
    return None


def _on_values(atom: Atom, names: set[str], typed: set[str]) -> Atom | None:
    """The same on the table's own column where it looks at the text and both are null together."""
    column = atom.column.removesuffix(TEXT)
    if atom.column in names or atom.operator == "is not null":
        return atom
    if atom.operator == "is null" and column in typed and column in names:
        return Atom(column, "is null")
    return None


def _expected(fault: Atom) -> tuple[str, dict[str, Any]]:
    """The expectation that fails where a column breaks a rule so."""
    column, value = fault.column, fault.values[0] if fault.values else None
    if fault.other:
        return _pair(fault)
    match fault.operator:
        case "is null":
            return "expect_column_values_to_not_be_null", {"column": column}
        case "<" | "<=":
            bound = {"min_value": value} | ({"strict_min": True} if fault.operator == "<=" else {})
            return "expect_column_values_to_be_between", {"column": column, **bound}
        case ">" | ">=":
            bound = {"max_value": value} | ({"strict_max": True} if fault.operator == ">=" else {})
            return "expect_column_values_to_be_between", {"column": column, **bound}
        case "<>" | "not in":
            return "expect_column_values_to_be_in_set", {"column": column, "value_set": list(fault.values)}
        case _:
            return "expect_column_values_to_not_be_in_set", {"column": column, "value_set": list(fault.values)}


def _pair(fault: Atom) -> tuple[str, dict[str, Any]]:
    both = {"ignore_row_if": "either_value_is_missing"}
    a, b = fault.column, fault.other
    if fault.operator == "<>":
        kind = "expect_column_pair_values_to_be_equal"
        return kind, {"column_A": a, "column_B": b, **both}
    smaller_breaks = fault.operator in ("<", "<=")
    larger, smaller = (a, b) if smaller_breaks else (b, a)
    or_equal = fault.operator in ("<", ">")
    kwargs = {"column_A": larger, "column_B": smaller, "or_equal": or_equal, **both}
    return "expect_column_pair_values_a_to_be_greater_than_b", kwargs


def _row_condition(atoms: Sequence[Atom]) -> dict[str, Any]:
    conditions = [_condition(atom) for atom in atoms]
    return conditions[0] if len(conditions) == 1 else {"type": "and", "conditions": conditions}


def _condition(atom: Atom) -> dict[str, Any]:
    column = {"name": atom.column}
    if atom.operator in ("is null", "is not null"):
        return {"type": "nullity", "column": column, "is_null": atom.operator == "is null"}
    operator = {"=": "==", "<>": "!=", "in": "IN", "not in": "NOT_IN"}.get(atom.operator, atom.operator)
    parameter = list(atom.values) if operator in ("IN", "NOT_IN") else atom.values[0]
    return {"type": "comparison", "column": column, "operator": operator, "parameter": parameter}


def _check(suite: Suite, rule: RuleFacts) -> None:
    """A check that the table has as many rows as another one; what else SQL can say is left out."""
    tree = parse(rule.sql, rule.name)
    counted = list(_whole_counts(tree))
    if len(set(counted)) == len(counted) == 2 and suite.table in counted and "" not in counted:
        other = next(table for table in counted if table != suite.table)
        _count(suite, rule.name, other, _SEVERITY[rule.severity], rule.description)
        return
    is_sum = any(True for _ in tree.find_all(exp.Sum))
    reason = (
        "it compares sums, and Great Expectations adds up floating point numbers, which is not exact to the cent"
        if is_sum
        else _SQL_ON_TABLES
    )
    suite.not_exported.append(NotExported(rule.name, reason))


def _whole_counts(tree: exp.Expression) -> Iterator[str]:
    """Where the SQL compares `count(*)` of two whole tables: both tables; else nothing, or something else."""
    if not isinstance(tree, exp.Select) or not isinstance(tree.args.get("where"), exp.Where):
        return
    if not isinstance(tree.args["where"].this, exp.NEQ):
        return
    for inner in tree.find_all(exp.Subquery):
        select = inner.this
        if not isinstance(select, exp.Select) or len(select.expressions) != 1:
            yield ""
            continue
        value = select.expressions[0].unalias()
        is_plain = not any(select.args.get(key) for key in ("where", "group", "joins", "having", "qualify", "distinct"))
        if not (isinstance(value, exp.Count) and isinstance(value.this, exp.Star) and is_plain):
            yield ""
            continue
        yield from (f"{table.db}.{table.name}" for table in select.find_all(exp.Table))
