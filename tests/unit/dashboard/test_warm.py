"""What pages show first is ready before somebody looks, and is made ready again with each release."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from clicklake.dashboard import charts, opened, server, warm
from clicklake.dashboard.opened import Opened
from clicklake.dashboard.pages import PAGES
from clicklake.lake import Lake
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("shop")
    generate(folder / "raw", GeneratorConfig(rows=4_000, commerce=CommerceConfig()))
    lake = Lake(folder / "lake")
    lake.run({path.name: path for path in (folder / "raw").iterdir() if path.is_dir()})
    return lake


@pytest.fixture
def here(shop: Lake) -> Iterator[Opened]:
    yield opened.open_for_pages(shop)
    opened.close()


def test_pages_find_all_that_they_show_first(here: Opened) -> None:
    warm.make_ready(here)
    made, drawn = len(here.serving.kept), len(charts._KEPT)
    assert made > 10
    assert drawn > 5
    for entry in PAGES:
        app = AppTest.from_file(str(server.SCRIPT), default_timeout=120)
        if entry is not PAGES[0]:
            app._page_hash = calc_hash(entry.name)
        app.run()
        assert not app.exception
        assert len(here.serving.kept) == made, entry.name
        if entry.name != "funnel":  # its chart is another one with each choice
            assert len(charts._KEPT) == drawn, entry.name
        drawn = len(charts._KEPT)


def test_a_new_release_is_made_ready(shop: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_REST", 0.0)
    here, stop = opened.open_for_pages(Lake(shop.path)), threading.Event()
    thread = threading.Thread(target=warm.keep_warm, args=(here, stop))
    thread.start()
    try:
        _until(lambda: len(here.serving.kept) > 10)
        before = len(here.serving.kept)
        (tmp_path / "more.csv").write_text(
            "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\nnew,s1,2025-01-01 10:00:00,page_view,,,\n"
        )
        Lake(shop.path).run(click_events=tmp_path / "more.csv")
        _until(lambda: len(here.serving.kept) >= 2 * before)
    finally:
        stop.set()
        thread.join(30)
        opened.close()
    assert not thread.is_alive()


def test_an_empty_lake_has_nothing_to_make_ready(tmp_path: Path) -> None:
    here = opened.open_for_pages(Lake(tmp_path / "lake"))
    try:
        warm.make_ready(here)
        assert len(here.serving.kept) == 0
    finally:
        opened.close()


def _until(holds: object, seconds: float = 60) -> None:
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)
