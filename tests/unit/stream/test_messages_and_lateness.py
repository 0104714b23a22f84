"""Messages as rows, and which of them are late, without a broker."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clicklake.contracts.catalogue import Catalogue
from clicklake.errors import ConfigError, UsageError
from clicklake.stream import messages as module
from clicklake.stream.connect import common, consumer_options
from clicklake.stream.lateness import MICROS, EventTimes, count_late
from clicklake.stream.messages import read_messages
from clicklake.synthetic.send import target

CONTRACT = Catalogue().contract("web_events")


def test_rows_are_in_the_order_of_the_messages():
    values = [b'{"user_id": "a"}', b"{broken", b'{"user_id": "b", "more": 1}', b"\xff", b'{"user_id": "c"}']
    found = read_messages(values, CONTRACT)
    assert found.places.tolist() == [0, 1, 2, 3, 4]
    assert found.rows["user_id"].to_pylist() == ["a", None, "b", None, "c"]
    assert found.rows["corrupt_record"].to_pylist() == [None, "{broken", None, "\ufffd", None]
    assert (found.stats.records, found.stats.corrupt) == (5, 2)


def test_no_message_becomes_two_rows_or_none():
    values = [b'{"user_id":\n"a"}\r\n', b"one\ntwo", None, b"\n", b""]
    found = read_messages(values, CONTRACT)
    assert found.rows["user_id"].to_pylist() == ["a", None]
    assert found.rows["corrupt_record"].to_pylist() == [None, "one\ntwo"]
    assert (found.tombstones.tolist(), found.empty.tolist()) == ([2], [3, 4])


def test_a_message_beyond_every_bound_keeps_its_beginning(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_LINE", 100)
    monkeypatch.setattr(module, "KEPT_OF_OVERSIZED", 10)
    found = read_messages([b'{"user_id": "a"}', b"x" * 101], CONTRACT)
    assert found.rows["corrupt_record"].to_pylist() == [None, "x" * 10]
    assert found.oversized.tolist() == [1]


def test_many_messages_are_read_in_stretches(monkeypatch):
    monkeypatch.setattr(module, "_QUERY_BYTES", 100)
    values = [json.dumps({"user_id": str(number)}).encode() for number in range(50)]
    assert read_messages(values, CONTRACT).rows["user_id"].to_pylist() == [str(number) for number in range(50)]


def _times(*seconds: int) -> np.ndarray:
    return np.array([second * MICROS for second in seconds], np.int64)


def test_late_is_so_far_behind_the_newest_before():
    assert count_late(_times(100, 90, 40, 200, 139, 140), None, 60, now=1000) == (3, 200 * MICROS)
    assert count_late(_times(100, 90), 160 * MICROS, 60, now=1000) == (2, 160 * MICROS)
    assert count_late(_times(), 160 * MICROS, 60, now=1000) == (0, 160 * MICROS)


@pytest.mark.parametrize("cut", range(6))
def test_lateness_does_not_depend_on_batches(cut):
    times = _times(100, 90, 40, 200, 139, 140)
    first, newest = count_late(times[:cut], None, 60, now=1000)
    second, _ = count_late(times[cut:], newest, 60, now=1000)
    assert first + second == 3


def test_a_time_far_ahead_of_the_clock_makes_nothing_late():
    assert count_late(_times(100, 99_999, 101), None, 60, now=1000) == (0, 101 * MICROS)


def test_times_are_read_as_the_contract_says():
    rows = read_messages(
        [b'{"event_timestamp": "1970-01-01T00:01:40Z"}', b'{"event_timestamp": "soon"}', b"{"], CONTRACT
    ).rows
    times = EventTimes(CONTRACT).read(rows)
    assert times[0] == 100 * MICROS and (times[1:] == np.iinfo(np.int64).min).all()
    with pytest.raises(UsageError, match="no column 'event_time'"):
        EventTimes(CONTRACT, "event_time")


def test_options_that_are_ours_can_not_be_set():
    from pydantic import SecretStr

    with pytest.raises(ConfigError, match=r"isolation\.level can't be set"):
        common(["a:1"], {"isolation.level": SecretStr("read_uncommitted")})
    made = consumer_options(["a:1", "b:2"], {"session_timeout_ms": SecretStr("7000")}, "g")
    assert (made["bootstrap.servers"], made["session.timeout.ms"]) == ("a:1,b:2", "7000")
    assert made["isolation.level"] == "read_committed"


@pytest.mark.parametrize("wrong", ["http://a:1/t", "kafka://a:1", "kafka:///t", "kafka://u:p@a:1/t", "kafka://a:1/t/x"])
def test_where_messages_are_sent_to_is_checked(wrong):
    with pytest.raises(UsageError, match="kafka://host:port/topic"):
        target(wrong)
    assert target("kafka://a:1,b:2/web") == (["a:1", "b:2"], "web")
