"""A lake whose `ops.runs` has fewer columns gets the new ones with its next run."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from clicklake.lake import Lake
from clicklake.tables import system_spec

NEW = ("executor_seconds", "tasks", "shuffle_read_bytes", "shuffle_written_bytes")


def test_new_columns_are_added_and_old_rows_stay(tmp_path: Path, clicks):
    lake = Lake(tmp_path / "lake")
    spec = system_spec(lake.catalogue, "ops.runs")
    lake.store.ensure(replace(spec, schema=pa.schema([field for field in spec.schema if field.name not in NEW])))
    assert not set(NEW) & set(lake.store.open("ops.runs").schema.names)
    lake = Lake(tmp_path / "lake")
    lake.run(click_events=clicks("u1,s1,2025-01-01 10:00:00,login,,,"))
    table = lake.store.open("ops.runs")
    assert set(table.schema.names) == set(spec.schema.names)
    assert table.read().num_rows > 3
    # DuckDB has no executors.
    assert lake.query(f"select distinct {', '.join(NEW)} from ops.runs").to_pylist() == [dict.fromkeys(NEW)]
