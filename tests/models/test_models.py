"""Every model and report of the shop: its cases, its increments, its checks, its text and its document."""

from __future__ import annotations

import re
import warnings
from datetime import date

import pytest
import sqlglot
from sqlglot import exp

from clicklake.build.checks import run_checks
from clicklake.build.graph import build_order
from clicklake.build.graph import inputs as model_inputs
from clicklake.contracts.model import Model
from clicklake.engines.sql import bind, parse, tables

LAKE_FUNCTIONS = {"reporting_time", "unix_micros", "pct", "per", "lower_snake"}
LONG = {"funnel"}  # the same step for each step of a funnel
# What two engines answer differently, without an error.
NOT_PORTABLE = (exp.Avg, exp.Round, exp.Median, exp.PercentileCont, exp.ApproxDistinct, exp.ArrayAgg, exp.Div)


def rows_in_any_order(rows):
    return sorted(rows, key=repr)


def statements(model, settings):
    """The SQL of a model and of its checks and affected keys, by what it is."""
    texts = {"sql": model.sql}
    if isinstance(model, Model):
        texts |= {f"check {check.name}": check.sql for check in model.doc.checks}
        texts |= {f"affected by {name}": sql for name, sql in model.doc.affected.items()}
    else:
        texts |= {f"value {name}": sql for name, sql in model.doc.values.items()}
    defaults = {} if isinstance(model, Model) else {name: doc.default for name, doc in model.doc.parameters.items()}
    values = {**defaults, "row_limit": None, "today": date(2024, 3, 4), **settings}
    return {what: bind(parse(sql, f"{model.file}: {what}"), values, what) for what, sql in texts.items()}


# ---- cases


def test_rows_are_as_expected(case, open_engine, shop):
    made = shop.run_model(open_engine(**case.settings), case.model, case.inputs, case.settings)
    model = shop.models[case.model]
    expected = shop.as_table(case.expected, model.doc.columns).to_pylist()
    if isinstance(model, Model):
        made, expected = rows_in_any_order(made), rows_in_any_order(expected)
    assert made == expected, case.show


def test_grain_is_unique(case, open_engine, shop):
    made = shop.run_model(open_engine(**case.settings), case.model, case.inputs, case.settings)
    grain = shop.models[case.model].doc.grain
    keys = [tuple(row[name] for name in grain) for row in made]
    assert len(keys) == len(set(keys))


def test_restricted_to_affected_keys_the_rows_are_the_same(keys_case, open_engine, shop):
    """An increment runs the model on all rows of the keys that a change affects, and on no others."""
    engine, case = open_engine(**keys_case.settings), keys_case
    doc = shop.models[case.model].doc
    full = shop.run_model(engine, case.model, case.inputs, case.settings)
    given = {name: engine.table(f"from {name}").to_pylist() for name in doc.affected}
    restricted = [name for name in given if set(doc.key) <= shop.catalogue.table(name).doc.columns.keys()]
    for name, sql in doc.affected.items():
        for changed in given[name]:
            for table, rows in given.items():  # the way to the keys may lead through another input
                shop.put(engine, table, shop.as_table(rows, shop.catalogue.table(table).doc.columns))
            shop.put(engine, "changed", shop.as_table([changed], shop.catalogue.table(name).doc.columns))
            keys = {tuple(row.values()) for row in engine.table(sql).to_pylist()}

            def affected(row, keys=keys):
                return tuple(row[column] for column in doc.key) in keys

            part = {
                table: [row for row in rows if affected(row)] if table in restricted else rows
                for table, rows in given.items()
            }
            made = [row for row in shop.run_model(engine, case.model, part, case.settings) if affected(row)]
            expected = [row for row in full if affected(row)]
            assert rows_in_any_order(made) == rows_in_any_order(expected), f"after a change of {changed}"


def test_every_model_has_cases(model, shop):
    names = [case.name for case in shop.cases if case.model == shop.name_of(model)]
    assert len(names) >= 2, f"tests/models/{shop.name_of(model)}/ has {len(names)} cases"


def test_cases_belong_to_models_and_say_what_they_show(case, shop):
    assert case.model in shop.models
    assert re.fullmatch(r"[A-Z].{20,}[.]", case.show, re.DOTALL)
    assert (shop.folder / case.model / case.name / "expect.yaml").is_file()


def test_empty_tables_are_no_error(model, open_engine, shop):
    name = shop.name_of(model)
    made = shop.run_model(open_engine(), name, {}, shop.settings)
    told = [len(case.expected) for case in shop.cases if (case.model, case.name) == (name, "no_events")]
    assert len(made) == (told[0] if told else 0)


# ---- checks


def build_all(engine, case, shop):
    """All gold tables of a case, attached."""
    made = dict(case.inputs)
    for table in build_order(shop.catalogue.gold, frozenset(shop.catalogue.silver)):
        made[table.name] = shop.run_model(engine, table.file.stem, made, case.settings)
        shop.put(engine, table.name, shop.as_table(made[table.name], table.doc.columns))


def test_checks_hold(case, open_engine, shop):
    if any(name.startswith("gold.") for name in case.inputs):
        pytest.skip("gives gold tables that don't come from its silver tables")
    engine = open_engine(**case.settings)
    build_all(engine, case, shop)
    gold = shop.catalogue.gold
    results = [result for model in gold.values() for result in run_checks(engine, model, gold, case.settings)]
    assert [result for result in results if not result.passed] == []


def test_checks_find_a_lost_row(table, open_engine, shop):
    """In one of the facts' cases; the row that is lost is neither the first nor, of three, the last."""
    if not table.doc.checks:
        pytest.skip("has no checks of its own")
    cases = [case for case in shop.cases if case.name == "every_column"]
    cases.sort(key=lambda case: case.model != table.file.stem)
    assert any(_is_missed(table, case, open_engine(**case.settings), shop) for case in cases)


def _is_missed(table, case, engine, shop):
    build_all(engine, case, shop)
    rows = sorted(
        engine.table(f"from {table.name}").to_pylist(), key=lambda row: [row[name] for name in table.doc.grain]
    )
    del rows[len(rows) // 2 : len(rows) // 2 + 1]
    shop.put(engine, table.name, shop.as_table(rows, table.doc.columns))
    results = {r.name: r.passed for r in run_checks(engine, table, shop.catalogue.gold, case.settings)}
    return not all(results[check.name] for check in table.doc.checks)


# ---- text


def test_another_dialect_takes_it(model, shop):
    for what, tree in statements(model, shop.settings).items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            text = tree.sql("spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
        again = sqlglot.parse_one(text, read="spark")
        assert tables(again) == tables(tree), what
        assert not list(again.find_all(exp.Placeholder)), what
        assert " materialized" not in text.lower(), what


def test_it_uses_only_what_all_engines_share(model, shop):
    for what, tree in statements(model, shop.settings).items():
        own = {node.name.lower() for node in tree.find_all(exp.Anonymous)}
        assert own <= LAKE_FUNCTIONS, what
        assert not list(tree.find_all(*NOT_PORTABLE)), what


def test_nothing_is_ordered_by_what_depends_on_the_order_of_files(model, shop):
    for tree in statements(model, shop.settings).values():
        ordered = [*tree.find_all(exp.Order), *tree.find_all(exp.ArgMin, exp.ArgMax)]
        named = {column.name for node in ordered for column in node.find_all(exp.Column)}
        assert not named & {"event_id", "row_id", "ingestion_timestamp", "source_file"}


def test_it_reads_like_the_others(model):
    """Imports first, the last step lists every column of the document, and is selected."""
    tree = parse(model.sql, model.file.stem)
    ctes = tree.ctes
    assert tree.is_star and tree.find(exp.From).name == ctes[-1].alias == "final"
    assert {f"{table.db}.{table.name}" for table in ctes[0].find_all(exp.Table)} <= set(tables(tree))
    columns = list(model.doc.columns)
    listed = ctes[-1].this.named_selects
    assert listed[: len(columns)] == columns
    assert listed == columns or not isinstance(model, Model)
    lines = model.sql.splitlines()
    assert (len(lines) <= 120 or model.file.stem in LONG) and max(map(len, lines)) <= 100
    assert "select * from final" in lines


# ---- documents


def test_a_table_says_how_it_follows_changes(table):
    doc = table.doc
    assert (doc.strategy == "keys") == bool(doc.key) == bool(doc.affected)
    if doc.affected:
        assert set(doc.affected) == set(model_inputs(table))
        for sql in doc.affected.values():
            assert parse(sql, table.name).named_selects == list(doc.key)
    for reference in doc.references:
        assert set(reference.columns) <= doc.columns.keys()


def test_a_report_reads_its_window_and_is_ordered(report, shop):
    tree = parse(report.sql, report.name)
    read = set(tables(tree)) - {"fitted"}
    assert read and set(report.doc.window) <= read
    others = read - set(report.doc.window)
    assert others <= {name for name in shop.catalogue.gold if name.startswith("gold.dim_")}
    order = tree.args["order"]
    assert order is not None
    assert all(item.args.get("desc") is not None for item in order.expressions)


def test_a_report_says_how_it_is_shown(report):
    doc = report.doc
    assert doc.title and len(doc.description) > 60
    assert set(doc.grain) <= doc.columns.keys()
    for name in (doc.chart.x, doc.chart.y, doc.chart.series):
        assert name is None or name in doc.columns
    assert doc.chart.kind == "none" or doc.chart.title
