"""A broken threshold is told once a change of state, to a real web server; what was not delivered is tried again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clicklake.alerts import alert as told_in
from clicklake.cli.main import run
from clicklake.lake import Lake

Clicks = Callable[..., Path]
GOOD = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
SECRET = "hush-hush"


class Hook:
    """A webhook: what it was told, and how it answers."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.answer = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.answer == 200:
                    hook.told.append(json.loads(body))
                self.send_response(hook.answer)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on stderr."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:{SECRET}@127.0.0.1:{self.server.server_port}/{SECRET}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def titles(self) -> list[str]:
        return [message["title"].removeprefix("clicklake: ") for message in self.told]


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Lake]:
    """A lake with these URLs and thresholds."""

    def make(*hooks: Hook, quality: str = "warn_under: 90, fail_under: 60", more: str = "") -> Lake:
        monkeypatch.setenv("HOOKS", ",".join(hook.url for hook in hooks))
        monkeypatch.setenv("CLICKLAKE_ALERTS__URLS", ",".join(hook.url for hook in hooks))
        config = tmp_path / "clicklake.yaml"
        config.write_text(f"lake: lake\nquality: {{{quality}}}\n{more}")
        return Lake(config=config)

    return make


def deliver(lake: Lake, clicks: Clicks, name: str, good: int, bad: int) -> None:
    """A file with so many good and bad rows."""
    rows = [GOOD.replace("u1", f"{name}{number}") for number in range(good)]
    lake.run(click_events=clicks(*rows, *(f",s,{name}{n},x,,," for n in range(bad)), name=f"{name}.csv"))


def test_each_change_of_state_is_told_once(project: Any, clicks: Clicks, hook: Hook) -> None:
    lake = project(hook)
    deliver(lake, clicks, "a", 10, 0)
    assert hook.titles == [], "all is well, as it was"
    deliver(lake, clicks, "b", 8, 4)
    deliver(lake, clicks, "c", 1, 0)
    assert hook.titles == ["source click_events is under its quality threshold"]
    assert hook.told[0]["type"] == "warning"
    assert "warn (was ok): click_events: quality score 81.82 % is under 90 % (4 rows in" in hook.told[0]["message"]
    deliver(lake, clicks, "d", 0, 20)
    deliver(lake, clicks, "e", 100, 0)
    lake.run(click_events=[])
    deliver(lake, clicks, "f", 200, 0)
    under = "source click_events is under its quality threshold"
    fails, holds = under.replace("is under", "fails"), under.replace("is under", "holds") + " again"
    assert hook.titles == [under, fails, under, holds]
    states = lake.query("select previous_state, state, channel from ops.alerts order by told_at").to_pylist()
    told = [(row["previous_state"], row["state"]) for row in states]
    assert told == [("ok", "warn"), ("warn", "fail"), ("fail", "warn"), ("warn", "ok")]
    assert {row["channel"] for row in states} == {"1 json"}


def test_what_was_not_delivered_is_said_and_tried_again(
    project: Any, clicks: Clicks, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    lake = project(hook)
    hook.answer = 500
    result = lake.run(click_events=clicks(GOOD, "bad"))
    assert result.ok and result.release is not None, "the run has done its work"
    assert "alert to 1 json: the message was not taken; the next run tries again" in caplog.text
    hook.answer = 200
    lake.run(click_events=clicks(GOOD, "bad"))
    lake.run(click_events=clicks(GOOD, "bad"))
    assert hook.titles == ["source click_events fails its quality threshold"]


def test_one_channel_that_fails_takes_nothing_from_the_other(project: Any, clicks: Clicks, hook: Hook) -> None:
    other = Hook()
    other.answer = 503
    lake = project(other, hook)
    for _ in range(2):
        lake.run(click_events=clicks(GOOD, "bad"))
    other.answer = 200
    lake.run(click_events=clicks(GOOD, "bad"))
    assert (len(hook.told), len(other.told)) == (1, 1)
    other.server.shutdown()
    other.server.server_close()


def test_killed_between_telling_and_noting_tells_again_and_never_forgets(
    project: Any, clicks: Clicks, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = project(hook)
    with monkeypatch.context() as patched:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(told_in, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            lake.run(click_events=clicks(GOOD, "bad"))
    for _ in range(2):
        lake.run(click_events=clicks(GOOD, "bad"))
    assert hook.titles == ["source click_events fails its quality threshold"] * 2


def test_tables_are_told_of_where_they_are_measured(
    project: Any, clicks: Clicks, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = project(hook, quality="tables: {events: {fail_under: 90}}")
    lake.run(click_events=clicks(GOOD, GOOD.replace("product_view", "teleport")))
    assert hook.titles == []
    for _ in range(2):
        assert run(["quality", "--alert"]) == 3
    assert hook.titles == ["silver.events validity fails its quality threshold"]
    assert "event_type_known: 50 % is under 90 % (1 of 2 rows: clicklake quality --show" in hook.told[0]["message"]


def test_only_what_fails_where_that_is_asked_for(project: Any, clicks: Clicks, hook: Hook) -> None:
    lake = project(hook, more="alerts: {least: fail}\n")
    deliver(lake, clicks, "a", 8, 2)
    assert hook.titles == []
    deliver(lake, clicks, "b", 0, 8)
    deliver(lake, clicks, "c", 10, 0)
    titles = [
        "source click_events fails its quality threshold",
        "source click_events holds its quality threshold again",
    ]
    assert hook.titles == titles


def test_no_secret_is_anywhere(
    project: Any, clicks: Clicks, hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(hook)
    hook.answer = 404
    assert run(["run", f"click_events={clicks(GOOD, 'bad')}", "--log-level", "debug"]) == 3
    hook.answer = 200
    assert run(["run", "click_events=clicks.csv", "--log-level", "debug"]) == 3
    assert hook.told
    assert run(["query", "select * from ops.alerts", "--json"]) == 0
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    for file in (tmp_path / "lake").rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()
    for file in (tmp_path / "logs").rglob("*"):
        assert SECRET not in file.read_text()


def test_a_url_that_is_none_is_a_warning(tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clicklake.yaml").write_text("lake: lake\nalerts: {urls: nonsense}\n")
    assert run(["run", f"click_events={clicks(GOOD, 'bad')}"]) == 0
    assert "alert to 1: the URL is none that apprise knows" in " ".join(capsys.readouterr().err.split())


def test_without_apprise_it_says_what_to_install_before_anything_is_done(
    project: Any, clicks: Clicks, hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from clicklake.alerts import channels

    project(hook)
    monkeypatch.setattr(channels, "find_spec", lambda _: None)
    assert run(["run", f"click_events={clicks(GOOD)}"]) == 2
    assert "pip install 'clicklake[alerts]'" in capsys.readouterr().err
    assert run(["query", "select 1 from bronze.click_events"]) == 2
