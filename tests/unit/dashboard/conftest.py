"""A small lake, and the dashboard's script run on it as a browser's session would."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from clicklake.dashboard import opened, server
from clicklake.lake import Lake

APP = server.SCRIPT
HEAD = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
FIRST = date(2025, 1, 1)


def clicks(days: int) -> str:
    """Three users a day who look, and one of them buys; more as time goes by."""
    lines = [HEAD]
    for number in range(days):
        day = FIRST + timedelta(days=number)
        for user in range(3):
            lines.append(f"u{user + number % 5},s{number}-{user},{day} 10:00:0{user},product_view,p{user},,")
        lines.append(f"u{number % 5},s{number}-0,{day} 10:05:00,purchase,p0,{10 + number}.50,success")
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Streamlit leaves the script in place of the program; processes that other tests start would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def lake_of_clicks(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("dashboard")
    (folder / "clicks.csv").write_text(clicks(20))
    lake = Lake(folder / "lake")
    lake.run(click_events=folder / "clicks.csv")
    return lake


Show = Callable[..., AppTest]


@pytest.fixture()
def show() -> Iterator[Show]:
    """Open a page of a lake's dashboard, with what stands in its URL."""

    def run(lake: Lake, page: str = "overview", **query: str) -> AppTest:
        opened.open_for_pages(lake)
        app = AppTest.from_file(str(APP), default_timeout=120)
        app.query_params.update(query)
        if page != "overview":  # pages that are no files of their own have no public name here
            app._page_hash = calc_hash(page)
        return app.run()

    yield run
    opened.close()
