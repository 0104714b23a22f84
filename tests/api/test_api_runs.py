"""Runs that are started over HTTP, and what else changes a lake."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
from api_server import PROBLEM, PROGRAM, Server, environment, running

from clicklake.lake import Lake

HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"


def _followed(server: Server, job: str, headers: Any = None) -> list[tuple[str, dict[str, object]]]:
    """Events of a run until it is over."""
    found = []
    with httpx.stream("GET", f"{server.url}/v1/runs/{job}/events", headers=headers, timeout=120) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                found.append((kind, json.loads(line[6:])))
    return found


def test_a_run_is_started_followed_and_seen(project: Path) -> None:
    lake = Lake(config=project / "clicklake.yaml")
    buyers = lake.report("revenue_metrics").to_pylist()[0]["purchasers"]
    with running(project) as server:
        folder = Path(lake.settings.sources["click_events"].paths[0])
        (folder / "more.csv").write_text(f"{HEADER}\nu-new,s9,2025-01-09 10:00:00,purchase,p1,9.50,success\n")
        assert server.get("/v1/reports/revenue_metrics").json()[0]["purchasers"] == buyers
        answer = server.post("/v1/runs", json={"sources": ["click_events"]})
        assert answer.status_code == 202
        job = answer.json()
        assert answer.headers["location"] == f"/v1/runs/{job['job']}"
        second = server.post("/v1/runs", json={})
        assert (second.status_code, second.headers["content-type"]) == (409, PROBLEM)
        assert job["job"] in second.json()["detail"]
        events = _followed(server, job["job"])
        kinds = [kind for kind, _ in events]
        assert kinds[-1] == "done" and set(kinds[:-1]) == {"stage"}
        begun = [facts["stage"] for kind, facts in events if kind == "stage" and facts["state"] == "begins"]
        assert begun[0] == "ingest" and begun[-1] == "publish"
        assert events[-1][1]["release"] == 2
        assert _followed(server, job["job"], {"Last-Event-ID": str(len(events) - 1)}) == events[-1:]
        for seen in (str(len(events)), "999999", "9" * 20):
            assert _followed(server, job["job"], {"Last-Event-ID": seen}) == events[-1:]
        for other in ("²", "-1", "x"):
            assert _followed(server, job["job"], {"Last-Event-ID": other.encode("latin-1")}) == events
        times = [value for _, facts in events for name, value in facts.items() if name.endswith("_at")]
        assert times and all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{8,15}Z", str(value)) for value in times)
        told = server.get(f"/v1/runs/{job['job']}").json()
        assert (told["status"], told["command"], told["started_by"]) == ("done", "run", "local")
        stages = server.get(f"/v1/runs/{told['run_id']}").json()["stages"]
        assert {stage["stage"] for stage in stages} >= {"ingest", "refine", "build", "check", "publish"}
        listed = server.get("/v1/runs").json()
        assert [run["run_id"] for run in listed][0] == told["run_id"]
        assert server.get(f"/v1/runs?before={told['run_id']}").json() == listed[1:]
        _wait(server, 2)
        assert server.get("/v1/reports/revenue_metrics").json()[0]["purchasers"] == buyers + 1
        assert server.post("/v1/runs", json={}).status_code == 202  # the first is over


def test_what_a_run_may_read_is_not_the_callers_to_say(server: Server) -> None:
    assert server.post("/v1/runs", json={"paths": ["/etc/passwd"]}).status_code == 422
    unknown = server.post("/v1/runs", json={"sources": ["/etc/passwd"]})
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, PROBLEM)
    assert server.get("/v1/runs/nothing").status_code == 404
    assert server.get("/v1/runs/nothing/events").status_code == 404


def test_a_run_that_fails_says_why(project: Path) -> None:
    lake = Lake(config=project / "clicklake.yaml")
    with running(project) as server:
        for path in Path(lake.settings.sources["click_events"].paths[0]).iterdir():
            path.unlink()
        job = server.post("/v1/runs", json={"sources": ["click_events"]}).json()
        events = _followed(server, job["job"])
        assert events[-1][0] == "failed"
        told = server.get(f"/v1/runs/{job['job']}").json()
        assert told["status"] == "failed" and "click_events" in told["error"]


def test_quarantine_is_shown_masked_and_replayed(project: Path) -> None:
    with running(project) as server:
        reasons = server.get("/v1/quarantine?source=click_events").json()
        assert {row["source"] for row in reasons} == {"click_events"}
        rows = server.get("/v1/quarantine/rows?source=click_events&reason=missing_product_id&limit=5").json()
        assert rows
        raw = json.loads(rows[0]["raw"])
        assert raw["UserID"] == "***" and raw["EventType"]
        for unknown in ("?source=click_event", "/rows?source=click_event"):
            answer = server.get(f"/v1/quarantine{unknown}")
            assert (answer.status_code, "click_events" in answer.json()["detail"]) == (404, True)
        preview = server.post("/v1/quarantine/replay", json={"source": "click_events", "dry_run": True})
        assert preview.status_code == 200
        assert preview.json()[0]["source"] == "click_events"
        assert server.post("/v1/quarantine/replay", json={"source": "nothing"}).status_code == 404
        job = server.post("/v1/quarantine/replay", json={"source": "click_events"})
        assert job.status_code == 202
        events = _followed(server, job.json()["job"])
        assert events[-1][0] == "done", events[-1]
        assert events[-1][1]["restated"] is not None


def test_the_story_of_an_event_leads_to_its_raw_row(server: Server, known: Lake) -> None:
    event = known.query("select event_id, user_id from silver.events order by 1 limit 1").to_pylist()[0]
    answer = server.get(f"/v1/events/{event['event_id']}/trace")
    assert answer.status_code == 200
    found = answer.json()
    assert found["rows"][0]["event_id"] == event["event_id"]
    assert found["stories"][0]["fate"] == "loaded"
    assert found["stories"][0]["file"]["path"].startswith("/")
    assert event["user_id"] not in answer.text
    assert server.get("/v1/events/1/trace").status_code == 404
    assert server.get("/v1/events/x/trace").status_code == 422


def test_quality_and_lineage_are_what_the_command_line_tells(server: Server, known: Lake) -> None:
    from clicklake.quality.collect import collect

    answer = server.get("/v1/quality")
    found = answer.json()
    expected = collect(known, keep=False)
    assert found["ledger"] == expected.card.sources()
    scores = {row["measure"]: row["score"] for row in expected.assessment.measures()}
    assert {row["measure"]: row["score"] for row in found["measures"]} == scores
    assert server.get("/v1/quality", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    steps = server.get("/v1/lineage?name=gold.dim_users.total_spent").json()
    assert {"table": "silver.events", "column": "amount"}.items() <= {
        "table": steps[0]["upstream_table"],
        "column": steps[0]["upstream_column"],
    }.items()
    below = server.get("/v1/lineage?name=silver.events&direction=down").json()
    assert {"table": "gold.fact_events", "upstream_table": "silver.events"} in below
    assert server.get("/v1/lineage?name=gold.dim_user").status_code == 404


def test_an_empty_lake_says_that_there_is_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "clicklake.yaml").write_text(f"lake: {tmp_path / 'lake'}\n")
    with running(tmp_path) as server:
        assert server.get("/health").json() == {"status": "ok"}
        for path, status in (
            ("/ready", 503),
            ("/v1/reports/revenue_metrics", 404),
            ("/v1/tables/gold.dim_users/rows", 404),
        ):
            answer = server.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), path
            assert "published nothing yet" in answer.json()["detail"]
            assert str(tmp_path) not in answer.text
        assert server.get("/v1/tables").json() == []
        assert server.get("/v1/runs").json() == []
        assert server.get("/v1/quarantine").json() == []
        assert server.get("/v1/quality").status_code == 200
        refused = server.post("/v1/runs", json={}).json()
        assert refused["type"].endswith("no-sources") and "sources:" in refused["detail"]
        assert "ERROR" not in server.stop()[1]  # who asks whether it is ready fills no log


def test_serving_a_mistyped_lake_says_so_and_makes_nothing(tmp_path: Path, built: Path) -> None:
    def told(*arguments: str) -> list[str]:
        command = [*PROGRAM, "serve", "--port", "0", *arguments]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment()) as process:
            assert process.stderr
            lines = [process.stderr.readline() for _ in range(2)]
            time.sleep(4)  # by then it has looked for a release
            process.send_signal(signal.SIGTERM)
            lines += process.stderr.read().splitlines()
        assert process.returncode == 0
        return lines

    warned = told("--lake", "lakee")[2]
    assert warned.startswith(f"warning: the lake {tmp_path / 'lakee'} has published nothing yet") and "--lake" in warned
    assert list(tmp_path.iterdir()) == []
    assert not any("published nothing" in line for line in told("--lake", str(built / "lake")))


def test_where_accesses_cannot_be_noted_nothing_is_served(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    (tmp_path / "clicklake.yaml").write_text("lake: lake\n")
    command = [*PROGRAM, "serve", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 1
    assert f"accesses can't be noted in {tmp_path / 'logs'}: {tmp_path / 'logs'} is no folder" in done.stderr


def test_signals_stop_it_and_the_run_that_it_has_started(project: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with running(project) as server:
            assert server.get("/ready").status_code == 200
            server.post("/v1/runs", json={"full": True})
            time.sleep(1.5)
            (child,) = _children(server.process.pid)
            left, told = server.stop(number)
            assert (left, told.splitlines()[-1]) == (0, "API stopped")
            assert "Traceback" not in told and "same command" not in told
            assert not Path(f"/proc/{child}").exists()
    lake = Lake(config=project / "clicklake.yaml")
    assert lake.run().ok


def _children(parent: int) -> list[str]:
    """The processes of the runs that a server has started."""
    return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()


def _wait(server: Server, release: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if server.get("/v1/reports/revenue_metrics").headers["clicklake-release"] == str(release):
            return
        time.sleep(0.2)
    raise AssertionError(f"release {release} was not followed")
