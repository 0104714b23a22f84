"""Every case of every model and report gives the same rows on both engines, in the same types."""

from __future__ import annotations

from shop_cases import CATALOGUE, MODELS, as_table, run_model

from clicklake.build.graph import inputs as model_inputs
from clicklake.build.strategies import select_typed
from clicklake.contracts.model import Model
from clicklake.reports.run import Window, plan, report_tables, run_reports

from .comparing import assert_equal


def test_rows_are_equal(case, engines):
    """What a model reads is made by DuckDB, so that each model is looked at for itself."""
    duckdb, spark = engines(**case.settings)
    model = MODELS[case.model]
    expected = run_model(duckdb, case.model, case.inputs, case.settings)
    for name in model_inputs(model) if isinstance(model, Model) else report_tables(model):
        rows = duckdb.table(f"from {name}").to_pylist()
        spark.register(name, as_table(rows, CATALOGUE.table(name).doc.columns))
    if isinstance(model, Model):
        sql = select_typed(model, case.settings)
        assert_equal(spark.table(sql), duckdb.table(sql))
    else:
        window = Window(*(case.settings[name] for name in ("since", "until", "as_of")))
        (answer,) = run_reports(spark, [plan(spark, model, case.settings, window, None)])
        assert answer.failure is None
        assert answer.to_pylist() == expected
