"""Topics of a test: made, filled, and looked at in the lake that a stream made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from clicklake.lake import Lake
from clicklake.synthetic import GeneratorConfig
from clicklake.synthetic.send import messages
from kafka.broker import Broker

FEW = {"spark.sql.shuffle.partitions": "1", "spark.default.parallelism": "1"}
TESTS = Path(__file__).parents[1]
FATES = "select rows_ingested, loaded, duplicates, quarantined from ops.ledger"


def create(broker: Broker, topic: str, partitions: int = 1, **options: str) -> str:
    """Make a topic."""
    from confluent_kafka.admin import NewTopic

    admin = client(broker)
    admin.create_topics([NewTopic(topic, partitions, 1, config=options)])[topic].result()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = admin.list_topics(topic, timeout=5).topics[topic]
        if found.error is None and len(found.partitions) == partitions:
            return topic
        time.sleep(0.05)
    raise AssertionError(f"{topic} was not made")


@lru_cache(maxsize=8)
def client(broker: Broker) -> Any:
    """One for each broker: what it is asked is not answered once nobody holds it."""
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": broker.address, "log_level": 0})


def producer(broker: Broker, **options: object) -> Any:
    from confluent_kafka import Producer

    wide = {"linger.ms": 5, "queue.buffering.max.messages": 1_000_000, "log_level": 0, "message.max.bytes": 2_000_000}
    return Producer({"bootstrap.servers": broker.address, **wide, **options})


def put(broker: Broker, topic: str, values: Iterable[bytes | None], partition: int | None = None) -> int:
    """Send messages; how many these were."""
    made, count = producer(broker), 0
    for value in values:
        made.produce(topic, value, **({} if partition is None else {"partition": partition}))
        count += 1
        if count % 10_000 == 0:
            made.poll(0)
    assert made.flush(60) == 0
    return count


def event(number: int, **more: object) -> bytes:
    """A sound event, unlike any other."""
    told: dict[str, object] = {
        "user_id": f"user_{number % 50}",
        "session_id": f"s{number % 500}",
        "event_type": "page_view",
        "event_timestamp": f"2025-03-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "device_type": "mobile",
        "page_url": f"https://shop.example/{number}",
        "referrer_url": None,
        "metadata": {"event_id": f"e{number}"},
    }
    return json.dumps({**told, **more}).encode()


def generated(broker: Broker, topic: str, rows: int, seed: int = 42) -> dict[str, Any]:
    """Fill a topic with generated events, bad and repeated ones among them; what is true about them."""
    stream, truth = messages(GeneratorConfig(rows=0, web_rows=rows, seed=seed))
    made = producer(broker)
    for number, (key, value) in enumerate(stream):
        made.produce(topic, value, key)
        if number % 10_000 == 0:
            made.poll(0)
    assert made.flush(60) == 0
    told = truth()
    return told["sources"]["web_events"]  # type: ignore[index, no-any-return]


def lake_of(broker: Broker, folder: Path, topic: str, *, spark: bool = False, **kafka: object) -> Lake:
    """A lake whose settings name the topic."""
    settings: dict[str, object] = {"batch_seconds": 0.2, **kafka}
    engine = {"engine": "spark", "spark.master": "local[2]", "spark.memory": "1GB", "spark.conf": FEW} if spark else {}
    return Lake(
        folder,
        overrides={
            "kafka.brokers": [broker.address],
            "kafka.topics": {"web_events": topic},
            "kafka.options": {"session.timeout.ms": "6000"},
            **engine,
            **{f"kafka.{name}": value for name, value in settings.items()},
        },
    )


def fates(lake: Lake) -> tuple[int, int, int, int]:
    """Rows ingested, loaded, duplicates and quarantined, by the ledger."""
    (row,) = lake.query(
        "select sum(rows_ingested) a, sum(loaded) b, sum(duplicates) c, sum(quarantined) d from ops.ledger"
    ).to_pylist()
    return tuple(int(value or 0) for value in row.values())  # type: ignore[return-value]


def offsets(lake: Lake) -> list[tuple[str, int, int, int]]:
    """By partition: messages in bronze, distinct offsets among them, and the last."""
    if lake.store.find("bronze.web_events") is None:
        return []
    rows = lake.query(
        "select source_file, count(*) n, count(distinct source_offset) d, max(source_offset) m "
        "from bronze.web_events group by 1 order by 1"
    ).to_pylist()
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


def is_right(lake: Lake, truth: dict[str, Any]) -> None:
    """Every message has one fate, the one that the generator knows, and gold has the sound ones once."""
    assert fates(lake) == tuple(truth[name] for name in ("records", "loaded", "duplicates", "quarantined"))
    for file, rows, distinct, _ in offsets(lake):
        assert rows == distinct, f"{file}: a message is there twice"
    (gold,) = lake.query("select count(*) n, count(distinct event_id) d from gold.fact_events").to_pylist()
    assert (gold["n"], gold["d"]) == (truth["loaded"], truth["loaded"])


class Streaming(threading.Thread):
    """A stream in a thread of its own."""

    def __init__(self, lake: Lake, **more: object) -> None:
        super().__init__(daemon=True)
        self._lake, self._more = lake, more
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.batches: list[Any] = []
        self.total: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.total = self._lake.stream(stop=self.stop, tell=self.batches.append, **self._more)
        except BaseException as error:
            self.error = error

    @property
    def messages(self) -> int:
        return sum(batch.appended.messages for batch in self.batches)

    def end(self) -> Any:
        self.stop.set()
        self.join(60)
        assert not self.is_alive()
        if self.error:
            raise self.error
        return self.total


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


def program(
    broker: Broker, lake: Path, topic: str, *arguments: str, faults: dict[str, object] | None = None
) -> subprocess.Popen[str]:
    """`clicklake stream kafka` in a process of its own, with the faults that it shall suffer."""
    command = ["--lake", str(lake), "stream", "kafka", "web_events", "--brokers", broker.address, "--topic", topic]
    more = {"FAULTS": json.dumps(faults or {}), "CLICKLAKE_KAFKA__OPTIONS__SESSION_TIMEOUT_MS": "6000"}
    path = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-m", "faults.driver", *command, "--batch-seconds", "0.2", *arguments],
        env={**os.environ, "PYTHONPATH": path, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 90) -> tuple[int, str, str]:
    """A program's exit code and what it said."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err
