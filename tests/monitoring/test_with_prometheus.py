"""A real Prometheus scrapes a lake: its answers are the lake's figures, its rules speak, the dashboard works."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clicklake import overview
from clicklake.lake import Lake
from clicklake.metrics import exposition

from .prometheus import INSTALLED, MONITORING, Prometheus, free_port

pytestmark = [
    pytest.mark.monitoring,
    pytest.mark.skipif(not INSTALLED, reason="Prometheus is not installed (apt install prometheus)"),
]

GOOD = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
BAD = ",s1,never,purchase,p1,,"


def promtool(*arguments: object, text: bytes | None = None) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return (done.stdout + done.stderr).decode()


def test_the_rules_and_the_example_are_right():
    assert "SUCCESS" in promtool("check", "rules", MONITORING / "clicklake.rules.yml")
    assert "SUCCESS" in promtool("check", "config", MONITORING / "prometheus.yml")


def test_alerts_speak_when_they_should_and_only_then():
    assert "SUCCESS" in promtool("test", "rules", MONITORING / "clicklake.rules.test.yml")


def test_promtool_finds_nothing_to_say_about_the_metrics(lake: Lake, clicks):
    lake.run(click_events=clicks(GOOD, BAD))
    assert promtool("check", "metrics", text=exposition(lake)) == ""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Lake, str]]:
    """A lake, and where `clicklake serve` shows it."""
    (tmp_path / "clicklake.yaml").write_text(f"lake: {tmp_path / 'lake'}\nquality:\n  when: after_run\n")
    port = free_port()
    program = [sys.executable, "-c", "from clicklake.cli.main import main; main()"]
    log = (tmp_path / "server.log").open("w")
    server = subprocess.Popen([*program, "serve", "--port", str(port)], cwd=tmp_path, stderr=log)
    yield Lake(config=tmp_path / "clicklake.yaml"), f"127.0.0.1:{port}"
    server.terminate()
    server.wait(60)
    log.close()


@pytest.fixture
def prometheus(served, tmp_path: Path) -> Iterator[Prometheus]:
    running = Prometheus(tmp_path / "prometheus", served[1])
    yield running
    running.stop()


def test_prometheus_knows_what_the_lake_knows(served, prometheus: Prometheus, clicks, tmp_path: Path):
    lake, address = served
    prometheus.until(lambda: prometheus.value('up{job="clicklake"}') == 1, "the server is scraped", seconds=180)
    lake.run(click_events=clicks(GOOD, GOOD, BAD))
    _until_scraped(prometheus, lake)
    # A second run, so that counters have risen where Prometheus could see it.
    lake.run(click_events=clicks("u2,s2,2025-01-02 10:00:00,login,,,", name="more.csv"))
    _until_scraped(prometheus, lake)

    assert prometheus.value("clicklake_release_number") == 2
    for name in ("rows", "bytes", "files"):
        assert prometheus.ask(f"clicklake_table_{name}", "table") == _of_tables(lake, name)
    (source,) = overview.status(lake).sources
    assert round(100 * prometheus.value("clicklake_source_quality_ratio"), 2) == source["quality_score"]
    assert prometheus.ask("clicklake_source_rows", "fate") == {
        "loaded": 2,
        "duplicate": 1,
        "quarantined": 1,
        "withdrawn": 0,
        "erased": 0,
    }
    release = lake.release()
    assert prometheus.value("clicklake_release_timestamp_seconds") == pytest.approx(release.released_at.timestamp())
    seconds = lake.query("select sum(seconds) as s from ops.runs where stage = 'build'").to_pylist()[0]["s"]
    assert prometheus.value('clicklake_stage_seconds_total{stage="build"}') == pytest.approx(seconds)
    assert prometheus.value("clicklake_quality_ratio == 1") == 1
    assert prometheus.value('up{job="clicklake"}') == 1

    for _ in range(3):
        urllib.request.urlopen(f"http://{address}/v1/reports/revenue_metrics", timeout=60).close()
    route = "/v1/reports/{name}"
    asked = f'clicklake_http_requests_total{{route="{route}",status="200"}}'
    prometheus.until(lambda: prometheus.value(asked) == 3, "requests are counted")
    assert prometheus.value(f'clicklake_http_request_seconds_count{{route="{route}"}}') == 3

    _check_rules(prometheus)
    _check_dashboard(prometheus)

    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no Parquet")
    assert not lake.run(click_events=broken).ok
    prometheus.until(lambda: "ClicklakeRunFailed" in _firing(prometheus), "the failed run is told")
    assert lake.run(click_events=clicks(GOOD, name="again.csv")).ok
    prometheus.until(lambda: "ClicklakeRunFailed" not in _firing(prometheus), "the alert ends")


def _of_tables(lake: Lake, name: str) -> dict[str, int]:
    return {row["table"]: row[name] for row in overview.tables(lake)}


def _until_scraped(prometheus: Prometheus, lake: Lake) -> None:
    """Wait for all versions: a scrape may come between a release and the last rows that its run writes down."""
    versions = _of_tables(lake, "version")
    prometheus.until(lambda: prometheus.ask("clicklake_table_version", "table") == versions, "the run is scraped whole")


def _firing(prometheus: Prometheus) -> set[str]:
    return {a["labels"]["alertname"] for a in prometheus.get("alerts")["alerts"] if a["state"] == "firing"}


def _check_rules(prometheus: Prometheus) -> None:
    """Every rule was evaluated, without an error."""

    def rules() -> list[dict[str, str]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    prometheus.until(lambda: all(rule["health"] != "unknown" for rule in rules()), "every rule is evaluated")
    assert {rule["name"]: rule.get("lastError", "") for rule in rules() if rule["health"] != "ok"} == {}
    written = yaml.safe_load((MONITORING / "clicklake.rules.yml").read_text())["groups"]
    assert len(rules()) == sum(len(group["rules"]) for group in written)
    quiet = {"ClicklakeQualityLow", "ClicklakeQualityGateFailed", "ClicklakeQuarantineRate"}  # a third of 4 rows is bad
    assert _firing(prometheus) <= quiet


def _check_dashboard(prometheus: Prometheus) -> None:
    """Every question of the dashboard is answered, and those with something to tell have an answer."""
    panels = json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]
    queries = {
        (panel["title"], target["refId"]): target["expr"].replace("$instance", ".*").replace("$lake", ".*")
        for panel in panels
        for target in panel.get("targets", ())
    }
    # No stream runs here, nothing differs from the contract.
    silent = {"Lag", "Messages", "Age of the last batch", "Drift"}

    def missing() -> set[str]:
        return {title for (title, _), query in queries.items() if not prometheus.ask(query)} - silent

    prometheus.until(lambda: not missing(), "every panel has something to show", seconds=120)
