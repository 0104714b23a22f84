"""One Spark session for all tests; they are skipped, with the reason, where Java or pyspark is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clicklake.engines.spark import Spark

HERE = Path(__file__).parent


def missing() -> str | None:
    """What there is not, of what these tests need."""
    if find_spec("pyspark") is None:
        return "no pyspark: pip install 'clicklake[spark]'"
    home = os.environ.get("JAVA_HOME")
    if not shutil.which("java") and not (home and (Path(home) / "bin" / "java").exists()):
        return "no Java: Spark 4 needs Java 17 or newer"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.spark)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def open_spark() -> Iterator[Callable[..., Spark]]:
    """Opens engines for a reporting time zone, in one Spark that is small and quick; all are closed at the end."""
    from clicklake.engines.spark import Spark, SparkOptions

    opened: list[Spark] = []
    conf = {
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        # Hundreds of short queries: the second compiler costs more than it brings.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }

    def open_one(reporting_timezone: str = "UTC") -> Spark:
        opened.append(Spark(SparkOptions("local[2]", "1g", conf), reporting_timezone))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()
    if opened:
        opened[0].session.sparkContext.stop()
