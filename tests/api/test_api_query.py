"""SQL over HTTP: rows for a SELECT on what may be read, and a clear error for all else."""

from __future__ import annotations

import pytest
from api_server import PROBLEM, Server

from clicklake.lake import Lake


def test_a_select_gives_the_rows_of_the_release(server: Server, known: Lake) -> None:
    sql = "select event_type, count(*) as events, sum(amount) as amount from gold.fact_events group by 1 order by 1"
    answer = server.post("/v1/query", json={"sql": sql})
    assert answer.status_code == 200, answer.text
    from clicklake.reports.render import to_json

    assert answer.text == to_json(known.query(sql).table)
    table = server.post("/v1/query", json={"sql": sql}, headers={"Accept": "text/csv"})
    assert table.text.splitlines()[0] == "event_type,events,amount"


def test_personal_data_is_masked_in_it(server: Server, known: Lake) -> None:
    sql = "select user_id, count(*) as n from gold.fact_events group by 1 order by 2 desc, 1 limit 5"
    found = server.post("/v1/query", json={"sql": sql}).json()
    assert all(row["user_id"].startswith("***") for row in found)
    assert [row["n"] for row in found] == [row["n"] for row in known.query(sql)]


@pytest.mark.parametrize(
    ("sql", "status"),
    [
        ("select 1; select 2", 400),
        ("select", 400),
        ("drop table gold.fact_events", 400),
        ("copy gold.fact_events to '/tmp/x'", 400),
        ("set memory_limit = '100GB'", 400),
        ("attach '/tmp/x.db'", 400),
        ("select * from read_csv('/etc/passwd')", 403),
        ("select * from '/etc/passwd'", (400, 403, 404)),
        ("select getenv('HOME')", 403),
        ("select * from gold.nothing", 404),
        ("select nothing from gold.fact_events", 400),
    ],
)
def test_what_may_not_run_is_refused_with_a_reason(server: Server, sql: str, status: int | tuple[int, ...]) -> None:
    answer = server.post("/v1/query", json={"sql": sql})
    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"]
    assert "Traceback" not in answer.text


def test_a_body_that_is_wrong_is_told(server: Server) -> None:
    assert server.post("/v1/query", json={"sql": ""}).status_code == 422
    assert server.post("/v1/query", json={"sql": "select 1", "rows": 5}).status_code == 422
    assert server.post("/v1/query", json=["select 1"]).status_code == 422
    broken = server.post("/v1/query", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.headers["content-type"]) == (422, PROBLEM)
