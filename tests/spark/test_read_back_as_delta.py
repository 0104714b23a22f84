"""Tables are Delta tables: Spark's own reader of them finds the rows that the engines wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clicklake import Lake
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import quote, string
from clicklake.storage import Snapshot
from clicklake.synthetic.commerce.config import CommerceConfig
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.produce import generate

pytestmark = [pytest.mark.spark, pytest.mark.network]

READER = Path(__file__).with_name("delta_reader.py")
SOURCES = ("click_events", "orders", "customers", "products", "payments")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_all_rows_are_there(engine: str, tmp_path: Path) -> None:
    for number in (1, 2):
        generate(tmp_path / f"in-{number}", GeneratorConfig(800, seed=number, commerce=CommerceConfig()))
    lake = Lake(tmp_path / "lake", overrides={"engine": engine, "logs": {"directory": str(tmp_path / "logs")}})
    for number in (1, 2):
        lake.run({source: tmp_path / f"in-{number}" / source for source in SOURCES})
    done = subprocess.run(
        [sys.executable, READER, lake.path, tmp_path / "out"], capture_output=True, text=True, timeout=600
    )
    if "unresolved dependency" in done.stderr or "UnknownHost" in done.stderr:
        pytest.skip("the jar of Delta can't be had")
    assert done.returncode == 0, done.stderr[-3000:]
    reader = lake.local_engine()
    try:
        names = lake.store.names()
        assert {"silver.events", "gold.fact_sales", "ops.ledger", "bronze.orders"} <= set(names)
        for name in names:
            assert differing(reader, lake.store.open(name), tmp_path / "out" / name) == ([], []), name
    finally:
        reader.close()


def differing(engine: DuckDB, table: Snapshot, copy: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Rows that only the table has, and rows that only the copy has."""
    copied = f"read_parquet({string(f'{copy}/*.parquet')})"
    types = {name: kind for name, kind, *_ in engine.rows(f"describe select * from ({engine.scan(table)})")}
    columns = ", ".join(
        f"map_entries({quote(name)}) as {quote(name)}"
        if kind.startswith("MAP")
        else f"cast({quote(name)} as {kind}) as {quote(name)}"
        for name, kind in types.items()
    )
    ours, theirs = f"select {columns} from ({engine.scan(table)})", f"select {columns} from {copied}"
    return engine.rows(f"{ours} except all {theirs} limit 2"), engine.rows(f"{theirs} except all {ours} limit 2")
