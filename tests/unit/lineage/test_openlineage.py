"""OpenLineage events of real runs, to a file and to a real endpoint."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clicklake.errors import ClicklakeError, ConfigError
from clicklake.lake import Lake
from clicklake.lineage.send import KEY_VARIABLE, Sender

Clicks = Callable[..., Path]
VIEW = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
BUY = "u1,s1,2025-01-01 10:05:00,purchase,p1,12.50,success"
BAD = ",s1,2025-01-01 10:00:00,purchase,p1,-5,"


class Endpoint(ThreadingHTTPServer):
    """Keeps what is posted to it."""

    status, delay = 201, 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posted: list[tuple[str | None, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1/lineage"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.delay)
        self.server.posted.append((self.headers["Authorization"], body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The events of one run, and the lake."""
    folder = tmp_path_factory.mktemp("openlineage")
    clicks = folder / "clicks.csv"
    clicks.write_text(
        "\n".join(["UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome", VIEW, BUY, BAD]) + "\n"
    )
    file = folder / "out" / "events.jsonl"
    settings = {"openlineage.file": str(file), "openlineage.namespace": "shop"}
    Lake(folder / "lake", overrides=settings).run(click_events=clicks)
    return folder / "lake", [json.loads(line) for line in file.read_text().splitlines()]


def by_job(events: list[dict[str, Any]], kind: str = "COMPLETE") -> dict[str, dict[str, Any]]:
    return {event["job"]["name"]: event for event in events if event["eventType"] == kind}


def test_each_stage_starts_and_ends_within_its_run(told: tuple[Path, list[dict[str, Any]]]) -> None:
    lake, events = told
    started, ended = by_job(events, "START"), by_job(events)
    opened = Lake(lake)
    gold = {f"clicklake.build.{name}" for name in opened.catalogue.gold if opened.store.find(name)}
    assert "clicklake.build.gold.fact_events" in gold
    assert set(started) == set(ended) == {"clicklake.run", "clicklake.ingest.click_events", "clicklake.refine"} | gold
    whole = ended["clicklake.run"]["run"]["runId"]
    for job, event in ended.items():
        assert uuid.UUID(event["run"]["runId"]) and event["run"]["runId"] == started[job]["run"]["runId"]
        assert event["eventTime"] >= started[job]["eventTime"]
        if job != "clicklake.run":
            assert event["run"]["facets"]["parent"]["run"]["runId"] == whole
    assert (events[0]["job"]["name"], events[-1]["job"]["name"]) == ("clicklake.run", "clicklake.run")


def test_datasets_are_named_by_where_they_lie_with_rows_and_bytes(told: tuple[Path, list[dict[str, Any]]]) -> None:
    lake, events = told
    ended = by_job(events)
    assert {event["job"]["namespace"] for event in events} == {"shop"}
    ingest = ended["clicklake.ingest.click_events"]
    assert [(d["namespace"], d["name"]) for d in ingest["inputs"]] == [("shop", "file:click_events")]
    assert ingest["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3
    refine = {d["name"]: d["outputFacets"]["outputStatistics"] for d in ended["clicklake.refine"]["outputs"]}
    assert refine[f"{lake}/silver/events"]["rowCount"] == 2
    assert refine[f"{lake}/silver/quarantine"]["rowCount"] == 1
    (users,) = ended["clicklake.build.gold.dim_users"]["outputs"]
    assert (users["namespace"], users["name"]) == ("file", f"{lake}/gold/dim_users")
    rows, size = Lake(lake).store.open("gold.dim_users").size
    assert users["outputFacets"]["outputStatistics"]["rowCount"] == rows
    assert users["outputFacets"]["outputStatistics"]["size"] == size
    fields = {field["name"]: field["type"] for field in users["facets"]["schema"]["fields"]}
    assert fields["total_spent"] == "decimal(18,2)"


def test_columns_lead_through_the_lake_to_the_files(told: tuple[Path, list[dict[str, Any]]]) -> None:
    lake, events = told
    made = {
        (output["name"], column): [(item["name"], item["field"]) for item in how["inputFields"]]
        for event in by_job(events).values()
        for output in event["outputs"]
        for column, how in output["facets"].get("columnLineage", {"fields": {}})["fields"].items()
    }
    assert made[f"{lake}/gold/dim_users", "total_spent"] == [(f"{lake}/silver/events", "amount")]
    assert made[f"{lake}/silver/events", "amount"] == [(f"{lake}/bronze/click_events", "Amount")]
    assert made[f"{lake}/bronze/click_events", "Amount"] == [("file:click_events", "Amount")]
    (users,) = by_job(events)["clicklake.build.gold.dim_users"]["outputs"]
    (how,) = users["facets"]["columnLineage"]["fields"]["total_spent"]["inputFields"][0]["transformations"]
    assert (how["type"], how["subtype"], how["description"]) == ("DIRECT", "AGGREGATION", "coalesce(sum(amount), 0)")
    deciding = {(i["field"], i["transformations"][0]["subtype"]) for i in users["facets"]["columnLineage"]["dataset"]}
    assert {("is_success", "FILTER"), ("user_id", "JOIN"), ("user_id", "GROUP_BY")} <= deciding


def test_the_events_are_what_the_reference_client_would_send(told: tuple[Path, list[dict[str, Any]]]) -> None:
    client = pytest.importorskip("openlineage.client", reason="pip install openlineage-python")
    from openlineage.client import event_v2, facet_v2

    kinds = {
        "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
        "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet,
        "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
        "jobType": facet_v2.job_type_job.JobTypeJobFacet,
        "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
        "parent": facet_v2.parent_run.ParentRunFacet,
        "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
        "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
        "sql": facet_v2.sql_job.SQLJobFacet,
    }
    seen = set()

    def facets(found: dict[str, Any]) -> dict[str, Any]:
        made = {}
        for name, content in found.items():
            made[name] = kinds[name](**{key: value for key, value in content.items() if not key.startswith("_")})
            assert content["_schemaURL"] == made[name]._get_schema()
            seen.add(name)
        return made

    for event in told[1]:
        run = event_v2.Run(event["run"]["runId"], facets(event["run"]["facets"]))
        job = event_v2.Job(event["job"]["namespace"], event["job"]["name"], facets(event["job"]["facets"]))
        assert event["schemaURL"] == event_v2.RunEvent._get_schema()
        built = event_v2.RunEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            run=run,
            job=job,
            eventType=event_v2.RunState[event["eventType"]],
            inputs=[
                event_v2.InputDataset(d["namespace"], d["name"], facets=facets(d.get("facets", {})))
                for d in event["inputs"]
            ],
            outputs=[
                event_v2.OutputDataset(
                    d["namespace"],
                    d["name"],
                    facets=facets(d.get("facets", {})),
                    outputFacets=facets(d.get("outputFacets", {})),
                )
                for d in event["outputs"]
            ],
        )
        assert json.loads(client.serde.Serde.to_json(built))["run"]["runId"] == event["run"]["runId"]
    assert seen == set(kinds) - {"errorMessage"}


def test_a_failed_run_says_why(tmp_path: Path, clicks: Clicks) -> None:
    file = tmp_path / "events.jsonl"
    lake = Lake(tmp_path / "lake", overrides={"openlineage.file": str(file)})
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip")
    result = lake.run(click_events=[clicks(VIEW), broken])
    assert not result.ok
    failed = by_job([json.loads(line) for line in file.read_text().splitlines()], "FAIL")
    assert set(failed) == {"clicklake.ingest.click_events", "clicklake.run"}
    assert all("broken.csv.gz" in event["run"]["facets"]["errorMessage"]["message"] for event in failed.values())


def test_events_are_posted_with_the_key_of_the_environment(
    tmp_path: Path, clicks: Clicks, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "very-secret")
    file = tmp_path / "events.jsonl"
    lake = Lake(tmp_path / "lake", overrides={"openlineage.url": endpoint.url, "openlineage.file": str(file)})
    lake.run(click_events=clicks(VIEW))
    assert [body for _, body in endpoint.posted] == [json.loads(line) for line in file.read_text().splitlines()]
    assert {key for key, _ in endpoint.posted} == {"Bearer very-secret"}
    logs = "".join(log.read_text() for log in lake.log_directory.glob("*.jsonl"))
    assert "very-secret" not in logs and "very-secret" not in file.read_text()


def _closed_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/?api_key=hidden"


def test_an_endpoint_that_is_not_there_is_one_warning(
    tmp_path: Path, clicks: Clicks, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake(tmp_path / "lake", overrides={"openlineage.url": _closed_port()})
    assert lake.run(click_events=clicks(VIEW)).ok
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the run goes on" in warning.getMessage() and "hidden" not in caplog.text


def test_an_endpoint_that_refuses_is_one_warning(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    endpoint.status = 500
    sender = Sender(url=endpoint.url)
    for number in range(3):
        sender.send({"number": number})
    sender.close()
    assert len(endpoint.posted) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_endpoint_that_is_slow_does_not_hold_up_the_run(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.delay = 0.4
    sender = Sender(url=endpoint.url, seconds=1.0)
    begun = time.monotonic()
    for number in range(20):
        sender.send({"number": number})
    assert time.monotonic() - begun < 0.4
    sender.close()
    assert time.monotonic() - begun < 3
    assert "too slow" in caplog.text


def test_a_file_that_can_not_be_written_is_one_warning(
    tmp_path: Path, clicks: Clicks, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    lake = Lake(tmp_path / "lake", overrides={"openlineage.file": str(tmp_path / "taken" / "events.jsonl")})
    assert lake.run(click_events=clicks(VIEW)).ok
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


@pytest.mark.parametrize("url", ["ftp://host/x", "localhost:5000", "http://user:secret@host/x", "file:///etc/passwd"])
def test_an_endpoint_must_be_http_and_hold_no_password(url: str) -> None:
    with pytest.raises(ConfigError, match="openlineage.url") as refused:
        Lake("lake", overrides={"openlineage.url": url})
    assert "secret" not in str(refused.value)


def test_without_settings_nothing_is_told(lake: Lake, clicks: Clicks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sender, "__init__", lambda *_: pytest.fail("a sender was made"))
    lake.run(click_events=clicks(VIEW))


def test_a_run_that_breaks_ends_with_its_error(tmp_path: Path, clicks: Clicks) -> None:
    file = tmp_path / "events.jsonl"
    lake = Lake(tmp_path / "lake", overrides={"openlineage.file": str(file)})
    lake.run(click_events=clicks(VIEW))
    ledger = tmp_path / "lake" / "ops" / "ledger" / "_delta_log" / "00000000000000000000.json"
    ledger.write_text("no json")
    with pytest.raises(ClicklakeError):
        lake.run(click_events=clicks(BUY, name="more.csv"))
    last = json.loads(file.read_text().splitlines()[-1])
    assert (last["eventType"], last["job"]["name"]) == ("FAIL", "clicklake.run")
