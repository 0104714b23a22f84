"""The truth that the generator tells, against a recount of its files in plain Python, by the rules."""

import csv
import json
from collections import Counter
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pyarrow as pa
import pytest

from clicklake.synthetic import GeneratorConfig, generate, plan

CLICK_COLUMNS = ["UserID", "SessionID", "Timestamp", "EventType", "ProductID", "Amount", "Outcome"]
ENTRIES = ["product_id", "amount", "currency", "order_id", "outcome", "event_id"]
NEEDS_PRODUCT = {"product_view", "add_to_cart", "purchase"}


def lines_of(path: Path) -> list[str]:
    with pa.input_stream(path, compression="detect") as stream:
        data = stream.read()
    assert data.endswith(b"\n")
    return data.decode("ascii").splitlines()


def click_records(directory: Path):
    """Records as (user, session, time, type, product, amount, outcome, rest); None for a malformed line."""
    for path in sorted((directory / "click_events").iterdir()):
        header, *rows = csv.reader(lines_of(path))
        assert header == CLICK_COLUMNS
        yield from ((*row, "") if len(row) == len(header) else None for row in rows)


def web_records(directory: Path):
    for path in sorted((directory / "web_events").rglob("*.ndjson*")):
        for line in lines_of(path):
            try:
                record = json.loads(line)
            except ValueError:
                yield None
                continue
            entries = [record["metadata"].get(key) for key in ENTRIES]
            assert set(record["metadata"]) <= set(ENTRIES)
            assert all(isinstance(value, str) for value in record["metadata"].values())
            product, amount, currency, order, outcome, event = entries
            rest = (currency, order, event, record["device_type"], record["page_url"], record["referrer_url"])
            yield (
                record["user_id"],
                record["session_id"],
                record["event_timestamp"],
                record["event_type"],
                product,
                amount,
                outcome,
                rest,
            )


def text_or_none(value):
    return value.strip() or None if isinstance(value, str) else value


def time_or_none(text):
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return datetime.strptime(text or "", pattern)
        except ValueError:
            pass
    return None


def amount_is_valid(text):
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and amount >= 0


def broken_rules(user, time, kind, product, amount):
    if user is None:
        yield "missing_user_id"
    if kind is None:
        yield "missing_event_type"
    if kind in NEEDS_PRODUCT and product is None:
        yield "missing_product_id"
    if kind == "purchase" and amount is None:
        yield "missing_amount"
    if amount is not None and not amount_is_valid(amount):
        yield "invalid_amount"
    if time is None:
        yield "invalid_timestamp"


def recount(records):
    """Count one source, and give its distinct valid events."""
    counts = Counter(dict.fromkeys(["records", "loaded", "duplicates", "quarantined", "late", "out_of_order"], 0))
    reasons, events = Counter(), set()
    newest = datetime.min
    for record in records:
        counts["records"] += 1
        if record is None:
            counts["quarantined"] += 1
            reasons["malformed_row"] += 1
            continue
        user, session, moment, kind, product, amount, outcome, rest = map(text_or_none, record)
        time = time_or_none(moment)
        if time is not None:
            behind = (newest - time).total_seconds() if newest > time else 0
            counts["late"] += behind >= 3600
            counts["out_of_order"] += 0 < behind < 3600
            newest = max(newest, time)
        broken = list(broken_rules(user, time, kind, product, amount))
        reasons.update(broken)
        if broken:
            counts["quarantined"] += 1
            continue
        event = (user, session, time, kind, product, amount and Decimal(amount), outcome, rest)
        counts["duplicates" if event in events else "loaded"] += 1
        events.add(event)
    return {**counts, "reasons": dict(reasons)}, events


def add_up(events):
    bought = [event for event in events if event[3] == "purchase" and event[6] == "success"]
    return {
        "events": len(events),
        "users": len({event[0] for event in events}),
        "sessions": len({event[:2] for event in events}),
        "products": len({event[4] for event in events} - {None}),
        "events_by_type": dict(Counter(event[3] for event in events)),
        "purchases": len(bought),
        "revenue": str(sum((event[5] for event in bought), Decimal("0.00"))),
    }


def assert_recount_is_truth(directory: Path, truth: dict):
    clicks, click_events = recount(click_records(directory))
    web, web_events = recount(web_records(directory))
    for name, counted in (("click_events", clicks), ("web_events", web)):
        paths = [path for path in (directory / name).rglob("*") if path.is_file()]
        counted |= {"files": len(paths), "bytes": sum(path.stat().st_size for path in paths)}
        assert counted == truth["sources"][name]
        assert counted["records"] == counted["loaded"] + counted["duplicates"] + counted["quarantined"]
    totals = dict(truth["totals"])
    totals["events_by_type"] = {kind: count for kind, count in totals["events_by_type"].items() if count}
    assert add_up(click_events | web_events) == totals
    assert truth == json.loads((directory / "truth.json").read_text(encoding="utf-8"))


def test_truth_is_what_a_recount_finds(generated):
    assert_recount_is_truth(generated.directory, generated.truth)


def test_every_rule_is_broken_and_some_records_break_two(generated):
    for source in generated.truth["sources"].values():
        assert set(source["reasons"]) == {
            "missing_user_id",
            "missing_event_type",
            "missing_product_id",
            "missing_amount",
            "invalid_amount",
            "invalid_timestamp",
            "malformed_row",
        }
        assert sum(source["reasons"].values()) > source["quarantined"]


@pytest.mark.parametrize(
    "settings",
    [
        {"rows": 0},
        {"rows": 0, "web_rows": 300},
        {"rows": 1},
        {"rows": 7, "days": 3, "files": 72},
        {"rows": 3000, "days": 1, "users": 1, "products": 1, "start": date(2024, 2, 29)},
        {"rows": 2000, "web_rows": 500, "compression": "gzip", "files": 2},
        {"rows": 2000, "web_rows": 500, "compression": "zstd", "files": 90, "seed": 7},
        {
            "rows": 2000,
            "web_rows": 500,
            "malformed_share": 0.2,
            "missing_user_share": 0.2,
            "duplicate_share": 0.45,
        },
        {"rows": 2000, "web_rows": 500, "missing_amount_share": 0.3, "missing_product_share": 0.5},
        {"rows": 4000, "web_rows": 500, "late_share": 0.5, "out_of_order_share": 0.5, "days": 2},
    ],
    ids=str,
)
def test_truth_holds_at_the_edges(tmp_path, settings):
    config = GeneratorConfig(**settings)
    truth = generate(tmp_path, config)
    assert truth["sources"]["click_events"]["records"] == config.rows
    assert truth["sources"]["web_events"]["records"] == config.web_rows
    assert_recount_is_truth(tmp_path, truth)


def test_truth_holds_over_many_slices(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "SLICE_ROWS", 97)
    truth = generate(tmp_path, GeneratorConfig(rows=5000, web_rows=2000, files=2, days=30))
    assert truth["sources"]["click_events"]["records"] == 5000
    assert_recount_is_truth(tmp_path, truth)


def test_no_records_are_bad_where_none_are_wanted(tmp_path):
    shares = [name for name in GeneratorConfig.__dataclass_fields__ if name.endswith("_share")]
    truth = generate(tmp_path, GeneratorConfig(rows=5000, web_rows=500, **dict.fromkeys(shares, 0.0)))
    for source, rows in (("click_events", 5000), ("web_events", 500)):
        counts = truth["sources"][source]
        assert (counts["loaded"], counts["late"], counts["out_of_order"]) == (rows, 0, 0)
    assert_recount_is_truth(tmp_path, truth)
