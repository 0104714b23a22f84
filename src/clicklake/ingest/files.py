"""Finding input files, opening them whatever their compression, and knowing them again by content."""

from __future__ import annotations

import glob
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from clicklake.errors import InputError, UsageError

BLOCK = 1 << 20
"""Bytes read at a time."""


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
    """One file of a source.

    Args:
        path: As it is named in `source_file`: absolute.
        format: csv, ndjson or parquet.
        compression: gzip, zstd or None.
        size: Bytes as it lies there.
        modified: Time of its last change, in nanoseconds.
    """

    path: str
    format: str
    compression: str | None
    size: int
    modified: int

    def content_version(self) -> str:
        """Size and SHA-256 (32 digits) of the bytes as they lie there: the file is known again by it.

        Raises:
            InputError: It can't be read.
        """
        digest = hashlib.sha256()
        try:
            with _readable(self) as raw:
                while block := raw.read(BLOCK):
                    digest.update(block)
        except OSError as error:
            raise InputError(self.path, error.strerror or str(error)) from error
        return f"{self.size}-{digest.hexdigest()[:32]}"

    def check_unchanged(self) -> None:
        """Make sure that nobody has written to the file since it was found.

        Raises:
            InputError: It has another size or time.
        """
        if _stamp(self.path) != (self.size, self.modified):
            raise InputError(self.path, "the file changed while it was read; ingest it again when it is complete")


def discover(paths: Sequence[str], default_format: str) -> list[InputFile]:
    """The files behind paths, folders and globs, each once, in the order of their names.

    Hidden files and names that start with `_` (markers such as `_SUCCESS`) are passed over in folders.

    Args:
        paths: Files, folders or globs.
        default_format: For file names that don't tell.

    Raises:
        UsageError: A path leads to no file.
    """
    found: dict[str, InputFile] = {}
    for given in paths:
        files = list(_expand(given))
        if not files:
            raise UsageError(f"{given}: no such file, and no file matches it. Check the path.")
        for file in files:
            path = str(file.absolute())
            found[path] = _describe(path, default_format)
    return [found[path] for path in sorted(found)]


def _expand(given: str) -> Iterator[Path]:
    path = Path(given).expanduser()
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
            if file.is_file() and not hidden:
                yield file
    elif path.exists():
        yield path
    elif glob.has_magic(given):
        for match in sorted(glob.glob(str(path), recursive=True)):
            yield from _expand(match) if Path(match).is_dir() else [Path(match)]


def _describe(path: str, default_format: str) -> InputFile:
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    compression = _COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    name = suffixes[-2:-1] if compression else suffixes[-1:]
    file_format = _FORMATS.get(name[0], default_format) if name else default_format
    return InputFile(path, file_format, compression, *_stamp(path))


def _stamp(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns


def open_blocks(file: InputFile) -> Iterator[bytes]:
    """The file's bytes, decompressed, a block at a time.

    Raises:
        InputError: It can't be read or decompressed.
    """
    try:
        with _readable(file) as raw:
            stream = _decompress(raw, file)
            while block := stream.read(BLOCK):
                yield block
    except EOFError as error:
        raise InputError(file.path, "the gzip file is cut short; nothing of it was ingested") from error
    except (OSError, zlib.error, pa.ArrowException) as error:
        raise InputError(file.path, _reason(error, file)) from error


def _readable(file: InputFile) -> BinaryIO:
    try:
        return open(file.path, "rb", buffering=0)  # noqa: SIM115 - handed to the caller
    except OSError as error:
        raise InputError(file.path, error.strerror or str(error)) from error


def _decompress(raw: BinaryIO, file: InputFile) -> BinaryIO:
    if file.compression and file.size == 0:
        raise InputError(file.path, f"is empty, which no {file.compression} file is; it was probably cut short")
    if file.compression == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=io.BufferedReader(cast(io.RawIOBase, raw), BLOCK)))
    if file.compression == "zstd":
        return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    return raw


def _reason(error: Exception, file: InputFile) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"is not a readable {file.compression or file.format} file: {error}"
