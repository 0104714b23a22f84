"""Making ready what pages show where nothing but a period was chosen, so that nobody need wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module

from clicklake.access import LOCAL
from clicklake.dashboard import filters
from clicklake.dashboard.charts import chart_of
from clicklake.dashboard.opened import Opened
from clicklake.dashboard.pages import PAGES
from clicklake.dashboard.view import View
from clicklake.errors import ClicklakeError

_REST = 10.0
"""After a release was made ready the machine belongs to others for so many times as long as that took."""
_LOOK = 0.1
"""Seconds between two looks whether somebody still has a page drawn."""


def keep_warm(here: Opened, stop: threading.Event) -> None:
    """Follow the releases of a lake until told to stop; for a thread of its own."""
    _load()
    for name in here.lake.lineage.tables:  # grants and masks go by where columns come from
        with suppress(ClicklakeError):  # a page tells it, if it needs that table
            here.lake.lineage.inputs(name)
        if stop.is_set():
            return
    known = None
    while not stop.is_set():
        began = time.monotonic()
        with suppress(ClicklakeError):
            release = here.serving.release
            if release != known:
                make_ready(here, stop)
                known = release
                rested = time.monotonic() + _REST * (time.monotonic() - began)
                make_others_ready(here, stop)
                stop.wait(rested - time.monotonic())
        stop.wait(1)


def make_ready(here: Opened, stop: threading.Event) -> None:
    """Have the reports and charts kept that pages show first.

    Args:
        here: The lake.
        stop: Ends it early.

    Raises:
        ClicklakeError: The lake can't be read.
    """
    for view in _views(here)[:1]:
        _make(view, stop.is_set)


def make_others_ready(here: Opened, stop: threading.Event) -> None:
    """The same for the other periods that are offered, while nobody looks and until there is a newer release.

    Args:
        here: The lake.
        stop: Ends it early.

    Raises:
        ClicklakeError: The lake can't be read.
    """
    release = here.serving.release

    def is_over() -> bool:
        while not (stop.is_set() or here.serving.is_idle):
            stop.wait(_LOOK)
        return stop.is_set() or here.serving.release != release

    for view in _views(here)[1:]:
        _make(view, is_over)


def _views(here: Opened) -> list[View]:
    """Each period that is offered, the one that is shown first before the others."""
    view = View(here.lake, here.serving, here.access.grants(LOCAL))
    choices = view.choices() if view.release else None
    return [view.within(chosen) for chosen in filters.presets(choices)] if choices else []


def _make(view: View, is_over: Callable[[], bool]) -> None:
    for entry in PAGES:
        module = import_module(f"clicklake.dashboard.pages.{entry.name}")
        for report, given, is_half in module.first(view) if hasattr(module, "first") else ():
            if is_over():
                return
            with suppress(ClicklakeError):  # the page tells it
                chart_of(view.report(report, **given), is_dark=False, is_phone=False, is_half=is_half)


def _load() -> None:
    """Import what the first page needs."""
    import altair  # noqa: F401
    import pandas.io.formats.style  # noqa: F401
    import scipy.optimize  # noqa: F401
    import scipy.special  # noqa: F401
