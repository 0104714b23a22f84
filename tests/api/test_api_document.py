"""The server does what its OpenAPI document says, whatever is asked: schemathesis makes up the requests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import SECRET, Server, make_project, running

from clicklake.access.keys import Keys
from clicklake.lake import Lake

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
_LOGIN = """
api:
  requests_per_minute: 0
  failures_per_minute: 1000000
access:
  secret: ${CL_SECRET}
"""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def test_every_parameter_says_what_it_is_with_an_example_that_is_answered(server: Server, known: Lake) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                told = (method, path, parameter["name"])
                assert parameter["schema"].get("examples") or parameter.get("example"), told
                assert parameter.get("description"), told
    taken = {parameter["name"]: parameter for parameter in paths["/v1/reports/{name}"]["get"]["parameters"]}
    assert {"since", "until", "as_of", "limit", "source", "segment", "user", "steps", "by", "steps_shown"} <= set(taken)
    asked = 0
    for report in known.catalogue.report_names:
        for name in known.catalogue.report(report).doc.parameters:
            assert f"- {report}: " in taken[name]["description"]
            for value in (*taken[name]["schema"]["examples"], *taken[name]["schema"].get("enum", ())):
                answer = server.get(f"/v1/reports/{report}", params={name: value})
                assert answer.status_code == 200, (report, name, value, answer.text)
                asked += 1
    assert taken["by"]["schema"]["enum"] == ["", "device", "category", "referrer"]
    assert taken["steps_shown"]["schema"]["type"] == "integer"
    assert asked >= 8
    assert server.get("/v1/reports/user_journey", params={"user": "x" * 1001}).status_code == 422
    large = server.get("/v1/reports/purchase_flows", params={"steps_shown": "9" * 20}).json()
    assert large["type"].endswith(":usage") and "too large" in large["detail"]


def test_a_source_that_is_not_there_is_answered_as_documented(server: Server) -> None:
    asked = 0
    for path, methods in server.get("/openapi.json").json()["paths"].items():
        operation = methods.get("get", {})
        if any(parameter["name"] == "source" for parameter in operation.get("parameters", ())):
            answer = server.get(path.format(name="key_figures"), params={"source": "nope"})
            assert (answer.status_code, "404" in operation["responses"]) == (404, True), path
            asked += 1
    assert asked == 3


def test_what_is_no_json_is_not_called_so(server: Server) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    for path, media in (("/metrics", "text/plain"), ("/v1/runs/{run}/events", "text/event-stream")):
        assert list(paths[path]["get"]["responses"]["200"]["content"]) == [media]
    assert server.get("/metrics").headers["content-type"].startswith("text/plain; version=")


@pytest.mark.slow
@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="needs schemathesis")
def test_made_up_requests_are_answered_as_the_document_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CL_SECRET", SECRET)
    # A project of its own: some of the requests start runs. Many are refused, which is not to refuse the others.
    project = make_project(tmp_path / "project", more=_LOGIN)
    key, _ = Keys(project / "access-keys.json", SECRET).add("made-up", "admin")
    with running(project) as server:
        document = tmp_path / "openapi.json"
        document.write_text(json.dumps(server.get("/openapi.json", headers={"X-API-Key": key}).json()))
        done = subprocess.run(
            [
                *(SCHEMATHESIS, "run", document, "--url", server.url, "--checks", CHECKS),
                *("--max-examples", "10", "--max-time", "120", "--seed", "1", "--phases", "examples,coverage,fuzzing"),
                *("--header", f"X-API-Key: {key}"),
                # Who follows a run waits for its end.
                *("--exclude-path", "/v1/runs/{run}/events", "--request-timeout", "120", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert server.get("/ready").status_code == 200
    shutil.rmtree(tmp_path / ".hypothesis", ignore_errors=True)
    failures = done.stdout.partition("= FAILURES =")[2] or done.stdout
    assert done.returncode == 0, failures[:8000]
