from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.ranges import Ranges
from clicklake.errors import ContractError
from clicklake.lake import Lake, RunResult
from clicklake.storage import Snapshot

Clicks = Callable[..., Path]

HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
GOOD = "u1,s1,2025-01-01 10:00:00,page_view,,,"


def silver(lake: Lake, columns: str) -> list[tuple[object, ...]]:
    return [
        tuple(row.values()) for row in lake.query(f"select {columns} from silver.events order by event_id").to_pylist()
    ]


def reasons(lake: Lake) -> list[list[str]]:
    found = lake.query("select reasons from silver.quarantine order by row_id").to_pylist()
    return [row["reasons"] for row in found]


BAD = [
    (",s1,2025-01-01 10:00:00,page_view,,,", ["missing_user_id"]),
    ("   ,s1,2025-01-01 10:00:00,page_view,,,", ["missing_user_id"]),
    ("u1,s1,2025-01-01 10:00:00,,,,", ["missing_event_type"]),
    ("u1,s1,2025-01-01 10:00:00,product_view,,,", ["missing_product_id"]),
    ("u1,s1,2025-01-01 10:00:00,add_to_cart,  ,,", ["missing_product_id"]),
    ("u1,s1,2025-01-01 10:00:00,purchase,p1,,", ["missing_amount"]),
    ("u1,s1,2025-01-01 10:00:00,purchase,p1,abc,", ["invalid_amount"]),
    ("u1,s1,2025-01-01 10:00:00,purchase,p1,-0.01,", ["invalid_amount"]),
    ("u1,s1,2025-01-01 10:00:00,page_view,,NaN,", ["invalid_amount"]),
    ("u1,s1,2025-01-01 10:00:00,page_view,,inf,", ["invalid_amount"]),
    ("u1,s1,2025-01-01 10:00:00,page_view,,1_000,", ["invalid_amount"]),
    ("u1,s1,2025-01-01 10:00:00,page_view,,1e400,", ["invalid_amount"]),
    ("u1,s1,,page_view,,,", ["invalid_timestamp"]),
    ("u1,s1,not a date,page_view,,,", ["invalid_timestamp"]),
    ("u1,s1,2025-13-01 10:00:00,page_view,,,", ["invalid_timestamp"]),
    ("u1,s1,2025-02-30 10:00:00,page_view,,,", ["invalid_timestamp"]),
    ("u1,s1,epoch,page_view,,,", ["invalid_timestamp"]),
    ("u1,s1,infinity,page_view,,,", ["invalid_timestamp"]),
    ("u1,s1,13/03/24 10:21,page_view,,,", ["invalid_timestamp"]),
    (
        ",s1,x,purchase,,,",
        ["missing_user_id", "missing_product_id", "missing_amount", "invalid_timestamp"],
    ),
    ("u1,s1", ["malformed_row"]),
    ("u1,s1,2025-01-01 10:00:00,page_view,,,,,,", ["malformed_row"]),
]


def run_once(folder: Path, records: Sequence[str]) -> tuple[Lake, RunResult]:
    """One lake for many records: each has a fate of its own."""
    file = folder / "clicks.csv"
    file.write_text("\n".join([HEADER, *records]) + "\n", encoding="utf-8")
    lake = Lake(folder / "lake")
    return lake, lake.run(click_events=file)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[str]], dict[str, int]]:
    """The reasons of each bad row, and the fates of all rows."""
    lake, result = run_once(tmp_path_factory.mktemp("bad"), [GOOD, *(record for record, _ in BAD)])
    return reasons(lake), result.fates["click_events"]


@pytest.mark.parametrize("number", range(len(BAD)), ids=[record or "empty" for record, _ in BAD])
def test_a_bad_row_is_quarantined_with_every_rule_that_it_breaks(
    judged: tuple[list[list[str]], dict[str, int]], number: int
) -> None:
    assert judged[0][number] == BAD[number][1]


def test_bad_rows_are_counted(judged: tuple[list[list[str]], dict[str, int]]) -> None:
    assert judged[1] | {"is_balanced": True} == {
        "rows_ingested": 1 + len(BAD),
        "loaded": 1,
        "duplicates": 0,
        "quarantined": len(BAD),
        "withdrawn": 0,
        "erased": 0,
        "conflicts": 0,
        "is_balanced": True,
    }


TIMES = [
    ("2025-01-01 10:00:00", "2025-01-01 10:00:00"),
    ("2025-01-01T10:00:00", "2025-01-01 10:00:00"),
    ("2025-01-01T10:00:00Z", "2025-01-01 10:00:00"),
    ("2025-01-01T10:00:00+02:00", "2025-01-01 08:00:00"),
    ("2025-01-01 10:00:00-0530", "2025-01-01 15:30:00"),
    ("2025-01-01T10:00:00+02", "2025-01-01 08:00:00"),
    ("2025-01-01T10:00:00.25Z", "2025-01-01 10:00:00.25"),
    ("2025-01-01T10:00", "2025-01-01 10:00:00"),
    ("2025-01-01", "2025-01-01 00:00:00"),
    ("31/01/2025 10:00:00", "2025-01-31 10:00:00"),
    ("31.01.2025 10:00:00", "2025-01-31 10:00:00"),
    ("  2025-01-01 10:00:00 ", "2025-01-01 10:00:00"),
]
AMOUNTS = [
    ("12.345", "12.35"),
    ("12.344", "12.34"),
    ("0", "0.00"),
    ("1e2", "100.00"),
    (".5", "0.50"),
    ("+3", "3.00"),
    (" 7 ", "7.00"),
]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ...]]:
    """Time and amount of each event, by its user."""
    records = [f"time {n},s1,{written},page_view,,," for n, (written, _) in enumerate(TIMES)]
    records += [f"amount {n},s1,2025-01-01 10:00:00,purchase,p1,{written},ok" for n, (written, _) in enumerate(AMOUNTS)]
    lake, _ = run_once(tmp_path_factory.mktemp("read"), records)
    return {str(row[0]): row[1:] for row in silver(lake, "user_id, cast(event_timestamp as varchar), amount")}


@pytest.mark.parametrize("number", range(len(TIMES)), ids=[written for written, _ in TIMES])
def test_timestamps_are_read_by_iso_first_then_by_the_contract(
    read: dict[str, tuple[object, ...]], number: int
) -> None:
    assert read[f"time {number}"][0] == TIMES[number][1]


@pytest.mark.parametrize("number", range(len(AMOUNTS)), ids=[written for written, _ in AMOUNTS])
def test_amounts_are_rounded_half_up(read: dict[str, tuple[object, ...]], number: int) -> None:
    assert read[f"amount {number}"][1] == Decimal(AMOUNTS[number][1])


def test_texts_are_trimmed_and_event_types_snake_case(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(" u1\t,  ,2025-01-01 10:00:00, Product View , p1 ,, Declined "))
    assert silver(lake, "user_id, session_id, event_type, product_id, outcome, is_success") == [
        ("u1", None, "product_view", "p1", "Declined", False)
    ]


def test_rows_that_are_equal_when_standardised_are_one(lake: Lake, clicks: Clicks) -> None:
    file = clicks(
        GOOD, GOOD, " u1 ,s1,2025-01-01T11:00:00+01:00,Page View,,,", "u1,s1,2025-01-01 10:00:01,page_view,,,"
    )
    result = lake.run(click_events=file)
    assert (result.fates["click_events"]["loaded"], result.fates["click_events"]["duplicates"]) == (2, 2)
    named = lake.query("select row_id % 1000, event_id % 1000, is_conflict from ops.duplicates order by 1").to_pylist()
    base = 1 << 40
    assert [tuple(row.values()) for row in named] == [((base + n) % 1000, (base + 1) % 1000, False) for n in (2, 3)]


def test_a_row_that_came_in_an_earlier_run_is_a_duplicate(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(GOOD))
    result = lake.run(click_events=clicks(GOOD, "u2,s1,2025-01-01 10:00:00,page_view,,,", name="more.csv"))
    assert (result.fates["click_events"]["loaded"], result.fates["click_events"]["duplicates"]) == (1, 1)


def read_of_history(monkeypatch: pytest.MonkeyPatch) -> list[Ranges | None]:
    """The times at which rows of silver are looked at."""
    read: list[Ranges | None] = []
    real = DuckDB.scan

    def noted(engine: DuckDB, snapshot: Snapshot, *args: Any, **more: Any) -> str:
        if snapshot.name == "silver.events" and "ranges" in more:
            read.append(more["ranges"])
        return real(engine, snapshot, *args, **more)

    monkeypatch.setattr(DuckDB, "scan", noted)
    return read


def test_earlier_rows_are_compared_on_the_days_of_the_new_ones(
    lake: Lake, clicks: Clicks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def click(time: str) -> str:
        return f"u1,s1,{time},page_view,,,"

    edges = [click(time) for time in ("2025-01-05 00:00:00", "2025-01-05 23:59:59.999999", "2024-02-29 23:59:59")]
    others = [click(time) for time in ("2025-01-04 23:59:59.999999", "2025-01-06 00:00:00", "2024-07-01 12:00:00")]
    lake.run(click_events=clicks(*edges, *others))
    read = read_of_history(monkeypatch)
    new = click("2025-01-05 12:00:00")
    fates = lake.run(click_events=clicks(*edges, new, click("never"), name="more.csv")).fates["click_events"]
    assert (fates["loaded"], fates["duplicates"], fates["quarantined"]) == (1, 3, 1)
    last = timedelta(days=1) - timedelta(microseconds=1)
    first = datetime(2024, 2, 29), datetime(2025, 1, 5)
    assert read == [Ranges("event_timestamp", [(day, day + last) for day in first])]


def test_rows_with_an_id_are_compared_whenever_they_happened(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one.ndjson", tmp_path / "other.ndjson"
    one.write_text(json.dumps(web_event("e1", "5.00")) + "\n")
    other.write_text(json.dumps(web_event("e1", "5.00", event_timestamp="2020-01-01T10:00:00Z")) + "\n")
    lake.run(web_events=one)
    read = read_of_history(monkeypatch)
    fates = lake.run(web_events=other).fates["web_events"]
    assert (fates["duplicates"], fates["conflicts"]) == (1, 1)
    assert read == [None]


def test_the_same_row_of_two_sources_is_two_events(lake: Lake, clicks: Clicks, tmp_path: Path) -> None:
    event = {
        "user_id": "u1",
        "session_id": "s1",
        "event_type": "page_view",
        "event_timestamp": "2025-01-01T10:00:00Z",
    }
    web = tmp_path / "web.ndjson"
    web.write_text(json.dumps(event) + "\n")
    lake.run(click_events=clicks(GOOD), web_events=web)
    assert silver(lake, "source, user_id") == [("click_events", "u1"), ("web_events", "u1")]


def web_event(event_id: str | None, amount: str, **more: object) -> dict[str, object]:
    metadata = {"product_id": "p1", "amount": amount, "order_id": "o1"} | ({"event_id": event_id} if event_id else {})
    return {
        "user_id": "u1",
        "session_id": "s1",
        "event_type": "purchase",
        "event_timestamp": "2025-01-01T10:00:00Z",
        "metadata": metadata,
        **more,
    }


def test_of_two_rows_with_one_id_the_smaller_content_is_kept_in_any_order(tmp_path: Path) -> None:
    events = [
        web_event("e1", "9.00"),
        web_event("e1", "5.00"),
        web_event("e1", "7.00"),
        web_event(None, "5.00"),
    ]
    kept = []
    for order in ([0, 1, 2, 3], [2, 1, 0, 3], [1, 0, 3, 2]):
        lake = Lake(tmp_path / f"lake{order[0]}")
        for position in order:
            file = tmp_path / f"{order[0]}-{position}.ndjson"
            file.write_text(json.dumps(events[position]) + "\n")
            lake.run(web_events=file)
        found = lake.query("select source_event_id, amount from silver.events order by 1 nulls last").to_pylist()
        kept.append([tuple(row.values()) for row in found])
        (ledger,) = lake.query(
            "select sum(rows_ingested), sum(loaded), sum(duplicates), sum(quarantined) from ops.ledger"
        ).to_pylist()
        assert [int(value) for value in ledger.values()] == [4, 2, 2, 0]
        assert len(lake.query("select * from ops.duplicates where is_conflict").to_pylist()) == 2
    assert kept == [[("e1", Decimal("5.00")), (None, Decimal("5.00"))]] * 3


def test_the_order_of_keys_in_metadata_does_not_matter(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "web.ndjson"
    one = web_event(None, "1.00")
    other = {**one, "metadata": dict(reversed(list(one["metadata"].items())))}  # type: ignore[attr-defined]
    file.write_text(json.dumps(one) + "\n" + json.dumps(other) + "\n")
    assert lake.run(web_events=file).fates["web_events"]["duplicates"] == 1


def test_metadata_fills_the_columns_of_the_event(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "web.ndjson"
    event = web_event("e7", "2.50", device_type="mobile", page_url="/a", referrer_url="/b")
    event["metadata"] |= {"currency": "usd", "outcome": "failed", "colour": "red"}  # type: ignore[operator]
    file.write_text(json.dumps(event) + "\n")
    lake.run(web_events=file)
    columns = (
        "source_event_id, product_id, order_id, amount, currency, outcome, is_success, device_type, metadata['colour']"
    )
    assert silver(lake, columns) == [("e7", "p1", "o1", Decimal("2.50"), "USD", "failed", False, "mobile", "red")]


def test_money_of_another_currency_is_quarantined(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "web.ndjson"
    event = web_event("e7", "2.50")
    event["metadata"]["currency"] = "EUR"  # type: ignore[index]
    file.write_text(json.dumps(event) + "\n")
    lake.run(web_events=file)
    assert reasons(lake) == [["unknown_currency"]]


def test_bounds_of_the_settings_are_rules(tmp_path: Path, clicks: Clicks) -> None:
    lake = Lake(
        tmp_path / "lake",
        overrides={
            "rules.max_amount": "100",
            "rules.earliest_event": "2025-01-01",
            "rules.latest_event": "2025-01-31",
        },
    )
    records = [
        "u1,s1,2025-01-31 23:59:59,purchase,p1,100.00,ok",
        "u1,s1,2025-02-01 00:00:00,purchase,p1,100.01,ok",
        "u1,s1,2024-12-31 23:59:59,page_view,,,",
    ]
    lake.run(click_events=clicks(*records))
    assert reasons(lake) == [["amount_above_bound", "timestamp_after_bound"], ["timestamp_before_bound"]]


def test_event_ids_lead_back_to_their_bronze_row(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(GOOD, "u2,s1,2025-01-01 10:00:00,page_view,,,"))
    joined = lake.query(
        "select e.user_id, b.UserID from silver.events e join bronze.click_events b on b.row_id = e.event_id order by 1"
    ).to_pylist()
    assert [tuple(row.values()) for row in joined] == [("u1", "u1"), ("u2", "u2")]
    assert lake.query("select max(event_id) < 9007199254740992 as ok from silver.events").to_pylist() == [{"ok": True}]


def test_slices_give_the_same_fates(tmp_path: Path, clicks: Clicks, monkeypatch: pytest.MonkeyPatch) -> None:
    from clicklake.refine import refine

    records = [f"u{n % 7},s1,2025-01-01 10:00:{n % 5:02d},page_view,,," for n in range(60)] + [",,,,,,"] * 3 + ["x"]
    file = clicks(*records)
    whole, sliced = Lake(tmp_path / "whole"), Lake(tmp_path / "sliced")
    expected = whole.run(click_events=file).fates["click_events"]
    monkeypatch.setattr(refine.Refiner.refine, "__defaults__", (7,))
    found = sliced.run(click_events=file).fates["click_events"]
    names = ("rows_ingested", "loaded", "duplicates", "quarantined")
    assert {name: found[name] for name in names} == {name: expected[name] for name in names}
    content = "user_id, event_timestamp"
    assert sorted(silver(sliced, content)) == sorted(silver(whole, content))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("select UserID as user_id from bronze.click_events where true", "can't have where"),
        ("select UserID as user_id from bronze.click_events limit 1", "can't have limit"),
        ("select distinct UserID as user_id from bronze.click_events", "can't have distinct"),
        ("select max(UserID) as user_id from bronze.click_events", "aggregates"),
        (
            "select UserID as user_id from bronze.web_events",
            "reads from bronze.click_events and nothing else",
        ),
        ("select UserID as user_id from bronze.click_events", "doesn't use SessionID, Timestamp"),
        (
            "select UserID as nobody, SessionID as session_id, Timestamp as event_timestamp, EventType as event_type,"
            " ProductID as product_id, Amount as amount, Outcome as outcome from bronze.click_events",
            "gives nobody",
        ),
        ("selec UserID", "a mapping is one SELECT"),
        ("select UserID from from", "can't be read"),
    ],
)
def test_a_mapping_that_could_lose_rows_is_refused(tmp_path: Path, clicks: Clicks, mapping: str, message: str) -> None:
    from clicklake.contracts.catalogue import SHOP

    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True)
    (project / "clicklake.yaml").write_text("lake: ./lake\n")
    (project / "sources" / "click_events.yaml").write_text((SHOP / "sources" / "click_events.yaml").read_text())
    (project / "sources" / "click_events.sql").write_text(mapping)
    lake = Lake(config=project / "clicklake.yaml")
    with pytest.raises(ContractError, match=message):
        lake.run(click_events=clicks(GOOD))


def project_with(tmp_path: Path, mapping: str, rule: str = "user_id is null") -> Lake:
    from clicklake.contracts.catalogue import SHOP

    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True, exist_ok=True)
    (project / "clicklake.yaml").write_text("lake: ./lake\n")
    contract = (SHOP / "sources" / "click_events.yaml").read_text()
    contract = contract.replace("implementation: user_id is null", f"implementation: {rule}")
    (project / "sources" / "click_events.yaml").write_text(contract)
    (project / "sources" / "click_events.sql").write_text(mapping)
    return Lake(config=project / "clicklake.yaml")


MAPPING = (
    "select UserID as user_id, SessionID as session_id, Timestamp as event_timestamp, EventType as event_type, "
    "ProductID as product_id, Amount as amount, {page} as page_url, Outcome as outcome from bronze.click_events"
)


def test_an_expression_that_fails_on_a_row_gives_null_there(tmp_path: Path, clicks: Clicks) -> None:
    lake = project_with(tmp_path, MAPPING.format(page="cast(SessionID as int) + 1"))
    lake.run(click_events=clicks("u1,41,2025-01-01 10:00:00,page_view,,,", "u1,x,2025-01-01 10:00:00,page_view,,,"))
    assert silver(lake, "session_id, page_url") == [("41", "42"), ("x", None)]


def test_metadata_may_be_made_of_columns(tmp_path: Path, clicks: Clicks) -> None:
    page = "json_object('session', SessionID) as metadata, null"
    lake = project_with(tmp_path, MAPPING.format(page=page))
    lake.run(click_events=clicks("u1,41,2025-01-01 10:00:00,page_view,,,"))
    assert silver(lake, "metadata['session']") == [("41",)]


@pytest.mark.parametrize(
    ("page", "rule", "message"),
    [
        ("nothing(SessionID)", "user_id is null", "the mapping or silver.events can't run.*nothing"),
        ("NoColumn", "user_id is null", "the mapping or silver.events can't run.*NoColumn"),
        ("null", "colour is null", "rule missing_user_id can't run.*colour"),
    ],
)
def test_what_cannot_run_is_told_before_anything_is_ingested(
    tmp_path: Path, clicks: Clicks, page: str, rule: str, message: str
) -> None:
    lake = project_with(tmp_path, MAPPING.format(page=page), rule)
    with pytest.raises(ContractError, match=f"(?s){message}"):
        lake.run(click_events=clicks(GOOD))
    assert not [name for name in lake.store.names() if name.startswith(("bronze", "silver"))]
    assert project_with(tmp_path, MAPPING.format(page="null")).run(click_events=clicks(GOOD)).release


def test_a_run_that_loads_nothing_rebuilds_nothing(lake: Lake, clicks: Clicks) -> None:
    lake.run(click_events=clicks(GOOD))
    result = lake.run(click_events=clicks(GOOD, "short", name="more.csv"))
    assert (result.fates["click_events"]["loaded"], result.rebuilt) == (0, {})
