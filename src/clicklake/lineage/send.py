"""Where OpenLineage events go: lines of a file, or an HTTP endpoint."""

from __future__ import annotations

import json
import os
import queue
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clicklake.config_values import without_secrets
from clicklake.runs import logger

KEY_VARIABLE = "OPENLINEAGE_API_KEY"
"""The variable with the endpoint's key; it has no setting, so that no file and no log holds it."""

_SECONDS = 5.0


class Sender:
    """Sends events without holding up the run; what can't be sent is one warning.

    Args:
        file: Events are appended to it, one a line.
        url: Events are posted to it.
        seconds: How long the endpoint may take for an event, and for all that is left at the end.
    """

    def __init__(self, file: Path | None = None, url: str | None = None, *, seconds: float = _SECONDS) -> None:
        self.file, self.url, self.seconds = file, url, seconds
        self._waiting: queue.Queue[bytes | None] = queue.Queue()
        self._is_given_up = False
        self._thread: threading.Thread | None = None
        if url:
            self._thread = threading.Thread(target=self._post_all, name="openlineage", daemon=True)
            self._thread.start()

    def send(self, event: Mapping[str, Any]) -> None:
        """Write or post an event."""
        line = json.dumps(event, ensure_ascii=False, default=str)
        if self.file:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with self.file.open("a", encoding="utf-8") as lines:
                    lines.write(line + "\n")
            except OSError as error:
                logger.warning("OpenLineage: events can't be written to %s: %s", self.file, error)
                self.file = None
        if self._thread:
            self._waiting.put(line.encode())

    def close(self) -> None:
        """Wait for what is still on its way, but not for long."""
        if self._thread:
            self._waiting.put(None)
            self._thread.join(self.seconds)
            if self._thread.is_alive():
                self._is_given_up = True
                logger.warning(
                    "OpenLineage: %s is too slow; events of this run are left out", without_secrets(self.url)
                )
            self._thread = None

    def _post_all(self) -> None:
        while (body := self._waiting.get()) is not None and not self._is_given_up:
            try:
                self._post(body)
            except (OSError, ValueError) as error:
                if not self._is_given_up:
                    told = without_secrets(str(error))
                    logger.warning("OpenLineage: %s: %s; the run goes on without", without_secrets(self.url), told)
                return

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(str(self.url), body, headers, method="POST")
        with urllib.request.urlopen(request, timeout=self.seconds) as answer:
            answer.read()
