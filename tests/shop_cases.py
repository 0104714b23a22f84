"""Cases of models and reports: each is a folder that says in one sentence what it shows.

    tests/models/<model>/<case>/input.yaml    show, settings, defaults, inputs
    tests/models/<model>/<case>/expect.yaml   the rows: of a table in any order, of a report in its order

`inputs` has rows by table; a column that is left out has the table's default, else it is null, and `times: 3`
writes a row three times. Rows of a table whose key is a bare number are numbered where they don't say it.
A gold table that a case doesn't give is built from the case by that table's own model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from clicklake.build.graph import inputs as model_inputs
from clicklake.build.strategies import select_typed
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.model import ColumnDoc, Model, Report, ReportColumn
from clicklake.contracts.types import ColumnType
from clicklake.reports.run import Window, plan, report_tables, run_reports

CASES = Path(__file__).parent / "models"
CATALOGUE = Catalogue()
SETTINGS = {
    "reporting_timezone": "UTC",
    "segment_high": 20,
    "segment_medium": 5,
    "segment_low": 2,
    "purchase_source": "auto",
    "horizon_days": 365,
    "discount_rate": 0.0,
    "at_risk_gaps": 2.0,
    "holidays": (None,),
    "affinity_min_orders": 2,
    "affinity_max_products": 100,
    "since": None,
    "until": None,
    "as_of": None,
}

Row = dict[str, Any]
Rows = list[Row]


@dataclass(frozen=True)
class Case:
    """What a model reads and what it must make of it."""

    model: str
    name: str
    show: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, Rows]
    expected: Rows

    def __str__(self) -> str:
        return f"{self.model}/{self.name}"


def find_models() -> dict[str, Model | Report]:
    """Every gold model and every report of the shop, by the name of its cases' folder."""
    reports = [CATALOGUE.report(name) for name in CATALOGUE.report_names]
    return {name_of(model): model for model in [*CATALOGUE.gold.values(), *reports]}


def name_of(model: Model | Report) -> str:
    """The name of its file; a report that is called like a table has `_report` behind it."""
    is_twice = isinstance(model, Report) and f"gold.{model.name}" in CATALOGUE.gold
    return f"{model.file.stem}_report" if is_twice else model.file.stem


MODELS = find_models()


def find_cases() -> list[Case]:
    """Every folder of this one that holds rows, in the order of their names."""
    return [_case(file.parent) for file in sorted(CASES.glob("*/*/input.yaml"))]


def _case(folder: Path) -> Case:
    given = yaml.safe_load((folder / "input.yaml").read_text(encoding="utf-8"))
    expected = yaml.safe_load((folder / "expect.yaml").read_text(encoding="utf-8"))
    unknown = given.keys() - {"show", "settings", "defaults", "inputs"}
    assert not unknown, f"{folder}: unknown keys {unknown}"
    defaults = given.get("defaults", {})
    rows = {table: _rows(table, listed or [], defaults.get(table, {})) for table, listed in given["inputs"].items()}
    settings = {**SETTINGS, **given.get("settings", {})}
    return Case(folder.parent.name, folder.name, given["show"], settings, rows, expected or [])


def _rows(table: str, listed: Rows, defaults: Row) -> Rows:
    doc = CATALOGUE.table(table).doc
    rows = [{**defaults, **row} for row in listed for _ in range(row.get("times", 1))]
    if len(doc.grain) == 1 and doc.columns[doc.grain[0]].type == "bigint":
        rows = [{doc.grain[0]: number, **row} for number, row in enumerate(rows, start=1)]
    return [{name: value for name, value in row.items() if name != "times"} for row in rows]


CASES_FOUND = find_cases()


def choices() -> dict[str, list[Any]]:
    """What tests may ask for, one test each: a case, a model, a table or a report."""
    return {
        "case": CASES_FOUND,
        "keys_case": [case for case in CASES_FOUND if _strategy(case.model) == "keys"],
        "model": list(MODELS.values()),
        "table": [model for model in MODELS.values() if isinstance(model, Model)],
        "report": [model for model in MODELS.values() if isinstance(model, Report)],
    }


def id_of(item: Any) -> str:
    """What a test of it is called."""
    return name_of(item) if isinstance(item, (Model, Report)) else str(item)


def _strategy(model: str) -> str | None:
    found = MODELS.get(model)
    return found.doc.strategy if isinstance(found, Model) else None


def run_model(engine: Any, name: str, inputs: Mapping[str, Rows], settings: Mapping[str, Any]) -> Rows:
    """Rows that a model or report makes of input rows; the one place that knows how an engine runs a model.

    Args:
        engine: Where it runs; tables of the same names there are replaced.
        name: The name of its file.
        inputs: Rows by table; a gold table that isn't there is built first, a silver table is empty.
        settings: Values of the placeholders, and `since`, `until` and `as_of` for reports.
    """
    model = MODELS[name]
    for table in model_inputs(model) if isinstance(model, Model) else report_tables(model):
        stem = table.partition(".")[2]
        rows = inputs.get(table)
        if rows is None:
            rows = run_model(engine, stem, inputs, settings) if stem in MODELS else []
        put(engine, table, as_table(rows, CATALOGUE.table(table).doc.columns))
    if isinstance(model, Model):
        return engine.table(select_typed(model, settings)).to_pylist()
    window = Window(settings["since"], settings["until"], settings["as_of"])
    (answer,) = run_reports(engine, [plan(engine, model, settings, window, None)])
    assert answer.failure is None
    return answer.to_pylist()


def put(engine: Any, name: str, rows: pa.Table) -> None:
    """Make rows a table of the engine."""
    engine.register("given_rows", rows)
    engine.execute(f"create or replace table {name} as select * from given_rows")


def as_table(rows: Rows, columns: Mapping[str, ColumnDoc | ReportColumn]) -> pa.Table:
    """Rows of a case in the types of a document; what a row leaves out is null."""
    unknown = {key for row in rows for key in row} - columns.keys()
    assert not unknown, f"no such columns: {sorted(unknown)}"
    return pa.table(
        {
            name: pa.array([_value(row.get(name), doc.type) for row in rows], _naive(ColumnType(doc.type).arrow))
            for name, doc in columns.items()
        }
    )


def _value(value: Any, type_name: str) -> Any:
    if value is None or not type_name.startswith("decimal"):
        return list(value.items()) if isinstance(value, dict) else value
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _naive(data_type: pa.DataType) -> pa.DataType:
    return pa.timestamp("us") if pa.types.is_timestamp(data_type) else data_type


class Shop:
    """The models, the cases, and the functions that run them."""

    models = MODELS
    cases = CASES_FOUND
    folder = CASES
    catalogue = CATALOGUE
    settings = SETTINGS
    name_of = staticmethod(name_of)
    run_model = staticmethod(run_model)
    as_table = staticmethod(as_table)
    put = staticmethod(put)
