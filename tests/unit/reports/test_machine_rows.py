"""JSON and CSV: what is written can be read back, to the last digit."""

import csv
import io
import json
from datetime import date, datetime, time, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicklake.reports.render import machine, to_json, write_csv, write_json

INFINITY = 2**63 - 1
TIMES = pa.array([0, 1_500_000, INFINITY, -INFINITY, None], pa.int64())
ALL_TYPES = pa.table(
    {
        "text": ['a "quoted", text', "line\nbreak", "", "日本 ü", None],
        "whole": pa.array([1, -2, 2**53 + 1, 0, None], pa.int64()),
        "real": pa.array([1.5, float("nan"), float("inf"), 1e-7, None]),
        "money": pa.array([Decimal("12.50"), Decimal("-0.01"), Decimal("1e15"), Decimal(0), None]),
        "exact": pa.array([Decimal("1e-10"), None, Decimal("0"), None, None], pa.decimal128(38, 10)),
        "flag": [True, False, None, True, None],
        "day": pa.array([date(2025, 1, 31), date(1, 1, 1), date(9999, 12, 31), None, None]),
        "at": TIMES.cast(pa.timestamp("us")),
        "zoned": TIMES.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")),
        "clock": pa.array([time(12, 30), None, None, None, None]),
        "raw": pa.array([b"\x00\xff", None, b"", None, None]),
        "kind": pa.array(["a", "b", "a", None, None]).dictionary_encode(),
        "list": pa.array([["x", 'y"'], [], None, None, None], pa.list_(pa.string())),
        "map": pa.array([[("k", "v")], [], None, None, None], pa.map_(pa.string(), pa.string())),
        "struct": pa.array([{"n": Decimal("1.50"), "d": date(2025, 1, 1)}, None, None, None, None]),
    }
)


def read_csv(table: pa.Table, **options) -> list[list[str]]:
    stream = io.StringIO(newline="")
    write_csv(table, stream, **options)
    return list(csv.reader(io.StringIO(stream.getvalue(), newline="")))


def test_json_spells_every_type():
    first, second, third, fourth, last = json.loads(to_json(ALL_TYPES), parse_float=Decimal)
    assert first == {
        "text": 'a "quoted", text',
        "whole": 1,
        "real": Decimal("1.5"),
        "money": Decimal("12.50"),
        "exact": Decimal("0.0000000001"),
        "flag": True,
        "day": "2025-01-31",
        "at": "1970-01-01T00:00:00Z",
        "zoned": "1970-01-01T00:00:00Z",
        "clock": "12:30:00",
        "raw": "00ff",
        "kind": "a",
        "list": ["x", 'y"'],
        "map": {"k": "v"},
        "struct": {"n": Decimal("1.50"), "d": "2025-01-01"},
    }
    assert second["real"] is None and third["real"] is None
    assert second["at"] == "1970-01-01T00:00:01.500000Z"
    assert second["day"] == "0001-01-01"
    assert (third["at"], fourth["zoned"]) == ("infinity", "-infinity")
    assert third["whole"] == 2**53 + 1
    assert fourth["real"] == Decimal("1e-7")
    assert set(last.values()) == {None}


def test_decimals_keep_their_digits_in_the_text():
    assert '"money": 12.50,' in to_json(ALL_TYPES)
    assert '"exact": 0.0000000001,' in to_json(ALL_TYPES)


def test_json_without_rows_is_an_empty_list():
    assert json.loads(to_json(ALL_TYPES.slice(0, 0))) == []


def test_keys_are_written_as_they_are():
    table = pa.table({'100% "sure"': [1], "": [2], "日": [3]})
    assert json.loads(to_json(table)) == [{'100% "sure"': 1, "": 2, "日": 3}]


def test_batches_are_joined(monkeypatch):
    monkeypatch.setattr(machine, "_BATCH", 3)
    table = pa.table({"n": pa.chunked_array([[1, 2], [3, 4, 5], [6, 7]])})
    assert [row["n"] for row in json.loads(to_json(table))] == [1, 2, 3, 4, 5, 6, 7]
    assert [row[0] for row in read_csv(table)] == ["n", "1", "2", "3", "4", "5", "6", "7"]


def test_a_stream_gets_the_same():
    stream = io.StringIO()
    write_json(ALL_TYPES, stream)
    assert stream.getvalue() == to_json(ALL_TYPES)


def test_csv_spells_values_as_json_does():
    header, first, second, third, fourth, last = read_csv(ALL_TYPES)
    assert header == ALL_TYPES.column_names
    assert first[:9] == [
        *('a "quoted", text', "1", "1.5", "12.50", "0.0000000001", "true", "2025-01-31"),
        *("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ]
    assert second[0] == "line\nbreak"
    assert second[2] == ""
    assert last == [""] * len(header)


def test_csv_tells_empty_text_from_null():
    stream = io.StringIO(newline="")
    write_csv(pa.table({"a": ["", None, "x"], "b": [1, 2, None]}), stream)
    assert stream.getvalue() == 'a,b\r\n"",1\r\n,2\r\nx,\r\n'


def test_a_csv_of_one_column_has_no_empty_lines():
    assert read_csv(pa.table({"a": ["x", None, ""]})) == [["a"], ["x"], [""], [""]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=x"])
def test_safe_csv_hides_formulas(text):
    table = pa.table({"note": [text], "amount": [Decimal("-1.50")], "=x": ["fine - so far"]})
    assert read_csv(table, safe=True) == [["note", "amount", "'=x"], [f"'{text}", "-1.50", "fine - so far"]]
    assert read_csv(table)[1][0] == text


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    st.lists(
        st.tuples(
            st.none() | TEXTS,
            st.none() | st.decimals(-(10**15), 10**15, places=2),
            st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
        )
    )
)
def test_rows_come_back(rows):
    types = (pa.string(), pa.decimal128(18, 2), pa.timestamp("us"))
    columns = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(types)]
    table = pa.table(dict(zip("abc", columns, strict=True)))
    back = json.loads(to_json(table), parse_float=Decimal)
    assert [(row["a"], row["b"]) for row in back] == [row[:2] for row in rows]
    times = [row["c"] and datetime.fromisoformat(row["c"].replace("Z", "+00:00")) for row in back]
    assert times == [row[2] and row[2].replace(tzinfo=timezone.utc) for row in rows]
    texts = [row[0] for row in read_csv(table)[1:]]
    assert texts == [row[0] or "" for row in rows]
    assert sum(map(Decimal, filter(None, (row[1] for row in read_csv(table)[1:])))) == (pc.sum(table["b"]).as_py() or 0)
