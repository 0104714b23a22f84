"""An independent program computes the same: the Polars peer of the benchmarks, on the rules but not on our code."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from clicklake import Lake
from clicklake.synthetic import GeneratorConfig, generate

pytest.importorskip("polars", minversion="2")

ROOT = Path(__file__).parents[2]
JOURNEY_ROWS = 1000
REPORTS = (
    "top_products",
    "conversion_funnel",
    "daily_active_users",
    "hourly_engagement",
    "user_segments",
    "revenue_metrics",
    "user_journey",
    "weekday_weekend",
    "day_of_week",
)


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, GeneratorConfig(rows=20_000, seed=7, duplicate_share=0.05))
    file = folder / "click_events" / "part-0001.csv"
    with file.open("a") as stream:
        stream.writelines(_coarse_events(4000))
    return file


def _coarse_events(count: int) -> Iterator[str]:
    """Events at noon of some day: many at the same instant, and many exactly 30 days after another one."""
    rng = random.Random(7)
    for _ in range(count):
        when = date(2025, 1, 1) + timedelta(days=10 * rng.randrange(8))
        event_type = rng.choice(("product_view", "add_to_cart", "purchase"))
        outcome = rng.choice(("success", "failure", "Declined", "")) if event_type == "purchase" else ""
        amount = rng.choice(("1.005", "19.9", " 7 ", "1e1", "-1", "nan", ""))
        user, session, product = rng.randrange(700), rng.randrange(3), rng.randrange(5)
        yield f"coarse_{user},s{session},{when:%d/%m/%Y} 12:00,{event_type},p{product},{amount},{outcome}\n"


@pytest.fixture(scope="module")
def peer(clicks: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("peer") / "tables"
    script = ROOT / "benchmarks" / "peer_polars.py"
    done = subprocess.run(
        [sys.executable, script, clicks, out, str(JOURNEY_ROWS)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads((out / "result.json").read_text()))


@pytest.fixture(scope="module")
def filled(clicks: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("ours") / "lake")
    lake.run(click_events=clicks)
    return lake


def test_rows_have_the_same_fates(filled: Lake, peer: dict[str, Any]) -> None:
    (ours,) = filled.query("select rows_ingested, loaded, duplicates, quarantined from ops.ledger").to_pylist()
    assert ours == peer["fates"]


@pytest.mark.parametrize("name", REPORTS)
def test_reports_have_the_same_rows(filled: Lake, peer: dict[str, Any], name: str) -> None:
    rows = filled.report(name, limit=JOURNEY_ROWS if name == "user_journey" else None).to_pylist()
    ours = [{key: value for key, value in row.items() if key != "event_id"} for row in rows]
    assert json.loads(json.dumps(ours, default=str)) == peer["reports"][name]
    assert ours
