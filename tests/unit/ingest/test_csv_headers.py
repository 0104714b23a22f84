"""How a CSV file's header and encoding are understood, and which files are refused."""

import json

import pytest

from clicklake.errors import InputError


@pytest.fixture(scope="module")
def abc(make_contract):
    return make_contract("a", "b", "Name")


NEW = "not in the contract; kept in extra"
MISSING = "not in the file; null in every row"


@pytest.mark.parametrize(
    ("data", "rows", "extra", "drift"),
    [
        pytest.param(b"a,b,Name\n1,2,3\n", ["1", "2", "3"], None, {}, id="as in the contract"),
        pytest.param(b"\xef\xbb\xbfa,b,Name\n1,2,3\n", ["1", "2", "3"], None, {}, id="byte order mark"),
        pytest.param(b'\xef\xbb\xbf"a","b","Name"\n1,2,3\n', ["1", "2", "3"], None, {}, id="mark and quotes"),
        pytest.param(b"\n \t\r\na,b,Name\n1,2,3\n", ["1", "2", "3"], None, {}, id="behind blank lines"),
        pytest.param(b'"a","b","Name"\n1,2,3\n', ["1", "2", "3"], None, {}, id="quoted"),
        pytest.param(b" a ,b\t, Name\n1,2,3\n", ["1", "2", "3"], None, {}, id="blanks around"),
        pytest.param(b"a,b,Name\r1,2,3\r", ["1", "2", "3"], None, {}, id="CR"),
        pytest.param(b"Name,a,b\n3,1,2\n", ["1", "2", "3"], None, {}, id="reordered"),
        pytest.param(b"A,B,NAME\n1,2,3\n", ["1", "2", "3"], None, {}, id="other case"),
        pytest.param(
            b"a,Name\n1,3\n", ["1", None, "3"], None, {("missing_column", "b", MISSING): 0}, id="column missing"
        ),
        pytest.param(
            b"a,new,b,Name\n1,x,2,3\n",
            ["1", "2", "3"],
            '{"new": "x"}',
            {("new_column", "new", NEW): 0},
            id="new column",
        ),
        pytest.param(
            'a,"n,""1""",b,Name,ü\n1,"\\ ""x""\t\n",2,3,é\n'.encode(),
            ["1", "2", "3"],
            '{"n,\\"1\\"": "\\\\ \\"x\\"\\t\\n", "ü": "é"}',
            {("new_column", 'n,"1"', NEW): 0, ("new_column", "ü", NEW): 0},
            id="new columns to be escaped",
        ),
        pytest.param(
            b"a,b,Name,\n1,2,3,\n", ["1", "2", "3"], '{"": ""}', {("new_column", "", NEW): 0}, id="column without name"
        ),
        pytest.param(
            b"a,b,n\xe4me\n1,2,3\n",
            ["1", "2", None],
            '{"n\ufffdme": "3"}',
            {("new_column", "n\ufffdme", NEW): 0, ("missing_column", "Name", MISSING): 0},
            id="not UTF-8",
        ),
        pytest.param(
            b"1,2,3\n",
            ["1", "2", "3"],
            None,
            {("no_header", "", "the first line names no column; the contract's order was taken"): 0},
            id="none",
        ),
        pytest.param(
            b"x,A,x2\n0,1,2\n",
            ["1", None, None],
            '{"x": "0", "x2": "2"}',
            {
                ("new_column", "x", NEW): 0,
                ("new_column", "x2", NEW): 0,
                ("missing_column", "b", MISSING): 0,
                ("missing_column", "Name", MISSING): 0,
            },
            id="hardly anything known",
        ),
    ],
)
@pytest.mark.parametrize("block", [1 << 20, 3])
def test_header(read, abc, data, rows, extra, drift, block):
    found = read(data, abc, block=block)

    assert (found.rows, found.extra, found.corrupt) == ([tuple(rows)], [extra], [])
    assert found.drift == drift


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n", b" \t\n\r\n  ", b"a,b,Name", b"a,b,Name\n\n", b"\r\r"])
@pytest.mark.parametrize("block", [1 << 20, 1])
def test_nothing_but_a_header_or_less(read, abc, data, block):
    found = read(data, abc, block=block)

    assert (found.rows, found.corrupt, found.drift) == ([], [], {})


@pytest.mark.parametrize("text", ["xä", "", "\t", "\x01", "\\", '"', "\u2028\x7f", "\0"])
def test_extra_is_the_same_on_both_paths(read, abc, text):
    row = '1,2,3,"' + text.replace('"', '""') + '"\n'
    other = '1,2,"3\n3",4\n'

    assert json.loads(read(f"a,b,Name,n\n{row}".encode(), abc).extra[0]) == {"n": text}
    assert sorted(map(json.loads, read(f"a,b,Name,n\n{row}{other}".encode(), abc).extra), key=str) == sorted(
        [{"n": text}, {"n": "4"}], key=str
    )


def test_short_rows_of_a_file_with_a_new_column_are_corrupt(read, abc):
    found = read(b"a,b,Name,n\n1,2,3\n1,2,3,4\n", abc)

    assert (found.rows, found.corrupt) == ([("1", "2", "3")], ["1,2,3"])


def test_a_contract_s_odd_names(read, make_contract):
    found = read(b'"a ""q""",b/c,x y\n1,2,3\n', make_contract('a "q"', "b/c", "x y"))

    assert (found.rows, found.drift) == ([("1", "2", "3")], {})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b,a\n", "the header names 'a' twice"),
        (b"a,B,b\n", "the header names 'b' twice"),
        (b"a,b,Name,x,x\n", "the header names 'x' twice"),
        (b"a;b;Name\n1;2;3\n", "line 1 names none .* 1 fields .* parted by a semicolon: set .* `delimiter`"),
        (b"a\tb\tName\n", "seem to be parted by a tab"),
        (b"a|b|Name\n", "seem to be parted by a bar"),
        (
            b"x,y\n1,2\n",
            r"line 1 names none of the contract's columns. It has 2 fields \(x, y\); expected .* a, b, Name",
        ),
        (b"x" * 200 + b"\n", r"1 fields \(x{77}\.\.\.\)"),
        (b'a,"b\nb",Name\n1,2,3\n', r'the header \(a,"b\) opens a quote that its line doesn\'t close'),
        (b'a,"b,Name\n1,2,3\n4,"5,6\n', "opens a quote that its line doesn't close"),
        ("a,b,Name\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("\ufeffa,b,Name\n".encode("utf-16-be"), "is UTF-16 text; save it as UTF-8"),
        (b"\x1f\x8b\x08\x00", "is a gzip file; its name must end in .gz"),
        (b"\x28\xb5\x2f\xfd\x00", "is a zstd file; its name must end in .zst"),
        (b"PK\x03\x04\n", "is a zip archive; unpack it first"),
        (b"PAR1\x15\x04", "is a Parquet file; its name must end in .parquet"),
    ],
)
@pytest.mark.parametrize("block", [1 << 20, 1])
def test_refused(read, abc, data, message, block):
    with pytest.raises(InputError, match=message):
        read(data, abc, block=block)


def test_wrong_delimiter_set(read, make_contract):
    with pytest.raises(InputError, match="parted by a comma"):
        read(b"a,b\n1,2\n", make_contract("a", "b", delimiter=";"))
