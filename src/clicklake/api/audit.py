"""Who asked for what: a line of JSON for each access, a file a day."""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

logger = logging.getLogger("clicklake")


class Audit:
    """Writes what was asked, and never stops a request.

    Args:
        folder: Where `audit-YYYY-MM-DD.jsonl` is written; nowhere where None.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._day, self._file = "", -1
        self._lock = threading.Lock()
        self._is_told = False

    def check(self) -> None:
        """Open today's file, so that a folder that can't be written to is told at the start.

        Raises:
            OSError: It can't.
        """
        if self._folder:
            self._open(f"{datetime.now(timezone.utc):%Y-%m-%d}")

    def note(self, **facts: Any) -> None:  # noqa: ANN401 - whatever JSON takes
        """One access."""
        if self._folder is None:
            return
        now = datetime.now(timezone.utc)
        line = json.dumps({"time": now.isoformat(timespec="milliseconds"), **facts}, ensure_ascii=True) + "\n"
        try:
            with self._lock:
                day = line[10:20]
                if day != self._day:
                    self._open(day)
                os.write(self._file, line.encode())
            self._is_told = False
        except OSError as error:
            if not self._is_told:  # once, not for each request
                logger.error("accesses can't be noted in %s: %s", self._folder, error)
            self._is_told = True

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._day, self._file = "", -1

    def _open(self, day: str) -> None:
        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._folder / f"audit-{day}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._day, self._file = day, file
