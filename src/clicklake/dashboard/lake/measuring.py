"""Measuring the tables beside the pages: all of them take seconds, and no page waits for that."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass

from clicklake.engines.duckdb import DuckDB
from clicklake.errors import ClicklakeError
from clicklake.lake import Lake
from clicklake.quality.assess import Assessment, assess

logger = logging.getLogger("clicklake")

_REST = 5.0
"""After a measurement the machine belongs to others for so many times as long as it took."""


@dataclass(frozen=True)
class Measured:
    """What is known of the tables.

    Args:
        of: What was measured, as it was asked for.
        assessment: What was found; None where nothing is known yet, or it failed.
        error: Why it failed.
    """

    of: Hashable = None
    assessment: Assessment | None = None
    error: ClicklakeError | None = None


class Measuring:
    """Measures a lake in a thread of its own, one time after the other; all sessions share what was found.

    Args:
        lake: The lake.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._found = Measured()
        self._thread: threading.Thread | None = None
        self._engine: DuckDB | None = None
        self._next = 0.0
        self._is_closed = False

    def newest(self, of: Hashable) -> Measured:
        """What is known now; where that is not what is asked for, it is being measured, or soon will be.

        Args:
            of: The versions that are looked at.
        """
        with self._lock:
            is_idle = self._thread is None and not self._is_closed
            if self._found.of != of and is_idle and time.monotonic() >= self._next:
                self._engine = self._lake.local_engine()
                self._thread = threading.Thread(target=self._measure, args=(of, self._engine), daemon=True)
                self._thread.start()
            return self._found

    def wait(self) -> None:
        """Until nothing is being measured."""
        thread = self._thread
        if thread:
            thread.join()

    def close(self) -> None:
        """Stop measuring."""
        self._is_closed = True
        while (thread := self._thread) is not None:
            with self._lock:
                if self._engine:
                    self._engine.interrupt()
            thread.join(0.1)  # it may have been between two queries

    def _measure(self, of: Hashable, engine: DuckDB) -> None:
        began = time.monotonic()
        lake = self._lake
        found = Measured(of)
        try:
            settings = lake.settings.quality
            found = Measured(of, assess(lake.store, engine, lake.catalogue, lake.parameters, settings))
        except ClicklakeError as error:
            found = Measured(of, error=error)
        except Exception:
            if not self._is_closed:
                logger.exception("the tables could not be measured")
            found = Measured(of, error=ClicklakeError("the tables could not be measured; the log says more"))
        finally:
            with self._lock:
                engine.close()
                self._engine = self._thread = None
                self._next = time.monotonic() + _REST * (time.monotonic() - began)
                self._found = found
