"""The rows that a report says it is computed from are those that it counts."""

from __future__ import annotations

import pytest

from clicklake.errors import UsageError
from clicklake.lake import Lake
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

DAYS = {"since": "2025-01-05", "until": "2025-01-20"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("shop")
    generate(folder / "raw", GeneratorConfig(rows=4_000, web_rows=1_000, users=200, commerce=CommerceConfig()))
    lake = Lake(folder / "lake")
    lake.run({path.name: path for path in (folder / "raw").iterdir() if path.is_dir()})
    return lake


def counted(lake: Lake, sql: str) -> int:
    return int(lake.query(f"select count(*) as n from ({sql}) as found").to_pylist()[0]["n"])


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"source": "web_events"},
        {"segment": "High Activity"},
        {"source": "click_events", "segment": "High Activity"},
    ],
)
@pytest.mark.parametrize("days", [{}, DAYS])
def test_they_are_those_that_the_figures_count(shop: Lake, days: dict[str, str], filters: dict[str, str]) -> None:
    (figures,) = shop.report("key_figures", **days, **filters).to_pylist()
    behind = shop.rows_behind("key_figures", **days, **filters)
    assert list(behind) == ["gold.fact_events", "gold.fact_sales"]
    assert counted(shop, behind["gold.fact_events"]) == figures["events"]
    assert figures["events"] > 0 or filters.get("source") == "web_events"  # which is of other days
    (bought,) = shop.query(
        "select cast(coalesce(sum(net_amount), 0) as decimal(18, 2)) as revenue "
        f"from ({behind['gold.fact_sales']}) as found where is_booked"
    ).to_pylist()
    if filters.get("source") is None:  # else the purchases are those among the clicks
        assert bought["revenue"] == figures["revenue"] > 0


def test_every_report_has_some_and_they_can_be_read(shop: Lake) -> None:
    for name in shop.catalogue.report_names:
        behind = shop.rows_behind(name, **DAYS)
        assert behind, name
        for table, sql in behind.items():
            assert 0 <= counted(shop, sql) <= counted(shop, f"select * from {table}"), (name, table)


def test_what_a_filter_computes_anew_has_no_rows_to_show(shop: Lake) -> None:
    mart = "gold.daily_sales_summary"
    assert shop.rows_behind("daily_sales_summary", since="2025-01-05") == {
        mart: f"SELECT * FROM {mart} WHERE date_key >= 20250105"
    }
    assert shop.rows_behind("daily_sales_summary", source="orders") == {}


def test_a_step_that_a_filter_restricts_alone_is_not_told_of(shop: Lake) -> None:
    assert "gold.fact_sales" in shop.rows_behind("rfm_segments")
    assert shop.rows_behind("rfm_segments", segment="High Activity") == {}


def test_what_the_report_refuses_is_refused(shop: Lake) -> None:
    with pytest.raises(UsageError, match="click_order_reconciliation takes no --source"):
        shop.rows_behind("click_order_reconciliation", source="orders")
