"""The server does what its OpenAPI document says, whatever is asked: schemathesis makes up the requests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import make_project, running

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.slow
@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="needs schemathesis")
def test_made_up_requests_are_answered_as_the_document_says(tmp_path: Path) -> None:
    # A project of its own: some of the requests start runs.
    with running(make_project(tmp_path / "project", more="api:\n  requests_per_minute: 0\n")) as server:
        document = tmp_path / "openapi.json"
        document.write_text(json.dumps(server.get("/openapi.json").json()))
        done = subprocess.run(
            [
                *(SCHEMATHESIS, "run", document, "--url", server.url, "--checks", CHECKS),
                *("--max-examples", "10", "--max-time", "120", "--seed", "1", "--phases", "examples,coverage,fuzzing"),
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
