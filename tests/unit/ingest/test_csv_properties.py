"""Any bytes as CSV against a slow reader that follows the definition of a record byte by byte."""

from collections import Counter
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from clicklake.errors import InputError
from clicklake.ingest import csv, records

TOKENS = [
    *[b'"', b",", b"\n", b"\r", b"\r\n", b" ", b"\t", b"\x00", b"a", b"1", b'""', b',"', b'",', b'"\n', b'\n"'],
    *["ä".encode(), "😀".encode(), b"\xff", b"\xc3", b"\xe2\x82", b"\xef\xbb\xbf", b"\x0b", b"\xc2\x85"],
    *[b"x,y,z\n", b'x,"y,y",z\n', b'"x\ny",b,c\n', b'"x\r\n""y",b,c\r\n', b"x,y\n", b'5" x,b,c\n', b"  \n", b"\n\n"],
]
TEXT = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)
ROWS = st.lists(st.sampled_from(TOKENS[-8:]), max_size=25).map(b"".join)
BODIES = st.one_of(TEXT, ROWS, st.tuples(ROWS, TEXT, ROWS).map(b"".join), st.binary(max_size=60))
BLOCKS = st.sampled_from([1, 3, 7, 64, 1 << 20])


def read_slowly(data: bytes, columns: int, limit: int = 1_000_000, delimiter: bytes = b",") -> tuple[Counter, Counter]:
    """Good rows and corrupt records, straight from the definition."""
    good, corrupt = Counter(), Counter()
    start = 0
    while start < len(data):
        line_end, next_line = end_of_line(data, start)
        line = data[start:line_end]
        if all(bytes([code]) in (b" ", b"\t") and bytes([code]) != delimiter for code in line):
            start = next_line
            continue
        whole = scan(data, start, delimiter)
        is_record = whole is not None and (
            whole[1] == line_end or (len(whole[0]) == columns and whole[1] - start <= limit)
        )
        fields, end, following = whole if is_record else ([], line_end, next_line)
        try:
            if len(fields) != columns:
                raise ValueError
            good[tuple(field.decode() for field in fields)] += 1
        except ValueError:
            corrupt[data[start:end].decode("utf-8", "replace")] += 1
        start = following
    return good, corrupt


def end_of_line(data: bytes, at: int) -> tuple[int, int]:
    while at < len(data):
        if data[at : at + 2] == b"\r\n":
            return at, at + 2
        if data[at : at + 1] in (b"\r", b"\n"):
            return at, at + 1
        at += 1
    return at, at


def scan(data: bytes, at: int, delimiter: bytes) -> tuple[list[bytes], int, int] | None:
    """Fields, end and next start of the record here, or None where a quote stays open."""
    fields, value, state = [], b"", "start"
    while at < len(data):
        char = data[at : at + 1]
        if state == "quoted":
            if char != b'"':
                value += char
            elif data[at + 1 : at + 2] == b'"':
                value += b'"'
                at += 1
            else:
                state = "text"
        elif state == "start" and char == b'"':
            state = "quoted"
        elif char == delimiter:
            fields.append(value)
            value, state = b"", "start"
        elif char in (b"\r", b"\n"):
            return [*fields, value], *end_of_line(data, at)
        else:
            value += char
            state = "text"
        at += 1
    return None if state == "quoted" else ([*fields, value], at, at)


def test_the_slow_reader_reads_as_the_definition_says():
    data = b'1,"2\n2"\r\n\n \t\n1,"x,1\n1,2,3\n\xff,1\n"a""b"c,d"e"\r"a\nb"'

    assert read_slowly(data, 2) == (
        Counter({("1", "2\n2"): 1, ('a"bc', 'd"e"'): 1}),
        Counter({'1,"x,1': 1, "1,2,3": 1, "\ufffd,1": 1, '"a': 1, 'b"': 1}),
    )


@pytest.fixture(scope="module")
def abc(make_contract):
    return make_contract("a", "b", "c")


@settings(max_examples=150, deadline=None)
@given(body=BODIES, block=BLOCKS)
@example(body=b'x"y,"\n  \n', block=1 << 20)  # Arrow closes it; the line behind is blank
@example(body=b'1,2,"\n \t\n\n', block=1 << 20)
@example(body=b"1,2,3\n\xef\xbb\xbf1,2,3\n", block=1)  # Arrow drops a mark at a block's start
@example(body=b'1,2,3\n1,"2\n2",3\n4,"5', block=7)
@example(body=b'1,2\r"3\r\n",4,5\r', block=1)
@example(body=b'a"b,"c\n"d,e,f\n"g",h,i\n', block=1 << 20)
def test_rows_are_those_of_the_slow_reader(read, abc, body, block):
    found = read(b"a,b,c\n" + body, abc, block=block)

    assert (Counter(found.rows), Counter(found.corrupt)) == read_slowly(body, 3)


@settings(max_examples=150, deadline=None)
@given(body=BODIES, block=BLOCKS)
def test_one_column(read, make_contract, body, block):
    found = read(b"a\n" + body, make_contract("a"), block=block)

    assert (Counter(found.rows), Counter(found.corrupt)) == read_slowly(body, 1)


@settings(max_examples=100, deadline=None)
@given(body=BODIES, block=BLOCKS, delimiter=st.sampled_from("\t ;"))
def test_other_delimiters(read, make_contract, body, block, delimiter):
    mark = delimiter.encode()
    body = body.replace(b",", mark)

    found = read(b"a%sb%sc\n" % (mark, mark) + body, make_contract("a", "b", "c", delimiter=delimiter), block=block)

    assert (Counter(found.rows), Counter(found.corrupt)) == read_slowly(body, 3, delimiter=mark)


@settings(max_examples=150, deadline=None)
@given(body=BODIES, block=BLOCKS, limit=st.integers(8, 40))
def test_longest_record(read, abc, body, block, limit):
    with patch.object(records, "MAX_RECORD", limit):
        found = read(b"a,b,c\n" + body, abc, block=block)

    assert (Counter(found.rows), Counter(found.corrupt)) == read_slowly(body, 3, limit)


@settings(max_examples=150, deadline=None)
@given(data=BODIES, block=BLOCKS)
def test_any_file_is_refused_or_read_whole(read, abc, data, block):
    try:
        found = read(data, abc, block=block)
    except InputError:
        return

    data = data.removeprefix(b"\xef\xbb\xbf")
    good, corrupt = read_slowly(data, 3)
    if any(kind == "no_header" for kind, _, _ in found.drift) or not (good or corrupt):
        assert (Counter(found.rows), Counter(found.corrupt)) == (good, corrupt)
    else:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        header = next(line for line in lines if line.strip(b" \t"))
        assert len(scan(header, 0, b",")[0]) >= 1
        body = data[data.index(header) + len(header) :]
        columns = len(scan(header, 0, b",")[0])
        expected = read_slowly(body[1:] if body[:1] == b"\n" else body, columns)
        assert found.records == expected[0].total() + expected[1].total()


@settings(max_examples=150, deadline=None)
@given(block=st.one_of(ROWS, st.tuples(ROWS, TEXT).map(b"".join)))
def test_where_the_fast_path_accepts_it_agrees_with_the_careful_one(abc, block):
    layout = csv._Layout(["a", "b", "c"], abc)
    fast = csv._fast(block, layout)
    assume(fast is not None)

    careful = [record for record, _ in records.split_records(block, 3, ",", is_last=True) if record]

    table, refused = fast
    assert isinstance(table, pa.Table)
    assert Counter(zip(*(column.to_pylist() for column in table.columns), strict=True)) == Counter(
        tuple(record.fields) for record in careful if record.fields is not None
    )
    assert Counter(refused) == Counter(record.raw for record in careful if record.fields is None)


@settings(max_examples=150, deadline=None)
@given(body=st.one_of(TEXT, ROWS))
def test_records_don_t_depend_on_how_a_piece_is_cut(body):
    whole = [record for record, _ in records.split_records(body, 3, ",", is_last=True)]

    in_pieces, rest = [], b""
    for line in body.splitlines(keepends=True):
        behind, rest = 0, rest + line
        is_last = False
        for record, offset in records.split_records(rest, 3, ",", is_last=is_last):
            in_pieces.append(record)
            behind = offset
        rest = rest[behind:]
    in_pieces += [record for record, _ in records.split_records(rest, 3, ",", is_last=True)]

    assert in_pieces == whole
