"""Fitted columns: a report's step has one row per customer, a model is fitted to it, its predictions are columns.

Nothing here grows with the number of customers but what the engine keeps: customers with equal numbers are one row of
the fit, and expected values are computed by the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from clicklake.contracts.model import Fit
from clicklake.engines.base import Engine
from clicklake.engines.sql import DIALECT, quote, text
from clicklake.errors import ClicklakeError, ContractError, FitError
from clicklake.reports.run import FITTED, Plan
from clicklake.statistics import bgnbd, gamma_gamma
from clicklake.statistics.bgnbd import BGNBD
from clicklake.statistics.gamma_gamma import GammaGamma

_STEPS = 12
"""Parts of the horizon that are discounted each by its own middle."""
_YEAR = 365.0


@dataclass(frozen=True)
class Fitted:
    """A model that was fitted to the rows of a report.

    Args:
        rows: The relation of the step that it was fitted to.
        relation: The same rows with the predictions.
        facts: What the model is: parameters, sources, data.
        problem: Why it could not be fitted.
    """

    rows: str
    relation: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: ClicklakeError | None = None

    def put_into(self, query: exp.Expression, doc: Fit) -> exp.Expression:
        """The query reading the predictions, and the step as it was computed already."""
        changed = query.copy()
        for cte in changed.ctes if isinstance(changed, exp.Query) else ():
            if cte.alias == doc.rows:
                cte.set("this", exp.select("*").from_(exp.to_table(self.rows, dialect=DIALECT)))
        for table in list(changed.find_all(exp.Table)):
            if table.name == FITTED and not table.db:
                other = exp.to_table(self.relation, dialect=DIALECT)
                table.replace(exp.alias_(other, table.alias_or_name, table=True))
        return changed


def fit_rows(engine: Engine, plan: Plan, query: exp.Expression, known: dict[str, Fitted]) -> Fitted:
    """Fit a report's model.

    Args:
        engine: Gets the relations, in schema `work`.
        plan: The report.
        query: Its query, whose steps may be shared with others already.
        known: What was fitted for other reports; a fit to the same step is not repeated.
    """
    doc = plan.report.doc.fit
    assert doc is not None
    steps = _steps_to(query, doc.rows, f"{plan.report.file}")
    horizon = {name: plan.parameters[name] for name in ("horizon_days", "discount_rate")}
    key = f"{doc.model_copy(update={'optional': False})} {horizon} {steps}"
    if key not in known:
        number = len(known) + 1
        rows = f"work.fit_{number}_rows"
        engine.execute(f"create or replace table {rows} as with {steps} select * from {quote(doc.rows)}")
        known[key] = _fit(engine, rows, f"work.fit_{number}", doc, horizon)
    return known[key]


def _steps_to(query: exp.Expression, name: str, what: str) -> str:
    steps = []
    for cte in query.ctes if isinstance(query, exp.Query) else ():
        steps.append(text(cte))
        if cte.alias == name:
            return ", ".join(steps)
    raise ContractError(f"{what}: fit.rows names {name!r}, which is no step of the SQL")


def _fit(engine: Engine, rows: str, relation: str, doc: Fit, horizon: Mapping[str, Any]) -> Fitted:
    problem: ClicklakeError | None = None
    if engine.value(f"select count(*) from {rows}"):
        try:
            made, facts = _predicted(engine, rows, relation, doc, horizon)
            engine.execute(f"create or replace view {relation} as {made}")
            return Fitted(rows, relation, facts)
        except FitError as error:
            problem = error
    names = ["probability_alive", "predicted_purchases", *(["expected_value", "clv"] if doc.value else [])]
    columns = ", ".join(f"cast(null as double) as {name}" for name in names)
    engine.execute(f"create or replace view {relation} as select *, {columns} from {rows}")
    return Fitted(rows, relation, problem=problem)


def _predicted(
    engine: Engine, rows: str, relation: str, doc: Fit, horizon: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """SQL of the rows with their predictions, and what is to be known of the model."""
    days, rate = float(horizon["horizon_days"]), float(horizon["discount_rate"] or 0)
    x, t_x, old = (f"cast(customers.{quote(name)} as double)" for name in (doc.frequency, doc.recency, doc.age))
    kinds = _arrays(
        engine,
        f"select {x} as x, {t_x} as t_x, {old} as old, count(*) as n from {rows} as customers "
        "group by all order by all",
    )
    customers = (kinds["x"], kinds["t_x"], kinds["old"])
    model = BGNBD.fit(*customers, weights=kinds["n"])
    predictions = {
        "x": customers[0],
        "t_x": customers[1],
        "old": customers[2],
        "probability_alive": model.probability_alive(*customers),
        "predicted_purchases": model.expected_purchases(days, *customers),
        "discounted": _discounted(model, days, rate, customers),
    }
    engine.register("fitted_predictions", pa.table(predictions))
    engine.execute(f"create or replace table {relation}_predictions as select * from fitted_predictions")
    engine.unregister("fitted_predictions")
    facts: dict[str, Any] = {
        "model": "BG/NBD",
        "sources": [bgnbd.SOURCE],
        "parameters": _shown(model),
        "log_likelihood": round(model.log_likelihood(*customers, weights=kinds["n"]), 2),
        "customers": int(kinds["n"].sum()),
        "repeat_customers": int(kinds["n"][kinds["x"] > 0].sum()),
        "horizon_days": horizon["horizon_days"],
    }
    columns = "predictions.probability_alive, predictions.predicted_purchases"
    if doc.value:
        values = _values(engine, rows, x, f"cast(customers.{quote(doc.value)} as double)")
        columns += f", {values.sql} as expected_value, predictions.discounted * {values.sql} as clv"
        facts |= {"model": "BG/NBD with Gamma-Gamma", "sources": [bgnbd.SOURCE, gamma_gamma.SOURCE]}
        facts["parameters"] |= _shown(values.model)
        facts |= {"discount_rate": rate, "mean_value": round(values.model.mean, 2)}
        facts["correlation_of_frequency_and_value"] = values.correlation
    return (
        f"select customers.*, {columns} from {rows} as customers inner join {relation}_predictions as predictions "
        f"on {x} = predictions.x and {t_x} = predictions.t_x and {old} = predictions.old"
    ), facts


@dataclass(frozen=True)
class _Values:
    """What purchases are worth: the model, and SQL of the expected value of a customer's next one."""

    model: GammaGamma
    sql: str
    correlation: float | None


def _values(engine: Engine, rows: str, x: str, z: str) -> _Values:
    repeated = f"from {rows} as customers where {x} > 0 and {z} > 0"
    found = _arrays(engine, f"select {x} as x, {z} as z, count(*) as n {repeated} group by all order by all")
    model = GammaGamma.fit(found["x"], found["z"], weights=found["n"])
    correlation = engine.value(f"select corr({x}, {z}) {repeated}")
    p, q, v = (f"cast({number!r} as double)" for number in (model.p, model.q, model.v))
    total = f"case when {x} > 0 then coalesce({x} * {z}, 0) else 0 end"
    is_told = correlation is not None and np.isfinite(correlation)
    return _Values(
        model,
        f"({p} * ({v} + {total}) / ({p} * {x} + {q} - 1))",
        round(float(correlation), 3) if is_told else None,
    )


def _discounted(
    model: BGNBD, days: float, rate: float, customers: tuple[npt.NDArray[np.float64], ...]
) -> npt.NDArray[np.float64]:
    """Purchases of the horizon, each worth less by the yearly rate the later it comes."""
    if not rate:
        return model.expected_purchases(days, *customers)
    ends = [days * step / _STEPS for step in range(_STEPS + 1)]
    until = [model.expected_purchases(end, *customers) for end in ends]
    middles = [(before + after) / 2 for before, after in pairwise(ends)]
    parts = [
        (after - before) / (1 + rate) ** (at / _YEAR)
        for (before, after), at in zip(pairwise(until), middles, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _arrays(engine: Engine, sql: str) -> dict[str, npt.NDArray[np.float64]]:
    table = engine.table(sql)
    return {name: table[name].to_numpy().astype(np.float64) for name in table.column_names}


def _shown(model: BGNBD | GammaGamma) -> dict[str, float]:
    """Parameters as people compare them: six digits."""
    return {name: float(f"{value:.6g}") for name, value in vars(model).items()}
