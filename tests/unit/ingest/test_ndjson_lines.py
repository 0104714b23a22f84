"""What each line of an NDJSON file becomes, whichever way it is read."""

import gzip
import json

import pytest

from clicklake.errors import InputError
from clicklake.ingest import ndjson

NEW = "not in the contract; kept in extra"


@pytest.fixture(scope="module")
def thing(make_contract):
    return make_contract("id", "n:number", "meta:object")


def lines(*texts: str) -> bytes:
    return "\n".join(texts).encode()


GOOD = {
    # line: (id, n, meta, extra)
    '{"id": "x", "n": 1, "meta": {"k": "v"}}': ("x", "1", '{"k": "v"}', None),
    '{"meta":{},"n":null,"id":"x"}': ("x", None, "{}", None),
    ' {"id" : "x" ,\t"n":2 } ': ("x", "2", None, None),
    "{}": (None, None, None, None),
    " { } ": (None, None, None, None),
    '{"id": ""}': ("", None, None, None),
    '{"id": null, "meta": null}': (None, None, None, None),
    '{"id": " kept \\t "}': (" kept \t ", None, None, None),
    '{"id": "null", "n": "1.50"}': ("null", "1.50", None, None),
    # spellings are kept
    '{"n": 12345678901234567890.123}': (None, "12345678901234567890.123", None, None),
    '{"n": 123456789012345678901234567890}': (None, "123456789012345678901234567890", None, None),
    '{"n": 18446744073709551615}': (None, "18446744073709551615", None, None),
    '{"n": 18446744073709551616}': (None, "18446744073709551616", None, None),
    '{"n": 9007199254740993}': (None, "9007199254740993", None, None),
    '{"n": 1.10, "id": "x"}': ("x", "1.10", None, None),
    '{"n":-0}': (None, "-0", None, None),
    '{"n":-12}': (None, "-12", None, None),
    '{"n": 1e2}': (None, "1e2", None, None),
    '{"n": 1E+400}': (None, "1E+400", None, None),
    '{"n": 0.1e-7 }': (None, "0.1e-7", None, None),
    '{"n": 1.50, "id": "a \\"b\\""}': ('a "b"', "1.50", None, None),
    '{"n": NaN}': (None, "NaN", None, None),
    '{"n": -Infinity}': (None, "-Infinity", None, None),
    '{"n": true, "id": "x"}': ("x", "true", None, None),
    '{"n": ' + "9" * 5000 + "}": (None, "9" * 5000, None, None),
    # objects too
    '{"meta": {"amount": 19.90, "a":1 ,"b": -0.0}}': (None, None, '{"amount": 19.90, "a":1 ,"b": -0.0}', None),
    '{"meta": {"a": {"b": [1.0, {}]}, "c": "}"}}': (None, None, '{"a": {"b": [1.0, {}]}, "c": "}"}', None),
    '{"meta": {"a": "{\\"x\\": 1.0}"}}': (None, None, '{"a": "{\\"x\\": 1.0}"}', None),
    '{"meta": {"meta": 1}, "id": "x"}': ("x", None, '{"meta": 1}', None),
    '{"meta": {"n": 2.50}, "n": 1.50}': (None, "1.50", '{"n": 2.50}', None),
    '{"n": 1.50, "meta": {"n": 2.50}}': (None, "1.50", '{"n": 2.50}', None),
    '{"\\u006e": 1.50, "meta": {"n": 2.50}}': (None, "1.50", '{"n": 2.50}', None),
    '{"id": "meta", "meta": {"a": 1}}': ("meta", None, '{"a": 1}', None),
    '{"id": "\\"meta\\": {}", "meta": {"a": 1}}': ('"meta": {}', None, '{"a": 1}', None),
    '{"meta": {"k": 1, "k": 2}}': (None, None, '{"k": 1, "k": 2}', None),
    '{"meta": {"a": null, "b": true, "c": false, "d": NaN}}': (
        None,
        None,
        '{"a": null, "b": true, "c": false, "d": NaN}',
        None,
    ),
    # escapes
    '{"id": "\\u00e9\\n\\/\\\\"}': ("é\n/\\", None, None, None),
    '{"id": "\\ud83d\\ude00"}': ("😀", None, None, None),
    '{"id": "a\\u0000b"}': ("a\0b", None, None, None),
    '{"id": "é😀\u2028\u0085\x7f"}': ("é😀\u2028\u0085\x7f", None, None, None),
    '{"\\u0069d": "x"}': ("x", None, None, None),
    '{"meta": {"a": "\\u00e9"}}': (None, None, '{"a": "\\u00e9"}', None),
    # unknown keys
    '{"id": "x", "new": 1.0}': ("x", None, None, '{"new": 1.0}'),
    '{"new": null, "id": "x", "o": {"a": [1.0, 2]}}': ("x", None, None, '{"new": null, "o": {"a": [1.0, 2]}}'),
    '{"new": %s}' % ("9" * 5000): (None, None, None, '{"new": %s}' % ("9" * 5000)),
    '{"new": [%s]}' % ("9" * 5000): (None, None, None, '{"new": [%s]}' % ("9" * 5000)),
    '{"ID": "x"}': (None, None, None, '{"ID": "x"}'),
    '{"": "x", "a\\"b\\u00e9": "\\u00e9"}': (None, None, None, '{"": "x", "a\\"bé": "\\u00e9"}'),
    '{"extra": 1, "corrupt_record": "x"}': (None, None, None, '{"extra": 1, "corrupt_record": "x"}'),
}

CORRUPT = [
    '{"id": "x"',
    '{"id": "x"}}',
    '{"id": "x"} {"id": "y"}',
    '{"id": "x"} // said',
    '{"id": "x",}',
    '{"meta": {"a": 1,}}',
    '{,"id": "x"}',
    '{"id" "x"}',
    '{"id": }',
    '{"id": "x" "n": 1}',
    '{"id": tru}',
    '{"id": TRUE}',
    '{"n": nan}',
    '{"n": inf}',
    '{"n": 01}',
    '{"n": .5}',
    '{"n": 5.}',
    '{"n": +5}',
    '{"n": 1e}',
    '{"meta": {"a": inf}}',
    "{id: 1}",
    "{'id': 1}",
    '{"id": "a\tb"}',
    '{"i\td": 1}',
    '{"id": "\\x"}',
    '{"id": "\\u12"}',
    '{"id": "\\ud800"}',
    '{"id": "\\ude00\\ud83d"}',
    '{"meta": {"a": "\\ud800"}}',
    '{"new": ["\\udfff"]}',
    '{"meta": {"a": "\\ud800", "a": 1}}',
    '{"\\ud800": 1}',
    '{"id": 1}\0',
    '{"id": "\0"}',
    '{"id": "x", "id": "x"}',
    '{"id": "x", "new": 1, "new": 2}',
    '{"id": "x", "\\u0069d": "y"}',
    '{"id": {"a": 1}}',
    '{"id": [1]}',
    '{"n": {}}',
    '{"meta": "text"}',
    '{"meta": 1.5}',
    '{"meta": [{}]}',
    '{"meta": true}',
    "[]",
    '[{"id": "x"}]',
    '"x"',
    "12",
    "null",
    "x",
    "\x0b",
    "\u00a0",
    "[" * 100_000 + "]" * 100_000,
    '{"meta":' * 100_000 + "1" + "}" * 100_000,
    '{"meta": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}",
]


@pytest.mark.parametrize("line", GOOD, ids=lambda line: line[:60])
def test_line_is_a_row(read, thing, line):
    found = read(line.encode(), thing, "x.ndjson")

    *row, extra = GOOD[line]
    assert (found.rows, found.extra, found.corrupt) == ([tuple(row)], [extra], [])


@pytest.mark.parametrize("line", CORRUPT, ids=lambda line: line[:60])
def test_line_is_corrupt(read, thing, line):
    found = read(line.encode() + b"\n", thing, "x.ndjson")

    assert (found.rows, found.corrupt) == ([], [line])


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block", [1 << 20, 100, 7])
def test_lines_are_independent(read, thing, ending, block):
    corrupt = [line for line in CORRUPT if len(line) < 1_000]
    text = ending.join(line for pair in zip(GOOD, [*corrupt, *corrupt], strict=False) for line in pair)

    found = read(text.encode(), thing, "x.ndjson", block=block)

    assert sorted(zip(found.rows, found.extra, strict=True), key=repr) == sorted(
        ((tuple(row), extra) for *row, extra in GOOD.values()), key=repr
    )
    assert sorted(found.corrupt) == sorted([*corrupt, *corrupt][: len(GOOD)])


def test_blank_lines_are_no_records(read, thing):
    found = read(b'\n \t\n\r\n{"id": "x"}\n\n   \n{"id": "y"}\r\n  ', thing, "x.ndjson")

    assert (found.rows, found.corrupt) == ([("x", None, None), ("y", None, None)], [])


@pytest.mark.parametrize("data", [b"", b"\n", b" \t\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("block", [1 << 20, 1])
def test_no_lines(read, thing, data, block):
    found = read(data, thing, "x.ndjson", block=block)

    assert (found.records, found.drift) == (0, {})


@pytest.mark.parametrize("block", [1 << 20, 2])
def test_byte_order_mark(read, thing, block):
    found = read(b'\xef\xbb\xbf{"id": "x"}\n\xef\xbb\xbf{"id": "y"}\n', thing, "x.ndjson", block=block)

    assert (found.rows, found.corrupt) == ([("x", None, None)], ['\ufeff{"id": "y"}'])


@pytest.mark.parametrize("block", [1 << 20, 5])
def test_bytes_that_are_not_utf8(read, thing, block):
    found = read(b'{"id": "x"}\n{"id": "\xff"}\n\xc3\n  \n{"id": "\xc3\xa9"}\r\n\xe9', thing, "x.ndjson", block=block)

    assert found.rows == [("x", None, None), ("é", None, None)]
    assert found.corrupt == ['{"id": "\ufffd"}', "\ufffd", "\ufffd"]


@pytest.mark.parametrize("text", ["x" * 3_000_000, "\\n" * 1_500_000, "é" * 1_000_000], ids=lambda text: text[:2])
def test_line_over_several_blocks(read, thing, text):
    found = read(lines('{"id": "a"}', f'{{"id": "{text}", "n": 1.50}}', '{"id": "b"}'), thing, "x.ndjson")

    assert sorted(len(row[0]) for row in found.rows) == [1, 1, len(json.loads(f'"{text}"'))]
    assert found.corrupt == []


def test_a_hundred_levels_are_a_value(read, thing):
    deep = '{"a":' * 100 + "1.0" + "}" * 100

    assert read(f'{{"meta": {deep}}}'.encode(), thing, "x.ndjson").rows == [(None, None, deep)]


def test_a_json_document_over_several_lines_keeps_each_line(read, thing):
    found = read(json.dumps([{"id": "x"}], indent=1).encode(), thing, "x.json")

    assert found.rows == []
    assert sorted(found.corrupt) == sorted(["[", " {", '  "id": "x"', " }", "]"])


def test_compressed(read, thing):
    data = gzip.compress(b'{"id": "x"}\n')

    assert read(data, thing, "x.ndjson.gz").rows == [("x", None, None)]
    with pytest.raises(InputError, match="cut short"):
        read(data[:-9], thing, "x.ndjson.gz")


@pytest.mark.parametrize(
    ("data", "what"), [(b"\x1f\x8b\x08", "gzip"), (b"PK\x03\x04", "zip"), (b"\xff\xfe{\0", "UTF-16")]
)
def test_no_text(read, thing, data, what):
    with pytest.raises(InputError, match=what):
        read(data, thing, "x.ndjson")


class TestDrift:
    def test_none(self, read, thing):
        assert read(lines('{"id": "x", "n": 1}', '{"id": null, "n": "2", "meta": null}'), thing, "x.ndjson").drift == {}

    def test_new_keys_with_their_rows(self, read, thing):
        data = lines('{"id":"x","n":1,"meta":{}}', '{"new":1}', '{"new":2,"other":{}}', '{"bad":1,"id":{}}')

        assert {key: n for key, n in read(data, thing, "x.ndjson").drift.items() if key[0] == "new_column"} == {
            ("new_column", "new", NEW): 2,
            ("new_column", "other", NEW): 1,
        }

    def test_missing_column(self, read, thing):
        drift = read(lines('{"id": "x", "meta": null}', '{"id": "y", "x": 1}'), thing, "x.ndjson").drift

        assert drift[("missing_column", "n", "not in the file; null in every row")] == 0
        assert [column for kind, column, _ in drift if kind == "missing_column"] == ["n"]

    def test_nothing_is_missing_where_nothing_could_be_read(self, read, thing):
        assert read(lines("x", "[]"), thing, "x.ndjson").drift == {}

    def test_a_key_that_changes_its_type(self, read, thing):
        data = lines(
            *['{"id": "x", "n": 1, "meta": {}}', '{"id": 7}', '{"id": 7.5}', '{"id": true}', '{"id": 8, "new": 1}'],
            *['{"id": {}}', '{"id": []}', '{"n": []}', '{"meta": "x"}', '{"meta": [1]}', '{"n": true}', '{"n": "1"}'],
        )

        found = read(data, thing, "x.ndjson")

        changed = {(column, what): rows for (kind, column, what), rows in found.drift.items() if kind == "changed_type"}
        assert changed == {
            ("id", "number in the file"): 3,
            ("id", "boolean in the file"): 1,
            ("id", "object in the file"): 1,
            ("id", "array in the file"): 1,
            ("n", "array in the file"): 1,
            ("meta", "string in the file"): 1,
            ("meta", "array in the file"): 1,
        }
        assert sorted(row[0] for row in found.rows if row[0] not in ("x", None)) == ["7", "7.5", "8", "true"]
        assert len(found.corrupt) == 5


def test_columns_of_lists(read, make_contract):
    contract = make_contract("tags:array", "id")

    texts = ['{"tags": ["a", 1.0]}', '{"tags": null}', '{"tags": "a"}', '{"tags": {}}', '{"tags": [[1.0]]}']
    found = read(lines(*texts), contract, "x.ndjson")

    assert sorted(found.rows, key=repr) == [('["a", 1.0]', None), ("[[1.0]]", None), (None, None)]
    assert sorted(found.corrupt) == ['{"tags": "a"}', '{"tags": {}}']


def test_a_contract_s_odd_names(read, make_contract):
    names = ["a.b", "$", "*", "a/b", "m~n", "it's", 'q"q', "a b", "é", "back\\slash", "line", "types", "[0]", "(x"]
    values = {name: f"v{i}" for i, name in enumerate(names)}
    numbers = {name: i + 0.5 for i, name in enumerate(names)}
    contract = make_contract(*(f"{name}:number" for name in names))

    found = read(lines(json.dumps(values), json.dumps(numbers, ensure_ascii=False)), contract, "x.ndjson")

    assert sorted(found.rows) == sorted([tuple(values.values()), tuple(str(n) for n in numbers.values())])
    assert (found.extra, found.drift) == ([None, None], {})


def test_usual_lines_are_read_many_at_once(read, thing, monkeypatch):
    def fails(*_):
        raise AssertionError("a plain line was read by itself")

    usual = lines(
        *['{"id": "x", "n": 1, "meta": {"k": "v", "a": 1.50}}', '{"id":"\\u00e9","n":null}', '{"n":1.50,"id":"x:1.5"}'],
        *['{"id": 7, "n": "1"}', '{"id": null, "meta": null}', '{"meta":{},"n":-3e5}', "{}"],
    )
    expected = read(usual, thing, "x.ndjson")
    monkeypatch.setattr(ndjson, "_members", fails)

    assert read(usual, thing, "x.ndjson") == expected
    assert len(expected.rows) == 7
