"""A standalone Spark cluster on this machine: a master and workers, each a process of its own.

What they share with the driver is what machines of a cluster share: the lake and the folder of the sources. Where the
system lets them, workers have a mount namespace of their own in which the driver's private folders are empty, so that
a local path of the driver that reaches an executor leads nowhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

UP = 90.0
"""Seconds after which a cluster that is not there is given up."""


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def can_hide_folders() -> bool:
    """Whether processes can be started that see other folders than this one."""
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True).returncode == 0
    return False


@dataclass
class Standalone:
    """A master and workers.

    Args:
        folder: Where they have their folders.
        hidden: Folders that are empty for the workers, where that can be had.
        python_path: Where executors find clicklake.
    """

    folder: Path
    hidden: Sequence[Path]
    python_path: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._hides = can_hide_folders()
        self._port, self._page = free_port(), free_port()
        self.url = f"spark://127.0.0.1:{self._port}"
        where = ["--host", "127.0.0.1", "--port", str(self._port), "--webui-port", str(self._page)]
        self._master = self._start("master", ["org.apache.spark.deploy.master.Master", *where])

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until the master knows it."""
        name = f"worker{len(self.workers)}"
        work = self.folder / name / "work"
        there = self._alive()
        argv = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", str(free_port())]
        argv += ["--cores", "1", "--memory", "1g", "--work-dir", str(work), self.url]
        worker = self._start(name, argv)
        self.workers.append(worker)
        self._until(lambda: self._alive() > there, worker)
        return worker

    def kill_worker(self, worker: subprocess.Popen[bytes]) -> None:
        """SIGKILL to a worker and to the executors that it runs, as a machine that is gone."""
        pids = [worker.pid, *_children(worker.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        worker.wait()

    def settings(self) -> Mapping[str, str]:
        """Properties of Spark that a driver of this cluster needs."""
        return {
            "spark.executorEnv.PYTHONPATH": self.python_path,
            "spark.executor.memory": "640m",
            "spark.executor.cores": "1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
        }

    def stop(self) -> None:
        """End all processes."""
        for process in [*self.workers, self._master]:
            pids = [process.pid, *_children(process.pid)]
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pid in pids[1:]:  # executors end with their worker; none may be left
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _start(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        import pyspark

        home = Path(pyspark.__file__).parent
        own = self.folder / name
        temporary = own / "tmp"
        temporary.mkdir(parents=True)
        environment = {
            "PATH": os.environ["PATH"],
            "SPARK_HOME": str(home),
            "HOME": str(own),
            "TMPDIR": str(temporary),
            "SPARK_LOCAL_DIRS": str(temporary),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": f"-Djava.io.tmpdir={temporary}",
        }
        if java := os.environ.get("JAVA_HOME"):
            environment["JAVA_HOME"] = java
        command = [str(home / "bin" / "spark-class"), *argv]
        if self._hides and name != "master":
            mounts = "".join(f"mount -t tmpfs none '{hidden}' && " for hidden in self.hidden)
            command = ["unshare", "-m", "sh", "-c", f'{mounts}exec "$@"', "sh", *command]
        with open(own / "log", "wb") as log:
            return subprocess.Popen(command, cwd=own, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _alive(self) -> int:
        """How many workers the master knows."""
        import json

        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._page}/json/", timeout=5) as answer:
                return int(json.load(answer)["aliveworkers"])
        except (OSError, ValueError):  # it is still starting
            return 0

    def _until(self, holds: object, process: subprocess.Popen[bytes]) -> None:
        begun = time.monotonic()
        while not holds():  # type: ignore[operator]
            if process.poll() is not None or self._master.poll() is not None or time.monotonic() - begun > UP:
                logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in self.folder.glob("*/log"))
                raise RuntimeError(f"the cluster is not there:\n{logs}")
            time.sleep(0.1)


def _children(pid: int) -> list[int]:
    """All processes below one."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            above = int(status.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(above, []).append(int(status.parent.name))
    found, waiting = [], [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
