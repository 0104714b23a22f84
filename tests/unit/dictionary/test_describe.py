"""What `clicklake describe` tells, from documents, contracts, settings and the lake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.cli.main import run
from clicklake.contracts.catalogue import Catalogue
from clicklake.dictionary import table_facts, table_names
from clicklake.dictionary.describe import describe
from clicklake.errors import ContractError, UnknownNameError
from clicklake.lake import Lake
from clicklake.lineage.graph import Lineage

GOOD = "u1,s1,2025-01-01 10:00:00,purchase,p1,12.50,success"
NO_USER = ",s1,2025-01-01 10:00:00,page_view,,,"

SHOP = Lineage(Catalogue())


def project(tmp_path: Path, contract: str = "", table: str = "", settings: str = "") -> Lake:
    """A project whose contract of click_events and whose document of dim_users say more."""
    catalogue = Catalogue()
    (tmp_path / "sources").mkdir()
    (tmp_path / "models" / "gold").mkdir(parents=True)
    own = catalogue.contract("click_events")
    (tmp_path / "sources" / "click_events.yaml").write_text(own.text + contract)
    (tmp_path / "sources" / "click_events.sql").write_text(own.mapping)
    model = catalogue.gold["gold.dim_users"]
    (tmp_path / "models" / "gold" / "dim_users.yml").write_text(model.file.read_text() + table)
    (tmp_path / "models" / "gold" / "dim_users.sql").write_text(model.sql)
    (tmp_path / "clicklake.yaml").write_text(settings)
    return Lake(tmp_path / "lake")


@pytest.mark.parametrize("name", table_names(SHOP.catalogue))
def test_every_table_is_described_without_a_lake(name: str) -> None:
    facts = table_facts(SHOP, name)
    assert facts.description.startswith("One row per ")
    assert all(column.description for column in facts.columns)
    assert set(facts.grain) == {column.name for column in facts.columns if column.key}
    named = {column for rule in facts.rules for column in rule.columns}
    assert named <= {column.name for column in facts.columns}
    json.dumps(facts.row())


def test_a_gold_table_has_its_key_references_partitions_and_checks() -> None:
    facts = table_facts(SHOP, "gold.fact_events")
    assert (facts.grain, facts.partition_by) == (("event_id",), ("event_year", "event_month"))
    assert [c.name for c in facts.columns if c.is_partition] == ["event_year", "event_month"]
    assert facts.column("user_id").is_pii
    assert facts.column("user_id").references == ("gold.dim_users.user_id",)
    assert facts.column("session_id").references == ("gold.dim_sessions.session_id",)
    rules = {rule.name: (rule.kind, rule.severity) for rule in facts.rules}
    assert rules["unique_event_id"] == ("key", "fail")
    assert rules["user_id_session_id_in_dim_sessions"] == ("reference", "fail")
    assert rules["rows_equal_silver"] == ("check", "fail")
    assert "gold.fact_events" in table_facts(SHOP, "gold.dim_users").referenced_by
    assert (facts.upstream, "report:top_products" in facts.downstream) == (("silver.events",), True)


def test_bronze_and_silver_have_the_rules_keys_and_relations_of_their_contract() -> None:
    bronze = table_facts(SHOP, "bronze.click_events")
    assert bronze.column("UserID").rules == ("missing_user_id",)
    assert (bronze.column("UserID").is_pii, bronze.column("UserID").is_required) == (True, True)
    assert (bronze.column("extra").is_pii, bronze.column("corrupt_record").is_pii) == (True, True)
    assert (bronze.freshness_hours, bronze.sources) == (48, ("click_events",))
    silver = table_facts(SHOP, "silver.orders")
    assert silver.column("customer_id").references == ("silver.customers.customer_id",)
    assert {rule.name: rule.severity for rule in silver.rules}["missing_customer_id"] == "count"
    events = {rule.name: rule for rule in table_facts(SHOP, "silver.events").rules}
    assert (events["missing_user_id"].severity, events["missing_user_id"].source) == ("reject", "")
    assert "purchase" in table_facts(SHOP, "silver.events").column("event_type").values


def test_a_table_that_nobody_knows() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'gold.dim_users'"):
        table_facts(SHOP, "gold.dim_user")


@pytest.mark.parametrize(
    ("contract", "table", "settings", "table_name", "owner", "where"),
    [
        ("", "", "", "gold.dim_users", None, ""),
        ("", "owner: CRM\n", "owners: {gold: BI}\n", "gold.dim_users", "CRM", "table document"),
        ("", "", "owners: {gold: BI}\n", "gold.dim_users", "BI", "setting owners.gold"),
        ("", "owner: CRM\n", "owners: {dim_users: Me}\n", "gold.dim_users", "Me", "setting owners.dim_users"),
        ("team: {name: Web, members: [{username: x}]}\n", "", "", "bronze.click_events", "Web", "contract"),
        ("team: [{username: a, role: owner}, {username: b}]\n", "", "", "bronze.click_events", "a", "contract"),
        ("team: {members: [{username: a}, {username: b}]}\n", "", "", "bronze.click_events", "a, b", "contract"),
        ("team: {name: Web}\n", "", "owners: {web_events: W2}\n", "silver.events", "Web, W2", "owner of click_events"),
        ("team: {name: Web}\n", "", "", "silver.events", None, ""),
    ],
)
def test_the_owner_is_the_nearest_that_is_named(
    tmp_path: Path, contract: str, table: str, settings: str, table_name: str, owner: str | None, where: str
) -> None:
    facts = describe(project(tmp_path, contract, table, settings), table_name).facts
    assert facts.owner == owner
    assert facts.owner_from.startswith(where)


def test_a_wrong_key_in_a_team_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="unknown key 'nam'"):
        describe(project(tmp_path, "team: {nam: Web}\n"), "bronze.click_events")
    with pytest.raises(ContractError, match="unknown key 'members'"):
        (tmp_path / "sources" / "click_events.yaml").write_text(
            Catalogue().contract("click_events").text + "team: [{members: []}]\n"
        )
        describe(Lake(tmp_path / "lake"), "bronze.click_events")


def test_how_a_table_stands(lake: Lake, clicks: Callable[..., Path]) -> None:
    before = describe(lake, "gold.dim_users").state
    assert (before.is_there, before.rows) == (False, None)
    lake.run(click_events=clicks(GOOD, NO_USER))
    gold = describe(lake, "gold.dim_users").state
    assert (gold.rows, gold.release, gold.changed_at is not None) == (1, 1, True)
    silver = describe(lake, "silver.events").state
    assert (silver.freshness["click_events"], silver.scores["click_events"]) == ("fresh", 50.0)
    assert silver.newest is not None and silver.newest.isoformat() == "2025-01-01T10:00:00+00:00"


def test_for_people_and_for_machines(
    tmp_path: Path, clicks: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lake = ["--lake", str(tmp_path / "lake")]
    assert run([*lake, "run", f"click_events={clicks(GOOD)}"]) == 0
    capsys.readouterr()
    assert run([*lake, "describe", "gold.fact_events"]) == 0
    told = capsys.readouterr().out
    for part in (
        "Key:         event_id",
        "1 rows, 1 file,",
        "user_id -> gold.dim_users",
        "personal",
        "rows_equal_silver",
    ):
        assert part in told
    assert run([*lake, "--json", "describe", "bronze.orders"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["column"] for row in rows][:2] == ["order_id", "line_id"]
    assert run([*lake, "--json", "describe", "gold.fact_events", "--full"]) == 0
    (whole,) = json.loads(capsys.readouterr().out)
    assert (whole["table"], whole["grain"], whole["state"]["rows"]) == ("gold.fact_events", ["event_id"], 1)
    assert whole["state"]["changed_at"].endswith("Z")
    assert len(whole["columns"]) == 19
