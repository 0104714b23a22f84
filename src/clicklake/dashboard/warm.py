"""Making ready what pages show first, so that the first viewer of a release need not wait for it."""

from __future__ import annotations

import threading
import time
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
                stop.wait(_REST * (time.monotonic() - began))
        stop.wait(1)


def make_ready(here: Opened, stop: threading.Event | None = None) -> None:
    """Have the reports and charts kept that pages show where nothing was chosen.

    Args:
        here: The lake.
        stop: Ends it early.

    Raises:
        ClicklakeError: The lake can't be read.
    """
    view = View(here.lake, here.serving, here.access.grants(LOCAL))
    choices = view.choices() if view.release else None
    if choices is None:
        return
    view = view.within(filters.first(choices))
    for entry in PAGES:
        module = import_module(f"clicklake.dashboard.pages.{entry.name}")
        for report, given, is_half in module.first(view) if hasattr(module, "first") else ():
            if stop and stop.is_set():
                return
            with suppress(ClicklakeError):  # the page tells it
                chart_of(view.report(report, **given), is_dark=False, is_phone=False, is_half=is_half)


def _load() -> None:
    """Import what the first page needs."""
    import altair  # noqa: F401
    import pandas.io.formats.style  # noqa: F401
    import scipy.optimize  # noqa: F401
    import scipy.special  # noqa: F401
