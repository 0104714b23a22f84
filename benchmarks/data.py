"""The data that is measured: generated once from a seed, then kept in the work folder."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import CLICKLAKE, HERE, run

_FIRST_DAY = date(2024, 1, 1)
_EVENTS_PER_USER = 40
_DAYS_OF_ALL_PARTS = 360


@dataclass(frozen=True)
class Clicks:
    """One CSV file of click events.

    Args:
        file: The file.
        truth: What was put into it, as the generator counted.
    """

    file: Path
    truth: dict[str, Any]

    @property
    def bytes(self) -> int:
        """The size of the file."""
        return int(self.truth["sources"]["click_events"]["bytes"])


def clicks(work: Path, rows: int) -> Clicks:
    """The file of `clicklake generate --rows N`."""
    folder = work / "data" / f"{rows}"
    found = _kept(folder)
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
        run([CLICKLAKE, "generate", folder, "--rows", f"{rows}"], log=work / "logs" / f"generate-{rows}.log")
        found = _kept(folder)
    assert found is not None
    return found


def part(work: Path, rows: int, parts: int, number: int) -> Clicks:
    """One of several files that follow each other in time and are about the same users and products.

    Args:
        work: The work folder.
        rows: Records of all parts.
        parts: Their number.
        number: Which one, from 0.
    """
    folder = work / "data" / f"{rows}-in-{parts}" / f"{number}"
    found = _kept(folder)
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
        days = max(1, _DAYS_OF_ALL_PARTS // parts)
        start = _FIRST_DAY + timedelta(days=days * number)
        script = [sys.executable, HERE / "generate_part.py", folder]
        sizes = [rows // parts, start, days, max(1, rows // _EVENTS_PER_USER)]
        log = work / "logs" / f"generate-{rows}-in-{parts}-{number}.log"
        run([*script, *map(str, sizes)], log=log)
        found = _kept(folder)
    assert found is not None
    return found


def _kept(folder: Path) -> Clicks | None:
    try:
        truth = json.loads((folder / "truth.json").read_text())
        found = Clicks(folder / "click_events" / "part-0001.csv", truth)
        return found if found.file.stat().st_size == found.bytes else None
    except (FileNotFoundError, KeyError, ValueError):
        return None
