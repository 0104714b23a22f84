"""Pages of a table of many files: together they are the table, in the same order each time, none twice."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from clicklake.engines.duckdb import DuckDB
from clicklake.serving.pages import Asked, Filter, Place, page
from clicklake.storage import Store

SIZES = (3, 400, 1, 0, 7, 5_000, 2, 2, 2, 130_000)


@pytest.fixture(scope="module", params=[True, False], ids=["counted", "without statistics"])
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("lake")
    first = 0
    for size in SIZES:
        rows = pa.table({"id": pa.array(range(first, first + size), pa.int64())})
        write_deltalake(str(root / "gold" / "many"), rows, mode="append")
        first += size
    if not request.param:
        for log in (root / "gold" / "many" / "_delta_log").glob("*.json"):
            actions = [json.loads(line) for line in log.read_text().splitlines()]
            for action in actions:
                action.get("add", {}).pop("stats", None)
            log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    return root


def pages(root: Path, limit: int, *filters: str) -> list[list[int]]:
    snapshot = Store(str(root)).open("gold.many")
    asked = Asked(snapshot, "*", ["id"], ["id"], [Filter.parse(text) for text in filters])
    engine = DuckDB()
    place: Place | None = Place(None, snapshot.version)
    found = []
    try:
        while place:
            rows, place = page(engine, asked, place, limit)
            found.append(rows["id"].to_pylist())
    finally:
        engine.close()
    return found


@pytest.mark.parametrize("limit", [900, 1_000, 5_412, 200_000])
def test_pages_are_the_table(lake: Path, limit: int) -> None:
    found = pages(lake, limit)
    total = sum(SIZES)
    assert sorted(number for numbers in found for number in numbers) == list(range(total))
    assert [len(numbers) for numbers in found] == [limit] * (total // limit) + [total % limit] * (total % limit > 0)
    assert found == pages(lake, limit)


def test_rows_far_apart_are_found(lake: Path) -> None:
    wanted = "0,2,3,403,410,411,5412,5417,135416"
    assert sorted(number for numbers in pages(lake, 2, f"id:in:{wanted}") for number in numbers) == [
        int(number) for number in wanted.split(",")
    ]
    assert pages(lake, 5, "id:eq:135417") == [[]]
