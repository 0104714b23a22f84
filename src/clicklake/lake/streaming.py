"""What streams messages into a lake; see `clicklake.stream`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clicklake.errors import UsageError
from clicklake.lake.running import RunningLake
from clicklake.pipeline import Pipeline
from clicklake.setting_types import seconds_of, size_in_bytes
from clicklake.settings import KafkaSettings

if TYPE_CHECKING:
    from clicklake.stream.append import Appender
    from clicklake.stream.follow import Follower
    from clicklake.stream.notes import Notes
    from clicklake.stream.positions import Topic
    from clicklake.stream.spark_stream import SparkStream
    from clicklake.stream.stream import Batch, Total
    from clicklake.stream.window import WindowRun


class StreamingLake(RunningLake):
    """The part of `Lake` that follows topics."""

    def stream(
        self,
        source: str | None = None,
        *,
        stop: threading.Event | None = None,
        tell: Callable[[Batch], None] = lambda batch: None,
        available_now: bool = False,
    ) -> Total:
        """Bring a Kafka topic's messages in, exactly once, until `stop` is set; silver and gold follow.

        Args:
            source: What the messages are, each a JSON object with the contract's columns; the only one that the
                settings name a topic for, where None.
            stop: Ends it after the commit at hand.
            tell: Is told what each batch brought.
            available_now: End when everything is read that the topic had at the start.

        Raises:
            MissingExtraError: confluent-kafka is not installed.
            StreamError: The topic can't be read, or messages are gone that were not read yet.
            ClicklakeError: The stream can't go on; what was committed stays.
        """
        from clicklake.stream.append import Appender
        from clicklake.stream.buffer import Buffer
        from clicklake.stream.connect import cluster_and_topic, common, consumer_options, made, topic_id
        from clicklake.stream.consumer import Reader, Reading
        from clicklake.stream.follow import Follower
        from clicklake.stream.lateness import EventTimes
        from clicklake.stream.notes import Notes
        from clicklake.stream.positions import Topic
        from clicklake.stream.stream import Stream

        settings = self.settings.kafka
        source, name = self._streamed(source)
        contract = self._check_source(source)
        times = EventTimes(contract, settings.event_time)
        options = consumer_options(settings.brokers, settings.options, settings.group or f"clicklake-{source}")
        consumer = made("Consumer", options)
        admin = made("AdminClient", common(settings.brokers, settings.options))
        cluster, partitions = cluster_and_topic(admin, name, settings.brokers)
        topic = Topic(name, cluster, topic_id(admin, name))
        follower = Follower(self._begin_window, self._finish_window, self._compact)
        pipeline = follower.pipeline
        registered = pipeline.registry.register(contract)
        pipeline.registry.judge(registered).check(pipeline.engine)
        policies = {name: found.drift for name, found in self.settings.sources.items() if found.drift}
        appender = Appender(
            replace(self.store, note={"run": pipeline.run.run_id}, touched=pipeline.store.touched),
            contract,
            registered.source_number,
            topic,
            seconds_of(settings.watermark),
            times,
            policies.get(source, contract.options.drift_policy),
        )
        if settings.start == "latest":
            appender.begin_at(_ends(consumer, topic, partitions))
        notes = Notes(replace(self.store, touched=set()), self.catalogue, source)
        stop = stop or threading.Event()
        if pipeline.engine.is_distributed:
            consumer.close()
            options.pop("logger")
            return self._on_spark(appender, follower, notes, options, partitions, available_now).run(stop, tell)
        buffer = Buffer(2 * settings.batch_rows, size_in_bytes(settings.buffer))
        reading = Reading(topic, partitions, settings.on_gap, available_now)
        own = replace(self.store, touched=set())  # the thread's, beside those that commit
        reader = Reader(consumer, reading, buffer, lambda: own.find(f"bronze.{source}"))
        stream = Stream(
            reader, buffer, appender, follower, notes, settings.batch_seconds, settings.batch_rows, available_now
        )
        return stream.run(stop, tell)

    def _on_spark(
        self,
        appender: Appender,
        follower: Follower,
        notes: Notes,
        options: dict[str, Any],
        partitions: list[int],
        available_now: bool,
    ) -> SparkStream:
        """The same stream by Structured Streaming."""
        from clicklake.stream.consumer import find_begin
        from clicklake.stream.spark_source import SourceConfig
        from clicklake.stream.spark_stream import SparkStream

        settings = self.settings.kafka
        follower.window_seconds = float("inf")  # the query lives in the engine's session
        is_own = settings.spark_source == "python"
        width = max(1, settings.batch_rows // len(partitions)) if is_own else settings.batch_rows
        config = SourceConfig(appender.topic.name, options, {}, width, is_own)
        consumer = config.open()
        bronze = appender.store.find(f"bronze.{appender.contract.source}")
        begins = {
            number: find_begin(consumer, appender.topic, number, bronze, settings.on_gap) for number in partitions
        }
        consumer.close()
        return SparkStream(
            follower.pipeline.engine,
            replace(config, begin={number: begin.offset for number, begin in begins.items()}),
            begins,
            appender,
            settings.event_time,
            follower,
            notes,
            settings.batch_seconds,
            available_now,
        )

    def _streamed(self, source: str | None) -> tuple[str, str]:
        """The source and its topic.

        Raises:
            UsageError: They, or the brokers, are not named.
        """
        settings: KafkaSettings = self.settings.kafka
        if source is None:
            if len(settings.topics) != 1:
                named = ", ".join(settings.topics) or "none"
                raise UsageError(
                    f"which source are the messages? clicklake stream kafka SOURCE (kafka.topics: {named})"
                )
            source = next(iter(settings.topics))
        if source not in settings.topics:
            raise UsageError(f"which topic has {source}? Give --topic, or name it in kafka.topics.{source}")
        if not settings.brokers:
            raise UsageError("which brokers? Give --brokers host:port, or name them in kafka.brokers")
        return source, settings.topics[source]

    def _begin_window(self, run: WindowRun) -> Pipeline:
        return self._pipeline(run)

    def _finish_window(self, pipeline: Pipeline) -> None:
        from clicklake.lake.running import RunResult

        self._alert(pipeline, RunResult(pipeline.run.run_id), self._channels())


def _ends(consumer: Any, topic: Topic, partitions: list[int]) -> dict[int, int]:  # noqa: ANN401 - no types
    from clicklake.stream.connect import kafka

    found = {}
    for number in partitions:
        _, high = consumer.get_watermark_offsets(kafka().TopicPartition(topic.name, number), timeout=15)
        found[number] = int(high)
    return found
