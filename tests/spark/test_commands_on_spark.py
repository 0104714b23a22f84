"""What a user asks, answered by both engines on the same lake, and what changes a lake, done by Spark."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clicklake import Lake
from clicklake.cli.main import run as run_command
from clicklake.synthetic.commerce.config import CommerceConfig
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.produce import generate
from spark.lakes import differences

pytestmark = pytest.mark.spark

SOURCES = ("click_events", "orders", "customers", "products", "payments")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generate(folder, GeneratorConfig(1_000, files=2, commerce=CommerceConfig()))
    return folder


@pytest.fixture
def lake(data: Path, tmp_path: Path) -> Path:
    made = Lake(tmp_path / "lake", overrides={"engine": "duckdb", "logs": {"directory": str(tmp_path / "logs")}})
    made.run({source: data / source for source in SOURCES})
    return tmp_path / "lake"


@pytest.fixture
def ask(lake: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(engine: str, *argv: str) -> Any:
        capsys.readouterr()
        code = run_command(["--lake", str(lake), "--engine", engine, "--json", *argv])
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    return run


@pytest.mark.parametrize(
    "argv",
    [
        ("report", "--all"),
        ("report", "top_products", "--since", "2025-01-15", "--until", "2025-02-15"),
        ("quarantine", "list"),
        ("status",),
        ("describe", "gold.fact_sales"),
        ("query", "select event_type, count(*) as n, sum(amount) as a from gold.fact_events group by all order by all"),
        ("query", "select source, loaded, duplicates, quarantined from ops.ledger order by all"),
    ],
    ids=lambda argv: " ".join(argv)[:30],
)
def test_an_answer_is_the_same(ask: Callable[..., Any], argv: tuple[str, ...]) -> None:
    assert ask("spark", *argv) == ask("duckdb", *argv)


def test_measures_are_the_same(ask: Callable[..., Any]) -> None:
    """The scorecard's parts, each measured anew by either engine; times and runs aside."""
    ((spark,), (duckdb,)) = (ask(engine, "quality") for engine in ("spark", "duckdb"))
    assert spark.keys() == duckdb.keys()
    assert {"ledger", "impact"} <= spark.keys()
    for part in spark.keys() - {"trend"}:
        assert _lasting(spark[part]) == _lasting(duckdb[part]), part
    assert spark["impact"]


def _lasting(found: Any) -> Any:
    """What does not change from one measuring to the next."""
    if isinstance(found, list):
        return [_lasting(item) for item in found]
    if isinstance(found, dict):
        moving = {"measured_at", "run_id", "seconds", "change", "trend", "previous", "as_of"}
        return {name: _lasting(value) for name, value in found.items() if name not in moving}
    return found


@pytest.mark.slow
def test_what_spark_takes_back_is_gone(data: Path, lake: Path, ask: Callable[..., Any], tmp_path: Path) -> None:
    file = sorted((data / "click_events").glob("*.csv"))[0]
    ask("spark", "unload", "click_events", str(file))
    ask("spark", "optimize", "--all")
    alone = Lake(tmp_path / "alone", overrides={"logs": {"directory": str(tmp_path / "logs")}})
    rest = [other for other in (data / "click_events").glob("*.csv") if other != file]
    alone.run({**{source: data / source for source in SOURCES}, "click_events": rest})
    assert differences(Lake(lake), alone) == {}
