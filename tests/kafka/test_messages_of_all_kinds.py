"""Each kind of message has its fate: a row, quarantine with its text, or a count."""

from __future__ import annotations

import json

from kafka.topics import create, event, fates, lake_of, put

MESSAGES: list[bytes | None] = [
    event(1),
    None,
    b"",
    b" \t",
    b'{"user_id": "cut',
    b"[1, 2]",
    b'{"user_id": "\xff\xfe", "event_type": "click"}',
    json.dumps(json.loads(event(2)), indent=2).encode(),
    event(3, unknown_key="kept"),
    event(4).replace(b'"user_4"', b'"us\ner_4"'),
    event(5) + b"\n",
    event(1),
    b"x" * 1_500_000,
]


def test_every_kind_of_message_has_its_fate(broker, topic, tmp_path):
    create(broker, topic)
    put(broker, topic, MESSAGES, partition=0)
    lake = lake_of(broker, tmp_path / "lake", topic)
    done = lake.stream(available_now=True).appended
    assert (done.messages, done.records, done.tombstones, done.empty) == (len(MESSAGES), 10, 1, 2)
    assert done.corrupt == 5
    assert fates(lake) == (10, 4, 1, 5)
    rows = lake.query(
        "select source_offset, corrupt_record from bronze.web_events where corrupt_record is not null order by 1"
    ).to_pylist()
    texts = {row["source_offset"]: row["corrupt_record"] for row in rows}
    assert list(texts) == [4, 5, 6, 9, 12]
    assert texts[4] == '{"user_id": "cut' and "\ufffd" in texts[6] and len(texts[12]) == 1_500_000
    quarantine = lake.query("select reasons, source_file from silver.quarantine").to_pylist()
    assert {row["source_file"] for row in quarantine} == {f"kafka://{topic}/0"}
    assert all(row["reasons"] == ["malformed_row"] for row in quarantine)
    drift = lake.query("select kind, column_name, source_file from ops.drift where kind = 'new_column'").to_pylist()
    assert drift == [{"kind": "new_column", "column_name": "unknown_key", "source_file": f"kafka://{topic}"}]


def test_a_number_leads_back_to_topic_partition_and_offset(broker, topic, tmp_path):
    from clicklake.trace.trace import trace

    create(broker, topic, partitions=2)
    put(broker, topic, [None, b"{bad", event(7)], partition=1)
    lake = lake_of(broker, tmp_path / "lake", topic)
    lake.stream(available_now=True)
    (row,) = lake.query("select event_id from gold.fact_events").to_pylist()
    (story,) = trace(lake, "gold.fact_events", {"event_id": str(row["event_id"])}).stories
    assert story.file["path"] == f"kafka://{topic}/1" and story.file["offset"] == 2


def test_files_and_messages_of_one_source_live_in_one_lake(broker, topic, tmp_path):
    create(broker, topic, partitions=2)
    put(broker, topic, map(event, range(20)))
    file = tmp_path / "more.ndjson"
    file.write_bytes(b"\n".join(map(event, range(10, 30))) + b"\n")
    lake = lake_of(broker, tmp_path / "lake", topic)
    lake.stream(available_now=True)
    lake.run(web_events=file)
    put(broker, topic, map(event, range(25, 40)))
    lake.stream(available_now=True)
    assert fates(lake) == (55, 40, 15, 0)
    assert lake.run(web_events=file).files["web_events"][0].status == "skipped"
    lake.unload("web_events", f"kafka://{topic}/0")
    lake.unload("web_events", f"kafka://{topic}/1")
    (row,) = lake.query("select count(*) n from gold.fact_events").to_pylist()
    assert row["n"] == 20
