"""A cluster whose machines share nothing with the driver but the lake and the sources makes the same tables."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from faults.audit import Content, examine

from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate
from spark.cluster.driver import Site, interrupt, members


@pytest.fixture(scope="module")
def files(site: Site) -> Path:
    """Small files of all sources, each source with some that come later."""
    folder = site.shared / "files"
    config = GeneratorConfig(
        rows=300, web_rows=60, files=2, products=8, malformed_share=0.02, commerce=CommerceConfig(customers=20)
    )
    generate(folder, config)
    lines = [file.read_text() for file in sorted((folder / "web_events").rglob("*.ndjson"))]
    (folder / "web.ndjson").write_text("".join(lines))
    return folder


def _first(files: Path) -> list[str]:
    commerce = [f"{name}={files / name / 'part-0001.csv'}" for name in ("customers", "products", "orders", "payments")]
    clicks = files / "click_events" / "part-0001.csv"
    return ["run", f"click_events={clicks}", f"web_events={files / 'web.ndjson'}", *commerce]


def _second(files: Path) -> list[str]:
    commerce = [f"{name}={files / name}" for name in ("customers", "products", "orders", "payments")]
    return ["run", f"click_events={files / 'click_events'}", *commerce]


def _content(lake: Path) -> Content:
    """Silver and gold, when nothing is wrong with the lake."""
    found = examine(lake)
    assert found.faults() == []
    return {name: rows for name, rows in found.content.items() if name.startswith(("silver.", "gold."))}


@pytest.mark.slow
def test_from_files_to_reports(site: Site, files: Path) -> None:
    here, there = site.shared / "all" / "embedded", site.shared / "all" / "cluster"
    replay = ["quarantine", "replay"]
    for argv in (_first(files), ["optimize", "--all"], _second(files), replay):
        site.start(here, *argv).wait()
        assert site.spark(there, *argv).wait().stderr.count("spark:") == 0
    assert _content(there) == _content(here)
    for argv in (
        ["--json", "report", "revenue_metrics"],
        ["--json", "query", "select event_type, count(*) as n from gold.fact_events group by all order by all"],
    ):
        assert json.loads(site.spark(there, *argv).wait().stdout) == json.loads(site.start(here, *argv).wait().stdout)
    worked = "select * from ops.runs where stage = 'refine' and rows_in > 0"
    runs = json.loads(site.start(there, "--json", "query", worked).wait().stdout)
    assert len(runs) >= 2
    assert all(run["tasks"] > 1 and run["executor_seconds"] > 0 for run in runs)
    assert all(run["shuffle_written_bytes"] > 0 and run["shuffle_read_bytes"] > 0 for run in runs)


def test_a_machine_that_dies_in_the_middle_of_a_run(site: Site, files: Path) -> None:
    here, there = site.shared / "dies" / "embedded", site.shared / "dies" / "cluster"
    argv = ["run", f"click_events={files / 'click_events'}"]
    site.start(here, *argv).wait()
    run = site.spark(there, *argv)
    run.until(there.parent / "logs", "refine")
    time.sleep(2)
    site.cluster.kill_worker(site.cluster.workers[-1])
    try:
        run.wait()
    finally:
        site.cluster.add_worker()
    assert _content(there) == _content(here)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "engine"),
    [
        ("commit:bronze.click_events:after", "duckdb"),
        ("commit:silver.events:before", "spark"),
        ("commit:gold.fact_events:before", "duckdb"),
    ],
)
def test_a_driver_that_is_killed(site: Site, files: Path, point: str, engine: str) -> None:
    folder = site.shared / point.replace(":", "-")
    argv = ["run", f"click_events={files / 'click_events'}"]
    site.start(folder / "embedded", *argv).wait()
    killed = site.spark(folder / "cluster", *argv, faults={"kill": point}).wait(code=None)
    assert killed.process.returncode == -9, killed.stderr
    site.start(folder / "cluster", "--engine", engine, *argv).wait()
    assert _content(folder / "cluster") == _content(folder / "embedded")


@pytest.mark.slow
def test_interrupted_from_the_terminal(site: Site, files: Path) -> None:
    lake = site.shared / "stopped" / "lake"
    argv = ["run", f"click_events={files / 'click_events'}"]
    run = site.spark(lake, *argv, own_group=True)
    run.until(lake.parent / "logs", "refine")
    time.sleep(1)
    interrupt(run)
    begun = time.monotonic()
    run.wait(code=130)
    assert "run the same command again" in run.stderr and "Traceback" not in run.stderr
    while members(run.process.pid) and time.monotonic() - begun < 60:
        time.sleep(0.1)
    assert members(run.process.pid) == [], "Java is still there"
    site.start(lake, *argv).wait()
    assert examine(lake).faults() == []


@pytest.mark.slow
def test_submitted_to_the_cluster(site: Site, files: Path) -> None:
    here, there = site.shared / "submitted" / "embedded", site.shared / "submitted" / "cluster"
    argv = ["run", f"customers={files / 'customers'}", f"products={files / 'products'}"]
    site.start(here, *argv).wait()
    site.submit(there, *argv).wait()
    assert _content(there) == _content(here)
    # spark-submit sends both streams of Python to its own stdout.
    assert "gold.nothing" in site.submit(there, "describe", "gold.nothing").wait(code=2).stdout


@pytest.mark.slow
def test_the_doctor_asks_the_machines(site: Site) -> None:
    lake = site.shared / "doctor" / "lake"
    found = json.loads(site.spark(lake, "--json", "doctor").wait(code=None).stdout)
    engine = {finding["check"]: finding for finding in found if finding["area"] == "engine"}
    assert site.cluster.url in engine["Spark starts"]["detail"]
    assert {engine[name]["status"] for name in ("pyspark", "Java", "Spark starts", "executors")} == {"ok"}
