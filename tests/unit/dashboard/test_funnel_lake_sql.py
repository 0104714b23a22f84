"""Pages Funnel, Lake and SQL: the numbers that the command line prints, choices in the URL, and what they may show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clicklake.dashboard import opened, parts
from clicklake.dashboard.sankey import flows_of, sankey
from clicklake.lake import Lake
from clicklake.overview import tables
from clicklake.quality.collect import collect
from clicklake.quarantine import list_reasons
from clicklake.reports import formats
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("pages")
    generate(folder / "data", GeneratorConfig(rows=3000, web_rows=2000, users=150, days=20, commerce=CommerceConfig()))
    names = ("click_events", "web_events", "orders", "customers", "products", "payments")
    lake = Lake(folder / "lake")
    lake.run(**{name: str(folder / "data" / name) for name in names})
    return lake


def frame(app, *columns):
    """The rows of the first table that has these columns."""
    found = next(each.value for each in app.dataframe if set(columns) <= set(each.value.columns))
    return found[list(columns)].to_numpy().tolist()


def specs(app) -> list[str]:
    return [json.dumps(json.loads(chart.proto.spec)) for chart in app.get("vega_lite_chart")]


def is_fine(app) -> bool:
    return not app.exception and not app.error and not app.warning


# ---- Funnel


def test_the_funnel_shows_the_numbers_of_the_report(made, show):
    app = show(made, "funnel", period="all")
    assert is_fine(app) and app.query_params == {"period": "all"}
    drawn = specs(app)[0]
    for row in made.report("funnel").to_pylist():
        assert formats.integer(row["users_in_order"]) in drawn
    app.segmented_control(key="funnel_order").set_value("at_all").run()
    assert app.query_params["order"] == "at_all"
    for row in made.report("funnel").to_pylist():
        assert formats.integer(row["users"]) in specs(app)[0]


def test_steps_and_parts_stand_in_the_url(made, show):
    steps = "search,product_view,purchase"
    app = show(made, "funnel", period="all", steps=steps, by="device", within_days="7", source="web_events")
    assert is_fine(app)
    assert app.query_params == {
        "period": "all", "steps": steps, "by": "device", "within_days": "7", "source": "web_events"
    }  # fmt: skip
    rows = made.report("funnel", steps=steps, by="device", within_days=7, source="web_events").to_pylist()
    columns = ("part", "step", "users", "users_in_order")
    assert frame(app, *columns) == [[row[name] for name in columns] for row in rows]
    app.multiselect(key="funnel_steps").set_value(["login", "purchase"]).run()
    app.selectbox(key="funnel_by").set_value("").run()
    assert app.query_params["steps"] == "login,purchase" and "by" not in app.query_params
    assert (
        formats.integer(
            made.report("funnel", steps="login,purchase", within_days=7, source="web_events").to_pylist()[1][
                "users_in_order"
            ]
        )
        in specs(app)[0]
    )


def test_a_url_that_makes_no_sense_shows_the_usual(made, show):
    app = show(made, "funnel", period="all", by="nothing", within_days="x", order="y")
    assert is_fine(app) and app.selectbox(key="funnel_by").value == ""
    assert app.query_params == {"period": "all"}
    app.multiselect(key="funnel_steps").set_value([]).run()
    assert "first step" in app.info[0].value


def test_the_sankey_draws_every_step_before_a_purchase(made, show):
    rows = made.report("purchase_flows").to_pylist()
    drawing = sankey(flows_of(rows), "purchase")
    ribbons, boxes = (layer["data"]["values"] for layer in drawing["layer"][:2])
    assert len({point["flow"] for point in ribbons}) == len(rows)
    last = [box for box in boxes if box["kind"] == "last"]
    into = sum(row["sessions"] for row in rows if row["steps_left"] == 1)
    assert [box["told"] for box in last] == [f"purchase: {formats.integer(into)} sessions"]
    assert all(-1e-9 <= box["y"] and box["y2"] <= 1 + 1e-9 for box in boxes)
    told = {point["told"] for point in ribbons}
    assert any(f"{formats.integer(rows[-1]['sessions'])} sessions of" in text for text in told)
    assert any(json.dumps(rows[0]["from_step"])[1:-1] in text for text in specs(show(made, "funnel", period="all")))


def test_one_user_s_timeline_is_that_of_the_report_and_names_nobody(made, show):
    user = made.report("customer_lifetime_value", limit=1).to_pylist()[0]["customer_id"]
    rows = made.report("user_timeline", user=user).to_pylist()
    app = show(made, "funnel", period="all", user=user)
    assert is_fine(app) and app.query_params["user"] == user
    shown = frame(app, "kind", "what")
    assert shown == [[row["kind"], row["what"]] for row in rows[: parts.ROWS]] and {"event", "order"} <= {
        row[0] for row in shown
    }
    orders = sum(row["kind"] == "order" for row in rows)
    assert any(f"{orders} orders" in note.value for note in app.caption)
    assert not any(user in str(each.value) for each in (*app.caption, *app.subheader, *app.markdown))
    assert not any(user in each.value.to_string() for each in app.dataframe)
    app.text_input(key="timeline_user").set_value("nobody-at-all").run()
    assert "No event and no order" in app.info[0].value


# ---- Lake


def test_quality_is_that_of_the_command(made, show):
    app = show(made, "lake")
    assert is_fine(app) and app.query_params == {}
    found = collect(made, keep=False)
    assert {tile.label: tile.value for tile in app.metric} == {
        row["source"]: formats.show(row["quality_score"], "percent") for row in found.card.sources()
    }
    assert "are being measured" in app.info[0].value
    opened.opened().measuring.wait()
    app.run()
    assert not app.info
    worst_first = sorted(found.assessment.tables(), key=lambda row: ("fail", "warn", "ok", None).index(row["verdict"]))
    assert worst_first[0]["verdict"] != "ok"
    assert frame(app, "table", "rows") == [[row["table"], row["rows"]] for row in worst_first]
    app = show(made, "lake", part="ledger")
    assert frame(app, "source", "rows_ingested", "loaded", "quarantined") == [
        [row["source"], row["rows_ingested"], row["loaded"], row["quarantined"]] for row in found.card.sources()
    ]


@pytest.mark.parametrize("part", ["quality", "ledger", "quarantine", "runs"])
def test_the_lake_is_shown_of_one_source(made, show, part):
    whole, app = show(made, "lake", part=part), show(made, "lake", part=part, source="web_events")
    assert is_fine(app) and app.query_params["source"] == "web_events"
    if part == "quality":
        assert [tile.label for tile in app.metric] == ["web_events"]
        assert len(whole.metric) > 1
        return
    own = [each.value for each in app.dataframe if "source" in each.value.columns]
    assert {name for table in own for name in table["source"]} == {"web_events"}
    assert len({name for each in whole.dataframe for name in each.value.get("source", ())}) > 1


def test_quarantine_shows_why_and_which_rows_masked(made, show):
    app = show(made, "lake", part="quarantine")
    assert is_fine(app)
    reasons = list_reasons(made)
    assert frame(app, "source", "reasons", "rows") == [[row["source"], row["reasons"], row["rows"]] for row in reasons]
    app.selectbox(key="quarantine_rejected_of").set_value("click_events").run()
    app.selectbox(key="quarantine_rule").set_value("invalid_timestamp").run()
    assert app.query_params == {"part": "quarantine", "rejected_of": "click_events", "rule": "invalid_timestamp"}
    rows = frame(app, "source", "reasons", "raw")
    assert rows and all(row[0] == "click_events" and "invalid_timestamp" in row[1] for row in rows)
    assert all(json.loads(row[2])["UserID"] in ("***", "", None) for row in rows)
    app.button(key="replay-preview").click().run()
    assert "No row passes" in app.caption[-1].value


def test_rows_that_pass_now_are_let_through_once(tmp_path: Path, show):
    file = tmp_path / "clicks.csv"
    head = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n"
    file.write_text(
        head
        + "u1,s1,2025-01-01 10:00:00,purchase,p1,500.00,success\n" * 1
        + "u2,s2,2025-01-01 11:00:00,purchase,p1,5.00,success\n"
    )
    Lake(tmp_path / "lake", overrides={"rules.max_amount": 100}).run(click_events=file)
    lake = Lake(tmp_path / "lake")
    assert lake.report("revenue_metrics").to_pylist()[0]["total_revenue"] == 5
    app = show(lake, "lake", part="quarantine")
    app.button(key="replay-preview").click().run()
    assert frame(app, "source", "open", "passing") == [["click_events", 1, 1]]
    app.button(key="replay-now").click().run()
    assert not app.exception and "No row is in quarantine" in app.info[0].value
    assert lake.report("revenue_metrics").to_pylist()[0]["total_revenue"] == 505


def test_runs_stages_and_tables_are_those_of_the_lake(made, show):
    app = show(made, "lake", part="runs")
    assert is_fine(app)
    stages = made.query(
        "select stage, target from ops.runs where stage <> 'run' order by started_at, target"
    ).to_pylist()
    assert frame(app, "stage", "target") == [[row["stage"], row["target"]] for row in stages]
    app = show(made, "lake", part="tables", table="gold.fact_sales")
    assert is_fine(app)
    known = {row["table"]: row for row in tables(made)}
    shown = {row[0]: row[1:] for row in frame(app, "table", "rows", "version", "bytes")}
    assert shown["gold.fact_sales"] == [known["gold.fact_sales"][name] for name in ("rows", "version", "bytes")]
    assert len(shown) == len(known)
    assert [row[0] for row in frame(app, "version", "operation")] == [
        entry.version for entry in made.history("gold.fact_sales")
    ]
    assert ["customer_id", "yes"] in frame(app, "column", "personal")


def test_a_lake_without_anything_says_what_to_do(tmp_path, show):
    for part in ("quality", "quarantine", "ledger", "runs", "tables"):
        app = show(Lake(tmp_path / "empty"), "lake", part=part)
        assert is_fine(app), part
        said = " ".join(str(each.value) for each in (*app.info, *app.code, *app.markdown))
        assert "clicklake run" in said or "No row is in quarantine" in said, part


# ---- SQL


def test_sql_gives_the_rows_of_the_query(made, show):
    app = show(made, "sql", period="all")
    assert is_fine(app) and not app.query_params.get("sql")
    sql = "select event_type, count(*) as n from gold.fact_events group by 1 order by 1"
    app.text_area(key="sql_text").set_value(sql).run()
    app.button(key="sql_run").click().run()
    assert is_fine(app) and app.query_params["sql"] == sql
    assert frame(app, "event_type", "n") == [list(row.values()) for row in made.query(sql).to_pylist()]
    app.selectbox(key="sql_kind").set_value("bar").run()
    assert is_fine(app) and "add_to_cart" in specs(app)[0]


def test_a_link_brings_a_query_or_that_of_a_report(made, show):
    app = show(made, "sql", period="all", sql="select count(*) as n from gold.dim_users")
    assert frame(app, "n") == [[made.query("select count(*) as n from gold.dim_users").to_pylist()[0]["n"]]]
    app = show(made, "sql", period="all", report="funnel", steps="login,purchase", source="web_events")
    assert is_fine(app)
    rows = made.report("funnel", steps="login,purchase", source="web_events").to_pylist()
    assert frame(app, "event_type", "users") == [[row["event_type"], row["users"]] for row in rows]


@pytest.mark.parametrize(
    "sql", ["drop table gold.dim_users", "select * from read_csv('/etc/passwd')", "select nothing from gold.dim_users"]
)
def test_what_is_no_harmless_query_is_refused(made, show, sql):
    app = show(made, "sql", period="all", sql=sql)
    assert not app.exception and len(app.warning) == 1
    assert not any("root:" in each.value.to_string() for each in app.dataframe)


def test_personal_data_is_masked_in_sql(made, show):
    app = show(made, "sql", period="all", sql="select user_id, count(*) as n from gold.fact_events group by 1")
    names = {row["user_id"] for row in made.query("select distinct user_id from gold.fact_events").to_pylist()}
    shown = {row[0] for row in frame(app, "user_id", "n")}
    assert shown and not shown & names and all(name.startswith("***") for name in shown)
    assert frame(app, "column", "type")[0][0] == "event_id"
