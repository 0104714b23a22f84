"""The Grafana dashboard and the alert rules name metrics and labels that there are."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from clicklake.metrics.definitions import METRICS

ROOT = Path(__file__).resolve().parents[3]
MONITORING = ROOT / "deploy" / "monitoring"
LABELS = {series: {*metric.labels, "le"} for metric in METRICS for series in metric.series}
PROMETHEUS_OWN = {"job", "instance"}  # labels of the scrape
GIVEN = {"lake"}  # by `clicklake metrics --label lake=shop`
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [
    rule
    for group in yaml.safe_load((MONITORING / "clicklake.rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ALERTS = [rule for rule in RULES if "alert" in rule]


def named(expression: str) -> set[str]:
    """The metrics that an expression reads."""
    return set(re.findall(r"\bclicklake[a-z0-9_]*(?::[a-z0-9_]+)*", re.sub(r'"[^"]*"', "", expression)))


def labels_in(expression: str) -> set[str]:
    """The labels that an expression names, in matchers and groups."""
    groups = re.findall(r"\b(?:by|without|on|ignoring) \(([^)]*)\)", expression)
    matchers = [name for inner in re.findall(r"{([^}]*)}", expression) for name in re.findall(r"(\w+)\s*[=!]", inner)]
    return {name.strip() for group in groups for name in group.split(",")} | set(matchers)


def labels_of(metrics: set[str]) -> set[str]:
    """The labels that any of these has."""
    return (PROMETHEUS_OWN | GIVEN).union(*(LABELS.get(name, set()) for name in metrics))


def test_the_dashboard_is_what_the_script_makes(monkeypatch):
    file = ROOT / "scripts" / "generate_dashboard.py"
    spec = importlib.util.spec_from_file_location("generate_dashboard", file)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "generate_dashboard", script)
    spec.loader.exec_module(script)
    assert script.main(["--check"]) == 0, "out of date: make docs"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_asks_for_what_there_is(panel):
    assert panel["title"] and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"]["uid"] == "${datasource}" and panel["targets"]
    for target in panel["targets"]:
        asked = named(target["expr"])
        assert asked and asked <= set(LABELS), target["expr"]
        assert labels_in(target["expr"]) <= labels_of(asked), target["expr"]
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels_of(asked)
        assert 'instance=~"$instance",lake=~"$lake"' in target["expr"]
        assert target["datasource"]["uid"] == "${datasource}"


def test_panels_have_a_place_and_a_number_of_their_own():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    variables = {variable["name"]: variable["type"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource": "datasource", "instance": "query", "lake": "query"}
    # A lake without that label is among all.
    assert {variable["allValue"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"} == {
        ".*"
    }


def test_every_metric_of_rows_sources_and_requests_is_on_the_dashboard_or_in_an_alert():
    shown = set().union(*(named(target["expr"]) for panel in PANELS for target in panel["targets"]))
    shown |= set().union(*(named(rule["expr"]) for rule in RULES))
    missing = {metric.name for metric in METRICS if not shown & set(metric.series)}
    beside = {
        # what is only of use to who looks for the reason of something
        "clicklake_build_info",
        "clicklake_scrape_seconds",
        "clicklake_table_version",
        "clicklake_table_released_version",
        "clicklake_source_ingested_rows",
        "clicklake_source_conflict_rows",
        "clicklake_source_read_bytes_total",
        "clicklake_quality_measured_timestamp_seconds",
        "clicklake_run_finished_timestamp_seconds",
        "clicklake_stage_seconds_total",
        "clicklake_stage_cpu_seconds_total",
        "clicklake_stream_late_events_total",
        "clicklake_stream_newest_event_timestamp_seconds",
    }
    assert missing == beside


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_reads_what_there_is_and_says_what_to_do(rule):
    asked = named(rule["expr"]) - RECORDED
    assert asked <= set(LABELS), rule["expr"]
    recorded = {name for other in RULES if other.get("record") in named(rule["expr"]) for name in named(other["expr"])}
    known = labels_of(asked | recorded)
    assert labels_in(rule["expr"]) <= known
    if "alert" in rule:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "action"}
        used = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
        assert set(used) <= known


def test_every_alert_is_tried_by_promtool_s_tests():
    tests = yaml.safe_load((MONITORING / "clicklake.rules.test.yml").read_text())["tests"]
    tried = {case["alertname"] for test in tests for case in test.get("alert_rule_test", ()) if case["exp_alerts"]}
    assert tried == {rule["alert"] for rule in ALERTS}


def test_what_alerts_tell_to_type_exists():
    from typer.main import get_command

    from clicklake.cli.main import app

    typed = re.findall(r"`clicklake ([a-z]+)", " ".join(rule["annotations"]["action"] for rule in ALERTS))
    there = set(get_command(app).commands)
    assert set(typed) <= there
