"""The catalogue as people see it: opened as a file in Chromium, searched, read on a phone and in the dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import chromium
from clicklake.catalogue_site.build import build_site
from clicklake.lake import Lake

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.find() is None, reason=f"there is no browser: none of {', '.join(chromium.NAMES)}"),
]
PICTURES = os.environ.get("BROWSER_PICTURES")
"""A folder that keeps a picture of each page, for people who want to look."""

ROWS = """UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome
u1,s1,2025-01-01 10:00:00,product_view,p1,,
u1,s1,2025-01-01 10:05:00,purchase,p1,12.50,success
u2,s2,2025-01-02 10:00:00,page_view,,,
short
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue")
    (folder / "clicks.csv").write_text(ROWS)
    lake = Lake(folder / "lake")
    lake.run(click_events=folder / "clicks.csv")
    return build_site(lake, folder / "site").start.parent


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    opened = chromium.Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


PAGES = (
    "index.html",
    "lineage.html",
    "model.html",
    "rules.html",
    "reports.html",
    "tables/gold.fact_events.html",
    "tables/bronze.click_events.html",
    "tables/silver.orders.html",
)
SCREENS = {"wide": (1440, 1000, False), "phone": (390, 844, False), "dark": (1440, 1000, True)}

CONTRAST = """
(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = c.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode());) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest("svg, script") || !node.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${text.data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()
"""


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_from_the_file_system(site: Path, browser: chromium.Browser, page: str, screen: str) -> None:
    width, height, is_dark = SCREENS[screen]
    browser.look(width, height, is_dark=is_dark)
    browser.messages.clear()
    browser.requests.clear()
    browser.open(site / page)
    if PICTURES:
        browser.screenshot(Path(PICTURES) / f"{page.replace('/', '-').removesuffix('.html')}-{screen}.png")
    assert browser.messages == []
    assert all(url.startswith("file://") for url in browser.requests)
    assert browser.value("window.catalogueIndex.length") > 100
    # The style sheet is there, nothing but frames scrolls sideways, and every text can be read.
    assert browser.value("getComputedStyle(document.body).margin") == "0px"
    assert browser.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.value(CONTRAST) == []
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(15, 18, 23)" if is_dark else "rgb(245, 246, 248)")


def found(browser: chromium.Browser) -> list[str]:
    script = "[...document.querySelectorAll('#found .hit')].map((hit) => hit.querySelector('code').textContent)"
    return list(browser.value(script))


def test_search_by_keyboard_alone(site: Path, browser: chromium.Browser) -> None:
    browser.look(1440, 1000)
    browser.messages.clear()
    browser.open(site / "index.html")
    browser.press("/")
    assert browser.value("document.activeElement.id") == "search"
    browser.type("fact_ev")
    assert found(browser)[0] == "gold.fact_events"
    assert browser.value("document.activeElement.getAttribute('aria-expanded')") == "true"
    browser.press("ArrowDown")
    assert browser.value("document.activeElement.getAttribute('aria-activedescendant')") == "hit-1"
    browser.press("ArrowUp")
    browser.press("Enter")
    browser.loaded()
    assert browser.value("location.pathname").endswith("/tables/gold.fact_events.html")
    browser.press("/")
    browser.type("user in dim")
    assert "user_id_in_dim_users" in found(browser)
    browser.press("Escape")
    assert browser.value("document.getElementById('found').hidden")
    assert browser.messages == []


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("gold.dim_users", "gold.dim_users"),
        ("dim users", "gold.dim_users"),
        ("DIM_USERS", "gold.dim_users"),
        ("duration", "duration_seconds"),
        ("dim_sessions duration", "duration_seconds"),
        ("orphan nonsense words", None),
    ],
)
def test_what_is_found(site: Path, browser: chromium.Browser, query: str, first: str | None) -> None:
    browser.look(390, 844)
    browser.open(site / "tables/gold.fact_events.html", f"?q={query.replace(' ', '%20')}")
    hits = found(browser)
    assert hits[:1] == ([first] if first else [])
    if not first:
        assert "Nothing is called that" in browser.value("document.getElementById('found').textContent")
        return
    browser.press("/")  # the list stays in the screen of a phone
    assert browser.value("document.getElementById('found').getBoundingClientRect().right <= window.innerWidth")


def test_a_box_that_is_reached_by_keyboard_shows_what_is_connected(site: Path, browser: chromium.Browser) -> None:
    browser.look(1440, 1000)
    browser.open(site / "lineage.html")
    box = "document.querySelector('[data-box=\"gold.dim_sessions\"]')"
    browser.value(f"{box}.closest('a').focus()")
    on = set(browser.value("[...document.querySelectorAll('.box.on')].map((box) => box.dataset.box)"))
    assert {"file:click_events", "bronze.click_events", "silver.events", "gold.dim_sessions", "gold.dim_users"} <= on
    assert "silver.orders" not in on
    browser.value("document.activeElement.blur()")
    assert browser.value("document.querySelectorAll('svg.pointed').length") == 0


def test_without_scripts_everything_can_be_read(site: Path, browser: chromium.Browser) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(site / "tables/gold.fact_events.html")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.value("document.querySelectorAll('#columns tbody tr').length") == 19
    assert browser.value("document.querySelector('#lineage svg').getBoundingClientRect().width") > 300
