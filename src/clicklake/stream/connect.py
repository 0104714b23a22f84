"""What librdkafka is told: brokers, options with their secrets, and how a consumer of ours behaves."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from pydantic import SecretStr

from clicklake.errors import ConfigError, MissingExtraError, StreamError


class Quiet:
    """Takes what librdkafka says; it is shown by --log-level debug, for what matters comes as an error."""

    _logger = logging.getLogger("clicklake.kafka")

    def log(self, level: int, *text: object) -> None:
        """One line of its log."""
        self._logger.debug(*text)


_SESSION_MS = 10_000
"""After a kill the partitions of the dead member go to others so soon."""

_PREFETCH_KB = 32 << 10
_FETCH_BYTES = 16 << 20
_CONNECT_SECONDS = 15.0

_OURS = {
    "group.id": "the group is kafka.group",
    "bootstrap.servers": "brokers are kafka.brokers",
    "enable.auto.commit": "positions are kept in the table",
    "enable.auto.offset.store": "positions are kept in the table",
    "auto.offset.reset": "where a topic is begun is kafka.start",
    "isolation.level": "aborted transactions are never read",
    "enable.partition.eof": "the program needs it",
}


def kafka() -> ModuleType:
    """The package confluent_kafka.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise MissingExtraError("Kafka needs confluent-kafka", "kafka") from error
    return confluent_kafka


def common(brokers: Sequence[str], options: Mapping[str, SecretStr]) -> dict[str, Any]:
    """What consumers and producers are told.

    Raises:
        ConfigError: An option is not the user's to set.
    """
    given = {name.replace("_", "."): value.get_secret_value() for name, value in options.items()}
    for name in given.keys() & _OURS.keys():
        raise ConfigError(f"kafka.options.{name} can't be set: {_OURS[name]}", key=f"kafka.options.{name}")
    quiet = {"bootstrap.servers": ",".join(brokers), "log.connection.close": "false"}
    return {**quiet, **given, "logger": Quiet()}


def consumer_options(brokers: Sequence[str], options: Mapping[str, SecretStr], group: str) -> dict[str, Any]:
    """What a consumer is told; its positions are those of the table, the group's are for monitoring."""
    return {
        "session.timeout.ms": _SESSION_MS,
        "queued.max.messages.kbytes": _PREFETCH_KB,
        "fetch.max.bytes": _FETCH_BYTES,
        "fetch.wait.max.ms": 100,
        **common(brokers, options),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }


def made(kind: str, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the package has no types
    """A Consumer, Producer or AdminClient.

    Raises:
        ConfigError: librdkafka does not take an option; its value is not repeated.
    """
    module = kafka()
    try:
        if kind == "AdminClient":
            from confluent_kafka.admin import AdminClient

            return AdminClient(dict(options))
        return getattr(module, kind)(dict(options))
    except module.KafkaException as error:
        raise ConfigError(f"kafka.options: {_without_values(str(error.args[0].str()), options)}") from error


def _without_values(text: str, options: Mapping[str, Any]) -> str:
    for name, value in options.items():
        if isinstance(value, str) and len(value) > 1 and name not in ("bootstrap.servers", "group.id"):
            text = text.replace(value, "***")
    return text


def cluster_and_topic(client: Any, topic: str, brokers: Sequence[str]) -> tuple[str, list[int]]:  # noqa: ANN401
    """The cluster's id and the topic's partitions.

    Raises:
        StreamError: No broker answers, or there is no such topic.
    """
    module = kafka()
    try:
        known = client.list_topics(topic, timeout=_CONNECT_SECONDS)
    except module.KafkaException as error:
        raise StreamError(
            f"no broker of {', '.join(brokers)} answers: {error.args[0].str()}. Check kafka.brokers or --brokers, "
            "that the broker runs, and kafka.options where it wants a login."
        ) from error
    found = known.topics[topic]
    if found.error is not None or not found.partitions:
        told = found.error.str() if found.error is not None else "it has no partitions"
        raise StreamError(f"topic {topic} on {', '.join(brokers)}: {told}. Check its name and that you may read it.")
    return known.cluster_id or "", sorted(found.partitions)


def topic_id(admin: Any, topic: str) -> str:  # noqa: ANN401 - the package has no types
    """What tells a topic from another one of its name; empty where the brokers are too old to tell."""
    module = kafka()
    from confluent_kafka import TopicCollection

    try:
        described = admin.describe_topics(TopicCollection([topic]), request_timeout=_CONNECT_SECONDS)[topic].result()
    except module.KafkaException:
        return ""
    return str(described.topic_id or "")
