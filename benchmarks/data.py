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
_YEAR = 366


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
        run(
            [CLICKLAKE, "generate", folder, "--rows", f"{rows}", "--only", "clicks"],
            log=work / "logs" / f"generate-{rows}.log",
        )
        found = _kept(folder)
    assert found is not None
    return found


@dataclass(frozen=True)
class Shop:
    """Clicks and what was ordered by them, as files of each source.

    Args:
        clicks: The click events.
        others: The folder of each commerce source.
        truth: What was put into them, as the generator counted.
    """

    clicks: Path
    others: dict[str, Path]
    truth: dict[str, Any]


def shop(work: Path, rows: int, order_lines: int, customers: int) -> Shop:
    """The files of `clicklake generate --rows N --order-lines N --customers N`."""
    name = f"{rows}-and-{order_lines}-order-lines"
    folder = work / "data" / name
    if not (folder / "truth.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        sizes = ["--rows", f"{rows}", "--order-lines", f"{order_lines}", "--customers", f"{customers}"]
        run([CLICKLAKE, "generate", folder, *sizes], log=work / "logs" / f"generate-{name}.log")
    truth = json.loads((folder / "truth.json").read_text())
    made = [source for source, counted in truth["sources"].items() if counted["records"]]
    others = {source: folder / source for source in made if source != "click_events"}
    return Shop(folder / "click_events", others, truth)


def part(work: Path, rows: int, parts: int, number: int) -> Clicks:
    """One of several files that follow each other in time and are about the same users and products.

    Args:
        work: The work folder.
        rows: Records of all parts.
        parts: Their number.
        number: Which one, from 0.
    """
    days = max(1, _DAYS_OF_ALL_PARTS // parts)
    start = _FIRST_DAY + timedelta(days=days * number)
    return _stretch(work, f"{rows}-in-{parts}/{number}", rows // parts, start, days, _users(rows))


def history(work: Path, rows: int) -> Clicks:
    """A year of events."""
    return _stretch(work, f"{rows}-a-year", rows, _FIRST_DAY, _YEAR, _users(rows))


def day(work: Path, rows: int, of_history: int) -> Clicks:
    """The events of the day behind that year, of the same people about the same products."""
    users = _users(of_history)
    return _stretch(work, f"{of_history}-and-{rows}", rows, _FIRST_DAY + timedelta(days=_YEAR), 1, users)


def _stretch(work: Path, name: str, rows: int, start: date, days: int, users: int) -> Clicks:
    folder = work / "data" / name
    found = _kept(folder)
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
        script = [sys.executable, HERE / "generate_part.py", folder]
        run([*script, *map(str, (rows, start, days, users))], log=work / "logs" / f"generate-{name}.log")
        found = _kept(folder)
    assert found is not None
    return found


def _users(rows: int) -> int:
    return max(1, rows // _EVENTS_PER_USER)


def _kept(folder: Path) -> Clicks | None:
    try:
        truth = json.loads((folder / "truth.json").read_text())
        found = Clicks(folder / "click_events" / "part-0001.csv", truth)
        return found if found.file.stat().st_size == found.bytes else None
    except (FileNotFoundError, KeyError, ValueError):
        return None
