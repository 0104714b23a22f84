"""What pages show first is ready before somebody looks, and is made ready again with each release."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from clicklake.build.release import Release
from clicklake.dashboard import charts, opened, server, warm
from clicklake.dashboard.opened import Opened
from clicklake.dashboard.pages import PAGES, Entry
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
    warm.make_ready(here, threading.Event())
    assert len(here.serving.kept) > 10
    assert len(charts._KEPT) > 5
    for entry in PAGES:
        assert_all_is_kept(here, entry)


def test_pages_find_all_that_they_show_of_other_periods(here: Opened) -> None:
    warm.make_ready(here, threading.Event())
    first = len(here.serving.kept)
    warm.make_others_ready(here, threading.Event())
    assert len(here.serving.kept) > 2 * first
    for entry in PAGES:
        if "days" in entry.filters and entry.name != "sql":
            for period in ("7d", "365d", "all"):
                assert_all_is_kept(here, entry, period=period)


def assert_all_is_kept(here: Opened, entry: Entry, **query: str) -> None:
    made, drawn = len(here.serving.kept), len(charts._KEPT)
    app = AppTest.from_file(str(server.SCRIPT), default_timeout=120)
    app.query_params.update(query)
    if entry is not PAGES[0]:
        app._page_hash = calc_hash(entry.name)
    app.run()
    assert not app.exception
    assert len(here.serving.kept) == made, (entry.name, query)
    assert len(charts._KEPT) == drawn, (entry.name, query)


def test_other_periods_wait_while_somebody_looks(here: Opened) -> None:
    stop = threading.Event()
    warm.make_ready(here, stop)
    first = len(here.serving.kept)
    thread = threading.Thread(target=warm.make_others_ready, args=(here, stop))
    with here.serving.reading():
        thread.start()
        time.sleep(0.5)
        assert len(here.serving.kept) == first
    _until(lambda: len(here.serving.kept) > first)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_other_periods_are_left_to_a_newer_release(shop: Lake, tmp_path: Path) -> None:
    here, stop = opened.open_for_pages(Lake(shop.path)), threading.Event()
    try:
        warm.make_ready(here, stop)
        first = here.serving.release
        assert first
        thread = threading.Thread(target=warm.make_others_ready, args=(here, stop))
        with here.serving.reading():
            thread.start()
            time.sleep(0.3)
            publish_more(shop, tmp_path, "newer")
            _until(lambda: here.serving.release != first)
        thread.join(30)
        assert not thread.is_alive()
        assert made_of(here, here.serving.release) == 0
    finally:
        stop.set()
        opened.close()


def test_a_new_release_is_made_ready(shop: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_REST", 0.0)
    here, stop = opened.open_for_pages(Lake(shop.path)), threading.Event()
    thread = threading.Thread(target=warm.keep_warm, args=(here, stop))
    thread.start()
    try:
        first = here.serving.release
        _until(lambda: made_of(here, first) > 50)
        publish_more(shop, tmp_path, "new")
        _until(lambda: here.serving.release != first and made_of(here, here.serving.release) > 50)
    finally:
        stop.set()
        thread.join(30)
        opened.close()
    assert not thread.is_alive()


def publish_more(shop: Lake, folder: Path, user: str) -> None:
    (folder / f"{user}.csv").write_text(
        f"UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n{user},s1,2025-01-01 10:00:00,page_view,,,\n"
    )
    Lake(shop.path).run(click_events=folder / f"{user}.csv")


def made_of(here: Opened, release: Release | None) -> int:
    assert release
    return sum(release.release_id in key for key in list(here.serving.kept._results))


def test_an_empty_lake_has_nothing_to_make_ready(tmp_path: Path) -> None:
    here = opened.open_for_pages(Lake(tmp_path / "lake"))
    try:
        warm.make_ready(here, threading.Event())
        warm.make_others_ready(here, threading.Event())
        assert len(here.serving.kept) == 0
    finally:
        opened.close()


def _until(holds: object, seconds: float = 60) -> None:
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)
