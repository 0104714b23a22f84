"""What takes a while is done by a few threads; who can't wait for one is told to come back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import ParamSpec, TypeVar

from clicklake.api.problems import ProblemError

P = ParamSpec("P")
T = TypeVar("T")

_MOST_PART = 256 << 10
"""Bytes: what is sent at once waits in memory for those who take it slowly."""


class Work:
    """Threads of a server.

    Args:
        at_once: How many.
        waiting: How many calls may wait for one.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._most = at_once + waiting
        self._under_way = self._streams = 0
        self._threads = ThreadPoolExecutor(at_once, "clicklake-api")

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a function, which a thread calls.

        Raises:
            ProblemError: Too many wait already.
        """
        self._enter()
        try:
            return await self._do(partial(function, *args, **kwargs))
        finally:
            self._under_way -= 1

    async def parts(self, chunks: Iterator[bytes], at_work: threading.Lock) -> AsyncGenerator[bytes, None]:
        """What an iterator gives, which a thread asks for one after the other, in parts of a bounded size.

        Args:
            chunks: The iterator.
            at_work: Is held by the thread meanwhile: a caller may leave before it is done.
        """

        def following() -> bytes | None:
            with at_work:
                return next(chunks, None)

        while (chunk := await self._do(following)) is not None:
            for start in range(0, len(chunk), _MOST_PART):
                yield chunk[start : start + _MOST_PART]

    def enter_stream(self) -> None:
        """Take a place for an answer that is sent while it is made; whoever does calls `leave_stream`.

        Half of the places are for those: however slowly they are taken, other requests are answered.

        Raises:
            ProblemError: Too many are under way already.
        """
        if self._streams >= max(1, self._most // 2):
            raise _busy()
        self._enter()
        self._streams += 1

    async def leave_stream(self, stack: ExitStack, at_work: threading.Lock) -> None:
        """Give the place back, and close what was held, once no thread is at work with it."""

        def close() -> None:
            with at_work:
                stack.close()

        self._streams -= 1
        self._under_way -= 1
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, close))

    def _enter(self) -> None:
        if self._under_way >= self._most:
            raise _busy()
        self._under_way += 1

    async def _do(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def close(self) -> None:
        """End the threads, once they are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _busy() -> ProblemError:
    return ProblemError(503, "busy", "the server has too much to do; try again", {"Retry-After": "1"})
