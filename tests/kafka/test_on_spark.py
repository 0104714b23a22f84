"""The same stream on Spark: each message once, whatever becomes of checkpoints and of the program."""

from __future__ import annotations

import signal
from importlib.util import find_spec

import pytest

from kafka.topics import create, ended, event, fates, generated, is_right, lake_of, program, put

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="no pyspark: pip install 'clicklake[spark]'"),
]


@pytest.mark.slow
def test_a_hundred_thousand_events_in_two_runs(broker, topic, tmp_path):
    create(broker, topic, partitions=4)
    truth = generated(broker, topic, 100_000)
    lake = lake_of(broker, tmp_path / "lake", topic, spark=True, batch_rows=60_000)
    total = lake.stream(available_now=True)
    assert total.commits > 1 and total.appended.messages == 100_000
    is_right(lake, truth)
    assert lake.stream(available_now=True).appended.messages == 0  # its checkpoint is gone, its marks are not
    is_right(lake, truth)
    embedded = lake_of(broker, tmp_path / "other", topic)
    late = embedded.stream(available_now=True).appended.late
    assert total.appended.late == late > 0


def test_one_engine_goes_on_where_the_other_stopped(broker, topic, tmp_path):
    create(broker, topic, partitions=2)
    put(broker, topic, [*map(event, range(300)), None, b"{bad"])
    lake_of(broker, tmp_path / "lake", topic).stream(available_now=True)
    put(broker, topic, [*map(event, range(300, 500)), b"{worse", b""])
    done = lake_of(broker, tmp_path / "lake", topic, spark=True).stream(available_now=True).appended
    assert (done.messages, done.records, done.corrupt, done.empty) == (202, 201, 1, 1)
    put(broker, topic, map(event, range(500, 600)))
    lake = lake_of(broker, tmp_path / "lake", topic)
    lake.stream(available_now=True)
    assert fates(lake) == (602, 600, 0, 2)


def test_a_kill_in_the_middle(broker, topic, tmp_path):
    create(broker, topic, partitions=2)
    truth = generated(broker, topic, 4_000)
    folder = tmp_path / "lake"
    arguments = ("--available-now", "--batch-rows", "4000", "--engine", "spark")
    killed = program(broker, folder, topic, *arguments, faults={"kill": "commit:bronze.web_events:after"})
    assert ended(killed, 600)[0] == -signal.SIGKILL
    lake = lake_of(broker, folder, topic, spark=True)
    lake.stream(available_now=True)
    is_right(lake, truth)
