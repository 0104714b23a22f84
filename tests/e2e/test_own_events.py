"""docs/how-to/bring-your-own-events.md, run as it stands: its commands, its files, its numbers.

The file of events comes from a package registry; what the lake makes of it is counted again in plain Python.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clicklake.lake import Lake

pytestmark = [pytest.mark.network, pytest.mark.slow]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "bring-your-own-events.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """A code block of the page: its language, the file that it is, and its text."""

    language: str
    file: str
    text: str


BLOCKS = [Block(*found) for found in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]
FILES = {block.file: block.text for block in BLOCKS if block.file}


@dataclass(frozen=True)
class Ran:
    """What came of the page.

    Args:
        project: The project's folder.
        outputs: What was printed up to each text block, in their order.
    """

    project: Path
    outputs: list[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The page, run from its first command to its last in an empty folder."""
    folder = tmp_path_factory.mktemp("own_events")
    environ = _environment(folder / "bin")
    here, printed, outputs = folder, "", []
    for block in BLOCKS:
        if block.language == "bash":
            for line in block.text.splitlines():
                if line.startswith("cd "):
                    here = here / line[3:]
                    continue
                done = subprocess.run(line, shell=True, cwd=here, env=environ, capture_output=True, text=True)
                if done.returncode and line.startswith("pip download"):
                    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                    pytest.skip(f"the package can't be downloaded: {reason}")
                assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
                printed += done.stdout
        elif block.language == "text":
            outputs.append(printed)
        elif block.file == "clicklake.yaml":
            settings = here / block.file
            text = settings.read_text(encoding="utf-8")
            assert text.count("\nsources:\n") == 1
            settings.write_text(text.replace("\nsources:\n", f"\n{block.text}"), encoding="utf-8")
        elif block.file.startswith("reports/"):
            (here / block.file).write_text(block.text, encoding="utf-8")
    return Ran(here, outputs)


def _environment(programs: Path) -> dict[str, str]:
    """The environment with clicklake, python and pip of this very interpreter first."""
    programs.mkdir()
    called = {
        "python": "",
        "pip": "-m pip --disable-pip-version-check",
        "clicklake": "-c 'from clicklake.cli.main import main; main()'",
    }
    for name, arguments in called.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLICKLAKE_")}
    return {**kept, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}


@pytest.fixture(scope="module")
def events(ran: Ran) -> list[dict[str, str]]:
    """The rows of the file, by plain Python."""
    with gzip.open(ran.project / "data" / "ecom.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def distinct(events: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each different row once."""
    return list({tuple(row.values()): row for row in events}.values())


@pytest.fixture
def lake(ran: Ran) -> Lake:
    """The lake that the page made."""
    return Lake(config=ran.project / "clicklake.yaml")


def test_the_page_shows_the_files_that_are_proposed(ran):
    for name in ("sources/ecom.yaml", "sources/ecom.sql"):
        assert (ran.project / name).read_text(encoding="utf-8") == FILES[name]


def test_the_numbers_on_the_page_are_those_that_the_commands_print(ran):
    shown = [block.text for block in BLOCKS if block.language == "text"]
    for text, printed in zip(shown, ran.outputs, strict=True):
        missing = set(NUMBER.findall(text)) - set(NUMBER.findall(printed))
        assert not missing, f"{sorted(missing)} are shown, but were not printed:\n{text}"


def test_every_row_has_the_fate_that_python_counts(lake, events, distinct):
    ledger = lake.query(
        "select sum(rows_ingested) as ingested, sum(loaded) as loaded, sum(duplicates) as duplicates, "
        "sum(quarantined) as quarantined from ops.ledger"
    )
    repeated = len(events) - len(distinct)
    counted = {"ingested": len(events), "loaded": len(distinct), "duplicates": repeated, "quarantined": 0}
    assert [{name: int(value) for name, value in row.items()} for row in ledger] == [counted]
    assert counted == {"ingested": 31_106, "loaded": 31_076, "duplicates": 30, "quarantined": 0}


def test_every_event_is_the_row_that_python_reads(lake, distinct):
    rows = lake.query(
        "select user_id, session_id, event_type, cast(event_timestamp as varchar) as at, device_type, "
        "metadata['acquisition_channel'] as channel, metadata['user_cohort'] as cohort, "
        "metadata['user_lifecycle'] as lifecycle from silver.events"
    )
    names = ("user_id", "session_id", "event", "timestamp", "platform", "acquisition_channel", "user_cohort")
    wanted = [tuple(row[name] for name in (*names, "user_lifecycle")) for row in distinct]
    assert sorted(tuple(row.values()) for row in rows) == sorted(wanted)


def test_the_funnel_is_the_one_that_python_finds(lake, distinct):
    times: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for row in distinct:
        times[row["user_id"]][row["event"]].append(datetime.fromisoformat(row["timestamp"]))
    steps = ("product_view", "add_to_cart", "purchase")
    users = [sum(bool(own[step]) for own in times.values()) for step in steps]
    in_order = [
        sum(any(_reaches(own, steps[: number + 1], view) for view in own["product_view"]) for own in times.values())
        for number in range(len(steps))
    ]
    found = lake.report("conversion_funnel").to_pylist()
    assert [row["users"] for row in found] == users == [598, 522, 328]
    assert [row["users_in_order"] for row in found] == in_order == [598, 502, 263]


def _reaches(own: dict[str, list[datetime]], steps: tuple[str, ...], view: datetime) -> bool:
    """Whether a user goes on from a view through the other steps, each later, within 30 days."""
    at: datetime | None = view
    for step in steps[1:]:
        later = [time for time in own[step] if at is not None and at < time <= view + timedelta(days=30)]
        at = min(later, default=None)
    return at is not None


def test_the_page_tells_how_many_rows_the_shops_rules_would_have_rejected(events):
    counted = Counter(row["event"] for row in events)
    rejected = sum(counted[event] for event in ("product_view", "add_to_cart", "purchase"))
    assert f"{rejected:,} of its rows" in PAGE.read_text(encoding="utf-8")


def test_the_report_of_the_page_is_right(lake, distinct):
    users, buyers = defaultdict(set), defaultdict(set)
    for row in distinct:
        users[row["acquisition_channel"]].add(row["user_id"])
        if row["event"] == "purchase":
            buyers[row["acquisition_channel"]].add(row["user_id"])
    wanted = sorted(((name, len(ids), len(buyers[name])) for name, ids in users.items()), key=lambda row: -row[1])
    assert [(row["channel"], row["users"], row["buyers"]) for row in lake.report("channels")] == wanted
