"""The processes that run queries of others: so many at once, each killed that doesn't answer in time."""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from clicklake.access import worker
from clicklake.errors import EngineError, TookTooLongError

_GRACE = 1.0
"""Seconds after which a worker is killed that should have stopped by itself."""

_START = 60.0
"""Seconds in which a worker has to be ready."""


class Workers:
    """Processes for queries, started when they are needed and kept.

    Args:
        most: So many at once; who comes then waits.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        atexit.register(self.close)

    def run(self, request: dict[str, Any], seconds: float) -> tuple[pa.Table, bool]:
        """The rows of a query, and whether there were more.

        Args:
            request: What the worker is told.
            seconds: How long it may take; as long is waited for a worker.

        Raises:
            TookTooLongError: It took longer, or all workers did.
            EngineError: It failed, or its process died.
        """
        if not self._free.acquire(timeout=seconds):
            raise TookTooLongError(f"too many queries are running: none ended within {seconds:g} seconds; try again")
        try:
            with self._lock:
                one = self._idle.pop() if self._idle else None
            one = one or _Worker()
            try:
                found = one.ask({**request, "seconds": seconds}, seconds + _GRACE)
            finally:
                if one.can_go_on:
                    with self._lock:
                        self._idle.append(one)
                else:
                    one.kill()
            return found
        finally:
            self._free.release()

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.kill()


class _Worker:
    """A process that runs queries."""

    def __init__(self) -> None:
        self.can_go_on = False
        self._folder = tempfile.TemporaryDirectory(prefix="clicklake-query-", ignore_cleanup_errors=True)
        start = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", start, str(Path(worker.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": self._folder.name},
        )
        try:
            worker.write(self._stdin, {"sys_path": [os.path.abspath(path) for path in sys.path if path]})
            self._read(1, time.monotonic() + _START)
        except (OSError, TookTooLongError, EngineError) as error:
            self.kill()
            raise EngineError("a process for queries can't be started") from error

    def ask(self, request: dict[str, Any], seconds: float) -> tuple[pa.Table, bool]:
        """The answer to a request; `can_go_on` says whether the worker can be asked again."""
        self.can_go_on = False
        until = time.monotonic() + seconds
        try:
            worker.write(self._stdin, {**request, "spill": self._folder.name})
            head, _, rest = self._read(1, until).partition(b"\n")
            note = json.loads(head)
            rows = rest + (self._read(note["size"] - len(rest), until) if len(rest) < note["size"] else b"")
        except (OSError, ValueError) as error:
            raise EngineError(_DIED) from error
        # What a query has left behind, when memory was short, would fail the next one.
        self.can_go_on = not (note["is_spent"] or _is_short(note))
        if "error" in note:
            raise _failure(note, request)
        return pa.ipc.open_stream(rows).read_all(), bool(note["cut"])

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                try:
                    stream.close()
                except OSError:
                    continue  # what was not written yet is of no use
        self._folder.cleanup()

    @property
    def _stdin(self) -> Any:  # noqa: ANN401
        assert self._process.stdin is not None
        return self._process.stdin

    def _read(self, least: int, until: float) -> bytes:
        """At least so many bytes; the first time a whole line."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        found = bytearray()
        is_line = least == 1
        while (b"\n" not in found) if is_line else len(found) < least:
            left = until - time.monotonic()
            ready = select.select([descriptor], [], [], max(left, 0))[0]
            if not ready:
                raise TookTooLongError("")
            part = os.read(descriptor, 1 << 20)
            if not part:
                raise EngineError(_DIED)
            found += part
        return bytes(found)


_SHORT = ("bad_alloc", "failed to allocate", "malloc of size")
"""What libraries say that were refused memory."""

_DIED = "the query was stopped: it needs more memory than it may have, or DuckDB failed on it"


def _is_short(note: dict[str, Any]) -> bool:
    """Whether a query failed for want of memory."""
    text = str(note.get("error", ""))
    return note.get("kind") in ("OutOfMemoryException", "MemoryError") or any(sign in text for sign in _SHORT)


def _failure(note: dict[str, Any], request: dict[str, Any]) -> Exception:
    """What to raise where a query failed."""
    text = str(note["error"]).strip()
    if note["kind"] == "InterruptException" or "INTERRUPT" in text:
        return TookTooLongError("")
    if _is_short(note):
        detail = text if text.startswith("the result") else f"it needs more than {request['memory']} of memory"
        return EngineError(f"the query was stopped: {detail}")
    return EngineError(text)
