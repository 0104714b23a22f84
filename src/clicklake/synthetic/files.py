"""Output files, compressed or not, written one after another."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol

from clicklake.synthetic.config import Compression

_SUFFIX: dict[Compression | None, str] = {None: "", "gzip": ".gz", "zstd": ".zst"}


class _Stream(Protocol):
    def write(self, data: bytes, /) -> object: ...

    def close(self) -> None: ...


class Files:
    """The files of one source, of which one is open at a time; a context that closes the last one.

    Args:
        compression: How they are compressed.
        header: What each begins with.
    """

    def __init__(self, compression: Compression | None, header: bytes) -> None:
        self.count = 0
        self.bytes = 0
        self._compression: Compression | None = compression
        self._header = header
        self._path: Path | None = None
        self._stream: _Stream | None = None

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, path: Path, data: bytes) -> None:
        """Add to a file, which is begun where it is another one than before.

        Args:
            path: Its path, without the ending of the compression.
            data: Whole lines, or nothing.
        """
        path = path.with_name(path.name + _SUFFIX[self._compression])
        if self._stream is None or path != self._path:
            self._close()
            path.parent.mkdir(parents=True, exist_ok=True)
            self._path, self._stream = path, _open_stream(path, self._compression)
            self._stream.write(self._header)
            self.count += 1
        self._stream.write(data)

    def _close(self) -> None:
        if self._stream is not None and self._path is not None:
            self._stream.close()
            self._stream = None
            self.bytes += self._path.stat().st_size


def _open_stream(path: Path, compression: Compression | None) -> _Stream:
    if compression is None:
        return path.open("wb")
    import pyarrow as pa

    stream: _Stream = pa.output_stream(path, compression=compression)
    return stream
