from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clicklake.build import checks as module
from clicklake.build.checks import run_checks
from clicklake.contracts.model import Model, TableDoc
from clicklake.engines.duckdb import DuckDB


def model(name: str, grain: list[str], *references: dict[str, object]) -> Model:
    columns = {name: {"type": "string", "description": name} for name in ("who", "visit", "thing")}
    document = {"description": f"One row per {name}.", "grain": grain, "columns": columns, "references": references}
    doc = TableDoc.model_validate({**document, "strategy": "rebuild"})
    return Model(f"gold.{name}", doc, "", Path(f"{name}.yml"))


PEOPLE = model("people", ["who"])
VISITS = model("visits", ["who", "visit"], {"columns": ["who"], "table": "gold.people"})
EVENTS = model(
    "events",
    ["thing"],
    {"columns": ["who"], "table": "gold.people"},
    {"columns": ["who", "visit"], "table": "gold.visits"},
)
MODELS = {item.name: item for item in (PEOPLE, VISITS, EVENTS)}


@pytest.fixture(params=["few rows", "many rows"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDB]:
    if request.param == "many rows":  # the way of large tables, on small ones
        monkeypatch.setattr(module, "_FEW_KEYS", 1)
        monkeypatch.setattr(module, "_MANY_TIMES", 1_000_000)
    else:
        monkeypatch.setattr(module, "_MANY_TIMES", 0)
    engine = DuckDB(memory_limit="256MB", threads=2)
    yield engine
    engine.close()


def offending(engine: DuckDB, **tables: str) -> dict[str, int]:
    """The checks that don't pass, with what offends; each table is given as rows of who, visit, thing."""
    for name in ("people", "visits", "events"):
        rows = tables.get(name, "")
        source = f"(values {rows}) as rows (who, visit, thing)" if rows else "(select null, null, null where false)"
        names = "cast(who as varchar) as who, cast(visit as varchar) as visit, cast(thing as varchar) as thing"
        given = source if rows else f"{source} as rows (who, visit, thing)"
        engine.execute(f"create or replace table gold.{name} as select {names} from {given}")
    results = [result for item in MODELS.values() for result in run_checks(engine, item, MODELS, {})]
    return {f"{r.table} {r.name}": r.offending for r in results if not r.passed}


GOOD = {
    "people": "('ann', null, null), ('bob', null, null)",
    "visits": "('ann', '1', null), ('ann', '2', null), ('bob', '1', null)",
    "events": "('ann', '1', 'a'), ('ann', '2', 'b'), ('bob', '1', 'c'), ('bob', null, 'd'), (null, null, 'e')",
}


def test_good_tables_pass(engine: DuckDB) -> None:
    assert offending(engine, **GOOD) == {}


def test_tables_without_rows_pass(engine: DuckDB) -> None:
    assert offending(engine) == {}


def test_keys_that_occur_again_are_counted_once_each(engine: DuckDB) -> None:
    twice = GOOD["visits"] + ", ('ann', '2', null), ('ann', '2', null), ('bob', '1', null)"
    assert offending(engine, **{**GOOD, "visits": twice}) == {"gold.visits unique_who_visit": 2}


def test_a_key_that_is_null_is_none(engine: DuckDB) -> None:
    assert offending(engine, **{**GOOD, "people": GOOD["people"] + ", (null, null, null)"}) == {
        "gold.people unique_who": 1
    }


def test_a_key_without_its_parent_is_counted_once(engine: DuckDB) -> None:
    lost = GOOD["events"] + ", ('bob', '9', 'f'), ('bob', '9', 'g')"
    assert offending(engine, **{**GOOD, "events": lost}) == {"gold.events who_visit_in_visits": 1}


def test_a_user_is_missed_with_a_visit_and_without_one(engine: DuckDB) -> None:
    without = GOOD["events"] + ", ('cyd', null, 'f')"
    assert offending(engine, **{**GOOD, "events": without}) == {"gold.events who_in_people": 1}
    unknown = GOOD["events"] + ", ('cyd', '1', 'f')"
    assert offending(engine, **{**GOOD, "events": unknown}) == {"gold.events who_visit_in_visits": 1}
    visiting = GOOD["visits"] + ", ('cyd', '1', null)"
    assert offending(engine, **{**GOOD, "events": unknown, "visits": visiting}) == {"gold.visits who_in_people": 1}


def test_equal_hashes_are_not_equal_keys(engine: DuckDB, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.execute("create or replace macro hash(a, b := null) as 7::ubigint")
    assert offending(engine, **GOOD) == {}
