"""Tables over HTTP: what they hold, and their rows page by page."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pyarrow as pa
from api_server import PROBLEM, Server, running

from clicklake.lake import Lake

EVENTS = "/v1/tables/gold.fact_events/rows"


def test_tables_are_those_of_the_lake(server: Server, known: Lake) -> None:
    answer = server.get("/v1/tables")
    found = {row["table"]: row for row in answer.json()}
    assert set(found) == set(known.store.names())
    row = found["gold.fact_events"]
    assert row["rows"] == known.query("select count(*) as n from gold.fact_events").to_pylist()[0]["n"]
    assert row["description"].startswith("One row per")
    assert server.get("/v1/tables", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_a_table_has_its_documents_its_state_and_its_history(server: Server) -> None:
    for table in server.get("/v1/tables").json():
        found = server.get(table["url"])
        assert found.status_code == 200, found.text
        assert found.json()["columns"] and found.json()["history"], table["table"]
    users = server.get("/v1/tables/gold.dim_users").json()
    columns = {column["column"]: column for column in users["columns"]}
    assert columns["user_id"]["is_masked"] and not columns["total_events"]["is_masked"]
    assert columns["total_events"]["description"]
    assert users["grain"] == ["user_id"]
    assert users["state"]["release"] == 1
    assert users["history"][0]["version"] == users["state"]["version"]
    assert server.get("/v1/tables/gold.dim_user").json()["detail"].startswith("there is no table 'gold.dim_user'")


def test_pages_are_the_whole_table_once(server: Server, known: Lake) -> None:
    for table in ("gold.fact_events", "silver.events", "bronze.click_events", "ops.runs", "gold.dim_dates"):
        path: str | None = f"/v1/tables/{table}/rows?limit=700"
        rows, pages = [], 0
        while path:
            answer = server.get(path)
            assert answer.status_code == 200, answer.text
            rows += answer.json()
            pages += 1
            path = answer.links.get("next", {}).get("url")
        expected = known.query(f"select * from {table}")
        assert len(rows) == len(expected), table
        assert pages == max(1, -(-len(expected) // 700))
        key = "event_id" if "events" in table and "bronze" not in table else expected.columns[0]
        if key not in ("user_id", "UserID"):
            told = sorted(str(row[key]) for row in expected)
            assert sorted(str(row[key]) for row in rows) == told or key == "row_id"


def test_a_page_has_as_many_rows_as_the_server_allows_where_nobody_says_how_many(project: Path) -> None:
    with (project / "clicklake.yaml").open("a") as settings:
        settings.write("api:\n  page_rows: 50\n")
    with running(project) as server:
        first = server.get(EVENTS)
        assert (first.status_code, len(first.json())) == (200, 50)
        following = server.get(first.links["next"]["url"])
        assert (following.status_code, len(following.json())) == (200, 50)
        assert server.get(f"{EVENTS}?limit=51").status_code == 422


def test_columns_and_filters(server: Server, known: Lake) -> None:
    answer = server.get(
        EVENTS,
        params={
            "columns": "amount,event_id",
            "filter": ["event_type:in:purchase,login", "amount:gte:20", "event_timestamp:lt:2025-02-01"],
            "limit": 10000,
        },
    )
    rows = answer.json()
    assert list(rows[0]) == ["amount", "event_id"]
    expected = known.query(
        "select event_id, amount from gold.fact_events where event_type in ('purchase', 'login') and amount >= 20 "
        "and event_timestamp < timestamp '2025-02-01'"
    ).to_pylist()
    assert {row["event_id"] for row in rows} == {row["event_id"] for row in expected}
    assert len(rows) == len(expected) > 0
    nulls = server.get(f"{EVENTS}?filter=amount:null:true&limit=10000").json()
    assert len(nulls) == known.query("select event_id from gold.fact_events where amount is null").table.num_rows
    quoted = server.get(EVENTS, params={"filter": "event_type:eq:x' or '1'='1"})
    assert quoted.json() == []


def test_what_is_masked_is_compared_as_it_is_shown(server: Server, known: Lake) -> None:
    user = known.query("select user_id from gold.dim_users limit 1").to_pylist()[0]["user_id"]
    path = "/v1/tables/gold.dim_users/rows"
    assert server.get(path, params={"filter": f"user_id:eq:{user}"}).json() == []
    shown = server.get(f"{path}?limit=1").json()[0]["user_id"]
    assert [row["user_id"] for row in server.get(path, params={"filter": f"user_id:eq:{shown}"}).json()] == [shown]


def test_wrong_filters_columns_and_places_are_told(server: Server) -> None:
    for query, status in (
        ("filter=amount:gte:x", 400),
        ("filter=amount", 400),
        ("filter=amount:like:1", 400),
        ("filter=nothing:eq:1", 404),
        ("columns=nothing", 404),
        ("columns=", 200),
        ("after=WzEsbnVsbCwwLDBd", 200),
        ("after=WzksbnVsbCwwLDBd", 404),
        ("after=!!", 400),
        ("after=" + "W1tb" * 40, 400),
        ("limit=-1", 422),
        ("limit=100000", 422),
        ("filters=x", 400),
        ("&".join(["filter=amount:gte:1"] * 21), 400),
    ):
        answer = server.get(f"{EVENTS}?{query}")
        assert answer.status_code == status, (query, answer.text)
        assert status == 200 or answer.headers["content-type"] == PROBLEM
    assert "decimal" in server.get(f"{EVENTS}?filter=amount:gte:x").json()["detail"]
    deep = server.get("/v1/tables/silver.events/rows?filter=metadata:eq:1")
    assert "can't be compared" in deep.json()["detail"]


def test_all_rows_come_as_a_stream(server: Server, known: Lake) -> None:
    count = known.query("select count(*) as n from gold.fact_events").to_pylist()[0]["n"]
    lines = server.get(f"{EVENTS}?limit=0", headers={"Accept": "application/x-ndjson"})
    assert len({json.loads(line)["event_id"] for line in lines.text.splitlines()}) == count
    assert len(server.get(f"{EVENTS}?limit=0").json()) == count
    arrow = server.get(f"{EVENTS}?limit=0", headers={"Accept": "application/vnd.apache.arrow.stream"})
    table = pa.ipc.open_stream(arrow.content).read_all()
    assert table.num_rows == count
    assert table.schema.field("event_timestamp").type == pa.timestamp("us", "UTC")
    assert len(server.get(f"{EVENTS}?limit=0", headers={"Accept": "text/csv"}).text.splitlines()) == count + 1


def test_head_brings_the_head_of_what_get_would_bring(server: Server) -> None:
    for path in ("/health", "/v1/tables", f"{EVENTS}?limit=5", "/v1/reports/revenue_metrics", "/v1/nothing"):
        got, head = server.get(path), httpx.head(server.url + path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        of_request = {"date", "x-request-id"}
        assert {k: v for k, v in head.headers.items() if k not in of_request} | {"content-length": ""} == {
            k: v for k, v in got.headers.items() if k not in of_request
        } | {"content-length": ""}, path
    whole = server.get(f"{EVENTS}?limit=5")
    head = httpx.head(f"{server.url}{EVENTS}?limit=5")
    assert int(head.headers["content-length"]) == len(whole.content)
    known = httpx.head(f"{server.url}{EVENTS}?limit=5", headers={"If-None-Match": whole.headers["etag"]})
    assert known.status_code == 304
    assert httpx.head(server.url + "/v1/query").status_code == 405


def test_the_head_of_a_stream_takes_no_place(server: Server) -> None:
    with httpx.Client(base_url=server.url) as client:  # one connection, which stays usable
        for _ in range(60):
            head = client.head(f"{EVENTS}?limit=0")
            assert (head.status_code, head.content) == (200, b"")
        assert client.get(f"{EVENTS}?limit=0").status_code == 200


def test_pages_stay_in_their_version_while_runs_publish(project: Path) -> None:
    lake = Lake(config=project / "clicklake.yaml")
    before = {row["event_id"] for row in lake.query("select event_id from gold.fact_events")}
    more = project / "more.csv"
    with running(project) as server:
        answer = server.get(f"{EVENTS}?limit=1000&columns=event_id")
        seen = [row["event_id"] for row in answer.json()]
        more.write_text(
            "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\nu9,s9,2025-01-09 10:00:00,login,,,\n"
        )
        lake.run(click_events=more)
        while path := answer.links.get("next", {}).get("url"):
            answer = server.get(path)
            assert answer.headers["clicklake-release"] == "1"
            seen += [row["event_id"] for row in answer.json()]
        assert len(seen) == len(set(seen)) and set(seen) == before
        import time

        time.sleep(2.5)
        now = server.get(f"{EVENTS}?limit=1")
        assert now.headers["clicklake-release"] == "2"
