"""What the tests of the dashboard share: one lake, one server, one browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest

from browser import chromium
from clicklake.lake import Lake
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

pytest.register_assert_rewrite("browser.dashboard")
from browser.dashboard import Rows, Served, printed  # noqa: E402


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("dashboard")
    generate(
        folder / "data", GeneratorConfig(rows=20_000, web_rows=6_000, users=600, days=90, commerce=CommerceConfig())
    )
    names = ("click_events", "web_events", "orders", "customers", "products", "payments")
    Lake(folder / "lake").run(**{name: str(folder / "data" / name) for name in names})
    started = Served(str(folder / "lake"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    opened = chromium.Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture()
def command(capsys: pytest.CaptureFixture[str], served: Served) -> Callable[..., Rows]:
    """What a command prints as JSON of the lake that is shown."""
    return lambda *arguments: printed(capsys, served.lake, *arguments)


@pytest.fixture()
def report(command: Callable[..., Rows]) -> Callable[..., Rows]:
    """What a report prints as JSON."""
    return lambda *arguments: command("report", *arguments, "--format", "json")


@pytest.fixture()
def last_days(report: Callable[..., Rows]) -> tuple[str, ...]:
    """The days that pages show where nothing was chosen, as the command line is told them."""
    last = date.fromisoformat(report("data_range")[0]["last_day"])
    return "--since", str(last - timedelta(days=29)), "--until", str(last)
