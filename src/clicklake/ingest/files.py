"""Finding input files, opening them whatever their compression, and knowing them again by content."""

from __future__ import annotations

import glob
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from clicklake.errors import InputError, UsageError
from clicklake.storage.objects import explain, is_url
from clicklake.storage.places import Prefix

BLOCK = 1 << 21
"""Bytes read at a time: as much as a core's own cache holds."""

PIECE = 1 << 25
"""Bytes of a file that one thread hashes at a time."""


_COMPRESSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class InputFile:
    """One file of a source: plain data, so that another process can read it too.

    Args:
        path: As it is named in `source_file`: absolute, or a URL.
        format: csv, ndjson or parquet.
        compression: gzip, zstd or None.
        size: Bytes as it lies there.
        modified: Time of its last change, in nanoseconds.
        options: How its object store is reached, keys included.
        stamp: Of an object: ETag, time and size, once `stamped` has asked for them.
    """

    path: str
    format: str
    compression: str | None
    size: int
    modified: int
    options: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    stamp: str = ""

    @property
    def is_remote(self) -> bool:
        """Whether it lies on an object store."""
        return is_url(self.path)

    def open(self, start: int = 0, length: int | None = None) -> BinaryIO:
        """Its bytes as they lie there, from a place on, without a buffer.

        Raises:
            OSError: It can't be opened.
        """
        if self.is_remote:
            from clicklake.ingest.objects import ReadAhead

            return cast(BinaryIO, ReadAhead(self._object(), self.size, start, length))
        raw = open(self.path, "rb", buffering=0)
        raw.seek(start)
        return cast(BinaryIO, raw)

    def parquet(self) -> str | pa.NativeFile:
        """What a reader of Parquet is given."""
        return self._object() if self.is_remote else self.path

    def _object(self) -> pa.NativeFile:
        folder, _, name = self.path.rpartition("/")
        return Prefix(folder, self.options).source(name)

    def stamped(self) -> InputFile:
        """The same, with the stamp that it has now; one of this machine needs none.

        Raises:
            InputError: It is gone, or the store doesn't answer.
        """
        try:
            return replace(self, stamp=self._stamp_now()) if self.is_remote else self
        except OSError as error:
            raise unreadable(self, error) from error

    def _stamp_now(self) -> str:
        if not self.is_remote:
            return " ".join(map(str, _stamp(self.path)))
        folder, _, name = self.path.rpartition("/")
        if found := Prefix(folder, self.options).stamp(name):
            return found
        raise FileNotFoundError(2, "No such file or directory", self.path)

    def content_version(self) -> str:
        """Size and SHA-256 (32 digits) of the bytes as they lie there: the file is known again by it.

        A file of several pieces is known by the SHA-256 of their SHA-256s, so that threads can share the work.

        Raises:
            InputError: It can't be read.
        """
        starts = range(0, max(self.size, 1), PIECE)
        try:
            if len(starts) == 1:
                digest = self._piece(0)
            else:
                with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1)) as threads:
                    digest = hashlib.sha256(b"".join(threads.map(self._piece, starts))).digest()
        except OSError as error:
            raise unreadable(self, error) from error
        return f"{self.size}-{digest.hex()[:32]}"

    def _piece(self, start: int) -> bytes:
        """SHA-256 of the piece that starts there."""
        digest, left = hashlib.sha256(), PIECE
        with self.open(start, PIECE) as raw:
            while left and (block := raw.read(min(BLOCK, left))):
                digest.update(block)
                left -= len(block)
        return digest.digest()

    def check_unchanged(self) -> None:
        """Make sure that nobody has written to the file since it was found.

        Raises:
            InputError: It has another size or time.
        """
        try:
            is_same = self._stamp_now() == (self.stamp or f"{self.size} {self.modified}")
        except OSError:
            is_same = False
        if not is_same:
            raise InputError(self.path, "the file changed while it was read; ingest it again when it is complete")


def discover(paths: Sequence[str], default_format: str, options: Mapping[str, str] | None = None) -> list[InputFile]:
    """The files behind paths, folders and globs, each once, in the order of their names.

    Hidden files and folders and those whose names start with `_` (markers such as `_SUCCESS`, half-written
    `_temporary`) are passed over in folders and by wildcards; named as they are, they are taken.

    Args:
        paths: Files, folders or globs; of an object store by their URLs.
        default_format: For file names that don't tell.
        options: How the object store is reached.

    Raises:
        UsageError: A path leads to no file, or can't be looked into.
    """
    found: dict[str, InputFile] = {}
    for given in paths:
        try:
            files = list(_found(given, default_format, options or {}))
        except OSError as error:
            if is_url(given):
                raise UsageError(str(error)) from error
            raise UsageError(f"{error.filename or given}: {error.strerror or error}") from error
        if not files:
            raise UsageError(f"{given}: no such file, and no file matches it. Check the path.")
        found.update({file.path: file for file in files})
    return [found[path] for path in sorted(found)]


def _found(given: str, default_format: str, options: Mapping[str, str]) -> Iterator[InputFile]:
    if not is_url(given):
        for file in _expand(given):
            path = str(file.absolute())
            yield InputFile(path, *_kind(path, default_format), *_stamp(path))
        return
    from clicklake.ingest.objects import objects_at

    is_empty = True
    for path, size, modified in objects_at(given, options):
        is_empty = False
        yield InputFile(path, *_kind(path, default_format), size, int(modified * 1e9), options)
    if is_empty:  # or is it the bucket that isn't there?
        Prefix(given, options).check()


def _expand(given: str) -> Iterator[Path]:
    path = Path(given).expanduser()
    if path.is_dir():
        yield from _files_in(path)
    elif path.exists():
        yield path
    elif glob.has_magic(given):
        for match in map(Path, glob.glob(str(path), recursive=True)):
            wild = [part for part in match.parts if part not in path.parts]
            if not any(_is_passed_over(part) for part in wild):
                yield from _files_in(match) if match.is_dir() else [match] if match.exists() else []


def _files_in(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not _is_passed_over(name)]
        files = (Path(root, name) for name in names if not _is_passed_over(name))
        yield from (file for file in files if file.is_file())


def _is_passed_over(name: str) -> bool:
    return name.startswith((".", "_"))


def _kind(path: str, default_format: str) -> tuple[str, str | None]:
    """Format and compression, by the name."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    compression = _COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    name = suffixes[-2:-1] if compression else suffixes[-1:]
    return _FORMATS.get(name[0], default_format) if name else default_format, compression


def _stamp(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns


def open_blocks(file: InputFile) -> Iterator[bytes]:
    """The file's bytes, decompressed, a block at a time.

    Raises:
        InputError: It can't be read or decompressed.
    """
    try:
        with file.open() as raw:
            stream = _decompress(raw, file)
            while block := stream.read(BLOCK):
                yield block
    except EOFError as error:
        raise InputError(file.path, "the gzip file is cut short; nothing of it was ingested") from error
    except (OSError, zlib.error, pa.ArrowException) as error:
        raise unreadable(file, error) from error


def _decompress(raw: BinaryIO, file: InputFile) -> BinaryIO:
    if file.compression and file.size == 0:
        raise InputError(file.path, f"is empty, which no {file.compression} file is; it was probably cut short")
    if file.compression == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=io.BufferedReader(cast(io.RawIOBase, raw), BLOCK)))
    if file.compression == "zstd":
        return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    return raw


def unreadable(file: InputFile, error: Exception) -> InputError:
    """What to raise where a library can't read a file."""
    if told := explain(error):
        return InputError(file.path, told)
    if isinstance(error, OSError) and error.errno:
        return InputError(file.path, os.strerror(error.errno))
    return InputError(file.path, f"is not a readable {file.compression or file.format} file: {error}")
