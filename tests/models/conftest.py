"""One test a case, a model, a table or a report; `shop_cases` finds them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from shop_cases import Row, Shop, choices, id_of

from clicklake.engines.duckdb import DuckDB


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case, a model, a table or a report, whichever the test asks for."""
    for name, found in choices().items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, found, ids=map(id_of, found))


@pytest.fixture
def open_engine() -> Callable[..., DuckDB]:
    """Opens an engine for a case's settings; all are closed when the test ends."""
    opened: list[DuckDB] = []

    def open_one(reporting_timezone: str = "UTC", **_: object) -> DuckDB:
        opened.append(DuckDB(threads=1, reporting_timezone=reporting_timezone))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()


@pytest.fixture
def shop() -> Shop:
    """What tests of models need from here, since a conftest can't be imported."""
    return Shop()


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Rows that differ, one a line."""
    if op != "==" or not (_are_rows(left) and _are_rows(right)):
        return None
    made = [f"  made, not expected: {_shown(row)}" for row in left if row not in right]
    missing = [f"  expected, not made: {_shown(row)}" for row in right if row not in left]
    return ["the rows differ", *(made + missing or ["  in their order, or in how often one occurs"])]


def _are_rows(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _shown(row: Row) -> str:
    return ", ".join(f"{key}={value}" for key, value in row.items())
