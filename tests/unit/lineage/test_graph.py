"""The lineage of the shop as a whole, and of projects that change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clicklake.contracts.catalogue import Catalogue
from clicklake.errors import UnknownNameError, UsageError
from clicklake.lineage.graph import FILE, Column, Lineage
from clicklake.lineage.walk import VALUE, column_pairs, down, mermaid, table_steps, up

SHOP = Lineage(Catalogue())
GOLD = [f"{table}.{column}" for table, model in Catalogue().gold.items() for column in model.doc.columns]
REPORTS = Catalogue().report_names
REPORTED = [f"report:{name}.{column}" for name in REPORTS for column in Catalogue().report(name).doc.columns]


@pytest.mark.parametrize("name", [*GOLD, *REPORTED])
def test_every_column_leads_to_a_file_or_is_a_constant(name: str) -> None:
    table, column = SHOP.find(name)
    values = [step.item for step in up(SHOP, Column(table, str(column))) if step.item.influence in VALUE]
    ends = [item for item in values if not item.table or not SHOP.upstream(item.table)]
    assert ends, "nothing is known about it"
    assert all(item.table.startswith(FILE) or item.influence == "constant" for item in ends)


@pytest.mark.parametrize("source", Catalogue().source_names)
def test_every_column_of_a_file_reaches_silver(source: str) -> None:
    contract = Catalogue().contract(source)
    for column in contract.column_names:
        reached = {step.of.table for step in down(SHOP, Column(f"{FILE}{source}", column))}
        assert contract.options.silver_table in reached, column


def test_all_sources_of_a_silver_table_are_told() -> None:
    for table in SHOP.catalogue.silver:
        feeding = [s for s in SHOP.catalogue.source_names if SHOP.catalogue.contract(s).options.silver_table == table]
        assert SHOP.upstream(table) == [f"bronze.{source}" for source in feeding]
        key = SHOP.catalogue.silver[table].doc.identity
        assert key is not None
        assert {item.table for item in SHOP.inputs(table)[key.row_id] if item.influence == "direct"} == {
            f"bronze.{source}" for source in feeding
        }


def test_the_rules_of_a_contract_decide_about_silver_rows() -> None:
    contract = SHOP.catalogue.contract("click_events")
    items = [i for column in SHOP.inputs(contract.options.silver_table).values() for i in column]
    told = {(i.column, i.transformation) for i in items if i.table == f"bronze.{contract.source}"}
    assert {text for _, text in told if text.startswith("rule ")} <= {f"rule {rule.name}" for rule in contract.rules}
    assert ("UserID", "rule missing_user_id") in told


def test_up_and_down_are_the_same_steps() -> None:
    column = Column("gold.dim_users", "total_spent")
    above = {step for step in up(SHOP, column) if step.item.influence == "direct" and step.of == column}
    for step in above:
        below = down(SHOP, Column(step.item.table, step.item.column))
        assert step in set(below)


def test_wrong_names_are_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'total_spent'"):
        SHOP.find("gold.dim_users.total_spend")
    with pytest.raises(UnknownNameError, match="did you mean 'gold.dim_users'"):
        SHOP.find("gold.dim_user.total_spent")
    with pytest.raises(UnknownNameError, match="did you mean 'report:top_products'"):
        SHOP.find("report:top_product")
    assert SHOP.find("dim_users.TOTAL_SPENT") == ("gold.dim_users", "total_spent")


def test_what_the_program_writes_about_raw_rows_leads_to_them() -> None:
    for column, influence in (("row_id", "direct"), ("raw", "rows")):
        steps = list(up(SHOP, Column("silver.quarantine", column)))
        assert {step.item.influence for step in steps[: len(SHOP.catalogue.source_names)]} == {influence}
        assert {step.item.table for step in steps} >= {f"bronze.{source}" for source in SHOP.catalogue.source_names}
    with pytest.raises(UsageError, match="notes about itself"):
        SHOP.find("ops.runs")


def test_a_projects_own_models_mappings_and_reports_count(tmp_path: Path) -> None:
    (tmp_path / "models" / "gold").mkdir(parents=True)
    (tmp_path / "reports").mkdir()
    (tmp_path / "models" / "gold" / "buyers.sql").write_text("select user_id as buyer from gold.dim_users")
    (tmp_path / "models" / "gold" / "buyers.yml").write_text(
        "description: One row per buyer.\ngrain: [buyer]\ncolumns:\n  buyer: {type: string, description: The buyer.}\n"
    )
    (tmp_path / "reports" / "mine.sql").write_text("select count(*) as n, max(buyer) as last_buyer from gold.buyers")
    lineage = Lineage(Catalogue(tmp_path))
    assert "report:mine" in lineage.downstream("gold.buyers")
    ends = {step.item.table for step in up(lineage, Column("report:mine", "last_buyer"))}
    assert {f"{FILE}{source}" for source in ("click_events", "web_events")} <= ends
    assert lineage.inputs("report:mine")["n"][0].influence == "rows"


def test_a_copy_of_personal_data_is_personal(tmp_path: Path) -> None:
    (tmp_path / "models" / "gold").mkdir(parents=True)
    (tmp_path / "models" / "gold" / "buyers.sql").write_text(
        "with u as (select * from gold.dim_users) select user_id as buyer, total_spent from u"
    )
    columns = "  buyer: {type: string, description: Who.}\n  total_spent: {type: double, description: How much.}\n"
    (tmp_path / "models" / "gold" / "buyers.yml").write_text(
        f"description: One row per buyer.\ngrain: [buyer]\ncolumns:\n{columns}"
    )
    lineage = Lineage(Catalogue(tmp_path))
    assert [c for c in lineage.columns("gold.buyers") if lineage.is_personal("gold.buyers", c)] == ["buyer"]
    assert lineage.is_personal("bronze.click_events", "UserID") and lineage.is_personal("silver.quarantine", "raw")
    assert not lineage.is_personal("gold.fact_events", "event_id")


def test_a_chart_has_each_table_once() -> None:
    chart = mermaid(table_steps(SHOP, "gold.dim_users"))
    assert chart.startswith("flowchart LR\n")
    assert chart.count('["silver.events"]') == 1
    assert " --> " in mermaid(column_pairs(list(up(SHOP, Column("gold.dim_users", "total_spent")))))
