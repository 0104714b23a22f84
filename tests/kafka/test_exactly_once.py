"""Every message has one fate, whatever happens to consumer, broker and lake on the way."""

from __future__ import annotations

import json
import signal

import pytest

from kafka.topics import (
    Streaming,
    create,
    ended,
    event,
    fates,
    generated,
    is_right,
    lake_of,
    offsets,
    producer,
    program,
    put,
    until,
)


def test_a_hundred_thousand_events_have_a_hundred_thousand_fates(broker, topic, tmp_path):
    create(broker, topic, partitions=4)
    truth = generated(broker, topic, 100_000)
    lake = lake_of(broker, tmp_path / "lake", topic, batch_rows=15_000)
    total = lake.stream(available_now=True)
    assert total.commits > 3 and total.appended.messages == 100_000
    is_right(lake, truth)
    assert lake.stream(available_now=True).appended.messages == 0
    is_right(lake, truth)


def test_late_events_are_counted_and_kept(broker, topic, tmp_path):
    create(broker, topic)
    truth = generated(broker, topic, 20_000)
    lake = lake_of(broker, tmp_path / "lake", topic, batch_rows=1_700)
    total = lake.stream(available_now=True)
    assert total.appended.late == truth["late"] > 0
    is_right(lake, truth)
    (row,) = lake.query("select messages, late, batches, lag, offsets from ops.streams").to_pylist()
    counts = {"messages": 20_000, "late": truth["late"], "batches": total.commits, "lag": 0}
    assert row == {**counts, "offsets": '{"0": [0, 20000]}'}


def test_consumers_restart_in_the_middle(broker, topic, tmp_path):
    create(broker, topic, partitions=2)
    lake = lake_of(broker, tmp_path / "lake", topic)
    first = Streaming(lake)
    put(broker, topic, map(event, range(500)))
    until(lambda: first.messages >= 500)
    first.end()
    put(broker, topic, map(event, range(500, 900)))
    second = Streaming(lake)
    until(lambda: second.messages >= 400)
    second.end()
    assert fates(lake) == (900, 900, 0, 0)
    assert sum(rows for _, rows, _, _ in offsets(lake)) == 900


@pytest.mark.parametrize(
    "point",
    [
        "commit:bronze.web_events:before",
        "commit:bronze.web_events:after",
        "commit:silver.events:before",
        "commit:ops.ledger:after",
        "commit:ops.releases:before",
    ],
)
def test_a_kill_anywhere_loses_and_doubles_nothing(broker, topic, tmp_path, point):
    create(broker, topic, partitions=2)
    truth = generated(broker, topic, 3_000)
    folder = tmp_path / "lake"
    arguments = ("--available-now", "--batch-rows", "1000")
    killed = program(broker, folder, topic, *arguments, faults={"kill": point})
    assert ended(killed)[0] == -signal.SIGKILL
    lake = lake_of(broker, folder, topic)
    lake.stream(available_now=True)
    is_right(lake, truth)
    (row,) = lake.query("select sum(messages) as n from ops.streams").to_pylist()
    assert row["n"] == 3_000


def test_partitions_move_between_two_consumers(broker, topic, tmp_path):
    create(broker, topic, partitions=4)
    folder = tmp_path / "lake"
    one = Streaming(lake_of(broker, folder, topic))
    put(broker, topic, map(event, range(1_000)))
    until(lambda: one.messages > 0)
    two = Streaming(lake_of(broker, folder, topic))
    sent = 1_000
    while not two.messages:
        sent += put(broker, topic, map(event, range(sent, sent + 400)))
    one.end()
    sent += put(broker, topic, map(event, range(sent, sent + 1_000)))
    lake = lake_of(broker, folder, topic)
    until(lambda: sum(rows for _, rows, _, _ in offsets(lake)) == sent, 90)
    two.end()
    assert fates(lake) == (sent, sent, 0, 0)
    assert all(rows == distinct for _, rows, distinct, _ in offsets(lake))


def test_two_groups_on_one_topic_bring_no_message_twice(broker, topic, tmp_path):
    create(broker, topic, partitions=2)
    folder = tmp_path / "lake"
    both = [Streaming(lake_of(broker, folder, topic, group=f"{topic}-{name}")) for name in "ab"]
    for start in range(0, 3_000, 500):
        put(broker, topic, map(event, range(start, start + 500)))
    lake = lake_of(broker, folder, topic)
    until(lambda: bool(offsets(lake)) and sum(rows for _, rows, _, _ in offsets(lake)) == 3_000)
    for stream in both:
        stream.end()
    lake.stream(available_now=True)
    assert fates(lake) == (3_000, 3_000, 0, 0)
    assert all(rows == distinct for _, rows, distinct, _ in offsets(lake))


def test_aborted_transactions_are_not_seen(broker, topic, tmp_path):
    create(broker, topic)
    made = producer(broker, **{"transactional.id": topic})
    made.init_transactions(30)
    for number in range(6):
        made.begin_transaction()
        for place in range(100):
            made.produce(topic, event(100 * number + place))
        if number % 2:
            made.abort_transaction(30)
        else:
            made.commit_transaction(30)
    lake = lake_of(broker, tmp_path / "lake", topic, batch_rows=70)
    total = lake.stream(available_now=True)
    assert total.appended.messages == 300 and fates(lake) == (300, 300, 0, 0)
    pages = lake.query("select count(*) n from gold.fact_events where page_url like '%/1__'").to_pylist()
    assert pages == [{"n": 0}], "an aborted event is there"
    # The position is behind what the broker keeps for itself at the end: nothing waits any more.
    assert lake.stream(available_now=True).commits == 0


def test_sigterm_ends_it_behind_the_commit_at_hand(broker, topic, tmp_path):
    create(broker, topic)
    put(broker, topic, map(event, range(300)))
    process = program(broker, tmp_path / "lake", topic, "--json")
    assert process.stdout
    first = json.loads(process.stdout.readline())
    assert first["messages"] == 300 and first["release"]
    process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    assert code == 0, err
    lake = lake_of(broker, tmp_path / "lake", topic)
    assert fates(lake) == (300, 300, 0, 0)
    assert lake.release() is not None
