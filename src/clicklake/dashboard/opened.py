"""What the pages of this process show: set once before the server starts, read by every session."""

from __future__ import annotations

from dataclasses import dataclass

from clicklake.access import Access
from clicklake.dashboard.lake.measuring import Measuring
from clicklake.lake import Lake
from clicklake.serving import Serving


@dataclass(frozen=True)
class Opened:
    """A lake as the dashboard has it open.

    Args:
        lake: The lake.
        serving: Reads it for all sessions.
        access: Who may see what.
        measuring: Measures its tables.
    """

    lake: Lake
    serving: Serving
    access: Access
    measuring: Measuring


_opened: list[Opened] = []


def open_for_pages(lake: Lake) -> Opened:
    """Have a lake shown by the pages of this process.

    Args:
        lake: The lake.
    """
    close()
    opened = Opened(lake, Serving(lake), Access(lake), Measuring(lake))
    _opened.append(opened)
    return opened


def opened() -> Opened:
    """The lake that the pages show."""
    return _opened[-1]


def close() -> None:
    """Show no lake any more."""
    while _opened:
        closed = _opened.pop()
        closed.measuring.close()
        closed.serving.close()
