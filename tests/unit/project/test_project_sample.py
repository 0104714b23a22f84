"""Looking at files: odd ones are told apart, and each message says what to do."""

import gzip
import json
import random
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clicklake.errors import UsageError
from clicklake.project import sample as looking
from clicklake.project.sample import look_at

GOOD = "user_id,time,event\nu1,2024-01-01,view\nu2,2024-01-02,view\n"


def refused(write, content, name="events.csv"):
    with pytest.raises(UsageError) as caught:
        look_at(str(write(content, name)))
    assert caught.value.exit_code == 2
    return str(caught.value)


def values(sample):
    return {column.name: list(column.values) for column in sample.columns}


def test_a_plain_file(write):
    sample = look_at(str(write(GOOD)))
    assert values(sample) == {
        "user_id": ["u1", "u2"],
        "time": ["2024-01-01", "2024-01-02"],
        "event": ["view", "view"],
    }
    assert (sample.format, sample.delimiter, sample.has_header, sample.rows) == ("csv", ",", True, 2)
    assert sample.is_whole and not sample.notes


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_is_found_even_beside_the_others(write, delimiter):
    other = ";" if delimiter == "," else ","
    text = f"user_id{delimiter}time{delimiter}event{delimiter}note\n"
    text += f'u{delimiter}2024-01-01{delimiter}view{delimiter}"a{other}b{delimiter}c"\n' * 3
    sample = look_at(str(write(text)))
    assert sample.delimiter == delimiter
    assert values(sample)["note"] == [f"a{other}b{delimiter}c"] * 3


def test_a_decimal_comma_does_not_pass_for_a_delimiter(write):
    assert look_at(str(write("user;time;price\n" + "u;2024-01-01;1,50\n" * 9))).delimiter == ";"


def test_a_byte_order_mark_and_windows_line_ends(write):
    sample = look_at(str(write("\ufeff" + GOOD.replace("\n", "\r\n"))))
    assert [column.name for column in sample.columns] == ["user_id", "time", "event"]
    assert sample.rows == 2


def test_line_breaks_in_quotes_and_a_quote_that_stays_open(write):
    text = 'user_id,time,event\nu1,2024-01-01,"a\nb"\nu2,2024-01-01,"open\nu3,2024-01-01,view\n'
    sample = look_at(str(write(text)))
    assert values(sample)["event"][0] == "a\nb"
    assert values(sample)["user_id"][-1] == "u3"


def test_rows_of_another_width_are_counted(write):
    sample = look_at(str(write(GOOD + "u3,2024-01-01\nu4,2024-01-01,view,more\n")))
    assert sample.rows == 2
    assert sample.notes == ("2 rows without 3 fields parted by commas would be rejected (malformed_row)",)


@pytest.mark.parametrize(
    "first",
    ["u1,2024-01-01 10:00:00,purchase,success", "a@b.de,x,y,z", "1,2,3,4"],
)
def test_a_file_without_a_header(write, first):
    sample = look_at(str(write(f"{first}\n" + "u2,2024-01-02 10:00:00,view,success\n" * 3)))
    assert not sample.has_header and sample.rows == 4
    assert [column.name for column in sample.columns] == ["column_1", "column_2", "column_3", "column_4"]
    assert "names no columns" in sample.notes[0]


def test_a_header_of_unknown_words_is_one_where_no_value_is_like_it(write):
    assert look_at(str(write("wer,was\nanna,kam\nbert,ging\n"))).has_header
    assert not look_at(str(write("anna,kam\nbert,ging\nanna,ging\n"))).has_header


def test_names_that_differ_only_in_case_and_names_that_are_twice(write):
    assert "twice ('Time' at 2; 'time' at 1)" in refused(write, "time,Time,event\n2024-01-01,a,b\n")
    assert "twice ('x' at 2, 3)" in refused(write, "user_id,x,x\nu,1,2\n")


def test_one_column(write):
    sample = look_at(str(write("user_id\nu1\nu2\n")))
    assert len(sample.columns) == 1 and "one column" in sample.notes[0]


def test_an_unknown_delimiter(write):
    sample = look_at(str(write("user_id^time^event\nu1^2024-01-01^view\n")))
    assert "parted by something else than a comma, semicolon, tab or bar" in sample.notes[0]


@pytest.mark.parametrize("content", ["", "\n \n\r\n", "\ufeff"])
def test_an_empty_file(write, content):
    assert "is empty" in refused(write, content)


def test_a_header_alone(write):
    assert "a header but no rows" in refused(write, "user_id,time,event\n")


def test_a_missing_file_and_an_empty_folder(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        look_at(str(tmp_path / "none.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        look_at(str(tmp_path / "empty"))


def test_binary_files(write):
    noise = random.Random(1).randbytes(5_000)
    assert "no text file" in refused(write, noise)
    assert "Excel" in refused(write, b"PK\x03\x04" + noise, "events.xlsx")
    assert "UTF-16" in refused(write, GOOD.encode("utf-16"))
    assert "SQLite" in refused(write, b"SQLite format 3\x00" + noise, "events.db")


def test_a_nul_byte_in_a_text_is_no_binary_file(write):
    assert look_at(str(write(GOOD + "u3,2024-01-01,a\x00b\n"))).rows == 3


def test_excels_own_first_line(write):
    assert "'sep=;' is for Excel alone" in refused(write, "sep=;\nuser_id;time\nu;2024-01-01\n")


def test_latin_1(write):
    sample = look_at(str(write("user_id,city\nu1,Köln\nu2,Bonn\n".encode("latin-1"))))
    assert "iconv" in sample.notes[0]


def test_a_huge_line_and_a_line_without_end(write, monkeypatch):
    text = "user_id,time,event\nu1,2024-01-01," + "x" * 2_000_000 + "\nu2,2024-01-02,view\n"
    sample = look_at(str(write(text)))
    assert values(sample)["user_id"][-1] == "u2"
    monkeypatch.setattr(looking, "MOST_BYTES", 1 << 20)
    assert "a line of more than 1 MB" in refused(write, "x" * 3_000_000)


def test_only_the_first_rows_of_a_long_file_are_looked_at(write, monkeypatch):
    monkeypatch.setattr(looking, "MOST_ROWS", 10)
    sample = look_at(str(write("user_id,time\n" + "u,2024-01-01\n" * 50)))
    assert sample.rows == 10 and not sample.is_whole
    assert look_at(str(write("user_id,time\n" + "u,2024-01-01\n" * 10))).is_whole


def test_compressed_files(write):
    assert look_at(str(write(gzip.compress(GOOD.encode()), "a.csv.gz"))).rows == 2
    zstd = pa.compress(GOOD.encode(), codec="zstd", asbytes=True)
    assert look_at(str(write(zstd, "a.csv.zst"))).rows == 2
    assert "add .gz" in refused(write, gzip.compress(GOOD.encode()), "a.csv")
    assert "add .zst" in refused(write, zstd, "b.csv")
    assert "gzip" in refused(write, GOOD, "c.csv.gz")
    assert "cut short" in refused(write, gzip.compress(GOOD.encode())[:30], "d.csv.gz")


def test_a_name_that_says_another_format(write):
    assert "ends with .ndjson" in refused(write, '{"user_id": 1}\n')
    assert "ends with .csv" in refused(write, GOOD, "events.parquet")
    assert look_at(str(write(GOOD, "events.log"))).format == "csv"


def test_a_column_that_no_contract_can_name(write):
    sample = look_at(str(write('user_id,,row_id,"a""b"\nu,0,1,2\n')))
    assert [column.name for column in sample.columns] == ["user_id"]
    assert len(sample.notes) == 3 and all("`extra`" in note for note in sample.notes)
    assert "no column that a contract can name" in refused(write, "row_id,extra\n1,2\n")


def test_ndjson(write):
    rows = [
        {"user_id": 7, "event": "view", "at": {"page_url": "/a"}, "tags": ["x"], "ok": True, "n": 1},
        {"user_id": None, "event": "", "at": None, "n": 1.5, "late": "x"},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\nno json\n[1]\n"
    sample = look_at(str(write(text, "events.ndjson")))
    assert {column.name: column.kind for column in sample.columns} == {
        "user_id": "integer",
        "event": "string",
        "at": "object",
        "ok": "boolean",
        "n": "number",
        "late": "string",
    }
    assert values(sample)["user_id"] == ["7", None] and values(sample)["at"] == ['{"page_url": "/a"}', None]
    assert "2 of 4 lines" in sample.notes[0] and "tags holds lists" in sample.notes[1]


def test_json_that_is_not_one_object_a_line(write):
    assert "jq -c" in refused(write, '[{"user_id": 1}]', "events.json")
    assert "one object over many lines" in refused(write, '{\n  "user_id": 1\n}\n', "events.json")
    assert "only in case" in refused(write, '{"Time": 1, "time": 2}\n', "events.json")


def test_parquet(write, tmp_path):
    table = pa.table(
        {
            "user_id": [1, 2],
            "ts": [datetime(2024, 1, 1, 10), None],
            "props": [{"page_url": "/a"}, None],
            "tags": [["x"], None],
        }
    )
    pq.write_table(table, tmp_path / "events.parquet")
    sample = look_at(str(tmp_path / "events.parquet"))
    assert values(sample) == {
        "user_id": ["1", "2"],
        "ts": ["2024-01-01 10:00:00", None],
        "props": ['{"page_url": "/a"}', None],
    }
    assert "Parquet" in refused(write, b"PAR1" + bytes(100), "broken.parquet")
    pq.write_table(table.slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises(UsageError, match="no rows"):
        look_at(str(tmp_path / "none.parquet"))


def test_a_folder_shows_its_largest_file(write, tmp_path):
    write(GOOD, "many/a.csv")
    write(GOOD.replace("u1", "largest"), "many/b.csv")
    sample = look_at(str(tmp_path / "many"))
    assert values(sample)["user_id"][0] == "largest" and not sample.is_whole
