"""Answers that are sent in parts: whoever takes nothing is cut off, and what an answer holds is given back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

logger = logging.getLogger("clicklake")


class _StalledError(Exception):
    pass


class Streamed(StreamingResponse):
    """An answer in parts.

    Args:
        parts: What is sent.
        headers: Of the answer.
        media_type: Of the answer.
        seconds: Whoever takes nothing for so long is cut off.
        done: Is called when the last part was sent or the caller has left, even before the first part.
    """

    def __init__(
        self,
        parts: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        media_type: str,
        *,
        seconds: float,
        done: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(parts, headers=headers, media_type=media_type)
        self._parts, self._seconds, self._done = parts, seconds, done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""

        async def sending(message: Message) -> None:
            try:
                await asyncio.wait_for(send(message), self._seconds)
            except asyncio.TimeoutError as error:
                raise _StalledError from error

        try:
            await super().__call__(scope, receive, sending)
        except _StalledError:  # half an answer: the server cuts the connection
            scope["state"]["facts"]["is_cut_off"] = True
            told = "request %s was cut off: its caller took nothing for %g seconds"
            logger.warning(told, scope["state"]["request_id"], self._seconds)
        finally:
            try:
                await self._parts.aclose()
            finally:
                await self._done()
