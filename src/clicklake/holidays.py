"""The calendar of holidays that the settings name."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from clicklake.errors import ConfigError

_MOST = 20_000
"""Days; more would make every statement long."""


def load_holidays(file: Path) -> tuple[date, ...]:
    """The days of a CSV file with the column `date`, in their order; other columns are for people.

    Raises:
        ConfigError: The file can't be read, has no such column, or a value is no day; it names the line.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            found = _days(csv.DictReader(lines), file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"the holidays can't be read: {error}", file=str(file), key="holidays") from error
    if len(found) > _MOST:
        raise ConfigError(
            f"there are more than {_MOST:,} holidays; leave out years that no source has",
            file=str(file),
            key="holidays",
        )
    return tuple(sorted(found))


def _days(rows: csv.DictReader[str], file: Path) -> set[date]:
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
    if "date" not in rows.fieldnames:
        raise ConfigError(
            "the holidays have no column date; they are a CSV file with the column date and, if wanted, name",
            file=str(file),
            line=1,
            key="holidays",
        )
    found = set()
    for row in rows:
        day = (row["date"] or "").strip()
        try:
            found.add(date.fromisoformat(day))
        except ValueError as error:
            raise ConfigError(
                f"date {day!r} is no day such as 2026-12-25", file=str(file), line=rows.line_num, key="holidays"
            ) from error
    return found
