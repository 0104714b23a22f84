"""What takes a while is done by a few threads; who can't wait for one is told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import ParamSpec, TypeVar

from clicklake.api.problems import ProblemError

P = ParamSpec("P")
T = TypeVar("T")


class Work:
    """Threads of a server.

    Args:
        at_once: How many.
        waiting: How many calls may wait for one.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._most = at_once + waiting
        self._under_way = 0
        self._threads = ThreadPoolExecutor(at_once, "clicklake-api")

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a function, which a thread calls.

        Raises:
            ProblemError: Too many wait already.
        """
        self.enter()
        try:
            return await self._do(partial(function, *args, **kwargs))
        finally:
            self._under_way -= 1

    async def stream(self, chunks: Iterator[bytes], stack: ExitStack) -> AsyncIterator[bytes]:
        """What an iterator gives, which a thread asks for one after the other; the stack is closed behind it.

        `enter` was called for it.
        """
        try:
            while (chunk := await self._do(partial(next, chunks, None))) is not None:
                if chunk:
                    yield chunk
        finally:
            self._under_way -= 1
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, stack.close))

    def enter(self) -> None:
        """Take a place; whoever does calls `stream`, or `leave`.

        Raises:
            ProblemError: Too many wait already.
        """
        if self._under_way >= self._most:
            raise ProblemError(503, "busy", "the server has too much to do; try again", {"Retry-After": "1"})
        self._under_way += 1

    def leave(self) -> None:
        """Give the place back."""
        self._under_way -= 1

    async def _do(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def close(self) -> None:
        """End the threads, once they are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)
