"""A lake on an object store, with sources there too, by Spark; and both engines on it in turns."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from spark.lakes import differences

from clicklake import Lake
from clicklake.errors import EngineError
from clicklake.synthetic.commerce.config import CommerceConfig
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.produce import generate

pytestmark = [
    pytest.mark.spark,
    pytest.mark.network,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="no pyspark: pip install 'clicklake[spark]'"),
    pytest.mark.skipif(shutil.which("java") is None, reason="no Java: Spark 4 needs Java 17 or newer"),
]

SOURCES = ("click_events", "orders")


@pytest.fixture
def open_lake(tmp_path: Path) -> Callable[[str, str], Lake]:
    def open_one(place: str, engine: str) -> Lake:
        return Lake(place, overrides={"engine": engine, "logs": {"directory": str(tmp_path / "logs")}})

    return open_one


@pytest.mark.slow
def test_both_engines_in_turns(
    bucket: str,
    put: Callable[[str, bytes], str],
    open_lake: Callable[[str, str], Lake],
    tmp_path: Path,
) -> None:
    alone = open_lake(str(tmp_path / "alone"), "duckdb")
    for number, engine in enumerate(("spark", "duckdb", "spark")):
        folder = tmp_path / f"in-{number}"
        generate(folder, GeneratorConfig(600, seed=number, commerce=CommerceConfig()))
        for file in folder.rglob("*.csv"):
            put(f"{bucket}/in-{number}/{file.relative_to(folder)}", file.read_bytes())
        try:
            done = open_lake(f"{bucket}/lake", engine).run({name: f"{bucket}/in-{number}/{name}" for name in SOURCES})
        except EngineError as error:
            if "hadoop-aws" in str(error):
                pytest.skip(str(error))
            raise
        assert done.ok, done.failures
        alone.run({name: folder / name for name in SOURCES})
        assert differences(open_lake(f"{bucket}/lake", "duckdb"), alone) == {}
    spark = open_lake(f"{bucket}/lake", "spark")
    (row,) = spark.query("select count(*) as rows, sum(amount) as amount from gold.fact_events").to_pylist()
    (own,) = alone.query("select count(*) as rows, sum(amount) as amount from gold.fact_events").to_pylist()
    assert row == own
