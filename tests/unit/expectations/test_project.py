"""The project for Great Expectations: every rule is in a suite or in the list of those that can't be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from clicklake.cli.main import run
from clicklake.expectations.project import REQUIREMENTS, export, suites_of
from clicklake.expectations.suite import Suite
from clicklake.lake import Lake

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def suites(lake: Lake) -> dict[str, Suite]:
    return {suite.table: suite for suite in suites_of(lake)}


def told(suite: Suite, rule: str) -> list[tuple[str, dict[str, object], str]]:
    return [(e.kind, dict(e.kwargs), e.severity) for e in suite.expectations if e.rule == rule]


def test_every_rule_of_every_table_is_told_or_listed_with_a_reason(lake: Lake, suites: dict[str, Suite]) -> None:
    from clicklake.dictionary import table_facts

    assert set(lake.catalogue.gold) <= set(suites)
    assert {"silver.events", "silver.orders"} <= set(suites)
    for name, suite in suites.items():
        known = {item.rule for item in suite.expectations} | {item.rule for item in suite.not_exported}
        assert {rule.name for rule in table_facts(lake.lineage, name).rules} <= known, name
        assert all(len(item.reason) > 20 for item in suite.not_exported)


def test_keys_references_and_values(suites: dict[str, Suite]) -> None:
    fact, sessions = suites["gold.fact_events"], suites["gold.dim_sessions"]
    assert told(fact, "unique_event_id") == [
        ("expect_column_values_to_be_unique", {"column": "event_id"}, "critical"),
        ("expect_column_values_to_not_be_null", {"column": "event_id"}, "critical"),
    ]
    ((kind, kwargs, _),) = told(sessions, "unique_user_id_session_id")
    assert (kind, kwargs["column_list"]) == ("expect_compound_columns_to_be_unique", ["user_id", "session_id"])
    ((_, kwargs, severity),) = told(fact, "user_id_session_id_in_dim_sessions")
    assert kwargs == {"column": "user_id, session_id in gold.dim_sessions", "value_set": [True]}
    assert severity == "critical"
    ((_, kwargs, severity),) = told(suites["silver.orders"], "customer_id_in_customers")
    assert (kwargs["column"], severity) == ("customer_id in silver.customers", "warning")
    ((_, kwargs, severity),) = told(suites["silver.orders"], "status_known")
    assert "refunded" in kwargs["value_set"] and severity == "warning"  # type: ignore[operator]


def test_rules_of_contracts(suites: dict[str, Suite]) -> None:
    orders, events = suites["silver.orders"], suites["silver.events"]
    assert told(orders, "missing_order_id") == [
        ("expect_column_values_to_not_be_null", {"column": "order_id"}, "critical")
    ]
    assert told(orders, "missing_customer_id")[0][2] == "warning"
    between = "expect_column_values_to_be_between"
    assert (between, {"column": "quantity", "min_value": 0}, "critical") in told(orders, "invalid_quantity")
    assert told(orders, "unknown_currency") == [
        ("expect_column_values_to_be_in_set", {"column": "currency", "value_set": ["USD"]}, "critical")
    ]
    ((kind, kwargs, _),) = told(events, "missing_product_id")
    assert (kind, kwargs["column"]) == ("expect_column_values_to_not_be_null", "product_id")
    assert kwargs["row_condition"] == {
        "type": "comparison",
        "column": {"name": "event_type"},
        "operator": "IN",
        "parameter": ["product_view", "add_to_cart", "purchase"],
    }
    # The text is null where the amount is: another rule rejects texts that are no amount.
    ((_, kwargs, _),) = told(events, "missing_amount")
    assert kwargs["column"] == "amount"


def test_row_counts(suites: dict[str, Suite]) -> None:
    fact = suites["gold.fact_events"]
    ((kind, kwargs, _),) = told(fact, "rows_equal_silver")
    assert (kind, kwargs) == ("expect_table_row_count_to_equal", {"value": {"$PARAMETER": "rows_of_silver_events"}})
    assert fact.counts["rows_of_silver_events"] == "silver.events"
    assert "amounts_equal_silver" in {item.rule for item in fact.not_exported}
    # Distinct payments, not all rows of the table, are what this check compares with.
    payments = suites["gold.fact_payments"]
    assert "payments_equal_silver" in {item.rule for item in payments.not_exported}
    for suite in suites.values():
        assert set(suite.counts.values()) <= set(suites)


def test_bounds_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "clicklake.yaml").write_text("rules: {max_amount: 500, earliest_event: 2020-01-01}\n")
    suites = {suite.table: suite for suite in suites_of(Lake(tmp_path / "lake"))}
    events = suites["silver.events"]
    ((_, kwargs, _),) = told(events, "amount_above_bound")
    assert kwargs == {"column": "amount", "max_value": 500}
    ((_, kwargs, _),) = told(events, "timestamp_before_bound")
    assert kwargs == {"column": "event_timestamp", "min_value": "2020-01-01"}
    reasons = {item.rule: item.reason for item in events.not_exported}
    assert "is not set" in reasons["timestamp_after_bound"]


def test_a_rule_of_one_source_is_asked_of_its_rows_alone(tmp_path: Path, lake: Lake) -> None:
    contract = lake.catalogue.contract("web_events")
    (tmp_path / "sources").mkdir()
    changed = contract.text.replace(
        "implementation: user_id is null", "implementation: user_id is null or user_id = '0'"
    )
    assert changed != contract.text
    (tmp_path / "sources" / "web_events.yaml").write_text(changed)
    (tmp_path / "sources" / "web_events.sql").write_text(contract.mapping)
    (tmp_path / "clicklake.yaml").write_text("")
    suites = {suite.table: suite for suite in suites_of(Lake(tmp_path / "lake"))}
    found = told(suites["silver.events"], "missing_user_id")
    where = {
        (kind.removeprefix("expect_column_values_to_"), kwargs["row_condition"]["parameter"])  # type: ignore[index]
        for kind, kwargs, _ in found
    }
    assert where == {("not_be_null", "click_events"), ("not_be_null", "web_events"), ("not_be_in_set", "web_events")}


def test_the_files(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "gx"
    done = export(lake, folder)
    first = {file: file.read_text() for file in folder.rglob("*") if file.is_file()}
    config = yaml.safe_load((folder / "gx" / "great_expectations.yml").read_text())
    assets = config["fluent_datasources"]["clicklake"]["assets"]
    for suite in done.suites:
        name = suite.table
        told_suite = json.loads((folder / "gx" / "expectations" / f"{name.replace('.', '/')}.json").read_text())
        definition = json.loads((folder / "gx" / "validation_definitions" / f"{name}.json").read_text())
        checkpoint = json.loads((folder / "gx" / "checkpoints" / f"{name}.json").read_text())
        assert definition["suite"] == {"id": told_suite["id"], "name": name}
        assert definition["data"]["asset"]["id"] == assets[name]["id"]
        assert checkpoint["validation_definitions"] == [{"id": definition["id"], "name": name}]
        ids = [item["id"] for item in told_suite["expectations"]]
        assert len(ids) == len(set(ids)) == len(suite.expectations)
    readme = (folder / "README.md").read_text()
    assert all(f"`{item.rule}`" in readme for suite in done.suites for item in suite.not_exported)
    compile((folder / "validate.py").read_text(), "validate.py", "exec")
    # The same again, and what Great Expectations has added stays.
    (folder / "gx" / "uncommitted").mkdir()
    (folder / "gx" / "uncommitted" / "result.json").write_text("{}")
    export(lake, folder)
    assert {file: file.read_text() for file in first} == first
    assert (folder / "gx" / "uncommitted" / "result.json").is_file()


def test_the_extra_is_what_the_project_asks_for() -> None:
    (extra,) = re.findall(r'^gx = \["([^"]*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert extra == REQUIREMENTS[0]


def test_the_command(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--lake", lake.path]
    command = ["quality", "export", "great-expectations"]
    assert run([*command, str(tmp_path / "gx"), *options]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(tmp_path / "gx" / "validate.py")
    assert "README.md says why" in err
    assert run([*command, str(tmp_path / "gx"), *options, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["table"] for row in rows} >= {"silver.events", "gold.fact_events"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert run([*command, str(tmp_path / "mine"), *options]) == 2
    assert f"not made by `clicklake {' '.join(command)}`" in capsys.readouterr().err
