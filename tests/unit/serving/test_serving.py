"""Readers of a lake that changes: one release for each, none half made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from clicklake.errors import FitError, NothingYetError, TookTooLongError, UnknownNameError
from clicklake.lake import Lake
from clicklake.serving import Serving
from clicklake.serving import serving as module

VIEW = "u{n},s{n},2025-01-0{n} 10:00:00,product_view,p1,,"
BUY = "u{n},s{n},2025-01-0{n} 11:00:00,purchase,p1,9.50,success"


@pytest.fixture
def always_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.0)


@pytest.fixture
def run(lake: Lake, clicks: Callable[..., Path]) -> Callable[[int], None]:
    """Brings one user's view and purchase; each time another user's."""

    def run(number: int) -> None:
        records = [VIEW.format(n=number), BUY.format(n=number)]
        Lake(lake.path).run(click_events=clicks(*records, name=f"{number}.csv"))

    return run


def test_an_empty_lake_says_that_there_is_nothing_yet(lake: Lake) -> None:
    serving = Serving(lake)
    assert serving.release is None
    with pytest.raises(NothingYetError, match="clicklake demo"):
        serving.report("revenue_metrics")


def test_a_report_is_what_the_lake_says_and_is_kept(lake: Lake, clicks: Callable[..., Path]) -> None:
    records = [BUY.format(n=n).replace("-01-0", f"-{m:02}-0") for n in range(1, 10) for m in range(1, n + 1)]
    records += [BUY.format(n=1).replace("u1", f"v{k}").replace("-01-", f"-{m:02}-") for k in range(20) for m in (2, 5)]
    lake.run(click_events=clicks(*records))
    serving = Serving(lake)
    for name in lake.catalogue.report_names:
        arguments = {"user": "u1"} if name == "user_journey" else {}
        expected = lake.report(name, **arguments)
        first = serving.report(name, **arguments)
        assert first.table.equals(expected.table), name
        assert first.note == expected.note
        assert serving.report(name, **arguments) is first
    assert serving.report("top_products", limit=0).to_pylist() == []
    assert len(serving.report("daily_active_users", since="2026-01-02")) == 0
    asked = [("customer_lifetime_value", limit) for limit in range(1, 4)] + [("at_risk_customers", 5)] * 3
    with ThreadPoolExecutor(6) as pool:  # fitted models beside each other
        found = list(pool.map(lambda item: len(serving.report(item[0], limit=item[1])), asked))
    assert found == [*range(1, 4), *[5] * 3]


def test_a_wrong_name_is_told(lake: Lake, run: Callable[[int], None]) -> None:
    run(1)
    with pytest.raises(UnknownNameError, match="top_product"):
        Serving(lake).report("top_product")


@pytest.mark.usefixtures("always_looks")
def test_a_new_release_is_followed_and_readers_finish_on_theirs(lake: Lake, run: Callable[[int], None]) -> None:
    run(1)
    serving = Serving(lake)
    assert serving.report("revenue_metrics").to_pylist()[0]["purchasers"] == 1
    with serving.reading() as before, before.cursor() as engine:
        run(2)
        assert serving.report("revenue_metrics").to_pylist()[0]["purchasers"] == 2
        assert serving.release and serving.release.release_id == before.release.release_id + 1
        before.attach_table("gold.dim_users")
        assert engine.value("select count(*) from gold.dim_users") == 1
    with pytest.raises(Exception, match="closed"):
        before._engine.value("select 1")


@pytest.mark.usefixtures("always_looks")
def test_many_threads_while_runs_publish_see_only_whole_releases(lake: Lake, run: Callable[[int], None]) -> None:
    run(1)
    serving = Serving(lake, kept_bytes=0)
    is_over = threading.Event()

    def read() -> list[tuple[int, int]]:
        found = []
        while not is_over.is_set():
            with serving.reading() as generation:
                for name in ("gold.dim_users", "gold.fact_events"):
                    generation.attach_table(name)
                with generation.cursor() as engine:
                    found += engine.rows(
                        "select (select count(*) from gold.dim_users), (select count(*) from gold.fact_events)"
                    )
            serving.report("revenue_metrics")
            with suppress(FitError):
                serving.report("customer_lifetime_value")
        return found

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for number in range(2, 6):
                run(number)
        finally:
            is_over.set()
        seen = {pair for reader in readers for pair in reader.result()}
    assert seen <= {(users, 2 * users) for users in range(1, 6)}
    assert serving.report("revenue_metrics").to_pylist()[0]["purchasers"] == 5


def test_what_no_release_names_is_read_as_it_is_now(lake: Lake, run: Callable[[int], None], tmp_path: Path) -> None:
    run(1)
    project = tmp_path / "project"
    (project / "reports").mkdir(parents=True)
    (project / "clicklake.yaml").write_text(f"lake: {lake.path}\n")
    (project / "reports" / "raw.sql").write_text("select count(*) as rows_there from bronze.click_events\n")
    serving = Serving(Lake(config=project / "clicklake.yaml"))
    assert serving.report("raw").to_pylist() == [{"rows_there": 2}]
    Lake(lake.path).ingest("click_events", tmp_path / _more(tmp_path))
    assert serving.report("raw").to_pylist() == [{"rows_there": 3}]


def test_what_a_filter_alone_reads_is_read_as_it_is_now_too(
    lake: Lake, run: Callable[[int], None], tmp_path: Path
) -> None:
    run(1)
    project = tmp_path / "project"
    (project / "filters").mkdir(parents=True)
    (project / "clicklake.yaml").write_text(f"lake: {lake.path}\n")
    (project / "filters" / "rows_in_bronze.yml").write_text(
        "title: Users of a lake that has so many rows in bronze\n"
        "description: All users, or nobody.\n"
        "columns: [user_id]\n"
        "members: |\n"
        "  select user_id as member from gold.fact_events\n"
        "  where (select count(*) from bronze.click_events) >= cast(:value as bigint)\n"
        "values: select '3' as value, cast(null as varchar) as kind, count(*) as size from gold.fact_events\n"
        "known: ['3']\n"
    )
    serving = Serving(Lake(config=project / "clicklake.yaml"))
    assert serving.report("revenue_metrics", rows_in_bronze="3").to_pylist()[0]["purchasers"] == 0
    Lake(lake.path).ingest("click_events", tmp_path / _more(tmp_path))
    assert serving.report("revenue_metrics", rows_in_bronze="3").to_pylist()[0]["purchasers"] == 1
    assert serving.report("revenue_metrics", rows_in_bronze="3") is serving.report(
        "revenue_metrics", rows_in_bronze="3"
    )


def test_a_query_that_takes_too_long_is_stopped(lake: Lake, run: Callable[[int], None]) -> None:
    run(1)
    with Serving(lake).reading() as generation, pytest.raises(TookTooLongError, match="0.2 seconds"):
        with generation.cursor(0.2) as engine:
            engine.value("select count(*) from range(100000000000) a, range(1000) b")


def test_the_engine_reaches_nothing_but_the_lake(lake: Lake, run: Callable[[int], None], tmp_path: Path) -> None:
    run(1)
    other = tmp_path / "secret.csv"
    other.write_text("a\n1\n")
    with Serving(lake).reading() as generation, generation.cursor() as engine:
        with pytest.raises(Exception, match="disabled by configuration"):
            engine.rows(f"select * from read_csv('{other}')")
        assert engine.value("select current_setting('timezone')") == "UTC"


def _more(folder: Path) -> str:
    (folder / "more.csv").write_text(
        "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\nu9,s9,2025-01-09 10:00:00,login,,,\n"
    )
    return "more.csv"
