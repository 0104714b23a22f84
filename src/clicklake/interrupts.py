"""Remember that a process was told to stop, whatever the code that was interrupted makes of it."""

from __future__ import annotations

import signal
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

_stopped_too: dict[int, weakref.WeakMethod[Callable[[], None]]] = {}


def stopped_too(stop: Callable[[], None]) -> Callable[[], None]:
    """Have something that runs be stopped by the signals that `Interrupts` catches.

    An engine's threads know nothing of a signal, and whoever was interrupted would wait for what they have begun.

    Args:
        stop: A method of what runs; it is forgotten with its object.

    Returns:
        What ends that.
    """
    key = id(stop.__self__)  # type: ignore[attr-defined]
    _stopped_too[key] = weakref.WeakMethod(stop, lambda _: _stopped_too.pop(key, None))

    def forget() -> None:
        _stopped_too.pop(key, None)

    return forget


def stop_all() -> None:
    """Stop what runs, as far as `stopped_too` knows it."""
    for method in list(_stopped_too.values()):
        if stop := method():
            stop()


class Interrupts:
    """While it is open, SIGINT (^C) and SIGTERM raise KeyboardInterrupt, and are remembered.

    An engine or writer that is interrupted gives an error of its own (DuckDB: `RuntimeError: Query interrupted`), so
    whoever catches errors has to ask `came` before it calls one of them a fault.

    Attributes:
        came: The number of the signal that came, if one did.
    """

    came: int | None = None

    def __enter__(self) -> Interrupts:
        self._previous: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def exit_code(self) -> int:
        """What shells give to a process that a signal has ended: 130 for ^C, 143 for SIGTERM."""
        return 128 + (self.came or signal.SIGINT)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = number
        stop_all()
        raise KeyboardInterrupt
