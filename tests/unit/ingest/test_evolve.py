"""The drift policies: what a file that differs from its contract does to bronze, before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from clicklake.lake import Lake

HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
ROW = "u{n},s1,2025-01-01 10:00:00,page_view,,,"


def lake_with(path: Path, policy: str, source: str = "click_events") -> Lake:
    return Lake(path, overrides={f"sources.{source}.drift": policy, f"sources.{source}.paths": ["nothing"]})


def write(path: Path, columns: str, *rows: str) -> Path:
    path.write_text("\n".join([HEADER + columns, *rows]) + "\n")
    return path


def bronze(lake: Lake, columns: str) -> list[tuple[object, ...]]:
    found = lake.query(f"select {columns} from bronze.click_events order by row_id").to_pylist()
    return [tuple(row.values()) for row in found]


def test_evolve_adds_the_columns_and_keeps_the_rest(tmp_path: Path) -> None:
    lake = lake_with(tmp_path / "lake", "evolve")
    lake.run(click_events=write(tmp_path / "a.csv", "", ROW.format(n=1)))
    reader = lake.store.open("bronze.click_events")
    before = reader.schema
    coupon = write(tmp_path / "b.csv", ",Coupon,odd name,userid2", ROW.format(n=2) + ",X1,odd,", "short")
    lake.run(click_events=coupon)
    lake.run(click_events=write(tmp_path / "c.csv", ",Coupon", ROW.format(n=3) + ',"a ""b"" \\ c"'))
    lake.run(click_events=write(tmp_path / "d.csv", "", ROW.format(n=4)))

    assert bronze(lake, 'UserID, "Coupon", userid2') == [
        ("u1", None, None),
        ("u2", "X1", ""),
        (None, None, None),
        ("u3", 'a "b" \\ c', None),
        ("u4", None, None),
    ]
    extra = [json.loads(row[0]) for row in bronze(lake, "extra") if row[0]]
    assert extra[0] == {"Coupon": "X1", "odd name": "odd", "userid2": ""}, "kept as it came, odd names too"
    after = lake.store.open("bronze.click_events").schema
    assert after.names == [*before.names, "Coupon", "userid2"]
    assert [after.field(name).type for name in before.names] == [field.type for field in before]
    listed = ", ".join(f"'{file}'" for file in reader.files)
    assert duckdb.sql(f"select count(*) from read_parquet([{listed}])").fetchall() == [(1,)], "a reader of then"
    kinds = lake.query("select kind, column_name from ops.drift order by seen_at, column_name").to_pylist()
    assert {"kind": "new_column", "column_name": "Coupon"} in kinds
    assert lake.query("select count(*) as n from silver.events").to_pylist() == [{"n": 4}]


def test_evolved_columns_of_json(tmp_path: Path) -> None:
    lake = lake_with(tmp_path / "lake", "evolve", "web_events")
    event = {"user_id": "u", "session_id": "s", "event_type": "click", "event_timestamp": "2025-01-01T10:00:00Z"}
    file = tmp_path / "e.ndjson"
    events = [event, {**event, "user_id": "v", "ab_test": {"arm": [1, 2.50]}, "score": 1.50}]
    file.write_text("".join(json.dumps(one).replace("1.5", "1.50") + "\n" for one in events))
    lake.run(web_events=file)
    found = lake.query("select ab_test, score from bronze.web_events order by row_id").to_pylist()
    assert found[0] == {"ab_test": None, "score": None}
    assert json.loads(found[1]["ab_test"]) == {"arm": [1, 2.5]}
    assert float(found[1]["score"]) == 1.5


def test_statistics_of_new_columns_stay_out_of_the_log(tmp_path: Path) -> None:
    lake = lake_with(tmp_path / "lake", "evolve")
    lake.run(click_events=write(tmp_path / "b.csv", ",Email", ROW.format(n=2) + ",someone@example.org"))
    log = Path(lake.store.uri("bronze.click_events")) / "_delta_log"
    assert all("someone@" not in file.read_text() for file in log.glob("*.json"))


def test_capture_keeps_them_in_extra_alone(tmp_path: Path) -> None:
    lake = lake_with(tmp_path / "lake", "capture")
    lake.run(click_events=write(tmp_path / "b.csv", ",Coupon", ROW.format(n=2) + ",X1"))
    assert bronze(lake, "extra") == [('{"Coupon": "X1"}',)]
    assert "Coupon" not in lake.store.open("bronze.click_events").schema.names


@pytest.mark.parametrize("columns", [",Coupon", "x"])
def test_fail_loads_nothing_of_the_file_and_all_of_the_others(tmp_path: Path, columns: str) -> None:
    lake = lake_with(tmp_path / "lake", "fail")
    row = ROW.format(n=2) + ",X1" * columns.startswith(",")
    files = [write(tmp_path / "a.csv", "", ROW.format(n=1)), write(tmp_path / "b.csv", columns, row)]
    result = lake.run(click_events=files)
    assert [outcome.status for outcome in result.files["click_events"]] == ["ingested", "failed"]
    assert "its policy is fail" in str(result.failures[0]) and not result.ok
    assert bronze(lake, "UserID") == [("u1",)]
