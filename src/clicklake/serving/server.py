"""The server of API and dashboard: a signal is how it ends, not a fault."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from clicklake.interrupts import stop_all


class Server(uvicorn.Server):
    """Answers until ^C or SIGTERM, finishes what it has begun, and returns to its caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends the server, and is done with then: uvicorn would raise it anew."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self.should_exit:
                stop_all()  # whose answers nobody waits for any more
