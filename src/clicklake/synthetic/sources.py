"""The two sources that are generated: their traffic, their files and how their lines look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path

import numpy as np

from clicklake.synthetic.click_csv import HEADER, csv_lines
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.events import Events, Floats
from clicklake.synthetic.plan import Slice, part_hours, slices
from clicklake.synthetic.rhythm import DAY, HOUR, Rhythm
from clicklake.synthetic.web_json import json_lines
from clicklake.synthetic.world import World

_WEB_DAYS = 2
_BLOCKS, _MOST_SLICES = 2**30, 2**21
_CLICK_STREAM, WEB_STREAM, _BLOCK_STREAM = 2, 3, 4


@dataclass(frozen=True)
class Source:
    """How the records of a source are made, named and written.

    Args:
        stream: Number of its random numbers; no two streams are the same.
        first_block: The number of its first slice among the slices of all sources and periods.
        rhythm: Its traffic.
        slices: What to make, in order of time.
        path: Gives the file of a part.
        header: What a file begins with.
        lines: Writes records.
        keeps_empty_files: Whether a part without records is a file.
    """

    stream: int
    first_block: int
    rhythm: Rhythm
    slices: Sequence[Slice]
    path: Callable[[int], Path]
    header: bytes
    lines: Callable[[Events, World], bytes]
    keeps_empty_files: bool


def first_second(start: date) -> int:
    """Give the first second of a day, since 1970 (UTC)."""
    return (start - date(1970, 1, 1)).days * DAY


def click_source(directory: Path, config: GeneratorConfig, volume: Floats) -> Source:
    """Describe `click_events`: CSV files, each a stretch of the whole period."""
    rhythm = Rhythm(first_second(config.start), volume)
    return Source(
        stream=_CLICK_STREAM,
        first_block=_first_block(config),
        rhythm=rhythm,
        slices=slices(rhythm, part_hours(config.days, config.files), config.rows),
        path=lambda part: directory / f"part-{part + 1:04d}.csv",
        header=HEADER,
        lines=csv_lines,
        keeps_empty_files=True,
    )


def web_source(directory: Path, config: GeneratorConfig, volume: Floats) -> Source:
    """Describe `web_events`: newline-delimited JSON in a folder for each of the last hours."""
    hours = 24 * min(_WEB_DAYS, config.days)
    rhythm = Rhythm(first_second(config.start) + (len(volume) - hours) * HOUR, volume[-hours:])

    def path(hour: int) -> Path:
        moment = datetime.fromtimestamp(rhythm.begin + hour * HOUR, timezone.utc)
        return directory / f"{moment:%Y/%m/%d/%H}" / "events-0001.ndjson"

    return Source(
        stream=WEB_STREAM,
        first_block=_first_block(config) + _MOST_SLICES,
        rhythm=rhythm,
        slices=slices(rhythm, range(hours + 1), config.web_rows),
        path=path,
        header=b"",
        lines=json_lines,
        keeps_empty_files=False,
    )


def _first_block(config: GeneratorConfig) -> int:
    """Draw where the slices begin to count, so that data of several seeds or periods can go into one lake."""
    rng = np.random.default_rng([config.seed, _BLOCK_STREAM, config.start.toordinal()])
    return int(rng.integers(_BLOCKS - 2 * _MOST_SLICES))
