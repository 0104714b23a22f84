"""Input files on an object store: found by URL, prefix or glob, and read ahead."""

from __future__ import annotations

import glob
import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from clicklake.storage.objects import split_url
from clicklake.storage.places import Entry, Prefix, is_hidden, place

BLOCK = 1 << 22
"""Bytes of one request."""

_AHEAD = 4
"""Requests at the same time: each waits longer than its bytes take."""


def objects_at(url: str, options: Mapping[str, str]) -> Iterator[Entry]:
    """The objects that a URL names: one, all under a prefix, or those that a pattern matches; by their URLs.

    Args:
        url: Such as `s3://bucket/in/orders.csv`, `s3://bucket/in`, `s3://bucket/in/2025-*/**/*.csv`.
        options: How the store is reached.

    Raises:
        OSError: It can't be looked into.
    """
    bucket, key = split_url(url)
    if glob.has_magic(key):
        yield from _matching(bucket, key.split("/"), options)
        return
    if key and (found := _one(f"s3://{bucket}/{key}", options)):
        yield found
        return
    yield from _under(f"s3://{bucket}/{key}".rstrip("/"), options)


def _one(url: str, options: Mapping[str, str]) -> Entry | None:
    bucket, key = split_url(url)
    (info,) = Prefix(f"s3://{bucket}", options).look([key])
    return Entry(url, info.size, info.mtime_ns / 1e9) if info.is_file else None


def _under(url: str, options: Mapping[str, str]) -> Iterator[Entry]:
    for entry in place(url, options).files():
        yield Entry(f"{url}/{entry.path}", entry.size, entry.modified)


def _matching(bucket: str, pattern: Sequence[str], options: Mapping[str, str]) -> Iterator[Entry]:
    """Objects whose key matches, and all in folders that do."""
    fixed = next(i for i, part in enumerate(pattern) if glob.has_magic(part))
    top = "/".join((f"s3://{bucket}", *pattern[:fixed]))
    wild = pattern[fixed:]
    where = place(top, options)
    if len(wild) == 1 and wild[0] != "**":  # one level: what lies deeper need not be listed
        for folder in where.folders():
            if _is_match([folder], wild):
                yield from _under(f"{top}/{folder}", options)
        found = where.names()
        yield from filter(None, (_one(f"{top}/{name}", options) for name in found if _is_match([name], wild)))
        return
    for entry in where.files():
        parts = entry.path.split("/")
        if any(_is_match(parts[: end + 1], wild) for end in range(len(parts))):
            yield Entry(f"{top}/{entry.path}", entry.size, entry.modified)


def _is_match(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches; `**` stands for any number of folders, other wildcards for no name that is hidden."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _is_match(parts, pattern[1:]) or (bool(parts) and _is_match(parts[1:], pattern))
    if not parts or not fnmatchcase(parts[0], pattern[0]):
        return False
    return (parts[0] == pattern[0] or not is_hidden(parts[0])) and _is_match(parts[1:], pattern[1:])


class ReadAhead(io.RawIOBase):
    """An object from its start to its end; the next blocks are fetched while one is read.

    Args:
        source: The object.
        size: Its bytes.
        start: Where to start.
        length: How many bytes to read; to the end where None.
    """

    def __init__(self, source: pa.NativeFile, size: int, start: int = 0, length: int | None = None) -> None:
        super().__init__()
        self._source = source
        self._next = start
        self._end = size if length is None else min(size, start + length)
        self._threads = ThreadPoolExecutor(_AHEAD, thread_name_prefix="clicklake-read")
        self._waiting: deque[Future[bytes]] = deque()
        self._block = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        """Fill a buffer as far as the block goes that has come.

        Raises:
            OSError: The store doesn't give it.
        """
        if not self._block:
            self._ask()
            if not self._waiting:
                return 0
            self._block = memoryview(self._waiting.popleft().result())
            self._ask()
        size = min(len(buffer), len(self._block))
        buffer[:size] = self._block[:size]
        self._block = self._block[size:]
        return size

    def _ask(self) -> None:
        while len(self._waiting) < _AHEAD and self._next < self._end:
            size = min(BLOCK, self._end - self._next)
            self._waiting.append(self._threads.submit(self._fetch, self._next, size))
            self._next += size

    def _fetch(self, start: int, size: int) -> bytes:
        found = bytes(self._source.read_at(size, start))
        if len(found) != size:
            raise OSError(f"ends at byte {start + len(found):,}; it became shorter while it was read")
        return found

    def close(self) -> None:
        """Ask for no more."""
        if not self.closed:
            for request in self._waiting:
                request.cancel()
            self._threads.shutdown()
            self._source.close()
        super().close()
