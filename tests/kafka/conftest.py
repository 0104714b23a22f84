from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from kafka.broker import Broker, missing

_NUMBERS = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that most tests share."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    if why := missing():
        pytest.skip(why)
    with Broker(tmp_path_factory.mktemp("broker")) as made:
        yield made


@pytest.fixture
def topic() -> str:
    """A name that no other test has."""
    return f"web-{next(_NUMBERS)}"
