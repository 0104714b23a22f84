"""Clients of an HTTP server: each on its own connection, one request after the other; how long each took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """What clients have seen.

    Args:
        seconds: Of each request.
        wall: From the first request to the last answer.
        statuses: How many answers by status.
        wrong: Answers that were not as they have to be.
    """

    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: int = 0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall if self.wall else 0.0

    def add(self, other: Load) -> None:
        """What was seen later."""
        self.seconds += other.seconds
        self.wall += other.wall
        self.wrong += other.wrong
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count

    def quantile(self, part: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


class _Client(asyncio.Protocol):
    """A connection; reads answers with a Content-Length, as all have that are measured."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(error or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        at = head.find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) >= end + 4 + length and self.waiting:
            body = bytes(self.buffer[end + 4 : end + 4 + length])
            del self.buffer[: end + 4 + length]
            waiting, self.waiting = self.waiting, None
            waiting.set_result((int(head[9:12]), body))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.waiting


def get(path: str, headers: Sequence[str] = ()) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def post(path: str, body: bytes, headers: Sequence[str] = ()) -> bytes:
    more = ["Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def load(
    port: int,
    requests: Sequence[bytes],
    clients: int,
    seconds: float,
    *,
    most: int | None = None,
    check: Callable[[bytes], bool] | None = None,
) -> Load:
    """Ask for some time; each client asks once at least.

    Args:
        port: Of this machine.
        requests: Asked for in turn.
        clients: How many ask at the same time.
        seconds: How long.
        most: Requests at the most.
        check: Whether an answer is as it has to be.
    """
    found = Load()
    loop = asyncio.get_running_loop()
    connected = await asyncio.gather(*(loop.create_connection(_Client, "127.0.0.1", port) for _ in range(clients)))
    began = time.perf_counter()
    asked = 0

    async def client(number: int, connection: _Client) -> None:
        nonlocal asked
        turn = number
        while (turn == number or time.perf_counter() - began < seconds) and (most is None or asked < most):
            asked += 1
            start = time.perf_counter()
            status, body = await connection.ask(requests[turn % len(requests)])
            found.seconds.append(time.perf_counter() - start)
            found.statuses[status] = found.statuses.get(status, 0) + 1
            found.wrong += bool(check and status == 200 and not check(body))
            turn += 1
        connection.transport.close()

    await asyncio.gather(*(client(number, connection) for number, (_, connection) in enumerate(connected)))
    found.wall = time.perf_counter() - began
    return found
