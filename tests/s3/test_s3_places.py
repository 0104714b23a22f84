"""A prefix of a real store: what is written, listed, removed, and what is left of an upload that was given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pyarrow as pa
import pytest

from clicklake.storage.parquet import write_files
from clicklake.storage.places import Prefix, place, read_all, sizes
from clicklake.storage.target import Target

from .conftest import Gateway


def _write(where: Prefix, path: str, content: bytes) -> int:
    draft = where.create(path)
    draft.sink.write(content)  # type: ignore[union-attr]
    return draft.complete()


def test_a_prefix_is_used_like_a_folder(prefix: Prefix) -> None:
    assert (prefix.names(), prefix.folders(), list(prefix.files())) == ([], [], [])
    assert _write(prefix, "a/day=1/x.parquet", b"four") == 4
    for hidden in ("a/_delta_log/0.json", "a/.crc"):
        _write(prefix, hidden, b"{}")
    assert [(entry.path, entry.size) for entry in prefix.files()] == [("a/day=1/x.parquet", 4)]
    assert abs(next(prefix.files()).modified - time.time()) < 60
    assert (prefix.names("a"), prefix.folders("a")) == ([".crc"], ["_delta_log", "day=1"])
    assert sizes(prefix, ["a/day=1/x.parquet", "no"]) == {"a/day=1/x.parquet": 4, "no": None}
    many = [f"no{number}" for number in range(100)]
    assert sizes(prefix, ["a/day=1/x.parquet", *many]) == {"a/day=1/x.parquet": 4, **dict.fromkeys(many)}
    assert list(read_all(prefix, ["a/day=1/x.parquet", "a/.crc"])) == [b"four", b"{}"]
    before = prefix.stamp("a/day=1/x.parquet")
    _write(prefix, "a/day=1/x.parquet", b"five")
    assert before and prefix.stamp("a/day=1/x.parquet") not in (None, before)
    prefix.delete("a/day=1/x.parquet")
    prefix.delete("a/day=1/x.parquet")
    assert prefix.stamp("a/day=1/x.parquet") is None
    with pytest.raises(FileNotFoundError):
        prefix.read("a/day=1/x.parquet")


def test_removing_leaves_no_markers_of_folders(prefix: Prefix, gateway: Gateway) -> None:
    _write(prefix, "a/b/x", b"1")
    before = len(gateway.requests())
    prefix.delete("a/b/x")
    asked = gateway.requests()[before:]
    assert [request.split()[0] for request in asked] in (["DeleteObjects"], ["DeleteObject"])
    assert prefix.folders() == []


SCHEMA = pa.schema([("n", pa.int64()), ("noise", pa.binary())])


def _noise(rows: int) -> pa.RecordBatch:
    return pa.record_batch([range(rows), [os.urandom(100) for _ in range(rows)]], schema=SCHEMA)


def test_an_upload_in_parts_is_there_when_it_is_whole(prefix: Prefix, gateway: Gateway) -> None:
    written = write_files(Target(prefix), [_noise(150_000)] * 2, SCHEMA, writers=1)
    (action,) = written.actions
    assert action.size == prefix.size(action.path) > 20_000_000
    assert any(request.startswith("UploadPart ") for request in gateway.requests())
    written.remove()
    assert list(prefix.files()) == []


def test_rows_that_end_in_an_error_leave_nothing(prefix: Prefix) -> None:
    def rows() -> object:
        yield _noise(150_000)
        yield _noise(600_000)
        raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        write_files(Target(prefix), rows(), SCHEMA)  # type: ignore[arg-type]
    assert list(prefix.files()) == []


def test_a_writer_that_is_killed_leaves_no_object(prefix: Prefix, gateway: Gateway) -> None:
    code = f"""
import time
from clicklake.storage.places import Prefix
draft = Prefix({prefix.root!r}, {dict(prefix.options)!r}).create("x.parquet")
for _ in range(25):
    draft.sink.write(bytes(1 << 20))
draft.sink.flush()
print("written", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout and process.stdout.readline() == b"written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert any(request.startswith("CreateMultipartUpload ") for request in gateway.requests())
    assert (list(prefix.files()), prefix.names()) == ([], [])


def test_what_a_small_file_costs(prefix: Prefix, gateway: Gateway) -> None:
    before = len(gateway.requests())
    _write(prefix, "one", b"1")
    assert [request.split()[0] for request in gateway.requests()[before:]] == ["PutObject"]


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "another key": ({"AWS_SECRET_ACCESS_KEY": "hidden-and-wrong"}, "refuses the keys"),
    "an unknown id": ({"AWS_ACCESS_KEY_ID": "nobody"}, "refuses the keys"),
    "a token that is none": ({"AWS_SESSION_TOKEN": "hidden-token"}, "refuses the keys|HTTP status 400"),
    "nobody there": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "can't be reached"),
    "no such host": ({"AWS_ENDPOINT_URL": "http://nowhere.invalid"}, "can't be reached"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_goes_wrong_is_told_soon_and_without_secrets(prefix: Prefix, what: str) -> None:
    options, told = WRONG[what]
    where = place(prefix.root, {**prefix.options, **options})
    work: list[Callable[[], object]] = [where.names, lambda: _write(where, "x", b"1")]
    if what != "an unknown id":  # for versitygw, nothing is there then
        work.append(lambda: where.delete("x"))
    for one in work:
        begun = time.monotonic()
        with pytest.raises(OSError, match=told) as refused:
            one()
        assert time.monotonic() - begun < 30
        assert "hidden" not in str(refused.value)


def test_a_bucket_that_is_not_there(gateway: Gateway) -> None:
    where = Prefix("s3://no-such-bucket-here/lake", gateway.options)
    for one in (where.check, lambda: _write(where, "x", b"1")):
        with pytest.raises(OSError, match="there is no such bucket"):
            one()
