"""What Spark's tasks have used, from the status store that Spark keeps on the driver for its own pages."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from clicklake.engines.usage import Usage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LONGEST_WAIT = 1000
"""Milliseconds until the numbers of the last task are there, at the most."""


class UsageMeter:
    """Sums up the stages of Spark that have ended since the meter was made; each is asked for once.

    Args:
        session: Whose application.
    """

    def __init__(self, session: SparkSession) -> None:
        self._context: Any = session.sparkContext._jsc.sc()
        self._total = Usage()
        self._last = -1
        self.read()
        self._total = Usage()

    def read(self) -> Usage:
        """What has been used up to now, of all sessions of the application."""
        from py4j.protocol import Py4JError

        with suppress(Py4JError):  # numbers for people are no reason to fail
            self._context.listenerBus().waitUntilEmpty(_LONGEST_WAIT)
            new = [stage for stage in self._newest() if str(stage.status()) != "SKIPPED"]
            self._last = max((stage.stageId() for stage in new), default=self._last)
            for stage in new:
                self._total += _of(stage)
        return self._total

    def _newest(self) -> list[Any]:
        """The stages behind the last one that was counted; Spark lists the newest first."""
        found = []
        store = self._context.statusStore()
        given = [getattr(store, f"stageList$default${number}")() for number in (2, 3, 4, 5)]  # such is Scala
        stages = store.stageList(None, *given).iterator()
        while stages.hasNext() and (stage := stages.next()).stageId() > self._last:
            found.append(stage)
        return found


def _of(stage: Any) -> Usage:  # noqa: ANN401 - an object of Java
    return Usage(
        seconds=stage.executorRunTime() / 1000,
        tasks=stage.numCompleteTasks(),
        shuffle_read_bytes=stage.shuffleReadBytes(),
        shuffle_written_bytes=stage.shuffleWriteBytes(),
        spilled_bytes=stage.diskBytesSpilled(),
    )
