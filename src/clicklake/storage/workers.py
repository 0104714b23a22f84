"""A few threads that share the work of one producer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

T = TypeVar("T", contravariant=True)


class Worker(Protocol[T]):
    """What a thread works with; only that thread touches it, until all are done."""

    def write(self, chunk: T) -> None:
        """Work on one chunk."""

    def close(self) -> None:
        """Complete the work; nothing comes any more."""

    def abandon(self) -> None:
        """Drop what was not completed."""


class Workers(Generic[T]):
    """Hands chunks to workers in the order in which they came, each to the next one that is free.

    Args:
        make: A new worker.
        count: How many there are at the most.
    """

    def __init__(self, make: Callable[[], Worker[T]], count: int) -> None:
        self._make = make
        self._free = count
        self._chunks: queue.Queue[T | None] = queue.Queue(1)
        self._workers: list[Worker[T]] = []
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None

    def put(self, chunk: T) -> None:
        """Hand a chunk over; waits while all workers are busy and one chunk waits already.

        Raises:
            BaseException: What a worker has raised meanwhile.
        """
        if self._free and (not self._threads or not self._chunks.empty()):
            thread = threading.Thread(target=self._work, args=(self._worker(),), name="clicklake-worker", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._chunks.put(chunk)
        if self._error is not None:
            raise self._error

    def close(self, last: Sequence[T] = ()) -> None:
        """Hand over the last chunks and wait until all is done; a single one needs no thread.

        Raises:
            BaseException: What a worker has raised.
        """
        if len(last) == 1 and not self._threads:
            worker = self._worker()
            worker.write(last[0])
            worker.close()
            return
        for chunk in last:
            self.put(chunk)
        self._join()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Stop, and drop what was not completed."""
        self._error = self._error or RuntimeError("abandoned")
        self._join()
        for worker in self._workers:
            worker.abandon()

    def _worker(self) -> Worker[T]:
        self._free -= 1
        self._workers.append(self._make())
        return self._workers[-1]

    def _join(self) -> None:
        for _ in self._threads:
            self._chunks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _work(self, worker: Worker[T]) -> None:
        """Take chunks until the end; behind an error they are only taken, so that nobody waits for ever."""
        while (chunk := self._chunks.get()) is not None:
            if self._error is None:
                try:
                    worker.write(chunk)
                except BaseException as error:  # noqa: BLE001 - raised in the producer's thread
                    self._error = error
        if self._error is None:
            try:
                worker.close()
            except BaseException as error:  # noqa: BLE001 - see above
                self._error = error
