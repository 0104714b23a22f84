"""Behind an increment only what is new is looked at; what is wrong is found as a check of everything finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clicklake.build import checks
from clicklake.build.checks import run_checks
from clicklake.engines.duckdb import DuckDB
from clicklake.errors import CheckFailedError
from clicklake.lake import Lake
from clicklake.storage import commit
from clicklake.synthetic import GeneratorConfig, generate

FACT, PRODUCTS, SESSIONS = "gold.fact_events", "gold.dim_products", "gold.dim_sessions"


@pytest.fixture
def built(tmp_path: Path) -> Lake:
    generate(tmp_path / "data", GeneratorConfig(rows=1500, days=60))
    lake = Lake(tmp_path / "lake")
    lake.run(click_events=tmp_path / "data" / "click_events")
    return lake


@pytest.fixture
def engine(built: Lake) -> Iterator[DuckDB]:
    engine = built.engine()
    yield engine
    engine.close()


def spoil(lake: Lake, engine: DuckDB, table: str, rows: str, *, whole: bool = False) -> None:
    """Commit rows to a table as if a build had made them."""
    before = lake.store.open(table)
    stream = engine.stream(rows.format(table=f"({engine.scan(before)})"), before.schema)
    commit(lake.store, before, stream, marks={}, mode="overwrite" if whole else "append")


def whole_checks(lake: Lake, engine: DuckDB) -> dict[tuple[str, str], int]:
    gold = lake.catalogue.gold
    for name, model in {**lake.catalogue.silver, **gold}.items():
        table = lake.store.find(name)
        engine.attach(table) if table else engine.attach_empty(name, model.doc.schema)
    results = [result for model in gold.values() for result in run_checks(engine, model, gold, lake.parameters)]
    return {(result.table, result.name): result.offending for result in results if result.offending}


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables whose keys were looked at as far as they are new."""
    seen: list[str] = []
    real: Callable[..., int] = checks._new_orphans

    def noted(engine: DuckDB, model: object, *args: object) -> int:
        seen.append(model.name)  # type: ignore[attr-defined]
        return real(engine, model, *args)

    monkeypatch.setattr(checks, "_new_orphans", noted)
    return seen


@pytest.mark.parametrize(
    ("table", "rows", "whole", "found"),
    [
        (PRODUCTS, "select * from {table} order by product_id limit 2", False, (PRODUCTS, "unique_product_id")),
        (
            PRODUCTS,
            "select * replace (null as product_id) from {table} limit 1",
            False,
            (PRODUCTS, "unique_product_id"),
        ),
        (SESSIONS, "select * from {table} order by user_id limit 1", False, (SESSIONS, "unique_user_id_session_id")),
        (FACT, "select * from {table} order by event_id limit 2", False, (FACT, "unique_event_id")),
        (
            FACT,
            "select * replace ('nothing' as product_id, event_id + 7000000 as event_id) from {table} limit 1",
            False,
            (FACT, "product_id_in_dim_products"),
        ),
        (
            PRODUCTS,
            "select * from {table} order by product_id limit 3 offset 1",
            True,
            (FACT, "product_id_in_dim_products"),
        ),
        (
            "gold.dim_users",
            "select * from {table} where user_id <> (select min(user_id) from {table} as first)",
            True,
            (SESSIONS, "user_id_in_dim_users"),
        ),
    ],
    ids=[
        *("repeated key", "key without value", "repeated pair", "repeated id"),
        *("no parent", "lost parents", "lost parent of two"),
    ],
)
def test_what_is_wrong_is_found(
    built: Lake,
    engine: DuckDB,
    looked_at: list[str],
    table: str,
    rows: str,
    whole: bool,
    found: tuple[str, str],
) -> None:
    spoil(built, engine, table, rows, whole=whole)
    with pytest.raises(CheckFailedError) as caught:
        built.build()
    expected = whole_checks(built, engine)
    assert found in expected
    for (name, check), offending in expected.items():
        assert f"{name}: {check} ({offending:,} offending)" in str(caught.value)
    assert looked_at


def test_new_rows_of_new_known_and_missing_parents(built: Lake, engine: DuckDB, looked_at: list[str]) -> None:
    spoil(built, engine, PRODUCTS, "select * replace ('new' as product_id) from {table} limit 1")
    renamed = "case event_id % 3 when 0 then 'new' when 1 then 'missing' else product_id end as product_id"
    some = "select * from {table} where product_id is not null limit 30"
    spoil(built, engine, FACT, f"select * replace ({renamed}, event_id + 7000000 as event_id) from ({some})")
    with pytest.raises(CheckFailedError, match=r"product_id_in_dim_products \(1 offending\)"):
        built.build()
    assert whole_checks(built, engine)[FACT, "product_id_in_dim_products"] == 1
    assert FACT in looked_at


def test_a_table_of_another_model_is_checked_as_a_whole(
    built: Lake, engine: DuckDB, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its document may ask for something that nobody has looked at before."""
    model = built.catalogue.gold[FACT]
    doc = model.doc.model_copy(update={"references": (*model.doc.references, model.doc.references[2])})
    monkeypatch.setitem(built.catalogue.gold, FACT, type(model)(model.name, doc, model.sql, model.file))
    assert built.build().rebuilt == {FACT: "its model changed"}
    assert FACT not in looked_at
    assert SESSIONS in looked_at
