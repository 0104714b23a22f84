"""Reports over HTTP are what the command line prints."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from api_server import PROBLEM, Server

from clicklake.cli.main import run
from clicklake.lake import Lake


@pytest.fixture(scope="session")
def printed(built: Path) -> Callable[..., str]:
    """What the command line prints on stdout."""

    def printed(*arguments: str) -> str:
        import contextlib

        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            assert run([*arguments, "--config", str(built / "clicklake.yaml")]) == 0
        return out.getvalue()

    return printed


def test_every_report_is_byte_for_byte_what_the_command_line_prints(
    server: Server, known: Lake, printed: Callable[..., str]
) -> None:
    listed = server.get("/v1/reports").json()
    assert [report["name"] for report in listed] == known.catalogue.report_names
    compared = 0
    for report in listed:
        answer = server.get(report["url"])
        if answer.status_code == 422:  # too little data for its model
            assert answer.json()["type"].endswith(":too-little-data")
            continue
        assert answer.status_code == 200, answer.text
        if "***" in answer.text:
            continue  # personal data, which the command line shows
        assert answer.text == printed("report", report["name"], "--format", "json"), report["name"]
        assert answer.headers["clicklake-release"] == "1"
        compared += 1
    assert compared > 15


def test_window_limit_and_parameters_are_those_of_the_command_line(server: Server, printed: Callable[..., str]) -> None:
    window = ("--since", "2025-01-10", "--until", "2025-01-20", "--limit", "3")
    answer = server.get("/v1/reports/daily_active_users?since=2025-01-10&until=2025-01-20&limit=3")
    assert answer.text == printed("report", "daily_active_users", "--format", "json", *window)
    assert len(answer.json()) == 3
    answer = server.get("/v1/reports/daily_active_users?as_of=2025-01-05")
    assert answer.text == printed("report", "daily_active_users", "--format", "json", "--as-of", "2025-01-05")
    assert server.get("/v1/reports/user_journey?user=nobody").json() == []


def test_personal_data_is_masked(server: Server, known: Lake) -> None:
    users = {row["user_id"] for row in known.report("user_journey")}
    shown = {row["user_id"] for row in server.get("/v1/reports/user_journey").json()}
    assert users and len(users) == len(shown)
    assert not users & shown
    assert all(user.startswith("***") for user in shown)


def test_all_formats_hold_the_same_rows(server: Server) -> None:
    path = "/v1/reports/daily_active_users"
    rows = server.get(path).json()
    lines = server.get(path, headers={"Accept": "application/x-ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    table = server.get(path, headers={"Accept": "text/csv, application/json;q=0.5"})
    assert table.headers["content-type"].startswith("text/csv")
    assert [row["date"] for row in csv.DictReader(io.StringIO(table.text))] == [row["date"] for row in rows]
    arrow = server.get(path, headers={"Accept": "application/vnd.apache.arrow.stream"})
    found = pa.ipc.open_stream(arrow.content).read_all()
    assert found.column("active_users").to_pylist() == [row["active_users"] for row in rows]
    assert found.schema.field("date").type == pa.date32()
    refused = server.get(path, headers={"Accept": "application/pdf"})
    assert (refused.status_code, refused.headers["content-type"]) == (406, PROBLEM)


def test_a_tag_spares_the_answer_until_something_changes(server: Server) -> None:
    path = "/v1/reports/revenue_metrics"
    first = server.get(path)
    again = server.get(path, headers={"If-None-Match": f'W/"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    others = [server.get(f"{path}?until=2025-01-20"), server.get(path, headers={"Accept": "text/csv"})]
    assert len({first.headers["etag"], *(answer.headers["etag"] for answer in others)}) == 3
    assert server.get(path, headers={"If-None-Match": '"something"'}).text == first.text


def test_what_is_wrong_is_told_with_one_shape(server: Server) -> None:
    for path, status, kind in (
        ("/v1/reports/top_product", 404, "unknown-name"),
        ("/v1/reports/top_products?limit=many", 422, "invalid"),
        ("/v1/reports/top_products?since=2025-02-30", 422, "invalid"),
        ("/v1/reports/top_products?since=2025-02-02&until=2025-02-01", 400, "usage"),
        ("/v1/reports/top_products?colour=red", 400, "usage"),
        ("/v1/reports/" + "x" * 200, 422, "invalid"),
        ("/v1/nothing", 404, "not-found"),
    ):
        answer = server.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), path
        told = answer.json()
        assert told["type"] == f"urn:clicklake:problem:{kind}"
        assert told["status"] == status
        assert told["detail"] and told["title"]
        assert told["instance"] == path.partition("?")[0]
        assert told["request_id"] == answer.headers["x-request-id"]
    assert "top_products" in server.get("/v1/reports/top_product").json()["detail"]
    for query, detail in (
        ("since=2025-02-02&as_of=2025-02-01", "since 2025-02-02 is after as_of 2025-02-01"),
        ("segment=nobody", "segment: there is no segment 'nobody'"),
    ):
        assert server.get(f"/v1/reports/top_products?{query}").json()["detail"].startswith(detail)
    assert server.get("/v1/reports/top_products?limit=many").json()["errors"][0]["where"] == "query.limit"
    wrong = server.post("/v1/reports/top_products", json={})
    assert (wrong.status_code, wrong.headers["content-type"], wrong.headers["allow"]) == (405, PROBLEM, "GET, HEAD")
