"""What the pages of this process show: set once before the server starts, read by every session."""

from __future__ import annotations

from dataclasses import dataclass

from clicklake.access import Access
from clicklake.lake import Lake
from clicklake.serving import Serving


@dataclass(frozen=True)
class Opened:
    """A lake as the dashboard has it open.

    Args:
        lake: The lake.
        serving: Reads it for all sessions.
        access: Who may see what.
    """

    lake: Lake
    serving: Serving
    access: Access


_opened: list[Opened] = []


def open_for_pages(lake: Lake) -> Opened:
    """Have a lake shown by the pages of this process.

    Args:
        lake: The lake.
    """
    close()
    opened = Opened(lake, Serving(lake), Access(lake))
    _opened.append(opened)
    return opened


def opened() -> Opened:
    """The lake that the pages show."""
    return _opened[-1]


def close() -> None:
    """Show no lake any more."""
    while _opened:
        _opened.pop().serving.close()
