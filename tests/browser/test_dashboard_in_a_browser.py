"""The dashboard as people see it, in a real browser: wide, on a phone, in the dark; filters, links, new releases."""

from __future__ import annotations

import time
import urllib.request
from datetime import date, timedelta
from pathlib import Path

import pytest

from browser import chromium
from browser.dashboard import (
    ALERTS,
    DONE,
    HEAD,
    PICTURES,
    SCREENS,
    TILES,
    Served,
    figures,
    look,
    open_page,
    said,
)
from clicklake.lake import Lake

pytest.importorskip("streamlit", reason="the dashboard needs streamlit: pip install 'clicklake[dashboard]'")
from clicklake.dashboard.pages import PAGES  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.find() is None, reason=f"there is no browser: none of {', '.join(chromium.NAMES)}"),
]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("page", [entry.name for entry in PAGES])
def test_a_page_opens_and_can_be_read(served: Served, browser: chromium.Browser, page: str, screen: str) -> None:
    look(browser, screen)
    open_page(browser, f"{served.url}/{page}")
    title = next(entry.title for entry in PAGES if entry.name == page)
    assert browser.value("document.querySelector('h1').innerText") == title
    # On the page of the lake a notice stands until the tables are measured.
    browser.wait(f"{ALERTS}.length === 0", 60 if page == "lake" else 1)
    browser.wait("!document.querySelector('[data-testid=stSkeleton]')")
    time.sleep(1)  # charts are drawn after the script has ended
    if PICTURES:
        name = page if screen == "wide" else f"{page}-{screen}"
        browser.screenshot(Path(PICTURES) / f"{name}.png")
    assert browser.messages == []
    foreign = [url for url in browser.requests if not url.startswith((served.url, "data:", "blob:"))]
    assert browser.requests and foreign == []
    assert browser.value("document.documentElement.scrollWidth <= window.innerWidth")
    background = browser.value("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert background == ("rgb(15, 18, 23)" if screen == "dark" else "rgb(245, 246, 248)")


def test_the_overview_shows_what_the_command_line_says(
    served: Served, browser: chromium.Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    look(browser, "wide")
    open_page(browser, served.url)
    last = date.fromisoformat(str(said(capsys, served.lake, "data_range")[0]["last_day"]))
    days = ("--since", str(last - timedelta(days=29)), "--until", str(last))
    assert browser.value(TILES) == figures(said(capsys, served.lake, "key_figures", *days)[0])
    # Each tells what it is when it is pointed at.
    browser.hover("document.querySelector('.stMetric [data-testid=stTooltipHoverTarget] button')")
    browser.wait("document.querySelector('[data-testid=stTooltipContent]')")
    definition = browser.value("document.querySelector('[data-testid=stTooltipContent]').innerText")
    assert definition.startswith("Net amount of booked order lines")


def test_filters_live_in_the_url_and_go_with_the_viewer(
    served: Served, browser: chromium.Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    look(browser, "wide")
    open_page(browser, served.url)
    browser.click("document.querySelector('.st-key-filter_period input')")
    browser.wait("[...document.querySelectorAll('[role=option]')].some((e) => e.innerText === 'All days')")
    browser.click("[...document.querySelectorAll('[role=option]')].find((e) => e.innerText === 'All days')")
    browser.wait("location.search === '?period=all'")
    whole = figures(said(capsys, served.lake, "key_figures")[0])
    browser.wait(f"document.querySelector('[data-testid=stMetricValue]').innerText === '{whole['Revenue (USD)']}'")
    assert browser.value(TILES) == whole
    # to another page, and back by the browser
    browser.click("[...document.querySelectorAll('a')].find((e) => e.innerText.includes('Customers'))")
    browser.wait("location.pathname === '/customers' && location.search === '?period=all'")
    browser.wait(f"document.querySelector('h1').innerText === 'Customers' && {DONE}")
    assert browser.value("document.querySelector('.st-key-filter_period input').value") == "All days"
    # a link that somebody sent, with a segment
    segment = Lake(served.lake).filter_values("segment").to_pylist()[0]["value"]
    open_page(browser, f"{served.url}/?period=all&segment={segment.replace(' ', '%20')}")
    some = figures(said(capsys, served.lake, "key_figures", "--segment", segment)[0])
    assert browser.value(TILES) == some != whole
    assert browser.messages == []


def test_the_first_page_has_its_name_too(served: Served, browser: chromium.Browser) -> None:
    open_page(browser, f"{served.url}/overview?period=7d")
    assert browser.value("location.pathname + location.search") == "/?period=7d"
    assert browser.value(ALERTS) == [] == browser.messages


def test_an_empty_lake_says_what_to_do_and_shows_what_comes(tmp_path: Path, browser: chromium.Browser) -> None:
    started = Served(str(tmp_path / "lake"))
    try:
        look(browser, "wide")
        open_page(browser, started.url)
        assert "Nothing has been published yet" in browser.value("document.body.innerText")
        browser.wait("document.body.innerText.includes('run click_events=events.csv')")
        assert browser.value(ALERTS) == []
        if PICTURES:
            browser.screenshot(Path(PICTURES) / "empty.png")
        for users in (1, 2):
            rows = f"u{users},s{users},2025-01-01 10:00:00,page_view,,,\n"
            (tmp_path / f"{users}.csv").write_text(HEAD + rows)
            Lake(tmp_path / "lake").run(click_events=tmp_path / f"{users}.csv")
            browser.wait(f"({TILES})['Active users'] === '{users}'", 60)
        assert browser.messages == []
    finally:
        started.stop()


def test_answers_keep_to_themselves(served: Served) -> None:
    with urllib.request.urlopen(served.url, timeout=30) as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        text = answer.read().decode()
    assert "default-src 'self'" in headers["content-security-policy"] and "server" not in headers
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert "<title>clicklake</title>" in text and "Streamlit</title>" not in text
