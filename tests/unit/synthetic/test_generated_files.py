import hashlib
import json
import re
from datetime import date

import pytest

from clicklake.errors import UsageError
from clicklake.synthetic import GeneratorConfig, generate, plan


def digests(directory):
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_the_same_settings_give_the_same_bytes(tmp_path, compression):
    config = GeneratorConfig(rows=2000, web_rows=300, files=2, compression=compression)
    generate(tmp_path / "one", config)
    generate(tmp_path / "two", config)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_another_seed_gives_other_data(tmp_path):
    generate(tmp_path / "one", GeneratorConfig(rows=500, seed=1))
    generate(tmp_path / "two", GeneratorConfig(rows=500, seed=2))
    part = "click_events/part-0001.csv"
    assert digests(tmp_path / "one")[part] != digests(tmp_path / "two")[part]


def test_web_events_do_not_change_the_clicks_of_the_same_users(tmp_path):
    settings = {"rows": 500, "users": 20, "products": 50}
    generate(tmp_path / "one", GeneratorConfig(**settings))
    generate(tmp_path / "two", GeneratorConfig(**settings, web_rows=500))
    part = "click_events/part-0001.csv"
    assert digests(tmp_path / "one")[part] == digests(tmp_path / "two")[part]


def all_lines(directory, pattern):
    return [line for path in sorted(directory.rglob(pattern)) for line in path.read_text().splitlines()]


def test_the_sources_do_not_repeat_each_other(tmp_path):
    generate(tmp_path, GeneratorConfig(rows=3000, web_rows=3000, users=1000, days=1, files=24))
    clicks, web = (
        set(re.findall(r"user_\d+", "\n".join(all_lines(tmp_path, pattern)))) for pattern in ("*.csv", "*.ndjson")
    )
    assert len(clicks & web) < 0.7 * len(clicks)


def test_slices_of_time_do_not_repeat_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "SLICE_ROWS", 200)
    truth = generate(tmp_path, GeneratorConfig(rows=10_000, users=1000))
    assert truth["totals"]["users"] > 350


def test_periods_of_one_seed_continue_each_other(tmp_path):
    prices, sessions = [], []
    for month in (1, 2):
        directory = tmp_path / str(month)
        config = GeneratorConfig(rows=5000, web_rows=500, start=date(2025, month, 1), days=28, users=100, products=20)
        generate(directory, config)
        lines = all_lines(directory, "*-0001.*")
        sessions.append(set(re.findall("sess_[0-9a-f]{12}", "\n".join(lines))))
        prices.append(set(re.findall(r"add_to_cart,(prod_\d+,\d+\.\d\d),", "\n".join(lines))))
    assert len(prices[0] | prices[1]) <= 20
    assert len(prices[0] & prices[1]) > 10
    assert not sessions[0] & sessions[1]


def test_parts_are_numbered_and_follow_each_other_in_time(tmp_path):
    generate(tmp_path, GeneratorConfig(rows=9000, days=9, files=9, late_share=0, duplicate_share=0))
    parts = sorted((tmp_path / "click_events").iterdir())
    assert [part.name for part in parts] == [f"part-{number:04d}.csv" for number in range(1, 10)]
    for day, part in enumerate(parts, 1):
        times = re.findall(r",(2025-01-\d\d) \d\d:\d\d:\d\d,", part.read_text())
        assert 600 < len(times) < 1400
        assert times.count(f"2025-01-{day:02d}") > 0.98 * len(times)


@pytest.mark.parametrize(
    ("days", "files", "hours"),
    [(9, 1, [0, 216]), (9, 4, [0, 48, 96, 168, 216]), (2, 2, [0, 24, 48]), (1, 3, [0, 8, 16, 24])],
)
def test_parts_begin_at_midnight_where_there_are_enough_days(days, files, hours):
    assert plan.part_hours(days, files) == hours


def test_compressed_files_have_the_ending_of_their_compression(tmp_path):
    generate(tmp_path / "gzip", GeneratorConfig(rows=500, web_rows=100, compression="gzip"))
    generate(tmp_path / "zstd", GeneratorConfig(rows=500, web_rows=100, compression="zstd"))
    assert {path.suffix for path in (tmp_path / "gzip").rglob("*-0001*")} == {".gz"}
    assert {path.suffix for path in (tmp_path / "zstd").rglob("*-0001*")} == {".zst"}
    assert (tmp_path / "gzip/click_events/part-0001.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert (tmp_path / "zstd/click_events/part-0001.csv.zst").read_bytes()[:4] == b"\x28\xb5\x2f\xfd"


def test_web_events_lie_in_hourly_folders_of_the_last_two_days(generated):
    folders = {str(path.parent.relative_to(generated.directory / "web_events")) for path in generated.hours()}
    assert folders == {f"2025/03/{day}/{hour:02d}" for day in (30, 31) for hour in range(24)}
    assert {path.name for path in generated.hours()} == {"events-0001.ndjson"}


def test_a_web_event_has_the_documented_keys(generated):
    records = []
    for line in generated.hours()[20].read_text().splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            pass
    keys = "user_id session_id event_type event_timestamp device_type page_url referrer_url metadata".split()
    assert all(list(record) == keys for record in records)
    bought = next(record for record in records if record["event_type"] == "purchase")
    assert {"event_id", "product_id", "amount", "currency", "order_id", "outcome"} == set(bought["metadata"])
    assert bought["metadata"]["currency"] == "USD"
    assert re.fullmatch(r"2025-03-\d\dT\d\d:\d\d:\d\dZ", bought["event_timestamp"])


def test_there_is_no_folder_for_web_events_that_nobody_wants(tmp_path):
    generate(tmp_path, GeneratorConfig(rows=10))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["click_events", "truth.json"]


def test_a_period_can_begin_on_any_day(tmp_path):
    generate(tmp_path, GeneratorConfig(rows=10, web_rows=200, start=date(1999, 12, 31), days=2))
    days = {path.parent.name for path in (tmp_path / "web_events").glob("*/*/*/*")}
    assert days == {"31", "01"}


def test_progress_tells_the_records_written_so_far(tmp_path):
    told = []
    generate(tmp_path, GeneratorConfig(rows=1000, web_rows=500, files=4), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1500


def test_data_that_is_there_is_not_overwritten(tmp_path):
    generate(tmp_path, GeneratorConfig(rows=10))
    before = digests(tmp_path)
    with pytest.raises(UsageError, match="click_events exists already"):
        generate(tmp_path, GeneratorConfig(rows=20))
    assert digests(tmp_path) == before
