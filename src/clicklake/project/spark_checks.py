"""Whether Spark works, where it is the engine: pyspark, Java, the master, and what executors have."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from clicklake._version import __version__
from clicklake.errors import ClicklakeError
from clicklake.project.doctor import Finding
from clicklake.setting_types import size_in_bytes

if TYPE_CHECKING:
    from clicklake.engines.spark import Spark
    from clicklake.settings import Settings

_TASKS = 8
"""Tasks that look around, so that several executors are asked."""


@dataclass(frozen=True)
class Seen:
    """What a task found where it ran.

    Args:
        host: The machine.
        python: Its Python.
        clicklake: Version of this program there.
        sees_lake: Whether the lake's folder is there.
    """

    host: str
    python: str
    clicklake: str
    sees_lake: bool


def look(lake: str) -> Seen:
    """Look around, in a task."""
    return Seen(platform.node(), platform.python_version(), __version__, "://" in lake or Path(lake).exists())


def spark(chosen: Settings) -> Iterator[Finding]:
    """Whether Spark starts with these settings, and whether its executors have what they need."""
    from clicklake.engines.spark.java import find_java, problem, version

    try:
        yield Finding("engine", "pyspark", "ok", f"version {metadata.version('pyspark')}")
    except metadata.PackageNotFoundError:
        yield Finding("engine", "pyspark", "problem", "is not installed", "pip install 'clicklake[spark]'")
        return
    if wrong := problem():
        detail, _, advice = wrong.partition(". ")
        yield Finding("engine", "Java", "problem", detail, advice)
        return
    java = find_java() or ""
    yield Finding("engine", "Java", "ok", f"version {version(java)}, {java}")
    from clicklake.engines.spark import Spark, SparkOptions

    memory = f"{size_in_bytes(chosen.spark.memory) >> 20}m" if chosen.spark.memory else None
    try:
        engine = Spark(SparkOptions(chosen.spark.master, memory, chosen.spark.conf), chosen.reporting_timezone)
    except (ClicklakeError, OSError) as error:
        yield Finding("engine", "Spark starts", "problem", str(error), "look at spark.master and spark.conf")
        return
    try:
        yield from _executors(engine, chosen.lake)
    finally:
        engine.close()


def _executors(engine: Spark, lake: str) -> Iterator[Finding]:
    context = engine.session.sparkContext
    yield Finding("engine", "Spark starts", "ok", f"Spark {engine.session.version} at {context.master}")
    try:
        seen = engine.each(look, [lake] * _TASKS)
    except ClicklakeError as error:
        advice = "executors need the same Python and clicklake: docs/how-to/run-on-a-spark-cluster.md"
        yield Finding("engine", "executors", "problem", str(error), advice)
        return
    yield from judge(seen, Path(lake).exists() or "://" in lake)


def judge(seen: Sequence[Seen], is_there: bool) -> Iterator[Finding]:
    """What follows from what tasks have seen.

    Args:
        seen: What they saw.
        is_there: Whether this process sees the lake.
    """
    hosts = sorted({one.host for one in seen})
    shown = f"{', '.join(hosts[:3])}{' ...' if len(hosts) > 3 else ''}"
    if others := sorted({one.clicklake for one in seen} - {__version__}):
        detail = f"clicklake {', '.join(others)} on {shown}; here it is {__version__}"
        yield Finding("engine", "executors", "problem", detail, f"pip install clicklake=={__version__} there")
    elif is_there and not all(one.sees_lake for one in seen):
        advice = "the lake must lie where all machines see it under one path, or on s3://"
        yield Finding("engine", "executors", "problem", f"{shown}: the lake's folder is not there", advice)
    else:
        detail = f"{shown}: Python {seen[0].python}, clicklake {seen[0].clicklake}"
        yield Finding("engine", "executors", "ok", detail)
