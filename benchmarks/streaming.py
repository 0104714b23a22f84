"""Measure streams: `python -m benchmarks.streaming`; adds its section to docs/performance.md.

A real broker of one node runs beside the program, as the tests start it: its share of the machine is in the numbers.
Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.goals import Verdict
from benchmarks.measure import CLICKLAKE, DEFAULT_WORK, Cost, load_average, machine, output, run, say

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from kafka.broker import Broker, missing  # noqa: E402 - the tests' broker

FULL_ROWS, RATE, SECONDS, HISTORY = 5_000_000, 2_000, 240, 1_000_000
_GOAL_RATE, _GOAL_SECONDS, _PARTITIONS = 50_000, 5.0, 4
_WARM_UP = 15

_METHOD = """\
The broker is one node on the same machine (KRaft, 256 MB of heap), the topic has {partitions} partitions, the messages
are those of `clicklake generate --to kafka://...`: JSON of about 290 bytes, 2 % of them there twice, 0.9 % faulty.

- *A full broker*: {full:,} messages are there; then `clicklake stream kafka --available-now` brings them into an empty
  lake, a whole process from its start to the last release. To bronze: until the last commit to bronze, with the rounds
  of silver and gold that came between. To gold: until its end.
- *From produce to gold*: into a lake with {history:,} events, {rate:,} messages a second come for {seconds} seconds. A
  message's latency is from the time that its producer gave it until the release that has it was told by the stream; the
  first {warm} seconds are left out."""

_AGAIN = """\
Measure again: `make bench-stream`, with `ARGS="--rows N --rate N --seconds N --history N"` for other sizes."""


@dataclass
class Full:
    """A full broker read.

    Args:
        rows: Messages.
        cost: The process.
        bronze_seconds: From its start until all were in bronze.
        batches: What it told of each round.
    """

    rows: int
    cost: Cost
    bronze_seconds: float
    batches: list[dict[str, Any]]

    @property
    def to_bronze(self) -> float:
        """Messages a second."""
        return self.rows / self.bronze_seconds

    @property
    def to_gold(self) -> float:
        """Messages a second."""
        return self.rows / self.cost.seconds


@dataclass
class Steady:
    """A steady rate followed.

    Args:
        latencies: Seconds of each message, without those of the warm-up.
        rate: Messages a second that came.
        rounds: What each round took, in their order.
        peak_bytes: Largest resident set of the stream.
        cpu_seconds: Its processor time.
    """

    latencies: list[float]
    rate: float
    rounds: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    cpu_seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """A latency that so many are not above."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where a goal is missed, 2 where no broker can run."""
    options = parse(arguments)
    if why := missing():
        say(f"no broker can run: {why}")
        return 2
    work = options.work.expanduser().absolute() / "streaming"
    shutil.rmtree(work, ignore_errors=True)
    load = load_average()
    with Broker(work / "broker") as broker:
        full = measure_full(broker, work, options.rows)
        steady = measure_steady(broker, work, options.history, options.rate, options.seconds)
    shutil.rmtree(work)
    verdicts = judge(full, steady)
    text = document(options, load, full, steady, verdicts)
    print(text)
    report.keep(options.output, "benchmarks.streaming", "make bench-stream", text)
    say(f"kept in {options.output}")
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="messages of the full broker")
    parser.add_argument("--rate", type=int, default=RATE, help="messages a second of the steady stream")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long the steady stream lasts")
    parser.add_argument("--history", type=int, default=HISTORY, help="events in the lake before it")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for the broker and the lakes")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    return parser.parse_args(arguments)


def measure_full(broker: Broker, work: Path, rows: int) -> Full:
    """A full broker into an empty lake."""
    say(f"{rows:,} messages into the broker")
    _create(broker, "full")
    output([CLICKLAKE, "generate", "--to", f"kafka://{broker.address}/full", "--rows", str(rows)], work)
    say("into the lake")
    lake, log = work / "full" / "lake", work / "full" / "log.txt"
    started = time.time()
    cost = run([*_stream(broker, lake, "full"), "--available-now"], log=log)
    last = _query(lake, "select epoch_us(max(last_at)) as last from ops.streams", work)
    batches = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    shutil.rmtree(lake)
    return Full(rows, cost, int(last[0]["last"]) / 1e6 - started, batches)


def measure_steady(broker: Broker, work: Path, history: int, rate: int, seconds: int) -> Steady:
    """A steady rate into a lake with a history."""
    say(f"a history of {history:,} events")
    lake = work / "steady" / "lake"
    _create(broker, "history")
    _create(broker, "steady")
    output([CLICKLAKE, "generate", "--to", f"kafka://{broker.address}/history", "--rows", str(history)], work)
    run([*_stream(broker, lake, "history"), "--available-now"], log=work / "steady" / "history.txt")
    say(f"{rate:,} messages a second for {seconds} seconds")
    stream = subprocess.Popen(_stream(broker, lake, "steady"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    told: list[tuple[float, dict[str, Any]]] = []

    def listen() -> None:
        assert stream.stdout
        for line in stream.stdout:
            told.append((time.time(), json.loads(line)))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    more = ["--rate", str(rate), "--seconds", str(seconds), "--seed", "43", "--json"]
    sent = json.loads(output([CLICKLAKE, "generate", "--to", f"kafka://{broker.address}/steady", *more], work))
    until = time.time() + 120
    while sum(one["messages"] for _, one in told) < sent["messages"] and time.time() < until:
        time.sleep(0.1)
    stream.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(stream.pid, 0)
    stream.returncode = os.waitstatus_to_exitcode(status)
    listener.join(10)
    assert stream.returncode == 0, f"the stream ended with {stream.returncode}"
    latencies = _latencies(broker, "steady", told)
    rounds = [one["bronze_seconds"] + one["gold_seconds"] for _, one in told if one["messages"]]
    cpu = usage.ru_utime + usage.ru_stime
    return Steady(latencies, sent["rate"], rounds, usage.ru_maxrss * 1024, cpu)


def _latencies(broker: Broker, topic: str, told: Sequence[tuple[float, dict[str, Any]]]) -> list[float]:
    """Of each message the seconds from its producer's time to the round that published it, sorted."""
    from confluent_kafka import Consumer, TopicPartition

    times: dict[int, list[float]] = {}
    quiet = {"bootstrap.servers": broker.address, "group.id": "measuring", "enable.partition.eof": True}
    consumer = Consumer({**quiet, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(_PARTITIONS)])
    ends = 0
    while ends < _PARTITIONS:
        for message in consumer.consume(10_000, 0.5):
            if message.error():
                ends += 1
            else:
                times.setdefault(message.partition(), []).append(message.timestamp()[1] / 1000)
    consumer.close()
    first = min(found[0] for found in times.values()) + _WARM_UP
    done = dict.fromkeys(times, 0)
    latencies = []
    for moment, one in told:
        for partition, until in one["offsets"].items():
            number = int(partition)
            latencies += [moment - sent for sent in times[number][done[number] : until] if sent >= first]
            done[number] = until
    return sorted(latencies)


def judge(full: Full, steady: Steady) -> list[Verdict]:
    """The goals, and whether they are met; seconds for a million messages, for goals are upper bounds."""
    return [
        Verdict(
            f"seconds for 100,000 messages from a full broker to bronze ({_GOAL_RATE:,} a second)",
            full.rows,
            100_000 / full.to_bronze,
            100_000 / _GOAL_RATE,
            "s",
            True,
        ),
        Verdict(
            f"95 % of messages from produce to gold at {steady.rate:,.0f} a second",
            None,
            steady.percentile(0.95),
            _GOAL_SECONDS,
            "s",
            False,
        ),
    ]


def document(options: argparse.Namespace, load: float, full: Full, steady: Steady, verdicts: Sequence[Verdict]) -> str:
    """What was measured, the answer first."""
    rows = [
        ["To bronze", f"{full.bronze_seconds:.1f} s", f"{full.to_bronze:,.0f}"],
        ["To gold, the whole process", f"{full.cost.seconds:.1f} s", f"{full.to_gold:,.0f}"],
    ]
    shares = [("half", 0.5), ("95 %", 0.95), ("99 %", 0.99), ("all", 1.0)]
    waits = [[f"{name} of the messages", f"{steady.percentile(share):.2f} s"] for name, share in shares]
    ends = max(1, len(steady.rounds) // 10)
    early, late = (statistics.median(part) for part in (steady.rounds[:ends], steady.rounds[-ends:]))
    parts = [
        "## Streams",
        report.goals(verdicts),
        report.quiet(load),
        _METHOD.format(
            partitions=_PARTITIONS,
            full=full.rows,
            history=options.history,
            rate=options.rate,
            seconds=options.seconds,
            warm=_WARM_UP,
        ),
        report.table([f"{full.rows:,} messages of a full broker", "Time", "Messages a second"], rows),
        f"The process took {full.cost.cpu_seconds:.0f} s of processor time and {full.cost.peak_bytes / 1e9:.2f} GB at "
        f"its peak, and published in {len(full.batches)} rounds.",
        report.table([f"{steady.rate:,.0f} messages a second, from produce to gold", "At most"], waits),
        f"{len(steady.rounds)} rounds; the first tenth took {early:.2f} s each (median), the last {late:.2f} s. The "
        f"stream had {steady.peak_bytes / 1e9:.2f} GB at its peak and took {steady.cpu_seconds:.0f} s of processor "
        "time.",
        report.machine(machine(), []),
        _AGAIN,
    ]
    return "\n\n".join(part for part in parts if part)


def _stream(broker: Broker, lake: Path, topic: str) -> list[str]:
    where = ["--brokers", broker.address, "--topic", topic]
    return [CLICKLAKE, "--json", "--lake", str(lake), "stream", "kafka", "web_events", *where]


def _query(lake: Path, sql: str, work: Path) -> list[dict[str, Any]]:
    return list(json.loads(output([CLICKLAKE, "--json", "--lake", lake, "query", sql], work)))


def _create(broker: Broker, topic: str) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(topic, _PARTITIONS, 1)])[topic].result()
    time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
