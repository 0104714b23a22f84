"""How long pages of the dashboard take in a browser: `python -m benchmarks.dashboard LAKE`.

A page is there when its script has ended in a browser that has opened it by its address, on all days. The first time
nothing of it is known; then the results of its reports are kept, as for the next viewer. Chromium must be there.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser.chromium import Browser

from clicklake.dashboard.pages import PAGES

DONE = (
    "document.querySelector('[data-testid=stApp][data-test-script-state=notRunning] h1')"
    " && !document.querySelector('[data-testid=stSkeleton]')"
)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lake")
    parser.add_argument("--times", type=int, default=5, help="how often each page is opened after the first time")
    parser.add_argument("--period", default="all", help="the days, as the URL has them")
    given = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [sys.executable, "-c", "from clicklake.cli.main import main; main()", "--lake", given.lake]
    server = subprocess.Popen([*program, "dashboard", "--port", str(port)], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/_stcore/health")
        time.sleep(8)  # it imports what pages need meanwhile
        with tempfile.TemporaryDirectory() as profile:
            browser = Browser(Path(profile))
            browser.look(1440, 1100)
            browser.go(f"{url}/favicon.svg")
            _open(browser, f"{url}/?period=7d")  # the browser has Streamlit's own files then
            print("| page | first time | then (median) |\n|---|---|---|")
            for entry in PAGES:
                page = "" if entry is PAGES[0] else entry.name
                first, *others = (_open(browser, f"{url}/{page}?period={given.period}") for _ in range(given.times + 1))
                print(f"| {entry.title} | {first:.2f} s | {statistics.median(others):.2f} s |", flush=True)
            browser.close()
    finally:
        server.terminate()
        server.wait(30)


def _open(browser: Browser, url: str) -> float:
    browser.go("about:blank")
    began = time.perf_counter()
    browser.go(url)
    browser.wait(DONE, 300)
    return time.perf_counter() - began


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the dashboard does not answer")


if __name__ == "__main__":
    main()
