"""Any bytes as NDJSON: each line that is not blank is one row, with the values that Python's own reader finds."""

import json
from collections import Counter

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clicklake.ingest.reading import _NO_TEXT

COLUMNS = {"a": "string", "n": "number", "m": "object"}
SPELLED = [
    *['"x"', '""', '" "', '"\\u00e9"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"a\\"b"', '"}"', '"n"', '"m": {'],
    *[
        "1",
        "-0",
        "0",
        "-7",
        "1.10",
        "1e5",
        "1E400",
        "12345678901234567890.123",
        "18446744073709551616",
        "01",
        "NaN",
        "inf",
    ],
    *["true", "false", "null", "tru", "[]", "[1.0, 2]", "[1,]", "{}", '{"k": 1.0}', '{"k":"v","k":"w"}', '{"a": 2.50}'],
    *[
        '{"n": 1.50}',
        '{"m": {"n": [1.0]}}',
        '{"k": 1 ,"l":null}',
        '{"k":1,}',
        '{"k": "}"}',
        '{"k": "\\u00e9", "l": 1.0}',
    ],
]
KEYS = st.sampled_from(['"a"', '"n"', '"m"', '"a"', '"n"', '"m"', '"new"', '"\\u0061"', '"A"', '""', "a"])
MEMBERS = st.tuples(KEYS, st.sampled_from([":", ": ", " :\t"]), st.sampled_from(SPELLED)).map("".join)
OBJECTS = st.tuples(
    st.sampled_from(["{", " { "]),
    st.tuples(st.lists(MEMBERS, max_size=4), st.sampled_from([",", ", ", " ,"])).map(lambda x: x[1].join(x[0])),
    st.sampled_from(["}", "}", " } ", ",}", "", "}x"]),
).map("".join)
PLAIN = st.builds(
    lambda a, n, m: f'{{"a": "{a}", "n": {n}, "m": {m}}}',
    st.sampled_from(["x", "é", "a:1.5,", "m"]),
    st.sampled_from(["1", "1.10", '"1"', "null", "-3", "1e2"]),
    st.sampled_from(['{"k": "v"}', '{"k":1.50}', "null", "{}", '{"n": 2.0}']),
)
LINES = st.one_of(OBJECTS, OBJECTS, PLAIN, PLAIN, st.sampled_from(["", " \t", "null", "x", "\x00", "\x0b"])).map(
    str.encode
)
ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b"\xff\n"])
TEXTS = st.lists(st.tuples(LINES, ENDS).map(b"".join), max_size=40).map(b"".join)
BLOCKS = st.sampled_from([1, 7, 64, 1 << 20])


@pytest.fixture(scope="module")
def contract(make_contract):
    return make_contract(*(f"{name}:{kind}" for name, kind in COLUMNS.items()))


def records(data: bytes) -> list[bytes]:
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return [line for line in lines if line.strip(b" \t")]


class Number(str):
    """As it is spelled."""


def load(text: str) -> object:
    """Objects become tuples of pairs, numbers and constants such as NaN keep their spelling."""
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=tuple)


def read_slowly(line: bytes) -> dict | None:
    """The object of a line; None where it is corrupt."""
    try:
        found = load(line.decode())
        json.dumps(found, ensure_ascii=False).encode()  # not with half a surrogate pair
    except ValueError:
        return None
    if not isinstance(found, tuple) or len(dict(found)) != len(found):
        return None
    row = dict(found)
    for name, kind in COLUMNS.items():
        value = row.get(name)
        if isinstance(value, list) or (value is not None and isinstance(value, tuple) != (kind == "object")):
            return None
    return row


def as_text(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def check(data: bytes, found) -> None:
    lines = records(data)
    read = [(line, read_slowly(line)) for line in lines]
    expected = [
        (*(as_text(row.get(name)) for name in COLUMNS), tuple(item for item in row.items() if item[0] not in COLUMNS))
        for _, row in read
        if row is not None
    ]
    rows = [
        (a, n, None if m is None else load(m), () if extra is None else load(extra))
        for (a, n, m), extra in zip(found.rows, found.extra, strict=True)
    ]

    assert found.records == len(lines)
    assert Counter(found.corrupt) == Counter(line.decode("utf-8", "replace") for line, row in read if row is None)
    assert sorted(map(repr, rows)) == sorted(map(repr, expected))


@settings(max_examples=60, deadline=None)
@given(data=TEXTS, block=BLOCKS)
def test_each_line_is_one_row(read, contract, data, block):
    found = read(data, contract, "x.ndjson", block=block)

    check(data, found)
    text = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "replace")
    assert all(row[2] is None or row[2] in text for row in found.rows)


@settings(max_examples=60, deadline=None)
@given(
    data=st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(b'{}[]":,\\ \n\r\tan1.u0'), max_size=40).map(bytes))
)
def test_any_bytes(read, contract, data):
    assume(not data.startswith(tuple(_NO_TEXT)))

    check(data, read(data, contract, "x.ndjson", block=8))


@settings(max_examples=25, deadline=None)
@given(data=TEXTS)
def test_objects_are_json_to_those_who_read_them(read, contract, data):
    found = read(data, contract, "x.ndjson")

    texts = [text for row, extra in zip(found.rows, found.extra, strict=True) for text in (row[2], extra) if text]
    assert all(duckdb.execute("select json_valid(?)", [text]).fetchone() == (True,) for text in texts)
