"""Who means harm: the OWASP API top ten (2023), one after the other, on a real server."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import jwt
import pytest
from api_server import PROBLEM, PROGRAM, SECRET, Locked, Server, environment, running

USERS = "/v1/tables/gold.dim_users/rows?limit=3"


def _claims(**other: object) -> dict[str, object]:
    now = int(time.time())
    good = {"iss": "https://login.example.com", "aud": "clicklake", "exp": now + 60, "iat": now}
    return {**good, "sub": "ann", "role": "analyst", **other}


def _told(answer: httpx.Response, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["type"].endswith(f":{kind}"), answer.text
    assert answer.json()["detail"]


# API1, API3, API5: objects, their properties and functions are those of the role


def test_a_role_reads_its_layers_and_no_more(locked: Locked) -> None:
    assert locked.get("reader", "/v1/tables/gold.dim_dates/rows").status_code == 200
    for path in (
        "/v1/tables/silver.events/rows",
        "/v1/tables/bronze.click_events",
        "/v1/runs",
        "/v1/quarantine",
        "/metrics",
    ):
        _told(locked.get("reader", path), 403, "forbidden")
    shown = {row["table"] for row in locked.get("reader", "/v1/tables").json()}
    assert shown and all(table.startswith("gold.") for table in shown)
    steps = locked.get("reader", "/v1/lineage?name=gold.dim_users.total_spent").json()
    assert not any((step["upstream_table"] or "").startswith(("silver.", "bronze.")) for step in steps)
    quality = locked.get("reader", "/v1/quality").json()
    assert "ledger" not in quality and all(row["table"].startswith("gold.") for row in quality["measures"])
    monitor = locked.get("monitor", "/metrics")
    assert monitor.status_code == 200 and "clicklake_table_rows" in monitor.text
    _told(locked.get("monitor", "/v1/reports/revenue_metrics"), 403, "forbidden")


def test_a_hidden_column_is_not_there_in_any_way(locked: Locked) -> None:
    path = "/v1/tables/gold.fact_events/rows?limit=2"
    assert "amount" not in locked.get("shopkeeper", path).json()[0]
    _told(locked.get("shopkeeper", f"{path}&columns=amount"), 404, "unknown-name")
    _told(locked.get("shopkeeper", f"{path}&filter=amount:gte:10"), 404, "unknown-name")
    _told(locked.get("shopkeeper", "/v1/reports/revenue_metrics"), 403, "forbidden")
    assert "revenue_metrics" not in {row["name"] for row in locked.get("shopkeeper", "/v1/reports").json()}
    sql = {"sql": "select max(amount) from gold.fact_events"}
    assert locked.post("shopkeeper", "/v1/query", json=sql).status_code in (400, 403)
    columns = {c["column"] for c in locked.get("shopkeeper", "/v1/tables/gold.fact_events").json()["columns"]}
    assert "amount" not in columns and "event_id" in columns
    lineage = "/v1/lineage?name="
    _told(locked.get("shopkeeper", f"{lineage}gold.fact_sales.nothing"), 404, "unknown-name")
    _told(locked.get("shopkeeper", f"{lineage}gold.fact_sales.status"), 403, "forbidden")
    for name in ("gold.fact_events.amount", "gold.fact_events.nothing", "fact_events.amount", "gold.nothing"):
        answer = locked.get("shopkeeper", f"{lineage}{name}&direction=down")
        _told(answer, 404, "unknown-name")
        hints = answer.json()["detail"].partition(";")[2]
        assert hints and not any(hidden in hints for hidden in (" amount", "silver.", "bronze.", "fact_sales")), hints
    spent = f"{lineage}gold.dim_users.total_spent"
    assert any("amount" in (step["transformation"] or "") for step in locked.get("engineer", spent).json())
    assert not any("amount" in (step["transformation"] or "") for step in locked.get("shopkeeper", spent).json())
    measured = locked.get("shopkeeper", "/v1/quality").json()["measures"]
    of_events = {row["column"] for row in measured if row["table"] == "gold.fact_events"}
    assert "event_id" in of_events and not of_events & {"amount", None}
    assert locked.get("engineer", "/v1/quality").json()["measures"][0].keys() == measured[0].keys()
    history = locked.get("shopkeeper", "/v1/tables/gold.fact_events").json()["history"]
    assert not any("silver." in mark for entry in history for mark in entry["marks"])


def test_personal_data_is_masked_but_for_those_who_may_see_it(locked: Locked) -> None:
    plain = {row["user_id"] for row in locked.get("admin", USERS).json()}
    assert not any(user.startswith("***") for user in plain)
    for role in ("reader", "analyst", "engineer"):
        answer = locked.get(role, USERS)
        assert all(row["user_id"].startswith("***") for row in answer.json())
        assert not any(user in answer.text for user in plain)
    user = plain.pop()
    assert locked.get("analyst", "/v1/tables/gold.dim_users/rows", params={"filter": f"user_id:eq:{user}"}).json() == []
    _told(locked.get("analyst", "/v1/reports/user_journey", params={"user": user}), 403, "forbidden")
    tags = {locked.get(role, "/v1/reports/user_journey?limit=3").headers["etag"] for role in ("admin", "analyst")}
    assert len(tags) == 2
    admin = locked.get("admin", "/v1/reports/user_journey?limit=3")
    seen = locked.server.get(
        "/v1/reports/user_journey?limit=3", headers={**locked.of("analyst"), "If-None-Match": admin.headers["etag"]}
    )
    assert seen.status_code == 200 and "***" in seen.text


def test_what_a_role_may_not_do_it_can_not(locked: Locked) -> None:
    for role in ("reader", "analyst", "shopkeeper", "monitor"):
        _told(locked.post(role, "/v1/runs", json={}), 403, "forbidden")
        _told(locked.post(role, "/v1/quarantine/replay", json={"dry_run": True}), 403, "forbidden")
        _told(locked.get(role, "/v1/events/1/trace"), 403, "forbidden")
    _told(locked.post("reader", "/v1/query", json={"sql": "select 1"}), 403, "forbidden")
    assert locked.post("analyst", "/v1/query", json={"sql": "select 1 as one"}).json() == [{"one": 1}]
    _told(locked.post("engineer", "/v1/runs", json={"full": False, "role": "admin"}), 422, "invalid")


# API2: who asks


def test_without_a_key_that_holds_there_is_nothing(locked: Locked) -> None:
    server = locked.server
    for path in ("/v1/tables", "/v1/nothing", "/openapi.json", "/metrics", "/v1/reports/revenue_metrics"):
        answer = server.get(path)
        _told(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert server.get("/health").status_code == 200
    key, kept = locked.keys.add("gone", "admin")
    assert server.get(USERS, headers={"X-API-Key": key}).status_code == 200
    locked.keys.revoke("gone")
    _told(server.get(USERS, headers={"X-API-Key": key}), 401, "unauthorized")
    good = locked.of("reader")["Authorization"]
    both = httpx.Headers([("Authorization", good), ("X-API-Key", locked.shown["admin"])])
    _told(server.get(USERS, headers=both), 401, "unauthorized")


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(_claims(), "another secret, thirty-two characters", "HS256"),
        jwt.encode(_claims(exp=1), SECRET, "HS256"),
        jwt.encode(_claims(iss="https://evil.example.com"), SECRET, "HS256"),
        jwt.encode(_claims(aud="others"), SECRET, "HS256"),
        jwt.encode(_claims(), SECRET + SECRET, "HS512"),
        jwt.encode(_claims(), None, "none"),
        "a.b.c",
    ],
)
def test_a_token_that_does_not_hold_is_refused(locked: Locked, token: str) -> None:
    time.sleep(3)  # failures of one address are counted
    _told(locked.server.get(USERS, headers={"Authorization": f"Bearer {token}"}), 401, "unauthorized")


def test_a_token_says_who_asks(locked: Locked) -> None:
    token = jwt.encode(_claims(), SECRET, "HS256")
    answer = locked.server.get(USERS, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200 and "***" in answer.text


def test_who_guesses_keys_is_slowed_down(project: Path) -> None:
    settings = project / "clicklake.yaml"
    settings.write_text(settings.read_text() + "access:\n  secret: ${CL_SECRET}\n")
    with running(project, CL_SECRET=SECRET) as server:
        tried = [server.get("/v1/tables", headers={"X-API-Key": f"cl_{n:012x}_x"}).status_code for n in range(30)]
        assert tried[0] == 401 and tried[-1] == 429
        assert int(server.get("/v1/tables").headers["retry-after"]) >= 1


# API4: how much


def test_what_a_caller_may_use_up_is_limited(locked: Locked) -> None:
    _told(locked.post("analyst", "/v1/query", json={"sql": f"select '{'x' * 30_000}'"}), 413, "too-large")
    began = time.monotonic()
    slow = {"sql": "select count(*) from gold.fact_events a, gold.fact_events b, gold.fact_events c"}
    _told(locked.post("analyst", "/v1/query", json=slow), 504, "took-too-long")
    assert time.monotonic() - began < 60
    many = locked.post("analyst", "/v1/query", json={"sql": "select * from gold.fact_events"})
    assert len(many.json()) == 2000 and "cut off" in many.headers["clicklake-note"]
    _told(locked.get("analyst", "/v1/tables/gold.fact_events/rows?limit=90000"), 422, "invalid")


def test_a_body_without_an_end_is_cut_off(locked: Locked) -> None:
    def endless() -> object:
        for _ in range(100):
            yield b'{"sql": "' + b"x" * 10_000

    head = {**locked.of("analyst"), "Content-Type": "application/json"}
    try:
        answer = locked.server.post("/v1/query", content=endless(), headers=head)
    except httpx.TransportError:
        return  # it was cut off while it was sent
    _told(answer, 413, "too-large")


def test_too_many_requests_are_told_to_wait(project: Path) -> None:
    settings = project / "clicklake.yaml"
    settings.write_text(settings.read_text() + "api:\n  requests_per_minute: 10\n")
    with running(project) as server:
        found = [server.get("/health") for _ in range(20)]
        refused = [answer for answer in found if answer.status_code == 429]
        assert refused and found[0].status_code == 200
        _told(refused[0], 429, "too-many-requests")
        other = server.get("/health", headers={"X-Forwarded-For": "10.0.0.9"})  # nobody is believed who says so
        assert other.status_code == 429


# API6, API7: what it does for others


def test_nobody_can_send_it_elsewhere(locked: Locked) -> None:
    met = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = trap.getsockname()[1]

        def wait() -> None:
            trap.settimeout(8)
            try:
                trap.accept()[0].close()
                met.set()
            except TimeoutError:
                pass

        waiting = threading.Thread(target=wait)
        waiting.start()
        url = f"http://127.0.0.1:{port}/x"
        for sql in (
            f"select * from read_csv('{url}')",
            f"select * from '{url}'",
            f"select * from read_parquet('{url}')",
        ):
            assert locked.post("analyst", "/v1/query", json={"sql": sql}).status_code in (400, 403, 404)
        for body in ({"sources": [url]}, {"paths": [url]}, {"sources": {"click_events": url}}):
            assert locked.post("engineer", "/v1/runs", json=body).status_code in (404, 422)
        waiting.join()
    assert not met.is_set()


# API8: how it is set up


def test_other_web_pages_get_nothing(server: Server) -> None:
    for headers in (
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    ):
        answer = server.get("/v1/tables", headers=headers)
        _told(answer, 403, "cross-origin")
        assert not any(name.startswith("access-control") for name in answer.headers)
    for host in ("evil.example.com", "127.0.0.1.evil.example.com", "", "localhost.evil.example.com:80"):
        _told(server.get("/v1/tables", headers={"Host": host}), 421, "misdirected")
    plain = server.post("/v1/runs", content='{"full": true}', headers={"Content-Type": "text/plain"})
    _told(plain, 415, "unsupported-media-type")


def test_pages_of_named_origins_may_call_and_see_what_programs_go_by(project: Path) -> None:
    with (project / "clicklake.yaml").open("a") as settings:
        settings.write("api:\n  origins: https://shop.example.com\n")
    ours, theirs = {"Origin": "https://shop.example.com"}, {"Origin": "https://evil.example.com"}
    asking = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    with running(project) as server:
        answer = server.get("/v1/tables", headers=ours)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ours["Origin"]
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert {"ETag", "Link", "Location", "Retry-After", "X-Request-Id"} <= exposed
        assert {"Accept", "Authorization", "X-API-Key", "Origin"} <= set(answer.headers["vary"].split(", "))
        allowed = httpx.options(f"{server.url}/v1/tables", headers={**ours, **asking})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ours["Origin"])
        refused = httpx.options(f"{server.url}/v1/tables", headers={**theirs, **asking})
        for answer in (refused, server.get("/v1/tables", headers=theirs)):
            _told(answer, 403, "cross-origin")
            assert not any(name.startswith("access-control") for name in answer.headers)


def test_every_answer_has_its_headers(server: Server) -> None:
    for path in ("/v1/tables", "/v1/nothing", "/health"):
        headers = server.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] in ("no-store", "private, no-cache")
        assert "server" not in headers
    given = server.get("/health", headers={"X-Request-Id": "a-b.c_1"})
    assert given.headers["x-request-id"] == "a-b.c_1"
    made = server.get("/health", headers={"X-Request-Id": "x" * 65})
    assert made.headers["x-request-id"] != "x" * 65


def test_a_fault_tells_nothing_of_the_inside(project: Path) -> None:
    with running(project) as server:
        for file in (project / "lake" / "gold" / "dim_users").rglob("*.parquet"):
            file.write_bytes(b"broken")
        answer = server.get(USERS)
        assert answer.status_code >= 500
        assert answer.headers["content-type"] == PROBLEM
        assert str(project) not in answer.text and "parquet" not in answer.text.lower()
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_other_methods_and_paths_are_refused(server: Server) -> None:
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        answer = httpx.request(method, server.url + "/v1/tables")
        assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM), method
    for path in (
        "/docs",
        "/redoc",
        "/v1",
        "/v1/tables/..%2f..%2fetc%2fpasswd",
        "/v1//tables",
        "/static/x",
        "/v1/tables/",
    ):
        answer = server.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), path


def test_elsewhere_it_does_not_listen_without_a_login(built: Path) -> None:
    command = [*PROGRAM, "serve", "--config", str(built / "clicklake.yaml"), "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 2
    assert "access.secret" in done.stderr
    taken = socket.create_server(("127.0.0.1", 0))
    port = str(taken.getsockname()[1])
    command = [*PROGRAM, "serve", "--config", str(built / "clicklake.yaml"), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 2 and "can't listen" in done.stderr
    taken.close()


# API9, API10: what there is, and what comes from others


def test_the_document_tells_of_every_path(locked: Locked) -> None:
    document = locked.get("reader", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            codes = set(operation["responses"])
            assert {"400", "401", "403", "422", "429", "500"} <= codes, (path, method)
            assert operation["summary"] and operation["description"]
            for code, answer in operation["responses"].items():
                if code.startswith(("4", "5")):
                    assert answer["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert path in ("/health", "/ready") or operation["security"]


def test_every_access_is_noted(locked: Locked) -> None:
    locked.get("reader", "/v1/tables/silver.events/rows?limit=1")
    locked.get("reader", "/v1/tables/gold.dim_users/rows?filter=user_id:eq:anna-42")
    locked.get("engineer", "/v1/reports/user_journey?user=anna-42")
    locked.post("analyst", "/v1/query", json={"sql": "select 'anna-42' as answer"})
    locked.server.get("/v1/tables", headers={"X-API-Key": "cl_000000000000_wrong"})
    (file,) = (locked.server.project / "logs").glob("audit-*.jsonl")
    assert file.stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    refused = [line for line in lines if line["path"] == "/v1/tables/silver.events/rows" and line["status"] == 403][-1]
    assert (refused["principal"], refused["role"], refused["by"]) == ("reader", "reader", "key")
    assert refused["query"] == "limit=1" and refused["address"] == "127.0.0.1"
    asked = [line for line in lines if line["path"] == "/v1/query"][-1]
    assert asked["sql"] == "select ? as answer" and asked["status"] == 200 and asked["bytes"] > 0
    nobody = [line for line in lines if line["status"] == 401][-1]
    assert nobody["principal"] == "nobody"
    text = file.read_text()
    assert not any(key in text for key in locked.shown.values())
    assert "filter=user_id:eq:***" in text and "user=***" in text and "anna-42" not in text
