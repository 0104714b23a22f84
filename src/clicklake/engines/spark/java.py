"""The Java process that Spark runs in: started without its chatter, and in plain words where it can't be."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from clicklake.errors import EngineError

if TYPE_CHECKING:
    from pyspark import SparkConf

OLDEST = 17
"""Java of Spark 4."""

_CHATTER = ("WARNING: Using incubator modules", "Using Spark's default log4j profile", "Setting default log level to")
"""Lines that Java prints before any setting of a log is read."""

_INSTALL = f"Install Java {OLDEST} or newer (Debian: apt install openjdk-17-jre-headless) or let JAVA_HOME name one."


def start_java(conf: SparkConf) -> Any | None:  # noqa: ANN401 - py4j's gateway
    """A Java process with Spark in it, which ends with this one; None where there is one already.

    Raises:
        EngineError: There is no Java, or it is too old.
    """
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is not None or "PYSPARK_GATEWAY_PORT" in os.environ:
        return None
    reader, writer = os.pipe()
    said = _Said(os.fdopen(reader, "r", errors="replace"))
    try:
        gateway = launch_gateway(conf, popen_kwargs={"stderr": writer})
    except (PySparkException, OSError) as error:
        os.close(writer)
        raise EngineError(f"Spark can't be started: {problem() or said.text() or error}") from error
    except BaseException:
        os.close(writer)
        raise
    os.close(writer)
    said.pass_on()
    return gateway


def problem() -> str | None:
    """What is wrong with this machine's Java, and what to do; None where it will do."""
    java = find_java()
    if java is None:
        return f"there is no Java. {_INSTALL}"
    found = version(java)
    if found is None:
        return f"{java} does not run. {_INSTALL}"
    if found < OLDEST:
        return f"{java} is Java {found}, Spark needs {OLDEST}. {_INSTALL}"
    return None


def find_java() -> str | None:
    """The Java that Spark would take."""
    if home := os.environ.get("JAVA_HOME"):
        return str(Path(home) / "bin" / "java")
    return shutil.which("java")


def version(java: str) -> int | None:
    """The feature release of a Java, such as 17; None where it doesn't run."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    return int(found[1]) if found else None


@contextmanager
def own_interrupts() -> Iterator[None]:
    """Keep the program's reaction to ^C: Spark puts one of its own in its place when it starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        with suppress(ValueError, TypeError):
            signal.signal(signal.SIGINT, before)


class _Said:
    """What Java says on stderr: kept while it starts, then passed on, but for the chatter."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._kept: list[str] = []
        self._passes = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="spark-stderr", daemon=True)
        self._thread.start()

    def text(self) -> str:
        """All that was said, when Java has ended."""
        self._thread.join(5)
        return " ".join(line.strip() for line in self._kept)[:2000]

    def pass_on(self) -> None:
        """From now on everything goes to this process's stderr, and what was kept first."""
        with self._lock:
            self._passes = True
            for line in self._kept:
                self._tell(line)

    def _read(self) -> None:
        is_chatter = False
        with self._stream as lines:
            for line in lines:
                is_chatter = line.startswith(_CHATTER) or (is_chatter and line.startswith("To adjust logging level"))
                if is_chatter:
                    continue
                with self._lock:
                    if self._passes:
                        self._tell(line)
                    else:
                        self._kept.append(line)

    def _tell(self, line: str) -> None:
        with suppress(OSError, ValueError):  # stderr may be closed while Python ends
            print(line, end="", file=sys.stderr, flush=True)
