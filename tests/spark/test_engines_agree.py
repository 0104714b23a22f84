"""From the same files both engines make the same lake, and each goes on where the other stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake import Lake
from clicklake.synthetic.commerce.config import CommerceConfig
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.produce import generate
from spark.lakes import differences

pytestmark = pytest.mark.spark

SOURCES = ("click_events", "orders", "customers", "products", "payments")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200,000 events with what was ordered by them, some of it bad, late or twice."""
    folder = tmp_path_factory.mktemp("large")
    generate(folder, GeneratorConfig(200_000, commerce=CommerceConfig()))
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three arrivals."""
    made = [tmp_path_factory.mktemp(f"part-{number}") for number in range(3)]
    for number, folder in enumerate(made):
        generate(folder, GeneratorConfig(1_500, seed=number + 1, commerce=CommerceConfig()))
    return made


@pytest.fixture
def open_lake(tmp_path: Path) -> Callable[..., Lake]:
    """Opens lakes in a folder of the test, on an engine."""

    def open_one(name: str, engine: str = "spark") -> Lake:
        given = {"engine": engine, "spark": {"memory": "2GB"}, "logs": {"directory": str(tmp_path / "logs")}}
        return Lake(tmp_path / name, overrides=given)

    return open_one


def run(lake: Lake, folder: Path) -> None:
    result = lake.run({source: folder / source for source in SOURCES})
    assert result.ok, result.failures


def test_a_lake_of_either_engine_is_the_same(large: Path, open_lake: Callable[..., Lake]) -> None:
    spark, duckdb = open_lake("spark"), open_lake("duckdb", "duckdb")
    run(spark, large)
    run(duckdb, large)
    assert differences(spark, duckdb) == {}
    truth = json.loads((large / "truth.json").read_text())["sources"]["click_events"]
    (loaded,) = spark.query("select count(*) as rows from silver.events").to_pylist()
    assert loaded["rows"] == truth["loaded"]


def test_each_engine_goes_on_where_the_other_stopped(parts: list[Path], open_lake: Callable[..., Lake]) -> None:
    alone = open_lake("alone", "duckdb")
    for engine, folder in zip(("duckdb", "spark", "duckdb"), parts, strict=True):
        run(open_lake("together", engine), folder)
        run(alone, folder)
        assert differences(open_lake("together", "duckdb"), alone) == {}
    whole = open_lake("whole", "spark")
    whole.run({source: [folder / source for folder in parts] for source in SOURCES})
    assert differences(whole, alone) == {}
