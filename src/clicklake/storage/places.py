"""Where files lie: a folder of this machine, or a prefix of an object store; both are used alike.

A place is plain data without connections, so that another process can be told of it. Paths in it have slashes and
none in front. What a store refuses or can't do is an `OSError` with a message for people, as of a disk.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pyarrow as pa
from deltalake.exceptions import DeltaError

from clicklake.storage.objects import delta_options, explain, filesystem, is_url, split_url

if TYPE_CHECKING:
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import FileInfo


_AT_ONCE = 16
"""Requests to an object store at the same time."""

_LIST_FROM = 64
"""So many files that to list all of a table is quicker than to ask for each."""


class Entry(NamedTuple):
    """A file of a place: path in it, bytes, time of the last change in seconds."""

    path: str
    size: int
    modified: float


class Draft(Protocol):
    """A file that is being written; nobody reads it before it is complete."""

    sink: str | pa.NativeFile
    """What a writer of Parquet is given."""

    def complete(self) -> int:
        """Make it a file; its bytes. Whoever wrote to `sink` has closed the writer, not the sink."""
        ...

    def discard(self) -> None:
        """Leave nothing of it."""
        ...


class Place(Protocol):
    """A folder or a prefix."""

    @property
    def root(self) -> str:
        """Its path or URL."""
        ...

    def at(self, path: str) -> Place:
        """A place in it."""
        ...

    def source(self, path: str) -> str | pa.NativeFile:
        """What a reader of Parquet is given: a path, or a file that threads may share."""
        ...

    def read(self, path: str) -> bytes:
        """All of a small file."""
        ...

    def create(self, path: str) -> Draft:
        """A new file."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        ...

    def size(self, path: str) -> int | None:
        """Bytes of a file; None where there is none."""
        ...

    def stamp(self, path: str) -> Hashable:
        """What tells a file from another one under the same path; None where there is none."""
        ...

    def names(self, path: str = "") -> list[str]:
        """Names of the files that lie directly in it; none where it isn't there."""
        ...

    def folders(self, path: str = "") -> list[str]:
        """Names of the folders that lie directly in it; none where it isn't there."""
        ...

    def files(self) -> Iterator[Entry]:
        """All files, in it and in its folders, without those whose path has a name that starts with `_` or `.`."""
        ...


def place(root: str, options: Mapping[str, str] | None = None) -> Place:
    """The place that a path or URL names.

    Args:
        root: A folder, or `s3://bucket/prefix`.
        options: Of the object store; see `objects`.
    """
    return Prefix(root.rstrip("/"), dict(options or {})) if is_url(root) else Folder(root)


def is_hidden(path: str) -> bool:
    """Whether a name in a path starts with `_` or `.`: no data file."""
    return any(part.startswith(("_", ".")) for part in path.split("/"))


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    root: str

    def at(self, path: str) -> Folder:
        """A place in it."""
        return Folder(f"{self.root.rstrip('/')}/{path}")

    def _path(self, path: str) -> str:
        return f"{self.root}/{path}"

    def source(self, path: str) -> str:
        """A file's path."""
        return self._path(path)

    def read(self, path: str) -> bytes:
        """All of a small file."""
        return Path(self._path(path)).read_bytes()

    def create(self, path: str) -> Draft:
        """A new file, and the folders that it needs."""
        target = Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return _LocalDraft(str(target))

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        Path(self.root, path).unlink(missing_ok=True)

    def size(self, path: str) -> int | None:
        """Bytes of a file; None where there is none."""
        file = Path(self.root, path)
        return file.stat().st_size if file.is_file() else None

    def stamp(self, path: str) -> tuple[int, int, int] | None:
        """What tells a file from another one under the same path; None where there is none."""
        try:
            found = os.stat(self._path(path))
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def has(self, path: str) -> bool:
        """Whether there is such a folder."""
        return os.path.isdir(self._path(path))

    def names(self, path: str = "") -> list[str]:
        """Names of the files that lie directly in it."""
        return sorted(entry.name for entry in self._scan(path) if not entry.is_dir())

    def folders(self, path: str = "") -> list[str]:
        """Names of the folders that lie directly in it."""
        return sorted(entry.name for entry in self._scan(path) if entry.is_dir())

    def _scan(self, path: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._path(path)) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def files(self) -> Iterator[Entry]:
        """All files; see `Place`."""
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not is_hidden(name)]
            for name in names:
                if not is_hidden(name):
                    file = Path(folder, name)
                    try:
                        status = file.stat()
                    except FileNotFoundError:  # somebody removed it meanwhile
                        continue
                    yield Entry(file.relative_to(self.root).as_posix(), status.st_size, status.st_mtime)


@dataclass
class _LocalDraft:
    sink: str

    def complete(self) -> int:
        return os.stat(self.sink).st_size

    def discard(self) -> None:
        Path(self.sink).unlink(missing_ok=True)


@dataclass(frozen=True)
class Prefix:
    """A prefix of an object store.

    Args:
        root: `s3://bucket/prefix`.
        options: How the store is reached, keys included.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def at(self, path: str) -> Prefix:
        """A place in it."""
        return Prefix(f"{self.root}/{path}", self.options)

    def key(self, path: str) -> str:
        """Bucket and key of a path in it, as Arrow names objects."""
        return "/".join(part for part in (*split_url(self.root), path) if part)

    def source(self, path: str) -> pa.NativeFile:
        """A file that threads may share, each reading at places of its own."""
        with _in_words(f"{self.root}/{path}"):
            return filesystem(self.options).open_input_file(self.key(path))

    def read(self, path: str) -> bytes:
        """All of a small file."""
        with self.source(path) as file:
            return bytes(file.read())

    def create(self, path: str) -> Draft:
        """A new object, written in parts; it is there when all of it is."""
        with _in_words(f"{self.root}/{path}"):
            return _Upload(self, path, filesystem(self.options).open_output_stream(self.key(path), compression=None))

    def delete(self, path: str) -> None:
        """Remove an object, if it is there."""
        # Arrow would leave an empty object in the place of the folder.
        with contextlib.suppress(FileNotFoundError), _in_words(f"{self.root}/{path}"):
            _deleter(self.root, tuple(sorted(self.options.items()))).delete_file(path)

    def size(self, path: str) -> int | None:
        """Bytes of an object; None where there is none."""
        try:
            with self.source(path) as file:
                return int(file.size())
        except FileNotFoundError:
            return None

    def stamp(self, path: str) -> str | None:
        """ETag, time and size of an object; None where there is none."""
        try:
            with self.source(path) as file:
                told = file.metadata()
        except FileNotFoundError:
            return None
        return " ".join(told.get(name, b"").decode() for name in ("ETag", "Last-Modified", "Content-Length"))

    def names(self, path: str = "") -> list[str]:
        """Names of the files that lie directly in it."""
        found = self._list(self.key(path), recursive=False)
        return sorted(info.base_name for info in found if info.is_file)

    def folders(self, path: str = "") -> list[str]:
        """Names of the folders that lie directly in it."""
        found = self._list(self.key(path), recursive=False)
        return sorted(info.base_name for info in found if not info.is_file)

    def files(self) -> Iterator[Entry]:
        """All objects; see `Place`."""
        start = len(self.key("")) + 1
        for info in self._list(self.key(""), recursive=True):
            path = info.path[start:]
            if info.is_file and not is_hidden(path):
                yield Entry(path, info.size, info.mtime_ns / 1e9)

    def check(self) -> None:
        """See that the bucket is there and answers.

        Raises:
            OSError: It isn't, or doesn't.
        """
        bucket, _ = split_url(self.root)
        with _in_words(f"s3://{bucket}"):
            (info,) = filesystem(self.options).get_file_info([bucket])
            if info.type.name == "NotFound":
                raise OSError(f"s3://{bucket}: there is no such bucket; make it first, or name another")

    def look(self, paths: Sequence[str]) -> list[FileInfo]:
        """What lies there: objects, folders or nothing."""
        with _in_words(self.root):
            return list(filesystem(self.options).get_file_info([self.key(path) for path in paths]))

    def _list(self, key: str, *, recursive: bool) -> list[FileInfo]:
        from pyarrow.fs import FileSelector

        with _in_words(f"s3://{key}"):
            return list(
                filesystem(self.options).get_file_info(FileSelector(key, allow_not_found=True, recursive=recursive))
            )


@dataclass
class _Upload:
    place: Prefix
    path: str
    sink: pa.NativeFile

    def complete(self) -> int:
        with _in_words(f"{self.place.root}/{self.path}"):
            size = int(self.sink.tell())
            self.sink.close()
        return size

    def discard(self) -> None:
        """An upload can't be abandoned, only be completed and removed; no commit names the object meanwhile."""
        with contextlib.suppress(OSError, pa.ArrowException):
            self.sink.close()
        self.place.delete(self.path)


@lru_cache(maxsize=256)
def _deleter(root: str, options: tuple[tuple[str, str], ...]) -> DeltaStorageHandler:
    from deltalake.fs import DeltaStorageHandler

    return DeltaStorageHandler(root, options=delta_options(dict(options)))


def sizes(where: Place, paths: Sequence[str]) -> dict[str, int | None]:
    """Bytes of files; None for those that are not there."""
    if isinstance(where, Folder):
        return {path: where.size(path) for path in paths}
    if len(paths) > _LIST_FROM:
        there = {entry.path: entry.size for entry in where.files()}
        return {path: there.get(path) for path in paths}
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return dict(zip(paths, threads.map(where.size, paths), strict=True))


def read_all(where: Place, paths: Sequence[str]) -> Iterator[bytes]:
    """Small files, one after the other; those of an object store are fetched ahead."""
    if isinstance(where, Folder) or len(paths) < 2:
        yield from map(where.read, paths)
        return
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for start in range(0, len(paths), _LIST_FROM):
            yield from threads.map(where.read, paths[start : start + _LIST_FROM])


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    """A store's errors as those of a disk."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(2, "No such file or directory", url) from None
    except (OSError, RuntimeError, ValueError, pa.ArrowException, DeltaError) as error:
        if told := explain(error):
            raise OSError(f"{url}: {told}") from None
        raise
