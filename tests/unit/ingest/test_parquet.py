"""What each row of a Parquet file becomes: every type as text."""

import json
from datetime import date, datetime, time, timezone
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clicklake.errors import InputError
from clicklake.ingest import parquet

NEW = "not in the contract; kept in extra"


@pytest.fixture
def write(tmp_path):
    def writes(columns, **options):
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        pq.write_table(table, tmp_path / "x.parquet", **options)
        return tmp_path / "x.parquet"

    return writes


@pytest.fixture(scope="module")
def one(make_contract):
    return make_contract("a")


MOMENT = datetime(2024, 1, 2, 3, 4, 5, 678900)
UTC = MOMENT.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array(["x", "", " é\n", None]), ["x", "", " é\n", None]),
        (pa.array(["x"], pa.large_string()), ["x"]),
        (pa.array(["x", None, "x", "y"]).dictionary_encode(), ["x", None, "x", "y"]),
        (pa.array([MOMENT]), ["2024-01-02 03:04:05.6789"]),
        (pa.array([MOMENT.replace(microsecond=0)], pa.timestamp("s")), ["2024-01-02 03:04:05"]),
        (pa.array([1704164645123456789], pa.timestamp("ns")), ["2024-01-02 03:04:05.123456789"]),
        (pa.array([UTC], pa.timestamp("us", "UTC")), ["2024-01-02 03:04:05.6789+00"]),
        (pa.array([UTC], pa.timestamp("ms", "Asia/Kolkata")), ["2024-01-02 03:04:05.678+00"]),
        (pa.array([UTC], pa.timestamp("us", "America/New_York")), ["2024-01-02 03:04:05.6789+00"]),
        (pa.array([date(2024, 2, 29)]), ["2024-02-29"]),
        (pa.array([time(3, 4, 5)]), ["03:04:05"]),
        (pa.array([Decimal("1.50"), Decimal("-0.01"), None]), ["1.50", "-0.01", None]),
        (
            pa.array([Decimal("123456789012345678901234567890.12345678")], pa.decimal128(38, 8)),
            ["123456789012345678901234567890.12345678"],
        ),
        (pa.array([1, -1, 2**63 - 1, None]), ["1", "-1", "9223372036854775807", None]),
        (pa.array([255], pa.uint8()), ["255"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([0.1, 1.5, float("nan"), float("-inf"), 1e300]), ["0.1", "1.5", "nan", "-inf", "1e+300"]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([None, None], pa.null()), [None, None]),
        (pa.array([b"text", "é".encode(), b"\xff\x00", None]), ["text", "é", "\\xFF\\x00", None]),
        (pa.array([["x", None], [], None]), ['["x",null]', "[]", None]),
        (
            pa.array([{"k": "v", "n": 1.5, "d": Decimal("12345678901234567890.10")}]),
            ['{"k":"v","n":1.5,"d":12345678901234567890.10}'],
        ),
        (
            pa.array([[("k", "v"), ("z", None)], [], None], pa.map_(pa.string(), pa.string())),
            ['{"k":"v","z":null}', "{}", None],
        ),
    ],
    ids=lambda value: str(value.type)[:40] if isinstance(value, pa.Array) else "",
)
def test_types(read, one, write, values, texts):
    found = read(write({"a": values}), one)

    assert [row[0] for row in found.rows] == texts
    assert (found.extra, found.corrupt) == ([None] * len(texts), [])


def test_names_and_extra(read, make_contract, write):
    path = write({"UserID": ["u"], "new": [1.5], 'it\'s "x"': ["é\n"], "aMOUNT": [Decimal("1.50")], "m": [{"k": None}]})

    found = read(path, make_contract("userid", "Amount:number", "other"))

    assert found.rows == [("u", "1.50", None)]
    assert json.loads(found.extra[0]) == {"new": "1.5", 'it\'s "x"': "é\n", "m": '{"k":null}'}
    assert found.drift == {
        ("new_column", "new", NEW): 0,
        ("new_column", 'it\'s "x"', NEW): 0,
        ("new_column", "m", NEW): 0,
        ("missing_column", "other", "not in the file; null in every row"): 0,
    }


def test_names_that_differ_in_case_alone_are_two_unknown_columns(read, one, write):
    found = read(write({"a": ["1"], "x": ["2"], "X": ["3"], "c0": ["4"]}), one)

    assert [json.loads(extra) for extra in found.extra] == [{"x": "2", "X": "3", "c0": "4"}]


@pytest.mark.parametrize("names", [["a", "A"], ["a", "a"], ["a", "x", "x"]])
def test_a_column_twice(read, one, write, names):
    path = write(pa.table([["1"]] * len(names), names=names))

    with pytest.raises(InputError, match=f"has the column '{names[-1].lower()}' twice"):
        read(path, one)


def test_many_rows_in_several_groups(read, one, write, monkeypatch):
    monkeypatch.setattr(parquet, "_ROWS", 64)

    found = read(write({"a": list(range(1_000))}, row_group_size=300), one)

    assert [row[0] for row in found.rows] == [str(n) for n in range(1_000)]


def test_zero_rows(read, one, write):
    found = read(write({"a": pa.array([], pa.string()), "b": pa.array([], pa.int64())}), one)

    assert (found.records, found.drift) == (0, {("new_column", "b", NEW): 0})


def broken_text(*texts: bytes) -> pa.Array:
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(texts)))


def test_rows_that_are_no_text_are_corrupt_and_the_others_are_not(read, make_contract, write):
    texts = broken_text(*[b"fine"] * 40, b"\xffbad", *[b"fine"] * 40, b"\xc3", b"fine")
    path = write({"a": texts, "n": list(range(83)), "t": [date(2024, 1, 2)] * 83})

    found = read(path, make_contract("a", "n:number"))

    assert [row for row in found.rows if row[0] != "fine"] == []
    assert [int(row[1]) for row in found.rows] == [n for n in range(83) if n not in (40, 81)]
    assert found.corrupt == [
        '{"a": "\ufffdbad", "n": 40, "t": "2024-01-02"}',
        '{"a": "\ufffd", "n": 81, "t": "2024-01-02"}',
    ]


def test_a_map_with_a_key_twice(read, make_contract, write):
    maps = pa.array([[("k", "v")], [("k", "v"), ("k", "w")]], pa.map_(pa.string(), pa.string()))

    found = read(write({"id": ["1", "2"], "m": maps}), make_contract("id", "m:object"))

    assert found.rows == [("1", '{"k":"v"}')]
    assert found.corrupt == ['{"id": "2", "m": [["k", "v"], ["k", "w"]]}']


def test_a_type_that_nobody_knows(read, one, write):
    path = write({"a": pa.array([Decimal("1.5")], pa.decimal256(60, 2))})

    with pytest.raises(InputError, match="is not a readable parquet file: .*Decimal"):
        read(path, one)


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"PAR1" + b"\0" * 20 + b"PAR1"])
def test_not_a_parquet_file(read, one, data):
    with pytest.raises(InputError, match="x.parquet: is not a readable parquet file"):
        read(data, one, "x.parquet")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_cut_short(read, one, write, share):
    path = write({"a": [f"text {n}" for n in range(10_000)]})
    data = path.read_bytes()

    with pytest.raises(InputError, match="is not a readable parquet file"):
        read(data[: int(len(data) * share)], one, "x.parquet")


def test_damaged_inside(read, one, write):
    path = write({"a": [f"text {n}" for n in range(10_000)]}, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[100:3000] = b"\xff" * 2900

    with pytest.raises(InputError, match="is not a readable parquet file"):
        read(bytes(data), one, "x.parquet")


def test_compressed_outside(read, one):
    with pytest.raises(InputError, match="x.parquet.gz: Parquet files are compressed inside"):
        read(b"x", one, "x.parquet.gz")


def test_not_there(one, tmp_path):
    from clicklake.ingest.files import InputFile
    from clicklake.ingest.reading import FileStats

    with pytest.raises(InputError, match="gone.parquet: No such file or directory"):
        list(parquet.read_parquet(InputFile(str(tmp_path / "gone.parquet"), "parquet", None, 1, 1), one, FileStats()))
