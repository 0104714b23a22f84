"""The Spark session of this process."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clicklake.engines.spark.java import own_interrupts, start_java
from clicklake.engines.spark.objects import PACKAGE, s3a
from clicklake.errors import EngineError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOGGING = Path(__file__).with_name("log4j2.properties")

_ALWAYS = {
    "spark.sql.session.timeZone": "UTC",  # a timestamp without a zone is UTC, in every engine
    "spark.sql.ansi.enabled": "true",  # what can't be computed is an error, not a null
    "spark.sql.caseSensitive": "false",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
    # A bound in bytes is checked at each row, which takes 40 microseconds where a column is a map.
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
}
"""What results depend on; settings can't change it."""

_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
    "spark.scheduler.mode": "FAIR",
}
"""What is handy on one machine."""

_EVERYWHERE = {
    # What is kept is read once or twice: to compress it takes as long as to make it.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
}

_OLDEST = 4
"""Spark before has no `toArrow`, and other defaults."""

_PATIENCE = 10.0
"""Seconds in which a master answers."""

_JARS = ("spark.jars", "spark.jars.packages", "spark.driver.extraClassPath")
"""Properties by which somebody says what Spark loads."""

_CLUSTER = {"spark.ui.showConsoleProgress": "false"}


@dataclass(frozen=True)
class SparkOptions:
    """How Spark is reached.

    Args:
        master: Such as `local[*]`, `spark://host:7077`, `k8s://...`, `yarn`; empty where `spark-submit` says it.
        memory: Of the driver, and of each executor where `conf` doesn't say otherwise; None for Spark's default.
        conf: Any Spark properties.
        store: How the lake's object store is reached, as `storage.objects` has it; None where it is in a folder.
    """

    master: str = "local[*]"
    memory: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    store: Mapping[str, str] | None = None


def open_session(options: SparkOptions) -> SparkSession:
    """A session of its own in this process's Spark application, which is started where there is none.

    Raises:
        UsageError: pyspark is not installed, or a property is set that results depend on.
        EngineError: Spark can't be started.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UsageError("engine spark needs pyspark: pip install 'clicklake[spark]'") from error
    refused = [name for name in options.conf if name in _ALWAYS and options.conf[name] != _ALWAYS[name]]
    if refused:
        raise UsageError(f"spark.conf: {', '.join(refused)} can't be changed: numbers depend on it")
    os.environ.setdefault("PYSPARK_PYTHON", options.conf.get("spark.pyspark.python", sys.executable))
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # errors are raised; here they are told twice
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # the platform started this process, and has said where Spark runs
        options = replace(options, master="")
    properties = _properties(options)
    try:
        with own_interrupts():
            if SparkContext._active_spark_context is None:
                _require_reachable(options.master)
                conf = SparkConf().setAppName("clicklake").setAll(list(properties.items()))
                gateway = start_java(conf)
                SparkContext(conf=conf, gateway=gateway)
            builder = SparkSession.builder
            for name, value in properties.items():
                builder = builder.config(name, value)
            own = builder.getOrCreate().newSession()
    except (PySparkException, Py4JError, OSError, RuntimeError) as error:
        where = options.master or "the platform's master"
        raise EngineError(f"Spark can't be started ({where}): {_first_line(error)}") from error
    if int(own.version.partition(".")[0]) < _OLDEST:
        raise EngineError(f"this is Spark {own.version}; clicklake needs Spark {_OLDEST} or newer")
    for name, value in {**_ALWAYS, **(s3a(options.store) if options.store is not None else {})}.items():
        own.conf.set(name, value)
    found: SparkSession = own
    return found


def _properties(options: SparkOptions) -> dict[str, str]:
    is_local = options.master.startswith("local")
    found = {**_ALWAYS, **_EVERYWHERE, **(_LOCAL if is_local else _CLUSTER)}
    if options.master:
        found["spark.master"] = options.master
    if options.memory:
        found |= {"spark.driver.memory": options.memory, "spark.executor.memory": options.memory}
    if options.store is not None and options.master and not any(name in options.conf for name in _JARS):
        found["spark.jars.packages"] = PACKAGE
    found |= options.conf
    quiet = f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}"
    given = found.get("spark.driver.extraJavaOptions", "")
    if "log4j" not in given:
        found["spark.driver.extraJavaOptions"] = f"{given} {quiet}".strip()
    return found


def _require_reachable(master: str) -> None:
    """Refuse a standalone master that nobody answers for: Spark itself would try for a minute.

    Raises:
        EngineError: None of its addresses answers.
    """
    if not master.startswith("spark://"):
        return
    problems = []
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
            return
        except (OSError, ValueError) as error:
            problems.append(f"{address}: {error}")
    raise EngineError(
        f"Spark's master {master} can't be reached ({'; '.join(problems)}). Is it running, and is the setting "
        "spark.master right?"
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
