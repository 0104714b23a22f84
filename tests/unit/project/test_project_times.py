"""How texts write times: what is proposed must read, in the engine, the time that was meant."""

from datetime import datetime, timezone

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.standardise import typed
from clicklake.project.times import is_time_of_day, read_times

MOMENT = datetime(2024, 3, 13, 10, 21, 14)


@pytest.fixture(scope="module")
def engine():
    started = DuckDB()
    yield started
    started.close()


def read(engine: DuckDB, text: str, *others: str) -> datetime:
    """The time of a text, as the proposal for it and its neighbours reads it."""
    times = read_times([text, *others])
    assert times is not None
    sql = times.expression.replace("{}", "t")
    value = typed("u", "timestamp", time_zone="UTC", formats=times.formats)
    query = (
        f"select cast({value} as varchar) from (select clean_text(cast({sql} as varchar)) as u from (select ? as t))"
    )
    found = engine.value(query, [text]).removesuffix("+00")
    return datetime.strptime(found, "%Y-%m-%d %H:%M:%S.%f" if "." in found else "%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-13 10:21:14",
        "2024-03-13T10:21:14Z",
        "2024-03-13T12:21:14+02:00",
        "2024-03-13 10:21:14 UTC",
        "2024/03/13 10:21:14",
        "13.03.2024 10:21:14",
        "13.3.2024 10:21:14",
        "13.03.24 10:21:14",
        "13/03/2024 10:21:14",
        "13-03-2024 10:21:14",
        "03/13/2024 10:21:14 AM",
        "3/13/24, 10:21:14 am",
        "13 Mar 2024 10:21:14",
        "13-MAR-24 10.21.14",
        "13 march 2024 10:21:14",
        "March 13, 2024 10:21:14",
        "Mar 13 2024 10:21:14",
        "Wed, 13 Mar 2024 10:21:14 GMT",
        "13/Mar/2024:12:21:14 +0200",
        "13.03.2024 12:21:14 +02:00",
        "20240313102114",
        "1710325274",
        "1710325274000",
        "1710325274000000",
        "1710325274000000000",
        "1710325274.0",
        "1.710325274E9",
    ],
)
def test_a_text_is_read_as_the_time_that_it_means(engine, text):
    assert read(engine, text) == MOMENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-13", datetime(2024, 3, 13)),
        ("20240313", datetime(2024, 3, 13)),
        ("13.03.2024", datetime(2024, 3, 13)),
        ("2024-03-13 10:21", datetime(2024, 3, 13, 10, 21)),
        ("13.03.2024 1:05 PM", datetime(2024, 3, 13, 13, 5)),
        ("13.03.2024 10:21:14,250", datetime(2024, 3, 13, 10, 21, 14, 250_000)),
        ("1710325274250", datetime(2024, 3, 13, 10, 21, 14, 250_000)),
        ("1710325274.25", datetime(2024, 3, 13, 10, 21, 14, 250_000)),
    ],
)
def test_shorter_and_finer_times(engine, text, expected):
    assert read(engine, text) == expected


@settings(deadline=None)
@given(
    moment=st.datetimes(datetime(2001, 1, 1), datetime(2038, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    date_format=st.sampled_from(
        ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%y", "%d %b %Y", "%b %d, %Y"]
    ),
    clock=st.sampled_from(["%H:%M:%S", "%H.%M.%S", "%I:%M:%S %p"]),
)
def test_any_time_in_any_unambiguous_spelling_comes_back(engine, moment, date_format, clock):
    is_numeric = "%b" not in date_format and not date_format.startswith("%Y")
    assume(moment.day > 12 or "." in date_format or not is_numeric)
    assert read(engine, moment.strftime(f"{date_format} {clock}")) == moment


@settings(deadline=None)
@given(seconds=st.integers(946_684_800, 4_102_444_799), factor=st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_any_number_since_1970_comes_back(engine, seconds, factor):
    expected = datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)
    assert read(engine, str(seconds * factor)) == expected


def test_another_row_tells_whether_the_day_stands_first(engine):
    assert read(engine, "03/04/2024 10:00", "25/12/2024 10:00") == datetime(2024, 4, 3, 10)
    assert read(engine, "03/04/2024 10:00", "12/25/2024 10:00") == datetime(2024, 3, 4, 10)


def test_rising_times_tell_whether_the_day_stands_first_and_it_is_said():
    days = read_times([f"0{day}/02/2024" for day in range(1, 9)])
    months = read_times([f"02/0{day}/2024" for day in range(1, 9)])
    rising = read_times(["01/09/2024", "02/01/2024", "02/02/2024"])
    assert days.formats == ("%d/%m/%Y",) and days.is_ambiguous and "day-first was taken" in days.note
    assert months.formats == ("%m/%d/%Y",) and "lie closer together" in months.note
    assert rising.formats == ("%m/%d/%Y",) and "rise through the file" in rising.note


def test_no_sign_at_all_means_day_first_and_am_pm_month_first():
    assert read_times(["01/02/2024"]).formats == ("%d/%m/%Y",)
    assert read_times(["01/02/2024 1:00 PM"]).formats == ("%m/%d/%Y %I:%M %p",)
    assert read_times(["01/02/2024"]).is_ambiguous


def test_dots_are_never_month_first():
    times = read_times(["01.02.2024", "02.02.2024"])
    assert times.formats == ("%d.%m.%Y",) and not times.is_ambiguous and not times.note


def test_days_and_months_first_in_one_file_are_both_listed():
    times = read_times(["25/12/2024", "25/11/2024", "12/26/2024"])
    assert times.formats == ("%d/%m/%Y", "%m/%d/%Y") and times.is_ambiguous


def test_spellings_may_be_mixed(engine):
    texts = ["2024-03-13 10:21:14", "13.03.2024 10:21:14", "13.03.2024 10:21"]
    assert [read(engine, text, *texts) for text in texts[:2]] == [MOMENT, MOMENT]
    assert read_times(texts).formats == ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M")


def test_a_number_beyond_all_years_stops_nothing(engine):
    times = read_times(["1710325274"] * 3)
    sql = times.expression.replace("{}", "t")
    rows = engine.rows(f"select {sql} from (values ('99999999999999999'), ('x'), (null), ('1710325274')) as v(t)")
    assert [row[0] for row in rows] == ["99999999999999999", "x", None, "2024-03-13 10:21:14Z"]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["a"],
        ["10:21"],
        ["12"],
        ["99.99.2024"],
        ["541312140"],
        ["2024-03-13", "a", "b"],
        ["1.2.3.4"],
        ["31/31/2024"],
    ],
)
def test_what_is_no_time(texts):
    assert read_times(texts) is None


def test_times_of_day():
    assert is_time_of_day(["10:21", "9:05:30", "1:00 PM"])
    assert not is_time_of_day(["10:21", "later", "now"]) and not is_time_of_day([])
    assert not read_times(["13.03.2024"]).has_clock and read_times(["13.03.2024 10:21"]).has_clock
