"""Which versions of tables somebody may still read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from clicklake.build.release import releases
from clicklake.storage import Store, log

_CONSUMED = ("input:", "read:", "before:")
"""Marks that name versions of other tables: what a gold table was built from, what the ledger lets gold read, and what
a round of refine began with, from which it is finished after a kill."""


def consumed(store: Store, versions: Mapping[str, int | None]) -> dict[str, set[int]]:
    """The versions that the next run compares the newest with, by table.

    Args:
        store: The lake.
        versions: Tables at the versions whose marks count; None for the newest.
    """
    found: dict[str, set[int]] = {}
    for name, version in versions.items():
        for mark, value in log.marks(store.open(name, version)).items():
            for prefix in _CONSUMED:
                if mark.startswith(prefix) and value >= 0:
                    found.setdefault(mark.removeprefix(prefix), set()).add(value)
    return found


def released(store: Store, since: datetime | None) -> dict[str, set[int]]:
    """The versions that readers see or, since a time, have seen, by table."""
    known = releases(store)
    if since is None:
        known = known[-1:]
    else:
        first = max((i for i, release in enumerate(known) if release.released_at < since), default=0)
        known = known[first:]  # the newest at that time was still being read
    found: dict[str, set[int]] = {}
    for release in known:
        for name, version in release.versions.items():
            found.setdefault(name, set()).add(version)
    return found
