"""Results that are kept for those who ask the same again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """The results that were asked for last, up to a number of bytes; threads may share it.

    Who asks for what is being made already waits for it, so that nothing is made twice at the same time.

    Args:
        most_bytes: All results together.
        size: Bytes of a result.
    """

    def __init__(self, most_bytes: int, size: Callable[[V], int]) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._size = size
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._being_made: dict[Hashable, Future[V]] = {}

    def get(self, key: Hashable) -> V | None:
        """What is kept; None where nothing is."""
        with self._lock:
            found = self._results.get(key)
            if found is None:
                return None
            self._results.move_to_end(key)
            return found[0]

    def get_or_make(self, key: Hashable, make: Callable[[], V]) -> V:
        """What is kept, or is made now.

        Raises:
            Exception: Whatever `make` raises; that is not kept.
        """
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key][0]
            waiting = self._being_made.get(key)
            if waiting is None:
                own: Future[V] = Future()
                self._being_made[key] = own
        if waiting is not None:
            return waiting.result()
        try:
            made = make()
        except BaseException as error:
            self._forget(key)
            own.set_exception(error)
            raise
        self.put(key, made)
        self._forget(key)
        own.set_result(made)
        return made

    def put(self, key: Hashable, value: V) -> None:
        """Keep a result; those that were not asked for longest make room. One larger than a quarter is not kept."""
        size = self._size(value)
        with self._lock:
            if key in self._results:
                self.bytes -= self._results.pop(key)[1]
            if size * 4 > self.most_bytes:
                return
            self._results[key] = (value, size)
            self.bytes += size
            while self.bytes > self.most_bytes:
                _, (_, freed) = self._results.popitem(last=False)
                self.bytes -= freed

    def __len__(self) -> int:
        return len(self._results)

    def _forget(self, key: Hashable) -> None:
        with self._lock:
            del self._being_made[key]
