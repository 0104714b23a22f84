"""A real Kafka broker of one node, on free loopback ports, that can be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
JARS = Path(os.environ.get("KAFKA_JARS") or ROOT / ".tools" / "kafka")
_SECONDS = 60.0

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={logs}
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.delete.delay.ms=100
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
delete.topic.enable=true
auto.create.topics.enable=false
message.max.bytes=2000000
"""


def missing() -> str | None:
    """Why no broker can run here; None where one can."""
    if not shutil.which("java"):
        return "there is no java"
    if not any(JARS.glob("kafka_2.13-*.jar")):
        return f"{JARS} has no broker: make test-kafka fetches it"
    return None


class Broker:
    """A broker; a context that stops it.

    Args:
        folder: For its data and its log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, controller = _free_port(), _free_port()
        folder.mkdir(parents=True, exist_ok=True)
        logs = folder / "data"
        (folder / "server.properties").write_text(
            PROPERTIES.format(port=self.port, controller=controller, logs=logs), encoding="utf-8"
        )
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(
            [*_java(), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(folder / "server.properties")],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Broker:
        """Start it and wait until it answers."""
        with open(self.folder / "broker.log", "ab") as log:
            self._process = subprocess.Popen(
                [*_java(), "kafka.Kafka", str(self.folder / "server.properties")],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        from confluent_kafka.admin import AdminClient

        quiet = {"bootstrap.servers": self.address, "log_level": 0}
        admin, until = AdminClient(quiet), time.monotonic() + _SECONDS
        while time.monotonic() < until:
            assert self._process.poll() is None, (self.folder / "broker.log").read_text()[-3000:]
            try:
                if admin.list_topics(timeout=1).brokers:
                    return self
            except Exception:
                time.sleep(0.1)
        raise AssertionError("the broker did not answer in time")

    def kill(self) -> None:
        """Kill it, as a machine that fails does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it in an orderly way, or not."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _java() -> list[str]:
    return ["java", "-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*"]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
