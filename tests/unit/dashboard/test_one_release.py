"""A page is of one release, even if another one is published while it is drawn."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from clicklake.access import LOCAL
from clicklake.dashboard import opened, server
from clicklake.dashboard.parts import csv
from clicklake.dashboard.view import View
from clicklake.lake import Lake
from clicklake.serving import Serving
from clicklake.serving import serving as module

HEAD = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    lake = Lake(tmp_path / "lake")
    _bring(lake, tmp_path, 1)
    yield lake
    opened.close()


def test_runs_that_publish_while_a_page_is_drawn(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.0)
    own, seen = Serving.report, []

    def report(self: Serving, name: str, **given: Any) -> Any:  # noqa: ANN401 - whatever a report takes
        rows = own(self, name, **given)
        seen.append((name, rows.to_pylist()))
        if name == "key_figures":
            _bring(lake, tmp_path, 2)
        return rows

    monkeypatch.setattr(Serving, "report", report)
    opened.open_for_pages(lake)
    app = AppTest.from_file(str(server.SCRIPT), default_timeout=120).run()
    assert not app.exception
    assert app.caption[0].value.startswith("Release 1,")
    days = dict(seen)["daily_figures"]
    assert (dict(seen)["key_figures"][0]["active_users"], len(days), days[0]["active_users"]) == (1, 1, 1)
    seen.clear()
    app.run()
    assert app.caption[0].value.startswith("Release 2,")
    assert dict(seen)["daily_figures"][0]["active_users"] == 2


def test_what_is_done_later_reads_the_newest(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.0)
    here = opened.open_for_pages(lake)
    with View(lake, here.serving, here.access.grants(LOCAL)).held() as view:
        assert view.release and view.release.release_id == 1
    _bring(lake, tmp_path, 2)
    assert here.serving.release and here.serving.release.release_id == 2  # the engine of release 1 is closed
    (row,) = csv_module.DictReader(io.StringIO(csv(view.later(), "key_figures", {}).decode()))
    assert row["active_users"] == "2"


def _bring(lake: Lake, folder: Path, number: int) -> None:
    file = folder / f"{number}.csv"
    file.write_text(f"{HEAD}u{number},s{number},2025-01-01 10:00:00,page_view,,,\n")
    Lake(lake.path).run(click_events=file)
