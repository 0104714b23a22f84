"""A broker that dies, a topic that is deleted, messages that are gone: what is said, and what is done."""

from __future__ import annotations

import json
import time

import pytest

from clicklake.errors import StreamError
from kafka.broker import Broker
from kafka.topics import Streaming, client, create, event, fates, lake_of, offsets, put, until


def test_a_broker_that_is_killed_and_started_again(broker, topic, tmp_path):
    own = Broker(tmp_path / "own")
    with own:
        create(own, topic, partitions=2)
        put(own, topic, map(event, range(1_000)))
        stream = Streaming(lake_of(own, tmp_path / "lake", topic))
        until(lambda: stream.messages >= 500)
        own.kill()
        time.sleep(1)
        own.start()
        put(own, topic, map(event, range(1_000, 2_000)))
        until(lambda: stream.messages >= 2_000)
        stream.end()
        lake = lake_of(own, tmp_path / "lake", topic)
        assert fates(lake) == (2_000, 2_000, 0, 0)
        assert all(rows == distinct for _, rows, distinct, _ in offsets(lake))


def test_no_broker_is_told_plainly(tmp_path, monkeypatch):
    monkeypatch.setattr("clicklake.stream.connect._CONNECT_SECONDS", 2.0)

    class Nobody:
        address = "127.0.0.1:1"

    with pytest.raises(StreamError, match="no broker of 127.0.0.1:1 answers"):
        lake_of(Nobody(), tmp_path / "lake", "web").stream(available_now=True)


def test_an_unknown_topic_is_told_plainly(broker, tmp_path):
    with pytest.raises(StreamError, match="topic nowhere"):
        lake_of(broker, tmp_path / "lake", "nowhere").stream(available_now=True)


def _delete(broker: Broker, topic: str) -> None:
    client(broker).delete_topics([topic])[topic].result()
    until(lambda: topic not in client(broker).list_topics(timeout=5).topics)


def test_a_topic_that_was_made_anew_stops_the_stream_or_is_read_from_its_start(broker, topic, tmp_path):
    create(broker, topic)
    put(broker, topic, map(event, range(50)))
    folder = tmp_path / "lake"
    lake_of(broker, folder, topic).stream(available_now=True)
    _delete(broker, topic)
    create(broker, topic)
    put(broker, topic, map(event, range(50, 170)))  # more than before: its offsets alone would not tell
    with pytest.raises(StreamError, match=r"deleted and made anew.*kafka\.on_gap"):
        lake_of(broker, folder, topic).stream(available_now=True)
    lake = lake_of(broker, folder, topic, on_gap="continue")
    lake.stream(available_now=True)
    assert fates(lake) == (170, 170, 0, 0)
    (gaps,) = lake.query("select gaps from ops.streams where gaps is not null").to_pylist()
    assert json.loads(gaps["gaps"])[0][:3] == [0, 50, 0]
    assert lake_of(broker, folder, topic).stream(available_now=True).commits == 0


def test_messages_that_the_broker_deleted_unread_stop_the_stream_or_are_noted(broker, topic, tmp_path):
    from confluent_kafka import TopicPartition

    create(broker, topic)
    put(broker, topic, map(event, range(40)))
    folder = tmp_path / "lake"
    lake_of(broker, folder, topic).stream(available_now=True)
    put(broker, topic, map(event, range(40, 100)))
    client(broker).delete_records([TopicPartition(topic, 0, 70)])[TopicPartition(topic, 0, 70)].result()
    with pytest.raises(StreamError, match="has deleted 30 messages before they were read"):
        lake_of(broker, folder, topic).stream(available_now=True)
    lake = lake_of(broker, folder, topic, on_gap="continue")
    lake.stream(available_now=True)
    assert fates(lake) == (70, 70, 0, 0)
    (gaps,) = lake.query("select gaps from ops.streams where gaps is not null").to_pylist()
    assert json.loads(gaps["gaps"])[0][:3] == [0, 40, 70]


def test_from_latest_misses_nothing_that_comes_later(broker, topic, tmp_path):
    create(broker, topic)
    put(broker, topic, map(event, range(10)))
    lake = lake_of(broker, tmp_path / "lake", topic, start="latest")
    assert lake.stream(available_now=True).appended.messages == 0
    put(broker, topic, map(event, range(10, 25)))
    assert lake.stream(available_now=True).appended.messages == 15


def test_the_group_shows_what_is_in_the_table(broker, topic, tmp_path):
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    create(broker, topic)
    put(broker, topic, map(event, range(30)))
    lake_of(broker, tmp_path / "lake", topic, group=f"{topic}-group").stream(available_now=True)

    def committed() -> int:
        asked = [ConsumerGroupTopicPartitions(f"{topic}-group", [TopicPartition(topic, 0)])]
        found = client(broker).list_consumer_group_offsets(asked)[f"{topic}-group"].result()
        return int(found.topic_partitions[0].offset)

    until(lambda: committed() == 30, 10)


def test_a_table_that_was_set_back_is_filled_again(broker, topic, tmp_path):
    create(broker, topic)
    put(broker, topic, map(event, range(30)))
    lake = lake_of(broker, tmp_path / "lake", topic)
    lake.stream(available_now=True)
    version = lake.store.open("bronze.web_events").version
    put(broker, topic, map(event, range(30, 80)))
    lake.stream(available_now=True)
    lake.restore("bronze.web_events", version)
    lake.stream(available_now=True)
    (row,) = lake.query("select count(*) n, count(distinct page_url) d from gold.fact_events").to_pylist()
    assert (row["n"], row["d"]) == (80, 80)
