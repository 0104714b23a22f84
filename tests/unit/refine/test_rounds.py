"""Rounds that give older rows another fate: changed contracts, replays, withdrawals, restored tables."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clicklake.errors import ClicklakeError, UnknownNameError, UsageError
from clicklake.ingest.withdrawals import withdraw
from clicklake.lake import Lake
from clicklake.overview import status
from clicklake.pipeline import Pipeline
from clicklake.runs import Run

Clicks = Callable[..., Path]

COMMITS = ("silver.quarantine", "ops.duplicates", "silver.events", "ops.ledger")
FIRST = (
    "u1,s1,2025-01-01 10:00:00,page_view,,,",
    "u2,s1,2025-01-01 11:00:00,purchase,p1,5,ok",
    "u3,s1,2025-01-02 11:00:00,purchase,p1,900,ok",
    ",s1,2025-01-01 10:00:00,page_view,,,",
    "short",
)
SECOND = (
    "u1,s1,2025-01-01 10:00:00,page_view,,,",
    "u4,s1,2025-01-03 11:00:00,purchase,p2,700,ok",
    "u4,s1,2025-01-03 11:00:00,purchase,p2,700,ok",
    "u5,s1,2025-01-04 11:00:00,purchase,p2,7,ok",
)


class StoppedError(Exception):
    """Stands for a kill."""


def pipeline(lake: Lake, after: Callable[[str], None] = lambda table: None) -> Pipeline:
    return Pipeline(
        lake.store, lake.engine(), lake.catalogue, lake.parameters, Run("test"), after, lake.rule_parameters
    )


def stopped_behind(table: str) -> Callable[[str], None]:
    def stop(committed: str) -> None:
        if committed == table:
            raise StoppedError

    return stop


def state(lake: Lake) -> dict[str, list[str]]:
    """What must be the same however the lake came to it, with the balance counted without the product's code."""
    queries = {
        "events": "select user_id, event_timestamp, event_type, amount from silver.events",
        "quarantine": "select raw, reasons from silver.quarantine where status = 'open'",
        "users": "select * from gold.dim_users",
        "ledger": "select source, sum(rows_ingested) as a, sum(loaded) as b, sum(duplicates) as c, "
        "sum(quarantined) as d, sum(withdrawn) as e from ops.ledger group by source",
    }
    with published(lake) as query:
        return {name: sorted(map(str, query(sql))) for name, sql in queries.items()} | one_fate(lake, query)


@contextmanager
def published(lake: Lake) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Queries of what readers see, all by one engine: to start one takes longer than any of them."""
    engine, release = lake.engine(), lake.release()
    try:
        for name in lake.store.names():
            engine.attach(lake.snapshot(name, release))
        yield lambda sql: engine.table(sql).to_pylist()
    finally:
        engine.close()


def assert_one_fate(lake: Lake) -> None:
    with published(lake) as query:
        one_fate(lake, query)


def one_fate(lake: Lake, query: Callable[[str], list[dict[str, Any]]]) -> dict[str, list[str]]:
    for source in [name.partition(".")[2] for name in lake.store.names() if name.startswith("bronze.")]:
        withdrawn = (
            "select b.row_id from bronze b join ops.withdrawn w "
            f"on w.source = '{source}' and b.row_id between w.first_row_id and w.last_row_id"
            if "ops.withdrawn" in lake.store.names()
            else "select row_id from bronze where false"
        )
        rows = query(
            f"""with bronze as (select row_id from bronze.{source}),
            fates as (
                select event_id as row_id from silver.events where source = '{source}'
                union all select row_id from ops.duplicates where source = '{source}'
                union all select row_id from silver.quarantine where source = '{source}' and status = 'open'
                union all {withdrawn}
            )
            select coalesce(b.row_id, f.row_id) as row_id, count(f.row_id) as n
            from bronze b full join fates f on b.row_id = f.row_id
            group by 1 having count(f.row_id) <> 1 or count(b.row_id) = 0"""
        )
        assert rows == []
        kept = query(
            f"select * from ops.duplicates where source = '{source}' "
            "and event_id not in (select event_id from silver.events)"
        )
        assert kept == [], "a duplicate names the row that was kept"
    return {}


@pytest.fixture
def files(clicks: Clicks) -> list[Path]:
    return [clicks(*FIRST, name="first.csv"), clicks(*SECOND, name="second.csv")]


def strict(path: Path) -> Lake:
    return Lake(path, overrides={"rules.max_amount": "100"})


def web(folder: Path, *events: dict[str, Any]) -> Path:
    common = {"user_id": "w", "session_id": "s", "event_type": "page_view", "event_timestamp": "2025-01-01T10:00:00"}
    folder.mkdir(exist_ok=True)
    file = folder / f"{len(list(folder.iterdir()))}.ndjson"
    blank = "\n" * len(list(folder.iterdir()))  # no two files have the same bytes
    file.write_text(blank + "".join(json.dumps({**common, **event}) + "\n" for event in events))
    return file


class TestAChangedContract:
    @pytest.mark.parametrize("first, then", [(Lake, strict), (strict, Lake)])
    def test_next_run_judges_all_rows_again(
        self, tmp_path: Path, files: list[Path], first: Callable[[Path], Lake], then: Callable[[Path], Lake]
    ) -> None:
        first(tmp_path / "lake").run(click_events=files)
        result = then(tmp_path / "lake").run()
        assert result.rejudged == {"click_events": "its contract changed"}
        expected = then(tmp_path / "other")
        expected.run(click_events=files)
        assert state(then(tmp_path / "lake")) == state(expected)
        assert then(tmp_path / "lake").run().rejudged == {}

    def test_rows_that_pass_now_keep_their_history(self, tmp_path: Path, files: list[Path]) -> None:
        strict(tmp_path / "lake").run(click_events=files)
        lake = Lake(tmp_path / "lake")
        before = lake.query("select row_id, quarantined_at, contract_version from silver.quarantine").to_pylist()
        lake.run()
        sql = "select row_id, quarantined_at, contract_version, status, resolved_at from silver.quarantine"
        after = {row["row_id"]: row for row in lake.query(sql).to_pylist()}
        assert len(after) == len(before) == 5
        for row in before:
            assert after[row["row_id"]]["quarantined_at"] == row["quarantined_at"]
            is_replayed = after[row["row_id"]]["status"] == "replayed"
            assert is_replayed == (after[row["row_id"]]["resolved_at"] is not None)
        assert sum(row["status"] == "replayed" for row in after.values()) == 3

    def test_what_does_not_judge_does_not_restate(self, tmp_path: Path, files: list[Path]) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files)
        version = lake.store.open("silver.events").version
        other = Lake(tmp_path / "lake", overrides={"segments.high": "30"})
        assert other.run().rejudged == {}
        assert other.store.open("silver.events").version == version

    @pytest.mark.parametrize("table", COMMITS)
    def test_stopped_behind_a_commit(self, tmp_path: Path, files: list[Path], table: str) -> None:
        strict(tmp_path / "lake").run(click_events=files)
        expected = Lake(tmp_path / "other")
        expected.run(click_events=files)
        lake = Lake(tmp_path / "lake")
        with pytest.raises(StoppedError):
            pipeline(lake, stopped_behind(table)).refine()
        lake.run()
        assert state(lake) == state(expected)

    @pytest.mark.parametrize("table", COMMITS)
    def test_in_several_slices_gold_waits_for_the_last(self, tmp_path: Path, files: list[Path], table: str) -> None:
        from clicklake.refine.refine import Refiner

        strict(tmp_path / "lake").run(click_events=files)
        lake = Lake(tmp_path / "lake")
        before = lake.query("select count(*) as n from gold.fact_events").to_pylist()
        work = pipeline(lake)
        refiner = Refiner(lake.store, work.engine, lake.catalogue, work.registry, "test", stopped_behind(table))
        with pytest.raises(StoppedError):
            list(refiner.refine(["click_events"], slice_rows=4))
        lake.build()
        assert lake.query("select count(*) as n from gold.fact_events").to_pylist() == before
        refiner = Refiner(lake.store, work.engine, lake.catalogue, work.registry, "test")
        rounds = list(refiner.refine(["click_events"], slice_rows=4))
        assert len(rounds) == 3 if table != "ops.ledger" else 2
        lake.build()
        expected = Lake(tmp_path / "other")
        expected.run(click_events=files)
        assert state(lake) == state(expected)

    def test_full_gives_the_same_rows(self, tmp_path: Path, files: list[Path]) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files)
        before = state(lake)
        result = lake.run(full=True)
        assert result.rejudged == {"click_events": "asked for"}
        assert state(lake) == before
        kinds = lake.query("select kind from ops.ledger order by recorded_at").to_pylist()
        assert [row["kind"] for row in kinds] == ["new", "restart"]


class TestAReplay:
    def test_lets_through_once_what_passes_now(self, tmp_path: Path, files: list[Path]) -> None:
        strict(tmp_path / "lake").run(click_events=files)
        lake = Lake(tmp_path / "lake")
        (preview,) = lake.replay_preview()
        assert preview["open"] == 5 and preview["passing"] == 3 and preview["duplicates"] == 1
        assert preview["still_open"] == 2 and str(preview["revenue_added"]) == "1600.00"
        (told,) = lake.replay().restated
        assert (told["loaded"], told["duplicates"], told["quarantined"]) == (2, 1, -3)
        assert (told["rows_added"], told["rows_removed"], told["dates"]) == (2, 0, 2)
        assert (str(told["revenue_before"]), str(told["revenue_after"])) == ("12.00", "1612.00")
        expected = Lake(tmp_path / "other")
        expected.run(click_events=files)
        assert state(lake) == state(expected)
        assert lake.replay().restated == [] and lake.replay_preview()[0]["passing"] == 0
        assert state(lake) == state(expected)

    def test_of_one_reason(self, tmp_path: Path, files: list[Path]) -> None:
        strict(tmp_path / "lake").run(click_events=files)
        lake = Lake(tmp_path / "lake")
        assert lake.replay(reason="missing_user_id").restated == []
        assert lake.replay(reason="amount_above_bound").restated[0]["loaded"] == 2

    def test_the_next_run_still_judges_the_rest_again(self, tmp_path: Path, files: list[Path]) -> None:
        Lake(tmp_path / "lake").run(click_events=files)
        strict(tmp_path / "lake").replay()
        assert strict(tmp_path / "lake").run().rejudged == {"click_events": "its contract changed"}

    @pytest.mark.parametrize("table", COMMITS)
    def test_stopped_behind_a_commit(self, tmp_path: Path, files: list[Path], table: str) -> None:
        strict(tmp_path / "lake").run(click_events=files)
        lake = Lake(tmp_path / "lake")
        with pytest.raises(StoppedError):
            pipeline(lake, stopped_behind(table)).replay(["click_events"])
        lake.replay()
        lake.build()
        expected = Lake(tmp_path / "other")
        expected.run(click_events=files)
        assert state(lake) == state(expected)

    def test_of_an_unknown_source(self, tmp_path: Path, files: list[Path]) -> None:
        lake = Lake(tmp_path / "lake")
        assert lake.replay().restated == []
        lake.run(click_events=files)
        with pytest.raises(UnknownNameError, match="click_events"):
            lake.replay("clicks")


class TestAWithdrawal:
    @pytest.mark.parametrize("gone", [0, 1])
    def test_leaves_what_the_other_files_give(self, tmp_path: Path, files: list[Path], gone: int) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files)
        (told,) = lake.unload("click_events", str(files[gone])).restated
        assert told["withdrawn"] == (5, 4)[gone]
        assert (told["rows_added"], told["rows_removed"]) == ((1, 3), (0, 2))[gone]
        expected = Lake(tmp_path / "other")
        expected.run(click_events=files[1 - gone])
        mine, other = state(lake), state(expected)
        assert {**mine, "ledger": []} == {**other, "ledger": []}

    def test_and_the_file_may_come_again(self, tmp_path: Path, files: list[Path]) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files)
        before = state(lake)
        lake.unload("click_events", "first.csv")
        assert lake.unload("click_events", "first.csv").restated == [], "once is enough"
        assert [source["files"] for source in status(lake).sources] == [1]
        result = lake.run(click_events=files)
        assert [outcome.status for outcome in result.files["click_events"]] == ["ingested", "skipped"]
        assert {**state(lake), "ledger": []} == {**before, "ledger": []}
        again = lake.run(click_events=files)
        assert [outcome.status for outcome in again.files["click_events"]] == ["skipped", "skipped"]

    def test_before_the_rows_have_a_fate(self, tmp_path: Path, files: list[Path]) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files[0])
        lake.ingest("click_events", files[1])
        lake.unload("click_events", str(files[1]))
        expected = Lake(tmp_path / "other")
        expected.run(click_events=files[0])
        assert {**state(lake), "ledger": []} == {**state(expected), "ledger": []}

    @pytest.mark.parametrize("table", ["ops.withdrawn", *COMMITS])
    def test_stopped_behind_a_commit(self, tmp_path: Path, files: list[Path], table: str) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files)
        work = pipeline(lake, stopped_behind(table))
        withdraw(lake.store, work.engine, lake.catalogue, "click_events", str(files[0]), "test")
        if table != "ops.withdrawn":
            with pytest.raises(StoppedError):
                work.refine()
        lake.run()
        expected = Lake(tmp_path / "other")
        expected.run(click_events=files[1])
        assert {**state(lake), "ledger": []} == {**state(expected), "ledger": []}

    def test_of_a_file_that_the_source_does_not_have(
        self, tmp_path: Path, files: list[Path], clicks: Clicks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir("/")
        lake = Lake(tmp_path / "lake")
        with pytest.raises(ClicklakeError):
            lake.unload("click_events", "first.csv")
        (tmp_path / "sub").mkdir()
        other = clicks(*FIRST[:1], name="sub/first.csv")
        lake.run(click_events=[*files, other])
        with pytest.raises(UnknownNameError, match="has no file"):
            lake.unload("click_events", "third.csv")
        with pytest.raises(UsageError, match="2 files end with first"):
            lake.unload("click_events", "first.csv")
        lake.unload("click_events", "sub/first.csv")

    def test_of_the_row_that_was_kept_of_several_versions(self, tmp_path: Path) -> None:
        """The smallest content is kept, in whatever order the files come and go."""
        folder = tmp_path / "in"
        events = [{"page_url": url, "metadata": {"event_id": "e1"}} for url in ("/b", "/a", "/b", "/c")]
        paths = [web(folder, event) for event in events]
        lake = Lake(tmp_path / "lake")

        def kept() -> list[str]:
            assert_one_fate(lake)
            return [row["page_url"] for row in lake.query("select page_url from silver.events").to_pylist()]

        for path, expected in zip(paths, ("/b", "/a", "/a", "/a"), strict=True):
            lake.run(web_events=path)
            assert kept() == [expected]
        for path, expected_left in ((paths[1], ["/b"]), (paths[0], ["/b"]), (paths[2], ["/c"]), (paths[3], [])):
            lake.unload("web_events", str(path))
            assert kept() == expected_left


class TestATableThatWasSetBack:
    @pytest.mark.parametrize("table", ["ops.ledger", "ops.duplicates", "silver.events", "silver.quarantine"])
    def test_lost_whole(self, tmp_path: Path, files: list[Path], table: str) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files[0])
        lake.run(click_events=files[1])
        before = state(lake)
        shutil.rmtree(lake.store.uri(table))
        result = lake.run()
        assert table in result.rejudged["click_events"]
        assert {**state(lake), "ledger": []} == {**before, "ledger": []}
        assert lake.run().rejudged == {}

    @pytest.mark.parametrize("version", [pytest.param(0, marks=pytest.mark.slow), 1])
    def test_restored_whichever_it_is(self, tmp_path: Path, files: list[Path], version: int) -> None:
        lake = Lake(tmp_path / "lake")
        lake.run(click_events=files[0])
        lake.run(click_events=files[1])
        before = state(lake)
        for table in lake.store.names():
            if table == "ops.contracts":  # refused: its numbers must not be given out twice
                continue
            if lake.store.open(table).version > version:
                lake.restore(table, version)
            lake.run(click_events=files)  # what a restored bronze has lost may come again
            assert {table: {**state(lake), "ledger": []}} == {table: {**before, "ledger": []}}
        assert lake.run().rejudged == {}
