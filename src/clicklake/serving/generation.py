"""A release with the engine that reads it, until its last reader is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clicklake.build.release import Release
from clicklake.engines.duckdb import DuckDB
from clicklake.errors import EngineError, TookTooLongError

if TYPE_CHECKING:
    from clicklake.lake import Lake


class Generation:
    """A release and its engine, which can reach nothing but the lake's files and is shared by threads.

    Args:
        lake: The lake.
        release: What is read.
    """

    def __init__(self, lake: Lake, release: Release) -> None:
        self.lake, self.release = lake, release
        self.work = threading.Lock()
        """Held by who makes relations in schema `work`, which all cursors share."""
        self._engine = lake.local_engine()
        self._engine.lock(lake.path)
        self._lock = threading.Lock()
        self.readers = 0
        """Those who have entered and not left yet."""
        self._is_retired = False

    def enter(self) -> None:
        """Note a reader: the engine stays until it leaves."""
        with self._lock:
            self.readers += 1

    def leave(self) -> None:
        """A reader is done."""
        with self._lock:
            self.readers -= 1
            is_last = self._is_retired and self.readers == 0
        if is_last:
            self._engine.close()

    def retire(self) -> None:
        """Nobody enters any more; the engine is closed when the last reader has left."""
        with self._lock:
            is_idle = self.readers == 0 and not self._is_retired
            self._is_retired = True
        if is_idle:
            self._engine.close()

    @contextmanager
    def cursor(self, seconds: float | None = None) -> Iterator[DuckDB]:
        """An engine for one thread.

        Args:
            seconds: After so many its query is stopped.

        Raises:
            TookTooLongError: It was.
        """
        engine = self._engine.cursor()
        timer = _Timer(engine, seconds) if seconds else None
        try:
            yield engine
        except EngineError as error:
            if timer and timer.has_rung:
                raise TookTooLongError(f"stopped: it took longer than {seconds:g} seconds") from error
            raise
        finally:
            if timer:
                timer.cancel()
            engine.connection.close()

    def attach_table(self, name: str) -> None:
        """Make a table known to all cursors.

        Raises:
            UnknownNameError: There is none of that name.
        """
        self.lake.attach_table(self._engine, name, self.release)


class _Timer:
    """Stops an engine's query after some seconds, and again, should it have begun another one."""

    def __init__(self, engine: DuckDB, seconds: float) -> None:
        self.has_rung = False
        self._engine, self._done = engine, threading.Event()
        self._thread = threading.Thread(target=self._wait, args=(seconds,), daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        self._done.set()
        self._thread.join()

    def _wait(self, seconds: float) -> None:
        while not self._done.wait(seconds):
            self.has_rung = True
            self._engine.interrupt()
            seconds = 0.2
