"""Both engines, and one test for each model, table, report and case, as `shop_cases` finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from shop_cases import choices, id_of

from clicklake.engines.duckdb import DuckDB

if TYPE_CHECKING:
    from clicklake.engines.spark import Spark


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, found in choices().items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, found, ids=map(id_of, found))


@pytest.fixture
def engines(open_spark: Callable[..., Spark]) -> Iterator[Callable[..., tuple[DuckDB, Spark]]]:
    """Opens both engines for a reporting time zone; they are closed when the test ends."""
    opened: list[DuckDB | Spark] = []

    def open_both(reporting_timezone: str = "UTC", **_: object) -> tuple[DuckDB, Spark]:
        duckdb, spark = DuckDB(threads=1, reporting_timezone=reporting_timezone), open_spark(reporting_timezone)
        opened.extend([duckdb, spark])
        return duckdb, spark

    yield open_both
    for engine in opened:
        engine.close()
