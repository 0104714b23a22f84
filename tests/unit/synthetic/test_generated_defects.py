"""The shares of what goes wrong, and the ways in which it is written."""

import csv
import json
import re

import pytest

from clicklake.synthetic import GeneratorConfig, generate


@pytest.fixture(scope="module")
def rows(generated):
    """All click rows without the headers, as (part, line, columns)."""
    return [
        (part, line, row)
        for part, path in enumerate(generated.parts())
        for line, row in enumerate(csv.reader(path.read_text().splitlines()))
        if line
    ]


def standard(row):
    user, session, time, kind, *rest = (value.strip() for value in row)
    return (user, session, time.replace("T", " ").removesuffix("Z"), kind, *rest)


@pytest.fixture(scope="module")
def repeated(rows):
    """Pairs of a click row and another one that is equal after standardising."""
    groups = {}
    for place in rows:
        if len(place[2]) == 7:
            groups.setdefault(standard(place[2]), []).append(place)
    return [(group[0], later) for group in groups.values() for later in group[1:]]


def test_defects_have_the_shares_that_were_asked_for(tmp_path):
    asked = {
        "missing_user": 0.04,
        "missing_event_type": 0.02,
        "missing_product": 0.03,
        "missing_amount": 0.01,
        "invalid_amount": 0.05,
        "invalid_timestamp": 0.06,
        "malformed": 0.02,
    }
    shares = {f"{name}_share": share for name, share in asked.items()}
    config = GeneratorConfig(rows=20_000, late_share=0.1, out_of_order_share=0.2, duplicate_share=0, **shares)
    counts = generate(tmp_path, config)["sources"]["click_events"]
    reasons = counts["reasons"]
    once = (
        "missing_event_type",
        "missing_product_id",
        "missing_amount",
        "invalid_timestamp",
        "malformed_row",
    )
    for rule in once:
        assert reasons[rule] == 20_000 * asked[re.sub("_id$|_row$", "", rule)]
    twice = reasons["missing_user_id"] - 800 + reasons["invalid_amount"] - 1000
    assert 100 < twice < 300  # a tenth of the records without a user or without a time
    assert counts["quarantined"] == sum(reasons.values()) - twice
    assert counts["late"] == pytest.approx(2000, rel=0.2)
    assert 2000 < counts["out_of_order"] < 6000


def test_duplicates_have_the_share_that_was_asked_for(generated):
    assert generated.truth["sources"]["click_events"]["duplicates"] == 400
    assert generated.truth["sources"]["web_events"]["duplicates"] == 120


def test_some_duplicates_are_near_some_far_and_some_in_another_part(repeated):
    assert len(repeated) == 400
    distances = [later[1] - first[1] for first, later in repeated if first[0] == later[0]]
    assert sum(distance <= 5 for distance in distances) > 200
    assert sum(distance > 50 for distance in distances) > 50
    assert any(first[0] < later[0] for first, later in repeated)


def test_duplicates_are_exact_or_differ_in_blanks_or_in_the_format_of_the_time(repeated):
    pairs = [(first[2], later[2]) for first, later in repeated]
    assert 200 < sum(first == later for first, later in pairs) < 330
    assert 30 < sum(any(value != value.strip() for value in first + later) for first, later in pairs) < 120
    assert 30 < sum("T" in first[2] + later[2] for first, later in pairs) < 120


def test_defects_are_written_in_several_ways(rows):
    whole = [row for _, _, row in rows if len(row) == 7]
    assert {row[0] for row in whole if not row[0].strip()} == {"", "   "}
    assert {row[3] for row in whole if not row[3].strip()} == {"", "   "}
    time = re.compile(r"2025-0[1-3]-\d\d( \d\d:\d\d:\d\d|T\d\d:\d\d:\d\dZ)")
    bad_times = {row[2] for row in whole if not time.fullmatch(row[2])}
    assert bad_times == {"not-a-date", "", "2025-13-45 10:00:00"}
    bad_amounts = {row[5] for row in whole if row[5].strip() and not re.fullmatch(r"\d+\.\d\d", row[5])}
    assert bad_amounts == {"abc", "-5.00", "NaN"}


def test_malformed_lines_are_too_short_or_too_long(rows, generated):
    lengths = [len(row) for _, _, row in rows if len(row) != 7]
    assert set(lengths) == {3, 9}
    assert len(lengths) == generated.truth["sources"]["click_events"]["reasons"]["malformed_row"]


def test_missing_web_values_are_empty_blank_or_null(generated):
    lines = [line for path in generated.hours() for line in path.read_text().splitlines()]
    records = [json.loads(line) for line in lines if line.endswith("}}")]
    assert {record["user_id"] for record in records if not (record["user_id"] or "").strip()} >= {"", None}
    views = [record["metadata"].get("product_id") for record in records if record["event_type"] == "product_view"]
    assert {product for product in views if not (product or "").strip()} >= {"   ", None}


def test_malformed_web_lines_are_cut_off(generated):
    lines = [line for path in generated.hours() for line in path.read_text().splitlines()]
    cut = [line for line in lines if not line.endswith("}}")]
    assert len(cut) == generated.truth["sources"]["web_events"]["reasons"]["malformed_row"]
    assert all(line.startswith('{"user_id":') for line in cut)
