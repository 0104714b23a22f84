"""A Kafka topic as a data source of Spark's Structured Streaming, over the same client as the embedded stream.

Spark's own connector wants jars that belong to the cluster; this one wants a Python package on the executors. Where it
begins is what the table's marks say: Spark's checkpoint knows nothing that the table doesn't.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.datasource import DataSource

NAME = "clicklake_kafka"
SCHEMA = "partition int, first bigint, offset bigint, value binary, is_end boolean"
"""One row a message, and one at the end of each range, whose offset is the one behind it."""

_ARROW = pa.schema(
    [
        ("partition", pa.int32()),
        ("first", pa.int64()),
        ("offset", pa.int64()),
        ("value", pa.binary()),
        ("is_end", pa.bool_()),
    ]
)
_AT_ONCE = 10_000
_WAIT = 0.1
_STALLED = 120.0
"""Seconds without any news from the broker after which a task gives up, and is tried again."""


@dataclass(frozen=True)
class SourceConfig:
    """What is read; plain data that goes to executors, and stands in no plan and no log.

    Args:
        topic: The topic.
        consumer: What the consumer is told, secrets among it.
        begin: By partition the first offset.
        width: Offsets of one partition in a micro-batch, at the most.
        is_own: Whether this module's source reads, not Spark's connector.
    """

    topic: str
    consumer: Mapping[str, Any] = field(repr=False)
    begin: Mapping[int, int] = field(default_factory=dict)
    width: int = 25_000
    is_own: bool = True

    def open(self) -> Any:  # noqa: ANN401 - the package has no types
        """A consumer."""
        from clicklake.stream.connect import Quiet, made

        return made("Consumer", {**self.consumer, "logger": Quiet()})


@dataclass(frozen=True)
class Range:
    """Offsets of one partition: from `first`, below `until`."""

    partition: int
    first: int
    until: int


def source_of(config: SourceConfig) -> type[DataSource]:
    """The data source of a topic, to be registered under `NAME`."""
    from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
    from pyspark.sql.streaming.datasource import ReadLimit, SupportsTriggerAvailableNow

    class KafkaRange(InputPartition):  # type: ignore[misc]
        def __init__(self, found: Range) -> None:
            super().__init__(found)
            self.found = found

    class KafkaStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):  # type: ignore[misc]
        def __init__(self) -> None:
            self.consumer: Any = None
            self.targets: dict[int, int] | None = None

        def _ends(self) -> dict[int, int]:
            if self.consumer is None:
                self.consumer = config.open()
            return {number: _end(self.consumer, config.topic, number) for number in config.begin}

        def initialOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's name
            return {str(number): offset for number, offset in config.begin.items()}

        def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802 - Spark's name
            self.targets = self._ends()

        def latestOffset(self, start: dict[str, int], limit: ReadLimit) -> dict[str, int]:  # noqa: N802
            ends = self._ends() if self.targets is None else self.targets
            found = {}
            for number, end in ends.items():
                at = start.get(str(number), config.begin[number])
                found[str(number)] = max(at, min(end, at + config.width))
            return found

        def partitions(self, start: dict[str, int], end: dict[str, int]) -> list[KafkaRange]:
            return [
                KafkaRange(Range(int(number), start[number], until))
                for number, until in end.items()
                if until > start[number]
            ]

        def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
            return read_range(config, partition.value)

        def stop(self) -> None:
            if self.consumer is not None:
                self.consumer.close()

    class KafkaDataSource(DataSource):  # type: ignore[misc]
        @classmethod
        def name(cls) -> str:
            return NAME

        def schema(self) -> str:
            return SCHEMA

        def streamReader(self, schema: Any) -> KafkaStreamReader:  # noqa: ANN401, N802 - Spark's name
            return KafkaStreamReader()

    return KafkaDataSource


def messages(session: SparkSession, config: SourceConfig) -> DataFrame:
    """The topic as a streaming frame of `SCHEMA`."""
    if config.is_own:
        session.dataSource.register(source_of(config))
        return session.readStream.format(NAME).load()
    begin = json.dumps({config.topic: {str(number): offset for number, offset in config.begin.items()}})
    reader = session.readStream.format("kafka").option("subscribe", config.topic)
    reader = reader.option("startingOffsets", begin).option("maxOffsetsPerTrigger", config.width)
    reader = reader.option("kafka.isolation.level", "read_committed").option("failOnDataLoss", "true")
    ours = ("group.id", "enable.", "auto.", "isolation.", "session.", "queued.", "fetch.", "log.")
    for name, value in config.consumer.items():
        if not name.startswith(ours):
            reader = reader.option(f"kafka.{name}", value)
    return reader.load().selectExpr("partition", "cast(null as bigint) as first", "offset", "value", "false as is_end")


def read_range(config: SourceConfig, found: Range) -> Iterator[pa.RecordBatch]:
    """The messages of a range as Arrow batches, and its end.

    Raises:
        StreamError: The broker doesn't have them any more, or doesn't answer.
    """
    from clicklake.errors import StreamError
    from clicklake.stream.connect import kafka

    module, consumer = kafka(), config.open()
    try:
        consumer.assign([module.TopicPartition(config.topic, found.partition, found.first)])
        heard, is_done = time.monotonic(), False
        while not is_done:
            offsets: list[int] = []
            values: list[bytes | None] = []
            for message in consumer.consume(_AT_ONCE, _WAIT):
                heard = time.monotonic()
                error, offset = message.error(), message.offset()
                if error is not None and error.code() != module.KafkaError._PARTITION_EOF:
                    if error.retriable():
                        continue
                    raise StreamError(f"kafka://{config.topic}/{found.partition}: {error.str()}")
                if offset >= found.until:
                    is_done = True
                    break
                if error is None:
                    offsets.append(offset)
                    values.append(message.value())
                    is_done = offset == found.until - 1
            if offsets:
                yield _batch(found, offsets, values, is_end=False)
            if not is_done and time.monotonic() - heard > _STALLED:
                raise StreamError(f"kafka://{config.topic}/{found.partition}: the broker sends nothing")
        yield _batch(found, [found.until], [None], is_end=True)
    finally:
        consumer.close()


def _batch(found: Range, offsets: list[int], values: list[bytes | None], *, is_end: bool) -> pa.RecordBatch:
    size = len(offsets)
    columns = [
        pa.repeat(pa.scalar(found.partition, pa.int32()), size),
        pa.repeat(pa.scalar(found.first, pa.int64()), size),
        pa.array(offsets, pa.int64()),
        pa.array(values, pa.binary()),
        pa.repeat(pa.scalar(is_end), size),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_ARROW)


def _end(consumer: Any, topic: str, number: int) -> int:  # noqa: ANN401 - the package has no types
    from clicklake.stream.connect import kafka

    _, high = consumer.get_watermark_offsets(kafka().TopicPartition(topic, number), timeout=30)
    return int(high)
