"""Files of an object store, as DuckDB reads them: only those that a snapshot names, at many places at once.

DuckDB keeps what it has read of them in its own memory. Their sizes stand in the log and they never change, so that
opening one costs no request; the first bytes of it cost two.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NoReturn

import pyarrow as pa
from fsspec import AbstractFileSystem

from clicklake.errors import StorageError
from clicklake.storage.places import Place
from clicklake.storage.snapshot import Snapshot

_ALWAYS = datetime(2000, 1, 1, tzinfo=timezone.utc)
"""When every file was changed last: another time would make DuckDB read it again."""


def files_of(snapshot: Snapshot) -> dict[str, tuple[Place, str, int]]:
    """Place, path in it and bytes of each file of a snapshot, by URL."""
    place = snapshot.place
    return {snapshot.uri(path): (place, path, size) for path, (size, _) in snapshot.paths.items()}


class ObjectFiles(AbstractFileSystem):  # type: ignore[misc]
    """The files that were made known, under their URLs; no other can be opened, whatever a query says.

    Args:
        failure: What went wrong; DuckDB makes a text of it, with a traceback.
    """

    protocol = "s3"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.failure: StorageError | None = None
        self._known: dict[str, tuple[Place, str, int]] = {}
        self._files: dict[str, pa.NativeFile] = {}

    def know(self, snapshot: Snapshot) -> None:
        """Make the files of a snapshot known."""
        self.know_all(files_of(snapshot))

    def know_all(self, files: Mapping[str, tuple[Place, str, int]]) -> None:
        """Make files known: place, path in it and bytes of each URL."""
        self._known.update(files)

    def file(self, url: str) -> pa.NativeFile:
        """A file, open for all threads."""
        if url not in self._files:
            place, path, _ = self._entry(url)
            try:
                self._files[url] = place.source(path)
            except OSError as error:
                self._fail(url, error)
        return self._files[url]

    def read(self, url: str, start: int, size: int) -> bytes:
        """Bytes of a file."""
        try:
            return bytes(self.file(url).read_at(size, start))
        except (OSError, pa.ArrowException) as error:
            self._fail(url, error)

    def open(self, path: str, mode: str = "rb", **_: Any) -> _File:  # noqa: ANN401
        """A file's handle, for DuckDB."""
        if mode != "rb":
            raise PermissionError(f"{path} can't be written")
        return _File(self, path, self._entry(path)[2])

    def size(self, path: str) -> int:
        """Bytes of a file, as the log knows them."""
        return self._entry(path)[2]

    def modified(self, path: str) -> datetime:
        """The same for all."""
        return _ALWAYS

    def glob(self, path: str, **_: Any) -> list[str]:  # noqa: ANN401
        """The file, if it is known; nothing can be searched for."""
        return [path] if path in self._known else []

    def exists(self, path: str, **_: Any) -> bool:  # noqa: ANN401
        """Whether it is known."""
        return path in self._known

    def isfile(self, path: str) -> bool:
        """Whether it is known."""
        return path in self._known

    def isdir(self, path: str) -> bool:
        """Nothing is."""
        return False

    def forget(self) -> None:
        """Close all files."""
        self._files.clear()
        self._known.clear()

    def _entry(self, url: str) -> tuple[Place, str, int]:
        try:
            return self._known[url]
        except KeyError:
            raise PermissionError(f"{url} is no file of the lake's tables") from None

    def _fail(self, url: str, error: Exception) -> NoReturn:
        gone = isinstance(error, FileNotFoundError)
        self.failure = StorageError(f"{url} is gone; `clicklake doctor` tells more" if gone else str(error))
        raise OSError(str(self.failure)) from None


class _File:
    """A handle on which several threads of DuckDB seek and read at the same time: each is at a place of its own."""

    def __init__(self, files: ObjectFiles, url: str, size: int) -> None:
        self._files, self._url, self._size = files, url, size
        self._at = threading.local()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Where this thread reads next."""
        base = (0, self.tell(), self._size)[whence]
        self._at.position = base + offset
        return base + offset

    def tell(self) -> int:
        """Where this thread is."""
        return int(getattr(self._at, "position", 0))

    def read(self, size: int = -1) -> bytes:
        """The next bytes of this thread."""
        start = self.tell()
        found = self._files.read(self._url, start, self._size - start if size < 0 else size)
        self._at.position = start + len(found)
        return found

    def close(self) -> None:
        """The file stays open for other handles."""
