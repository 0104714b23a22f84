"""Measure the dashboard in a browser: `python -m benchmarks.dashboard`; adds its section to docs/performance.md.

A page is there when its script has ended and everything that it draws has a place. Chromium must be there. Nothing else
should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser.chromium import Browser

from benchmarks import report
from benchmarks.data import clicks
from benchmarks.goals import Verdict
from benchmarks.measure import CLICKLAKE, DEFAULT_WORK, load_average, machine, run, say
from clicklake.dashboard.pages import PAGES

SIZES = (2_000_000, 20_000_000)
_LIMITS = {2_000_000: 1.0, 20_000_000: 3.0}
_DONE = (
    "document.querySelector('[data-testid=stApp][data-test-script-state=notRunning] h1')?.innerText.trim() === {title}"
    " && !document.querySelector('[data-testid=stSkeleton]')"
)
_LINK = "[...document.querySelectorAll('header a')].find(link => link.innerText.trim().endsWith({title}))"
_METHOD = """\
`clicklake dashboard` and a Chromium on the same machine. *Ready*: by a click in the navigation, with the days that are
shown at first, which the dashboard has made ready after the release. *All days*: the same of another period that is
offered; these are made ready too, once the machine has time. *Own days*: by a click, on all days but one, which nobody
has asked for before, so that every report is computed. *Then*: the same again, medians of {times}. *By address*: the
same in a browser that opens the page's address, most of which is Streamlit's own program. The part *Quality* of the
page *Lake* says that tables are being measured, and fills in when they are."""


@dataclass
class Times:
    """Seconds of a page, as the method names them."""

    ready: float = 0.0
    all_days: float = 0.0
    own_days: float = 0.0
    then: list[float] = field(default_factory=list)
    by_address: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, help="events in the lakes")
    parser.add_argument("--times", type=int, default=5, help="how often each page is opened again")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for data and lakes")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    options = parser.parse_args(arguments)
    work = options.work.expanduser().absolute()
    before = load_average()
    found = {rows: measure(lake(work, rows), options.times) for rows in options.rows}
    verdicts = [verdict for rows, times in found.items() for verdict in judge(rows, times)]
    parts = [
        "## The dashboard",
        report.goals(verdicts) if verdicts else "",
        report.quiet(before),
        _METHOD.format(times=options.times),
        *(f"{rows:,} events:\n\n{_table(times)}" for rows, times in found.items()),
        report.machine(machine(), []),
        'Measure again: `make bench-dashboard`, with `ARGS="--rows N --times N"` for other sizes.',
    ]
    text = "\n\n".join(part for part in parts if part)
    print(text)
    report.keep(options.output, "benchmarks.dashboard", "make bench-dashboard", text)
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def lake(work: Path, rows: int) -> Path:
    """A new lake of so many events."""
    found = work / "runs" / f"dashboard-{rows}"
    shutil.rmtree(found, ignore_errors=True)
    say(f"a lake of {rows:,} events")
    command = [CLICKLAKE, "--lake", found, "run", f"click_events={clicks(work, rows).file}"]
    run(command, log=work / "logs" / f"dashboard-{rows}.log")
    return found


def measure(folder: Path, times: int) -> dict[str, Times]:
    """The pages' times, by their titles."""
    found = {entry.title: Times() for entry in PAGES}
    with serving(folder) as url, tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        try:
            browser.look(1440, 1100)
            browser.go(f"{url}/favicon.svg")
            for _ in range(3):  # the browser has Streamlit's own files then, compiled
                _open(browser, f"{url}/sql?period=7d", "SQL")
                _open(browser, f"{url}/products?period=7d", "Products")
            say("pages that were made ready")
            time.sleep(_seconds_of_all(folder))
            _open(browser, f"{url}/sql", "SQL")
            for entry in PAGES:
                found[entry.title].ready = _click(browser, entry.title)
            time.sleep(_seconds_of_all(folder))  # the page Lake has begun to measure the tables
            say("all days")
            _open(browser, f"{url}/sql?period=all", "SQL")
            for entry in PAGES:
                found[entry.title].all_days = _click(browser, entry.title)
            say("days of one's own")
            days = _all_but_one(folder)
            _open(browser, f"{url}/sql?{days}", "SQL")
            for entry in PAGES:
                found[entry.title].own_days = _click(browser, entry.title)
            for _ in range(times):
                for entry in PAGES:
                    found[entry.title].then.append(_click(browser, entry.title))
            for entry in PAGES:
                page = "" if entry is PAGES[0] else entry.name
                for _ in range(times):
                    found[entry.title].by_address.append(_open(browser, f"{url}/{page}?{days}", entry.title))
        finally:
            browser.close()
    return found


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A dashboard of a lake; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [CLICKLAKE, "--lake", str(folder), "dashboard", "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def judge(rows: int, found: dict[str, Times]) -> list[Verdict]:
    """The goals of this size: the slowest page."""
    limit = _LIMITS.get(rows)
    if limit is None:
        return []
    pages = found.values()
    slowest = {
        "the slowest page, made ready": max(times.ready for times in pages),
        "the slowest page, all days": max(times.all_days for times in pages),
        "the slowest page, own days, the first time": max(times.own_days for times in pages),
        "the slowest page, own days, then": max(statistics.median(times.then) for times in pages),
    }
    return [Verdict(goal, rows, seconds, limit, "s", False) for goal, seconds in slowest.items()]


def _open(browser: Browser, url: str, title: str) -> float:
    browser.go("about:blank")
    began = time.perf_counter()
    browser.go(url)
    browser.wait(_DONE.format(title=json.dumps(title)), 300)
    return time.perf_counter() - began


def _click(browser: Browser, title: str) -> float:
    if browser.value("document.querySelector('h1').innerText.trim()") == title:
        _click(browser, next(entry.title for entry in PAGES if entry.title != title))
    began = time.perf_counter()
    browser.value(f"{_LINK.format(title=json.dumps(title))}.click()")
    browser.wait(_DONE.format(title=json.dumps(title)), 300)
    return time.perf_counter() - began


def _all_but_one(folder: Path) -> str:
    """All days of a lake but the first one, as the URL says it."""
    command = [CLICKLAKE, "--lake", str(folder), "report", "data_range", "--format", "json"]
    (row,) = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    first = date.fromisoformat(row["first_day"])
    return f"since={first + timedelta(days=1)}&until={row['last_day']}"


def _seconds_of_all(folder: Path) -> float:
    """Enough for all that is done beside the pages: their reports made ready, the tables measured."""
    size = sum(file.stat().st_size for file in (folder / "gold").rglob("*.parquet"))
    return 15 + size / 5e6


def _table(found: dict[str, Times]) -> str:
    rows = [
        [
            title,
            *(f"{seconds:.2f} s" for seconds in (times.ready, times.all_days, times.own_days)),
            *(f"{statistics.median(seconds):.2f} s" for seconds in (times.then, times.by_address)),
        ]
        for title, times in found.items()
    ]
    return report.table(["Page", "Ready", "All days", "Own days", "Then", "By address"], rows)


if __name__ == "__main__":
    sys.exit(main())
