"""Producing batches in a thread of its own, so that reading and writing overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def prefetch(items: Iterable[T], depth: int = 8) -> Iterator[T]:
    """The same items, made up to `depth` ahead in a thread; its errors are raised here.

    Closing the generator early stops the thread and closes `items`.
    """
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: T | None, error: BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put((item, error), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        try:
            for item in items:
                if not put(item, None):
                    return
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, whatever it is
            put(None, error)
        else:
            put(None, None)
        finally:
            if isinstance(items, Generator):
                items.close()

    thread = threading.Thread(target=run, name="clicklake-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stop.set()
        thread.join()
