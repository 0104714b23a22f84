"""Who asked for what: a line of JSON for each access, a file a day; without the values that may name a person."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from clicklake.errors import StorageError
from clicklake.personal import MASK

logger = logging.getLogger("clicklake")

_MOST_TEXT = 2000
_TOLD = frozenset(
    ("after", "as_of", "before", "columns", "direction", "limit", "reason", "segment", "since", "source", "until")
)
"""Parameters whose values name no person; those of a project's own reports and filters may."""
_LINEAGE = "/v1/lineage"
_LITERALS = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|[bBxX]?'(?:[^']|'')*(?:'|\Z)"""
    r"""|(?P<kept>"(?:[^"]|"")*"|[^\W\d]\w*)"""
    r"""|--[^\n]*|/\*.*?(?:\*/|\Z)"""
    r"""|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"""
    r"""|\d[\w.]*""",
    re.DOTALL,
)


def told_query(path: str, query: bytes) -> str:
    """A query string with the names of all parameters, and the values that name no person."""
    pairs = []
    for name, value in parse_qsl(query[: 2 * _MOST_TEXT].decode("latin-1"), keep_blank_values=True):
        if name == "filter":
            value = ":".join([*value.split(":", 2)[:2], MASK]) if value.count(":") > 1 else MASK
        elif name not in _TOLD and (name, path) != ("name", _LINEAGE):
            value = MASK
        pairs.append(f"{name}={value}")
    return "&".join(pairs)[:_MOST_TEXT]


def told_sql(sql: str) -> str:
    """A query with `?` for its texts and numbers, and without comments."""
    return _LITERALS.sub(lambda found: found["kept"] or _instead(found[0]), sql[: 2 * _MOST_TEXT])[:_MOST_TEXT]


def _instead(text: str) -> str:
    return " " if text.startswith(("--", "/*")) else "?"


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
        """See at the start whether it can be written there; nothing is made before the first access.

        Raises:
            StorageError: It can't.
        """
        if self._folder is None:
            return
        whole = self._folder.absolute()
        there = next(place for place in (whole, *whole.parents) if place.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise StorageError(f"accesses can't be noted in {whole}: {there} is no folder that can be written to")

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
