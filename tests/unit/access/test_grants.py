"""What a role may read: layers, tables, columns, reports; and how personal data is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import duckdb
import pyarrow as pa
import pytest

from clicklake.access import LOCAL, Access, Grants, Principal
from clicklake.access.reports import personal_columns
from clicklake.access.roles import role_of
from clicklake.config import ConfigError, load_settings
from clicklake.contracts.catalogue import Catalogue
from clicklake.errors import ForbiddenError, UnknownNameError
from clicklake.lake import Lake
from clicklake.lineage.graph import Lineage
from clicklake.rows import Rows

SHOP = Lineage(Catalogue())
"""Read once for all tests."""


def grants(role: str, settings: str = "") -> Grants:
    if settings:
        Path("clicklake.yaml").write_text(settings, encoding="utf-8")
    anna = Principal("anna", role)
    return Grants(anna, role_of(load_settings().settings.access, anna), SHOP, token_hex(8))


def test_a_reader_and_an_analyst_see_gold_alone_with_personal_data_masked() -> None:
    reader, analyst = grants("reader"), grants("analyst")
    assert {name.partition(".")[0] for name in analyst.tables()} == {"gold"}
    assert reader.tables() == analyst.tables()
    columns = analyst.columns("gold.dim_customers")
    assert columns["email"] and columns["customer_id"]
    assert not columns["segment"]
    assert (reader.may("query"), analyst.may("query"), analyst.may("run")) == (False, True, False)
    with pytest.raises(ForbiddenError, match="role analyst may not read silver.events; it may read gold."):
        analyst.columns("silver.events")


def test_an_engineer_sees_every_layer_masked_and_an_admin_everything() -> None:
    engineer, admin = grants("engineer"), grants("admin")
    assert {name.partition(".")[0] for name in engineer.tables()} == {"bronze", "silver", "gold", "ops"}
    assert engineer.columns("bronze.customers")["email"]
    assert engineer.columns("bronze.customers")["corrupt_record"]
    assert engineer.columns("silver.quarantine")["raw"]
    assert not any(masked for table in admin.tables() for masked in admin.columns(table).values())
    assert all(engineer.may(action) and admin.may(action) for action in ("query", "trace", "run", "replay"))


def test_whoever_is_local_sees_all_tables_masked() -> None:
    local = Grants(LOCAL, role_of(load_settings().settings.access, LOCAL), SHOP, "")
    assert local.tables() == grants("engineer").tables()
    assert local.columns("gold.dim_users")["user_id"]


def test_roles_of_the_settings_grant_layers_tables_and_columns() -> None:
    mine = grants(
        "marketing",
        """
access:
  roles:
    marketing:
      reads: [gold.dim_*, gold.fact_events.event_type, gold.fact_events.date_key]
      hides: [gold.dim_customers.address, "*.*.phone"]
      plain: gold.dim_customers.email
""",
    )
    assert list(mine.columns("gold.fact_events")) == ["event_type", "date_key"]
    assert not {"address", "phone"} & mine.columns("gold.dim_customers").keys()
    assert not mine.columns("gold.dim_customers")["email"]
    assert mine.columns("gold.dim_customers")["last_name"]
    assert "gold.fact_sales" not in mine.tables()
    assert not mine.may("query")
    with pytest.raises(ForbiddenError, match="may not query; it may nothing beside reading"):
        mine.require("query")


def test_a_role_of_the_settings_takes_the_place_of_one_of_its_name_and_leaves_the_others() -> None:
    settings = "access:\n  roles:\n    analyst: {reads: gold.dim_dates}\n"
    assert grants("analyst", settings).tables() == ["gold.dim_dates"]
    assert "gold.dim_users" in grants("reader").tables()


def test_a_role_that_is_not_there_is_refused_without_naming_those_that_are() -> None:
    with pytest.raises(ForbiddenError, match=r"'analist', which is not there \(settings access.roles\)$") as error:
        grants("analist")
    assert "analyst" not in str(error.value) and "reader" not in str(error.value)


def test_a_table_that_is_not_there_is_not_found_and_only_what_may_be_read_is_named() -> None:
    with pytest.raises(UnknownNameError) as error:
        grants("analyst").columns("gold.dim_userz")
    assert "gold.dim_users" in str(error.value)
    assert "bronze" not in str(error.value)


@pytest.mark.parametrize("pattern", ["gold; drop", "gold..x", "", "gold.a.b\n.c"])
def test_a_pattern_that_names_nothing_is_an_error_of_the_settings(pattern: str) -> None:
    with pytest.raises(ConfigError, match="reads"):
        grants("x", f"access: {{roles: {{x: {{reads: [{pattern!r}]}}}}}}")


def test_a_projection_hides_values_and_keeps_identifiers_countable() -> None:
    db = duckdb.connect()
    db.execute("create schema gold")
    db.execute("create table gold.dim_users (user_id varchar, first_seen timestamp, last_seen timestamp)")
    db.execute("insert into gold.dim_users(user_id) values ('u1'), ('u2'), ('u1'), (null), ('')")
    mine = grants("x", "access: {roles: {x: {reads: [gold.dim_users.user_id, gold.dim_customers]}}}")
    shown = [row[0] for row in db.execute(f"select {mine.projection('gold.dim_users')} from gold.dim_users").fetchall()]
    assert shown[0] == shown[2] != shown[1]
    assert shown[3:] == [None, None]
    assert all(value.startswith("***") and "u1" not in value for value in shown[:3])
    assert "'***' end as \"email\"" in mine.projection("gold.dim_customers")
    assert "sha256" not in mine.projection("gold.dim_customers").partition('as "customer_id"')[2]


def test_codes_of_one_server_are_not_those_of_another() -> None:
    anna, one, other = Principal("anna", "analyst"), Access(Lake("lake")), Access(Lake("lake"))
    table = "gold.dim_customers"
    assert one.grants(anna).projection(table) == one.grants(anna).projection(table)
    assert one.grants(anna).projection(table) != other.grants(anna).projection(table)


def test_a_report_needs_all_columns_that_it_reads() -> None:
    analyst = grants("analyst")
    for name in SHOP.catalogue.report_names:
        try:
            analyst.require_report(name)
        except ForbiddenError as error:
            assert any(layer in str(error) for layer in ("silver.", "ops.", "bronze."))
    few = grants("few", "access: {roles: {few: {reads: gold, hides: gold.fact_events.amount}}}")
    few.require_report("hourly_engagement")
    with pytest.raises(ForbiddenError, match=r"may not see report top_products: it reads gold.fact_events.amount"):
        few.require_report("top_products")


def test_only_who_may_trace_chooses_a_person_in_a_report() -> None:
    analyst, engineer = grants("analyst"), grants("engineer")
    analyst.require_report("user_journey")
    analyst.require_report("user_journey", {"user": None})
    engineer.require_report("user_journey", {"user": "u1"})
    with pytest.raises(ForbiddenError, match="may not look at one person: user of report user_journey"):
        analyst.require_report("user_journey", {"user": "u1"})


def test_a_filter_needs_the_columns_that_decide_it() -> None:
    analyst = grants("analyst")
    analyst.require_report("revenue_metrics", {"segment": "Champions", "source": "click_events"})
    few = grants("few", "access: {roles: {few: {reads: gold, hides: gold.customer_segments.rfm_segment}}}")
    few.require_report("revenue_metrics", {"source": "click_events", "segment": None})
    with pytest.raises(ForbiddenError, match="may not restrict report revenue_metrics so: that reads gold"):
        few.require_report("revenue_metrics", {"segment": "Champions"})


def test_a_filter_of_ones_own_that_chooses_a_person_needs_who_may_trace(tmp_path: Path) -> None:
    Path("filters").mkdir()
    text = "title: Who\ndescription: One user.\ncolumns: [user_id]\nvalues: select 1 as value, 'a' as kind, 1 as size\n"
    Path("filters/who.yml").write_text(text, encoding="utf-8")
    anna = Principal("anna", "analyst")
    mine = Grants(anna, role_of(load_settings().settings.access, anna), Lineage(Catalogue(tmp_path)), "")
    mine.require_report("revenue_metrics", {"who": None})
    with pytest.raises(ForbiddenError, match="may not look at one person: who of report revenue_metrics"):
        mine.require_report("revenue_metrics", {"who": "u1"})


def test_rows_of_a_report_are_masked_but_for_who_sees_personal_data(lake: Lake, clicks: Callable[..., Path]) -> None:
    lake.run(
        click_events=str(
            clicks(
                "anna@example.com,s1,2025-01-01 10:00:00,product_view,p1,,success",
                "anna@example.com,s1,2025-01-01 10:05:00,purchase,p1,5.00,success",
            )
        )
    )
    access = Access(lake)
    rows = lake.report("user_journey")
    masked = access.grants(Principal("a", "analyst")).masked_report("user_journey", rows)
    assert {row["user_id"][:3] for row in masked} == {"***"}
    assert len({row["user_id"] for row in masked}) == 1
    assert "anna" not in str(masked.to_pylist())
    assert [row["product_id"] for row in masked] == ["p1", "p1"]
    assert access.grants(Principal("b", "admin")).masked_report("user_journey", rows) is not None
    assert access.grants(Principal("b", "admin")).masked_report("user_journey", rows).to_pylist() == rows.to_pylist()
    daily = lake.report("daily_active_users")
    assert access.grants(LOCAL).masked_report("daily_active_users", daily).to_pylist() == daily.to_pylist()


def test_the_reports_hide_who_and_nothing_else() -> None:
    hidden = {name: personal_columns(SHOP, SHOP.catalogue.report(name)) for name in SHOP.catalogue.report_names}
    assert {name: columns for name, columns in hidden.items() if columns} == {
        "at_risk_customers": {"customer_id"},
        "click_order_reconciliation": {"customer_id"},
        "customer_lifetime_value": {"customer_id"},
        "user_journey": {"user_id"},
    }


def test_a_report_of_ones_own_without_a_document_shows_no_personal_text(tmp_path: Path) -> None:
    Path("reports").mkdir()
    Path("reports/mine.sql").write_text("select upper(user_id) as who, count(*) as n from gold.dim_users group by 1")
    anna = Principal("anna", "analyst")
    mine = Grants(anna, role_of(load_settings().settings.access, anna), Lineage(Catalogue(tmp_path)), "")
    assert mine.masked_report("mine", Rows(pa.table({"who": ["U1"], "n": [3]}))).to_pylist() == [{"who": "***", "n": 3}]
