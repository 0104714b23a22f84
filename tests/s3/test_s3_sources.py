"""Sources on an object store: files, folders and globs in every format, known again, and never half of two."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clicklake.cli.main import run
from clicklake.errors import InputError, UsageError
from clicklake.ingest import files as files_module
from clicklake.ingest.files import discover, open_blocks
from clicklake.ingest.objects import BLOCK
from clicklake.lake import Lake

from .conftest import Gateway

HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
Put = Callable[[str, bytes], str]


def _csv(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def _click(number: int) -> str:
    return f"u{number},s{number},2025-01-01 10:00:00,purchase,p1,{number}.00,"


@pytest.fixture
def shelf(bucket: str, put: Put) -> str:
    """A prefix with files at several depths."""
    for name in ("a.csv", "b.csv", "day=1/c.csv", "day=1/deep/d.csv", "day=2/e.csv", "_tmp/f.csv", ".g.csv", "h.txt"):
        put(f"{bucket}/in/{name}", b"x")
    put(f"{bucket}/inside/i.csv", b"x")
    return f"{bucket}/in"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["a.csv", "b.csv", "day=1/c.csv", "day=1/deep/d.csv", "day=2/e.csv", "h.txt"]),
        ("/", ["a.csv", "b.csv", "day=1/c.csv", "day=1/deep/d.csv", "day=2/e.csv", "h.txt"]),
        ("/a.csv", ["a.csv"]),
        ("/day=1", ["day=1/c.csv", "day=1/deep/d.csv"]),
        ("/*.csv", ["a.csv", "b.csv"]),
        ("/day=*", ["day=1/c.csv", "day=1/deep/d.csv", "day=2/e.csv"]),
        ("/day=*/*.csv", ["day=1/c.csv", "day=2/e.csv"]),
        ("/**/*.csv", ["a.csv", "b.csv", "day=1/c.csv", "day=1/deep/d.csv", "day=2/e.csv"]),
        ("/[ab].csv", ["a.csv", "b.csv"]),
        ("/_tmp/f.csv", ["_tmp/f.csv"]),
        ("/_tmp/*.csv", ["_tmp/f.csv"]),
    ],
)
def test_what_a_url_names(shelf: str, gateway: Gateway, pattern: str, found: list[str]) -> None:
    names = [file.path for file in discover([shelf + pattern], "csv", gateway.options)]
    assert names == [f"{shelf}/{name}" for name in found]


def test_what_is_not_there(shelf: str, gateway: Gateway) -> None:
    for pattern in ("/no.csv", "/no*", "/day=3/*"):
        with pytest.raises(UsageError, match="no such file"):
            discover([shelf + pattern], "csv", gateway.options)
    with pytest.raises(UsageError, match="there is no such bucket"):
        discover(["s3://no-such-bucket-here/in"], "csv", gateway.options)
    with pytest.raises(UsageError, match="refuses the keys"):
        discover([shelf], "csv", {**gateway.options, "AWS_SECRET_ACCESS_KEY": "hidden"})


def test_all_formats_and_what_is_known_is_not_fetched_again(
    bucket: str, put: Put, gateway: Gateway, tmp_path: Path
) -> None:
    put(f"{bucket}/in/plain.csv", _csv(_click(1), _click(2)))
    put(f"{bucket}/in/packed.csv.gz", gzip.compress(_csv(_click(3))))
    with pa.BufferOutputStream() as sink:
        with pa.CompressedOutputStream(sink, "zstd") as packed:
            packed.write(_csv(_click(4)))
        put(f"{bucket}/in/packed.csv.zst", sink.getvalue().to_pybytes())
    names = HEADER.split(",")
    with pa.BufferOutputStream() as sink:
        pq.write_table(pa.table(dict(zip(names, ([value] for value in _click(5).split(",")), strict=True))), sink)
        put(f"{bucket}/in/clicks.parquet", sink.getvalue().to_pybytes())
    fields = ", ".join(f'"{n}": "{v}"' for n, v in zip(names, _click(6).split(","), strict=True))
    put(f"{bucket}/in/clicks.ndjson", f"{{{fields}}}\n".encode())

    lake = Lake(tmp_path / "lake")  # a local lake with sources on the store
    assert lake.run(click_events=f"{bucket}/in").ok
    users = "select user_id from silver.events order by 1"
    assert [row["user_id"] for row in lake.query(users).to_pylist()] == ["u1", "u2", "u3", "u4", "u5", "u6"]
    noted = lake.query("select source_file, status, stamp is not null as s from ops.files order by 1").to_pylist()
    assert [(row["status"], row["s"]) for row in noted] == [("ingested", True)] * 5
    assert noted[0]["source_file"] == f"{bucket}/in/clicks.ndjson"

    before = len(gateway.requests())
    result = Lake(tmp_path / "lake").run(click_events=f"{bucket}/in/*")
    assert [file.status for file in result.files["click_events"]] == ["skipped"] * 5
    assert not [request for request in gateway.requests()[before:] if request.startswith("GetObject")]

    put(f"{bucket}/in/plain.csv", _csv(_click(1), _click(2), _click(7)))
    put(f"{bucket}/in/copy.csv.gz", gzip.compress(_csv(_click(3)), mtime=0))
    result = lake.run(click_events=f"{bucket}/in")
    assert sorted(file.status for file in result.files["click_events"]) == ["ingested", "ingested", *["skipped"] * 4]
    assert lake.query("select count(*) as n from silver.events").to_pylist() == [{"n": 7}]

    lake.unload("click_events", f"{bucket}/in/packed.csv.zst")
    assert "u4" not in [row["user_id"] for row in lake.query(users).to_pylist()]
    lake.run(click_events=f"{bucket}/in/packed.csv.zst")
    assert "u4" in [row["user_id"] for row in lake.query(users).to_pylist()]


def test_a_large_object_is_read_whole_and_in_order(bucket: str, put: Put, gateway: Gateway) -> None:
    content = b"".join(b"%012d\n" % number for number in range(3 * BLOCK // 13 + 5))
    url = put(f"{bucket}/large.csv", content)
    (file,) = discover([url], "csv", gateway.options)
    assert b"".join(open_blocks(file)) == content
    with file.open(BLOCK - 5, 10) as part:
        assert part.read(5) + part.read(100) == content[BLOCK - 5 : BLOCK + 5]


def test_the_content_is_that_of_a_local_file(bucket: str, put: Put, gateway: Gateway, tmp_path, monkeypatch) -> None:  # noqa: ANN001
    monkeypatch.setattr(files_module, "PIECE", 1 << 12)
    for size in (0, 100, 10_000):
        (tmp_path / "x.csv").write_bytes(b"a" * size)
        url = put(f"{bucket}/x{size}.csv", b"a" * size)
        (here,), (there,) = discover([str(tmp_path / "x.csv")], "csv"), discover([url], "csv", gateway.options)
        assert here.content_version() == there.content_version()


def test_an_object_that_is_replaced_while_it_is_read(bucket: str, put: Put, gateway: Gateway) -> None:
    url = put(f"{bucket}/x.csv", b"old content\n")
    (file,) = discover([url], "csv", gateway.options)
    file = file.stamped()
    file.check_unchanged()
    put(url, b"new content\n")  # of the same size, in the same second
    with pytest.raises(InputError, match="changed while it was read"):
        file.check_unchanged()
    (gateway.folder / url[5:]).unlink()
    with pytest.raises(InputError, match="changed while it was read"):
        file.check_unchanged()
    with pytest.raises(InputError, match="No such file"):
        file.stamped()


def test_a_damaged_object_fails_alone(bucket: str, put: Put) -> None:
    put(f"{bucket}/in/good.csv", _csv(_click(1)))
    put(f"{bucket}/in/cut.csv.gz", gzip.compress(_csv(*map(_click, range(500))))[:-20])
    lake = Lake(f"{bucket}/lake")
    result = lake.run(click_events=f"{bucket}/in")
    assert not result.ok and "cut short" in str(result.failures[0])
    assert lake.query("select count(*) as n from silver.events").to_pylist() == [{"n": 1}]


def test_a_source_is_proposed_from_an_object(bucket: str, put: Put, tmp_path: Path, capsys) -> None:  # noqa: ANN001
    url = put(f"{bucket}/in/visits.csv", b"visitor,page,at\nv1,/a,2025-01-01 10:00:00\nv2,/b,2025-01-01 11:00:00\n")
    assert run(["init", "shop"]) == 0
    assert run(["--config", "shop/clicklake.yaml", "source", "add", url, "--project", "shop", "--name", "visits"]) in (
        0,
        2,
    )
    assert "Traceback" not in capsys.readouterr().err
    assert run(["--lake", "lake", "run", f"click_events={put(f'{bucket}/c.csv', _csv(_click(1)))}", "--dry-run"]) == 0
