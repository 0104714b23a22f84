"""Records as messages of a Kafka topic, at a given rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from clicklake.errors import StreamError, UsageError
from clicklake.stream.connect import common, made
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.produce import Producer, document
from clicklake.synthetic.rhythm import DAY, hourly_volume
from clicklake.synthetic.sources import first_second, web_source
from clicklake.synthetic.truth import SourceTruth, Totals
from clicklake.synthetic.world import World

_WORLD_STREAM = 1
_STEPS = 100
"""Steps of a second in which messages are handed over."""

_FLUSH_SECONDS = 120.0
_LINES_AT_ONCE = 2**14


def target(url: str) -> tuple[list[str], str]:
    """The brokers and the topic of a URL such as kafka://host:9092/topic.

    Raises:
        UsageError: It is no such URL.
    """
    scheme, _, rest = url.partition("://")
    brokers, _, topic = rest.partition("/")
    if scheme != "kafka" or not brokers or not topic or "/" in topic or "@" in brokers:
        raise UsageError(f"--to {url}: write kafka://host:port/topic; logins are settings (kafka.options)")
    return brokers.split(","), topic


def messages(config: GeneratorConfig) -> tuple[Iterator[tuple[bytes, bytes]], Callable[[], dict[str, object]]]:
    """Keys and values of messages as lines of `web_events`, and what gives the truth about them at the end.

    The key is the visitor: the events of one are in one partition, in their order.
    """
    rng = np.random.default_rng([config.seed, _WORLD_STREAM])
    begin = first_second(config.start)
    world = World(config.user_count, config.product_count, (begin, begin + config.days * DAY), rng)
    source = web_source(Path(), config, hourly_volume(config.start, config.days, rng))
    truth, totals = SourceTruth(), Totals(world)
    producer = Producer(source, config, world, truth, totals, None)

    def made_one_by_one() -> Iterator[tuple[bytes, bytes]]:
        for _, records in producer.slices_as_they_arrive():
            for first in range(0, len(records), _LINES_AT_ONCE):
                chunk = records[first : first + _LINES_AT_ONCE]
                lines = source.lines(chunk, world).split(b"\n")
                for user, line in zip(chunk["user"].tolist(), lines, strict=False):
                    yield b"%d" % user, line
                truth.bytes += sum(map(len, lines))
            truth.written(records)

    return made_one_by_one(), lambda: document(config, {"web_events": truth}, totals, None)


def send(
    url: str, config: GeneratorConfig, rate: float | None, options: Mapping[str, SecretStr]
) -> tuple[dict[str, Any], dict[str, object]]:
    """Send generated events to a topic.

    Args:
        url: kafka://host:port/topic.
        config: What to generate; `web_rows` messages.
        rate: Messages a second; None for as many as the broker takes.
        options: Properties of librdkafka.

    Returns:
        What was sent: messages, bytes, seconds, rate; and the truth about it.

    Raises:
        UsageError: The URL is none.
        StreamError: The broker did not take all of it.
    """
    brokers, topic = target(url)
    defaults = {"linger.ms": 5, "enable.idempotence": "true", "queue.buffering.max.messages": 500_000}
    producer = made("Producer", {**defaults, **common(brokers, options)})
    failed: list[str] = []

    def note(error: Any, message: Any) -> None:  # noqa: ANN401 - the package has no types
        if error is not None:
            failed.append(error.str())

    stream, truth = messages(config)
    sent = size = 0
    step = max(1, round(rate / _STEPS)) if rate else _LINES_AT_ONCE
    begun = time.perf_counter()
    for key, value in stream:
        while True:
            try:
                producer.produce(topic, value, key, on_delivery=note)
                break
            except BufferError:
                producer.poll(0.05)
        sent += 1
        size += len(value)
        if sent % step == 0:
            producer.poll(0)
            if failed:
                break
            if rate and (early := sent / rate - (time.perf_counter() - begun)) > 0:
                producer.poll(early)
                time.sleep(max(0.0, sent / rate - (time.perf_counter() - begun)))
    left = producer.flush(_FLUSH_SECONDS)
    seconds = time.perf_counter() - begun
    if failed or left:
        why = failed[0] if failed else "the broker did not answer in time"
        raise StreamError(f"{url}: {len(failed) + left:,} of {sent:,} messages were not taken: {why}")
    told = {"topic": topic, "messages": sent, "bytes": size, "seconds": round(seconds, 3)}
    return {**told, "rate": round(sent / seconds, 1)}, truth()
