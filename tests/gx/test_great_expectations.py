"""The exported project runs in Great Expectations, and its verdicts are those of clicklake's own checks.

Two lakes: one as a run leaves it, and one whose published tables were then spoilt by another program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from clicklake.build.release import publish
from clicklake.contracts.types import ColumnType
from clicklake.engines.sql import bind, parse, text
from clicklake.expectations.project import REQUIREMENTS, Exported, export, rule_parameters
from clicklake.lake import Lake
from clicklake.quality.assess import assess

pytestmark = [pytest.mark.network, pytest.mark.slow]

CLICKS = """UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome
u1,s1,2025-01-01 10:00:00,product_view,p1,,
u1,s1,2025-01-01 10:05:00,purchase,p1,12.50,success
u2,s2,2025-01-02 10:00:00,page_view,,,
u2,s2,2025-01-02 10:01:00,unheard_of,,,
u3,,2025-01-03 10:00:00,click,,,
short
"""
ORDERS = """order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,status,updated_at
o1,1,c1,p1,2025-01-01,2,10.00,0,paid,2025-01-01
o1,2,c1,p2,2025-01-01,1,5.00,1.00,paid,2025-01-01
o2,1,c9,p1,2025-01-02,1,10.00,0,wondrous,2025-01-02
o3,1,,p9,2025-01-03,1,10.00,0,paid,2025-01-03
"""
CUSTOMERS = "customer_id,first_name,email,registration_date,updated_at\nc1,Ada,ada@example.com,2024-01-01,2024-01-01\n"
PRODUCTS = (
    "product_id,product_name,category,price,updated_at\np1,Pen,Office,10,2024-01-01\np2,Ink,Office,5,2024-01-01\n"
)


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with what the project asks for; GX_PYTHON names one that is there already."""
    if known := os.environ.get("GX_PYTHON"):
        return known
    folder = tmp_path_factory.mktemp("gx-environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    program = str(folder / "bin" / "python")
    done = subprocess.run([program, "-m", "pip", "install", "--quiet", *REQUIREMENTS], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"Great Expectations can't be installed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return program


@dataclass(frozen=True)
class Validated:
    """A lake with what Great Expectations says of it."""

    lake: Lake
    exported: Exported
    code: int
    verdicts: list[dict[str, Any]]
    docs: Path

    def of(self, table: str) -> list[dict[str, Any]]:
        return [verdict for verdict in self.verdicts if verdict["table"] == table]


def validated(lake: Lake, folder: Path, python: str) -> Validated:
    exported = export(lake, folder)
    done = subprocess.run([python, str(folder / "validate.py"), "--json"], capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr[-3000:]
    told = json.loads(done.stdout)
    return Validated(lake, exported, done.returncode, told["verdicts"], Path(told["docs"]))


def filled(folder: Path) -> Lake:
    folder.mkdir(parents=True, exist_ok=True)
    sources = {"click_events": CLICKS, "orders": ORDERS, "customers": CUSTOMERS, "products": PRODUCTS}
    for name, rows in sources.items():
        (folder / f"{name}.csv").write_text(rows)
    lake = Lake(folder / "lake")
    lake.run(**{name: folder / f"{name}.csv" for name in sources})
    return lake


def spoil(lake: Lake, table: str, **values: object) -> None:
    """Add a copy of a table's first row with other values, as no run of clicklake would."""
    model = lake.catalogue.table(table)
    assert model is not None
    frame = lake.store.open(table).delta.to_pyarrow_table()
    row = {**frame.slice(0, 1).to_pylist()[0], **values}
    schema = pa.schema([(name, ColumnType(doc.type).arrow) for name, doc in model.doc.columns.items()])
    write_deltalake(lake.store.uri(table), pa.Table.from_pylist([row], schema=schema), mode="append")


@pytest.fixture(scope="session")
def good(python: str, tmp_path_factory: pytest.TempPathFactory) -> Validated:
    folder = tmp_path_factory.mktemp("good")
    return validated(filled(folder), folder / "gx", python)


@pytest.fixture(scope="session")
def bad(python: str, tmp_path_factory: pytest.TempPathFactory) -> Validated:
    folder = tmp_path_factory.mktemp("bad")
    lake = filled(folder)
    spoil(lake, "gold.dim_users")  # the key twice
    spoil(lake, "gold.dim_sessions", user_id="nobody", session_id="none")  # names no user
    spoil(lake, "gold.fact_events", event_id=7, product_id="no such product", date_key=1)
    spoil(lake, "gold.fact_events", event_id=8, user_id="u1", session_id="s2")  # both are there, but not together
    spoil(lake, "silver.orders", row_id=7, order_id=None, quantity=-1, unit_price=-2, currency="XXX")
    spoil(lake, "silver.orders", status=None, order_date=None, product_id="no such product")  # and the key twice
    spoil(lake, "silver.events", event_id=9, user_id=None, event_type="purchase", product_id=None, amount=None)
    release = lake.release()
    assert release
    names = (name for name in release.versions if name.startswith(("silver.", "gold.")))
    versions = {**release.versions, **{name: lake.store.open(name).version for name in names}}
    publish(lake.store, lake.catalogue, "spoilt", versions, 0, 0)
    return validated(lake, folder / "gx", python)


@pytest.fixture(params=["good", "bad"])
def lake(request: pytest.FixtureRequest) -> Iterator[Validated]:
    yield request.getfixturevalue(request.param)


def test_every_expectation_is_looked_at(lake: Validated) -> None:
    assert [verdict for verdict in lake.verdicts if verdict["error"]] == []
    there = {suite.table for suite in lake.exported.suites if lake.of(suite.table)}
    assert {"silver.events", "silver.orders", "gold.fact_events", "gold.dim_users"} <= there
    for suite in lake.exported.suites:
        if suite.table in there:
            assert Counter(v["rule"] for v in lake.of(suite.table)) == Counter(e.rule for e in suite.expectations)


def test_keys_references_values_and_checks_have_the_verdicts_of_the_scorecard(lake: Validated) -> None:
    opened = lake.lake
    engine = opened.engine()
    found = assess(opened.store, engine, opened.catalogue, opened.parameters, opened.settings.quality)
    engine.close()
    own = {(item.measure.table, item.measure.check): item for item in found.taken}
    compared = Counter()
    for verdict in lake.verdicts:
        rule = verdict["rule"]
        key = verdict["expectation"] in ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
        check = f"{rule.removeprefix('unique_')}_unique" if rule.startswith("unique_") and key else rule
        measure = own.get((verdict["table"], check))
        if measure is None:
            continue
        compared[verdict["success"]] += 1
        assert verdict["success"] == (measure.offending == 0), (verdict, measure)
        if not key and verdict["unexpected"] is not None:
            assert verdict["unexpected"] == measure.offending, (verdict, measure)
    assert compared[True] >= 10
    assert compared[False] > (3 if lake.code == 0 else 10)


def test_rules_of_contracts_have_the_verdicts_that_clicklake_has(lake: Validated) -> None:
    opened = lake.lake
    parameters = rule_parameters(opened)
    partly = {(suite.table, item.rule) for suite in lake.exported.suites for item in suite.not_exported}
    compared = Counter()
    for source in opened.catalogue.source_names:
        contract = opened.catalogue.contract(source)
        table = contract.options.silver_table
        if not lake.of(table):
            continue
        for rule in contract.rules:
            if "_text" in rule.condition or (table, rule.name) in partly:
                continue
            bound = bind(parse(rule.condition, rule.name), {**parameters[""], **parameters[source]}, rule.name)
            (counted,) = opened.query(f"select count(*) as n from {table} where {text(bound)}").to_pylist()
            verdicts = [verdict for verdict in lake.of(table) if verdict["rule"] == rule.name]
            assert verdicts, rule.name
            assert all(verdict["success"] for verdict in verdicts) == (counted["n"] == 0), (rule, verdicts)
            if len(verdicts) == 1:
                assert verdicts[0]["unexpected"] == counted["n"], rule
            compared[counted["n"] == 0] += 1
    assert compared[True] >= 5
    assert compared[False] >= (1 if lake.code == 0 else 6)


def test_as_many_rows_are_read_as_clicklake_reads(lake: Validated) -> None:
    for suite in lake.exported.suites:
        for verdict in lake.of(suite.table):
            (counted,) = lake.lake.query(f"select count(*) as n from {suite.table}").to_pylist()
            assert verdict["rows"] == counted["n"]


def test_a_good_lake_passes_and_a_spoilt_one_does_not(good: Validated, bad: Validated) -> None:
    critical = {(v["table"], v["rule"]) for v in good.verdicts if not v["success"] and v["severity"] == "critical"}
    assert (good.code, critical) == (0, set())
    failed = {(v["table"], v["rule"]) for v in bad.verdicts if not v["success"] and v["severity"] == "critical"}
    assert bad.code == 3
    assert {
        ("gold.dim_users", "unique_user_id"),
        ("gold.dim_sessions", "user_id_in_dim_users"),
        ("gold.fact_events", "product_id_in_dim_products"),
        ("gold.fact_events", "user_id_session_id_in_dim_sessions"),
        ("gold.fact_events", "rows_equal_silver"),
        ("silver.orders", "missing_order_id"),
        ("silver.orders", "invalid_quantity"),
        ("silver.orders", "unknown_currency"),
        ("silver.events", "missing_user_id"),
        ("silver.events", "missing_product_id"),
    } <= failed


def test_data_docs_are_built(lake: Validated) -> None:
    assert lake.docs.is_file()
    page = lake.docs.read_text(encoding="utf-8")
    assert "gold.fact_events" in page
    made = {file.relative_to(lake.docs.parent).parts[0] for file in lake.docs.parent.rglob("*.html")}
    assert {"expectations", "validations"} <= made


def test_great_expectations_reads_and_writes_the_suites_as_they_are(good: Validated, python: str) -> None:
    """Loaded and saved again by Great Expectations, a suite says the same."""
    script = (
        "import json, sys, great_expectations as gx\n"
        "context = gx.get_context(mode='file', project_root_dir=sys.argv[1])\n"
        "print(json.dumps([suite.to_json_dict() for suite in context.suites.all()]))\n"
    )
    done = subprocess.run([python, "-c", script, str(good.exported.folder)], capture_output=True, text=True, check=True)
    read = {suite["name"]: suite for suite in json.loads(done.stdout.strip().splitlines()[-1])}
    assert set(read) == {suite.table for suite in good.exported.suites}
    for name, suite in read.items():
        file = good.exported.folder / "gx" / "expectations" / f"{name.replace('.', '/')}.json"
        own = json.loads(file.read_text())
        fields = ("type", "severity", "notes", "kwargs", "meta")
        plain, theirs = (
            {item["id"]: [item[name] for name in fields] for item in told["expectations"]} for told in (own, suite)
        )
        assert theirs == plain
