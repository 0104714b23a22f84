"""What each record of a CSV file becomes, however the file is cut into blocks."""

from unittest.mock import patch

import pytest

from clicklake.ingest import csv, records

MB = 1_000_000

CASES = {
    # name: (what follows the header a,b,c; good rows; corrupt records)
    "plain": (b"1,2,3\n4,5,6\n", ["1|2|3", "4|5|6"], []),
    "no final newline": (b"1,2,3\n4,5,6", ["1|2|3", "4|5|6"], []),
    "CR LF": (b"1,2,3\r\n4,5,6\r\n", ["1|2|3", "4|5|6"], []),
    "CR": (b"1,2,3\r4,5,6\r", ["1|2|3", "4|5|6"], []),
    "mixed line ends": (b"1,2,3\r4,5,6\r\n7,8,9\n\r0,0,0", ["1|2|3", "4|5|6", "7|8|9", "0|0|0"], []),
    "blank lines": (b"\n1,2,3\n\n  \n\t\n \t \r\n\r\n4,5,6\n\n", ["1|2|3", "4|5|6"], []),
    "nothing but blank lines": (b"\n  \n\t\r\n\r", [], []),
    "empty values": (b',,\n"","",""\n', ["||", "||"], []),
    "blanks are kept": (b" 1 ,\t2, \n", [" 1 |\t2| "], []),
    "other white space is a record": (b"\x0b\n\xc2\xa0\n1,2,3\n", ["1|2|3"], ["\x0b", "\xa0"]),
    "short row": (b"1,2\n1,2,3\nx\n", ["1|2|3"], ["1,2", "x"]),
    "long row": (b"1,2,3,4\n1,2,3\n,,,\n", ["1|2|3"], ["1,2,3,4", ",,,"]),
    "quoted comma": (b'"1,1",2,3\n1,"2,,2",3\n1,2,"3,"\n', ["1,1|2|3", "1|2,,2|3", "1|2|3,"], []),
    "doubled quote": (b'"say ""hi""",2,3\n"""",2,3\n', ['say "hi"|2|3', '"|2|3'], []),
    "text after a closing quote": (b'"1"x,2,3\n"1" "2",2,3\n"1"" ,2",3,4\n', ["1x|2|3", '1 "2"|2|3', '1" ,2|3|4'], []),
    "bare quote inside a field": (b'5" pipe,2,3\n1,a"b"c,3\n1,2,3"\n', ['5" pipe|2|3', '1|a"b"c|3', '1|2|3"'], []),
    "quote behind a blank is bare": (b' "1",2,3\n "1,2",3\n', [' "1"|2|3', ' "1|2"|3'], []),
    "quoted newline": (b'"1\n1",2,3\n4,"5\n\n5",6\n', ["1\n1|2|3", "4|5\n\n5|6"], []),
    "quoted CR LF": (b'1,"2\r\n2",3\r\n4,5,6\r\n', ["1|2\r\n2|3", "4|5|6"], []),
    "quoted CR": (b'1,"2\r2",3\r4,5,6\r', ["1|2\r2|3", "4|5|6"], []),
    "quoted line of blanks": (b'1,"2\n \t\n",3\n', ["1|2\n \t\n|3"], []),
    "quoted newline in the last field": (b'1,2,"3\n3"\n4,5,6\n', ["1|2|3\n3", "4|5|6"], []),
    "quoted newline, no final newline": (b'1,2,"3\n3"', ["1|2|3\n3"], []),
    "two quoted newlines": (b'"1\n","\n2",3\n', ["1\n|\n2|3"], []),
    "quoted newline, then a short row": (b'1,"2\n2"\n4,5,6\n', ["4|5|6"], ['1,"2', '2"']),
    "quoted newline, then a long row": (b'1,"2\n2",3,4,5\n4,5,6\n', ["4|5|6"], ['1,"2', '2",3,4,5']),
    "second line of no record that is a row": (b'1,"2\n2",3,4\n4,5,6\n', ['2"|3|4', "4|5|6"], ['1,"2']),
    "short row with a quote": (b'1,"2"\n4,5,6\n', ["4|5|6"], ['1,"2"']),
    "long row with a quote": (b'1,"2",3,4\n4,5,6\n', ["4|5|6"], ['1,"2",3,4']),
    "open quote in the first line": (b'"1,2,3\n4,5,6\n7,8,9\n', ["4|5|6", "7|8|9"], ['"1,2,3']),
    "open quote in the middle": (b'1,2,3\n4,"5,6\n7,8,9\n', ["1|2|3", "7|8|9"], ['4,"5,6']),
    "open quote in the last line": (b'1,2,3\n4,5,"6\n', ["1|2|3"], ['4,5,"6']),
    "open quote at the very end": (b'1,2,3\n4,5,"', ["1|2|3"], ['4,5,"']),
    "open quote before blank lines": (b'1,2,3\n4,5,"6\n  \n\n', ["1|2|3"], ['4,5,"6']),
    "open quote and an even number of them": (b'x"y,"4,5\n1,2,3\n', ["1|2|3"], ['x"y,"4,5']),
    "two open quotes that make no row": (
        b'"1,2,3\n4,5,6\n7,"8,9\n0,0,0\n',
        ["4|5|6", "0|0|0"],
        ['"1,2,3', '7,"8,9'],
    ),
    "two open quotes that make a row": (b'1,"2,3\n4,5,6\n7,"8,9\n0,0,0\n', ["1|2,3\n4,5,6\n7,8|9", "0|0|0"], []),
    "not UTF-8": (b"1,\xff,3\n4,5,6\n\xe4,\xc3,\xf0\x9f\n", ["4|5|6"], ["1,\ufffd,3", "\ufffd,\ufffd,\ufffd"]),
    "not UTF-8 in a short row": (b"\xff\n1,2,3\n", ["1|2|3"], ["\ufffd"]),
    "not UTF-8 in a quoted record of two lines": (b'1,"\xff\n2",3\n4,5,6\n', ["4|5|6"], ['1,"\ufffd\n2",3']),
    "not UTF-8 behind an open quote": (b'1,"2,3\n\xff,5,6\n7,8,9\n', ["7|8|9"], ['1,"2,3', "\ufffd,5,6"]),
    "multi-byte": ("ä,日本,😀\n\ufffd,2,3\n".encode(), ["ä|日本|😀", "\ufffd|2|3"], []),
    "NUL": (b"1\x002,\x00,3\n\x00\n", ["1\x002|\x00|3"], ["\x00"]),
    "byte order mark inside": (b"\xef\xbb\xbf1,2,3\n", ["\ufeff1|2|3"], []),
}


@pytest.fixture(scope="module")
def abc(make_contract):
    return make_contract("a", "b", "c")


@pytest.mark.parametrize("block", [1 << 20, 64, 7, 1])
@pytest.mark.parametrize("name", CASES)
def test_each_record_becomes_one_row(read, abc, name, block):
    body, rows, corrupt = CASES[name]

    found = read(b"a,b,c\n" + body, abc, block=block)

    assert sorted(found.rows) == sorted(tuple(row.split("|")) for row in rows)
    assert sorted(found.corrupt) == sorted(corrupt)
    assert found.drift == {}


# An open quote may reach into what follows.
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not any('"' in raw for raw in case[2])])
def test_ordinary_rows_around_change_nothing(read, abc, name):
    body, rows, corrupt = CASES[name]
    around = b"x,y,z\n" * 50

    found = read(b"a,b,c\n" + around + body + b"\n" + around, abc)

    assert sorted(found.rows) == sorted([tuple(row.split("|")) for row in rows] + [("x", "y", "z")] * 100)
    assert sorted(found.corrupt) == sorted(corrupt)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_one_column(read, make_contract, ending):
    lines = [b"a", b"1", b"", b'""', b"  ", b'"x', b'y"', b"1,2", b'"p', b"q", b"\xff", b"2"]

    found = read(ending.join(lines), make_contract("a"))

    assert sorted(found.rows) == sorted([("1",), ("",), ("x" + ending.decode() + "y",), ("q",), ("2",)])
    assert sorted(found.corrupt) == sorted(["1,2", '"p', "\ufffd"])


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " "])
def test_other_delimiters(read, make_contract, delimiter):
    body = 'a;b\n1;2\n;\n1,1;"2;2"\n\n"x\ny";2\n1;2;3\nx\n'.replace(";", delimiter)

    found = read(body.encode(), make_contract("a", "b", delimiter=delimiter))

    assert sorted(found.rows) == sorted([("1", "2"), ("", ""), ("1,1", f"2{delimiter}2"), ("x\ny", "2")])
    assert sorted(found.corrupt) == sorted(["1;2;3".replace(";", delimiter), "x"])


@pytest.mark.parametrize("shift", range(-3, 4))
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_quoted_line_break_across_the_block_boundary(read, abc, shift, ending):
    start = f"a,b,c{ending}"
    filler = f"1,2,3{ending}"
    room = (1 << 20) + shift - len(start) - len('4,"5')
    first = start + filler * (room // len(filler)) + "0" * (room % len(filler))
    data = first + f'4,"5{ending}5",6{ending}' + filler * 3

    found = read(data.encode(), abc)

    (row,) = [row for row in found.rows if row[1] != "2"]
    assert row[1] == f"5{ending}5" and row[2] == "6"
    assert found.corrupt == []
    assert found.records == room // len(filler) + 4


def test_record_of_one_megabyte_is_a_row(read, abc):
    first = b'1,"\n' + b"x" * (MB - len(b'1,"\n",3')) + b'",3'
    assert len(first) == MB

    found = read(b"a,b,c\n" + first + b"\n4,5,6\n", abc)

    assert sorted(len(row[1]) for row in found.rows) == [1, MB - len('1,"",3')]
    assert found.corrupt == []


def test_record_over_one_megabyte_is_corrupt_at_its_first_line_alone(read, abc):
    first = b'1,"2\n7,8,9\n' + b"x" * MB + b'",3'

    found = read(b"a,b,c\n" + first + b"\n4,5,6\n", abc)

    assert sorted(found.rows) == [("4", "5", "6"), ("7", "8", "9")]
    assert sorted(map(len, found.corrupt)) == [len('1,"2'), MB + 3]


@pytest.mark.parametrize("place", [0, 5, 10])
def test_long_quoted_field_without_line_break_has_no_limit(read, abc, place):
    rows = [b"1,2,3\n"] * 10
    rows.insert(place, b'1,"' + b"x," * MB + b'",3\n')

    found = read(b"a,b,c\n" + b"".join(rows), abc)

    assert found.corrupt == []
    assert sorted(len(row[1]) for row in found.rows) == [1] * 10 + [2 * MB]


def test_line_that_never_ends_is_an_error(read, abc):
    from clicklake.errors import InputError
    from clicklake.ingest import reading

    with (
        patch.object(reading, "LONGEST_LINE", 1 << 12),
        pytest.raises(InputError, match="line of more than .* is it a text file"),
    ):
        read(b"a,b,c\n" + b"x" * 10_000, abc, block=1 << 10)


@pytest.mark.parametrize(
    ("body", "rows", "corrupt"),
    [
        (b'x","\n' * 20_000, 0, 20_000),
        (b'"\n' * 20_000, 0, 20_000),
        (b'1,"' + b'""' * 200_000 + b'\n",3\n', 1, 0),
        (b'1,"' + b'""\n' * 200_000 + b'",3\n', 1, 0),
    ],
)
def test_hostile_quotes_take_no_longer_than_others(read, abc, body, rows, corrupt):
    found = read(b"a,b,c\n" + body, abc)  # quadratic work would take minutes here

    assert (len(found.rows), len(found.corrupt)) == (rows, corrupt)


class TestTheFastPath:
    """What Arrow reads and what is read record by record; the outcome must not tell, the time does."""

    @pytest.fixture
    def careful(self, monkeypatch):
        """The offsets of records that were read one by one."""
        seen: list[int] = []

        def record_at(data, start, *arguments, **options):
            seen.append(start)
            return records.record_at(data, start, *arguments, **options)

        def split_records(*arguments, **options):
            raise AssertionError("a whole block was read record by record")

        monkeypatch.setattr(csv, "record_at", record_at)
        monkeypatch.setattr(csv, "split_records", split_records)
        return seen

    @pytest.mark.parametrize(
        "row",
        [b"1,2,3\n", b"1,2,3\r\n", b'1,"2,2",3\n', b'"1 ""x""","2,2","3"\n', b'1,5" pipe,3\n', "ä,ö,ü\n".encode()],
    )
    def test_ordinary_rows_stay_on_it(self, read, abc, careful, row):
        found = read(b"a,b,c\n" + row * 5_000, abc)

        assert (len(found.rows), found.corrupt, careful) == (5_000, [], [])

    def test_short_long_and_blank_lines_stay_on_it(self, read, abc, careful):
        found = read(b"a,b,c\n" + (b"1,2,3\n" * 1_000 + b"1,2\n\n  \n1,2,3,4\n") * 3, abc)

        assert (len(found.rows), sorted(found.corrupt), careful) == (3_000, ["1,2"] * 3 + ["1,2,3,4"] * 3, [])

    @pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
    @pytest.mark.parametrize(
        ("bad", "rows", "corrupt"),
        [
            (b'1,"2|2",3\n', [("1", "2|2", "3")], []),
            (b'1,"2,3,4,5\n', [], ['1,"2,3,4,5']),
            (b'"1,2,3,4,5\n', [], ['"1,2,3,4,5']),
            (b"1,\xff,3\n", [], ["1,\ufffd,3"]),
        ],
    )
    def test_bad_lines_alone_leave_it(self, read, abc, careful, bad, rows, corrupt, ending):
        data = b"a,b,c\n" + (b'1,2,"xy"\n' * 1_000 + bad) * 3
        found = read(data.replace(b"\n", ending).replace(b"|", ending), abc)

        rows = [tuple(value.replace("|", ending.decode()) for value in row) for row in rows]
        assert sorted(found.rows) == sorted([("1", "2", "xy")] * 3_000 + rows * 3)
        assert found.corrupt == corrupt * 3
        assert len(careful) <= 4  # the last of them once more, when it is known that the file ends
