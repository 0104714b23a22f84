"""The dashboard as its tests open and read it: a server, pages, tiles, the labels of charts, the cells of tables."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pytest

from browser import chromium
from clicklake.cli.main import run
from clicklake.reports import formats

PICTURES = os.environ.get("BROWSER_PICTURES")
"""A folder that keeps a picture of each page, for people who want to look."""
SCREENS = {"wide": (1440, 1100, False), "phone": (390, 844, False), "dark": (1440, 1100, True)}
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
DONE = (
    "document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]') && document.querySelector('h1')"
)
ALERTS = "[...document.querySelectorAll('[data-testid=stAlert], [data-testid=stException]')].map((e) => e.innerText)"
TILES = """Object.fromEntries([...document.querySelectorAll('.stMetric')].map((tile) => [
  tile.querySelector('[data-testid=stMetricLabel]').innerText.trim(),
  tile.querySelector('[data-testid=stMetricValue]').innerText.trim()]))"""
HEAD = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n"
Rows = list[dict[str, Any]]


class Served:
    """A dashboard that runs."""

    def __init__(self, lake: str, *options: str, host: str = "127.0.0.1", port: int | None = None) -> None:
        if port is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        self.lake, self.url = lake, f"http://127.0.0.1:{port}"
        program = [sys.executable, "-c", "from clicklake.cli.main import main; main()", "--lake", lake, *options]
        self._process = subprocess.Popen([*program, "dashboard", "--host", host, "--port", str(port)])
        for _ in range(600):
            assert self._process.poll() is None
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5)
                return
            except OSError:
                time.sleep(0.1)

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(30) == 0


def look(browser: chromium.Browser, screen: str) -> None:
    width, height, is_dark = SCREENS[screen]
    browser.look(width, height, is_dark=is_dark)
    browser.call("Emulation.setUserAgentOverride", userAgent=PHONE if screen == "phone" else "")


def open_page(browser: chromium.Browser, url: str) -> None:
    browser.messages.clear()
    browser.requests.clear()
    browser.go(url)
    browser.wait(DONE, 120)


def printed(capsys: pytest.CaptureFixture[str], lake: str, *arguments: str) -> Rows:
    """What a command prints as JSON."""
    capsys.readouterr()
    assert run(["--lake", lake, *arguments]) == 0
    rows: Rows = json.loads(capsys.readouterr().out)
    return rows


def said(capsys: pytest.CaptureFixture[str], lake: str, *arguments: str) -> Rows:
    """What `clicklake report --format json` prints."""
    return printed(capsys, lake, "report", *arguments, "--format", "json")


def figures(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Revenue (USD)": formats.money(row["revenue"]),
        "Orders": formats.integer(row["orders"]),
        "Average order value (USD)": formats.money(row["average_order_value"]),
        "Active users": formats.integer(row["active_users"]),
        "Conversion rate": formats.percent(row["conversion_pct"]),
    }


def labels(within: str, mark: str = " · ") -> str:
    """A script for what is said of each bar, point or cell of the charts of a card."""
    marks = f"document.querySelectorAll('{within} [data-testid=stVegaLiteChart] [aria-label]')"
    return f"[...{marks}].map((mark) => mark.getAttribute('aria-label')).filter((label) => label.includes('{mark}'))"


def told(
    rows: Rows, header: str, value: str, *names: str, form: Callable[[object], str] = formats.integer
) -> list[str]:
    """What the marks of a chart say of rows."""
    return [" · ".join([*(str(row[name]) for name in names), f"{header}: {form(row[value])}"]) for row in rows]


def grid(within: str, shown: int = 10) -> str:
    """A script for a table, as those have it who can't see it: how many rows, the heads, the cells of the first."""
    return f"""((table) => table && [
      table.getAttribute('aria-rowcount') - 1,
      [...table.querySelectorAll('[role=columnheader]')].map((head) => head.innerText.replace(/ \\(.*/, '')),
      [...table.querySelectorAll('tbody tr')].slice(0, {shown}).map(
        (row) => [...row.querySelectorAll('td')].map((cell) => cell.innerText))
    ])(document.querySelector('{within} [data-testid=stDataFrame] table'))"""


def shows_rows(
    browser: chromium.Browser,
    within: str,
    rows: Sequence[Mapping[str, Any]],
    *names: str,
    seconds: float = 30,
    masked: Collection[str] = (),
) -> None:
    """Wait until a table shows rows as the command line prints them, in as many columns as there is place for.

    Args:
        browser: The browser.
        within: What the table is in.
        rows: All of them.
        *names: Columns; all unless given.
        seconds: To wait.
        masked: Columns of personal data: their codes are those of one server.
    """
    script, names, until = grid(within), names or tuple(rows[0]), time.monotonic() + seconds
    while True:
        found = browser.value(script) or [0, [], []]
        columns = names[: max(3, len(found[1]))]
        shown = [["***" if name in masked else _cell(row[name]) for name in columns] for row in rows[:10]]
        for row in found[2]:
            row[:] = ["***" if n in masked and c.startswith("***") else c for n, c in zip(columns, row, strict=False)]
        expected = [len(rows), [formats.label(name) for name in columns], shown]
        if found == expected or time.monotonic() > until:
            break
        time.sleep(0.05)
    assert found == expected


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


def expect(browser: chromium.Browser, script: str, expected: object, seconds: float = 30) -> None:
    """Wait until a script gives what is expected; else fail with what it gives."""
    until = time.monotonic() + seconds
    while (found := browser.value(script)) != expected and time.monotonic() < until:
        time.sleep(0.05)
    assert found == expected


def choose(browser: chromium.Browser, key: str, option: str) -> None:
    """Choose an option of a list, as a viewer does."""
    browser.click(f"document.querySelector('.st-key-{key} input')")
    found = f"[...document.querySelectorAll('[role=option]')].find((e) => e.innerText.startsWith('{option}'))"
    browser.wait(found)
    browser.click(found)


def click_on(browser: chromium.Browser, text: str, within: str = "body") -> None:
    """Click on the button with such a text."""
    texts = "e.innerText.split('\\n').map((text) => text.trim())"
    button = f"[...document.querySelectorAll('{within} button')].find((e) => {texts}.includes('{text}'))"
    browser.wait(button)
    browser.click(button)
