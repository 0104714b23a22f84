"""A folder is used as a prefix of an object store is; both can be told to another process."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clicklake.errors import UsageError
from clicklake.storage import Store, TableSpec
from clicklake.storage.objects import explain, split_url, store_options
from clicklake.storage.parquet import write_files
from clicklake.storage.places import Entry, Folder, Prefix, place, read_all, sizes
from clicklake.storage.target import Target, Written

SCHEMA = pa.schema([("n", pa.int64()), ("day", pa.string())])


def test_a_folder(tmp_path: Path) -> None:
    where = place(str(tmp_path))
    assert where == Folder(str(tmp_path))
    assert (where.names(), where.folders(), list(where.files())) == ([], [], [])
    assert (where.names("nowhere"), where.folders("nowhere")) == ([], [])
    draft = where.at("a").create("b/c.parquet")
    Path(str(draft.sink)).write_bytes(b"four")
    assert draft.complete() == 4
    gone = where.create("gone")
    Path(str(gone.sink)).write_bytes(b"")
    gone.discard()
    for hidden in ("_delta_log/0.json", "a/.crc"):
        Path(str(where.create(hidden).sink)).write_bytes(b"{}")
    os.utime(tmp_path / "a/b/c.parquet", (7, 7))
    assert list(where.files()) == [Entry("a/b/c.parquet", 4, 7.0)]
    assert (where.names(), where.folders(), where.names("_delta_log")) == ([], ["_delta_log", "a"], ["0.json"])
    assert (where.size("a/b/c.parquet"), where.size("a/b"), where.size("no")) == (4, None, None)
    assert sizes(where, ["a/b/c.parquet", "no"]) == {"a/b/c.parquet": 4, "no": None}
    assert list(read_all(where, ["a/b/c.parquet", "_delta_log/0.json"])) == [b"four", b"{}"]
    before = where.stamp("a/b/c.parquet")
    (tmp_path / "a/b/c.parquet").write_bytes(b"five")
    assert before and where.stamp("a/b/c.parquet") != before
    where.delete("a/b/c.parquet")
    where.delete("a/b/c.parquet")
    assert where.stamp("a/b/c.parquet") is None


def test_a_prefix_is_plain_data_and_does_not_show_its_keys() -> None:
    where = place("s3://bucket/deep/lake/", {"AWS_SECRET_ACCESS_KEY": "dont-show"})
    assert isinstance(where, Prefix)
    assert "dont-show" not in repr(where)
    assert "dont-show" not in repr(Store("s3://b/l", {"AWS_SECRET_ACCESS_KEY": "dont-show"}))
    assert pickle.loads(pickle.dumps(where)) == where
    assert (where.root, where.key("a/b"), where.at("x").key("")) == (
        "s3://bucket/deep/lake",
        "bucket/deep/lake/a/b",
        "bucket/deep/lake/x",
    )
    assert place("s3://bucket").key("a") == "bucket/a"  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", ["gs://bucket/lake", "s3://", "s3:///lake", "s3://key:secret@bucket/lake"])
def test_other_urls_are_refused_without_repeating_their_keys(url: str) -> None:
    with pytest.raises(UsageError, match="S3") as told:
        split_url(url)
    assert "secret" not in str(told.value)


def _elsewhere(target: bytes, results: multiprocessing.Queue[bytes]) -> None:
    rows = pa.table({"n": [1, 2, 3], "day": ["a", "b", "a"]}, schema=SCHEMA)
    results.put(pickle.dumps(write_files(pickle.loads(target), rows.to_batches(), SCHEMA)))


def test_another_process_writes_what_this_one_would(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "lake"))
    target = Target.of(store, store.ensure(TableSpec("gold.numbers", SCHEMA, partition_by=("day",))))
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[bytes] = context.Queue()
    process = context.Process(target=_elsewhere, args=(pickle.dumps(target), results))
    process.start()
    written: Written = pickle.loads(results.get(timeout=60))
    process.join()
    assert (written.rows, written.nulls) == (3, {"n": 0, "day": 0})
    by_day = {action.partition_values["day"]: action for action in written.actions}
    assert {
        day: pq.ParquetFile(written.place.source(action.path)).read()["n"].to_pylist() for day, action in by_day.items()
    } == {"a": [1, 3], "b": [2]}
    assert all(action.size == written.place.size(action.path) for action in written.actions)
    written.remove()
    assert list(target.place.files()) == []


SIGNED = "AWS4-HMAC-SHA256&#xA;x-amz-security-token:SESSION"
ERRORS = {
    "Kernel error -> ...\n 403 Forbidden\n<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match."
    f"</Message><AWSAccessKeyId>KEYID</AWSAccessKeyId><StringToSign>{SIGNED}</StringToSign></Error>": (
        "the object store refuses the keys or what they may do (SignatureDoesNotMatch: It does not match)"
    ),
    "When listing objects under key 'x' in bucket 'b': AWS Error NO_SUCH_BUCKET during ListObjectsV2 operation: The "
    "specified bucket does not exist. (Request ID: 9JCY)": (
        "there is no such bucket (NO_SUCH_BUCKET: The specified bucket does not exist); make it first, or name another"
    ),
    "When reading information for key 'x' in bucket 'b': AWS Error NETWORK_CONNECTION during HeadObject operation: "
    "curlCode: 7, Could not connect to server; Details: Failed to connect to 127.0.0.1:1": (
        "the object store can't be reached: Failed to connect to 127.0.0.1:1"
    ),
    "Generic S3 error\n   ↳ HTTP error\n   ↳ error sending request\n   ↳ dns error\n   ↳ no such host": (
        "the object store can't be reached: dns error: no such host"
    ),
    "When getting x: AWS Error UNKNOWN (HTTP status 400) during HeadObject operation: No response body.": (
        "the object store answers HTTP status 400"
    ),
    "When x: AWS Error UNKNOWN (HTTP status 404) during PutObject operation: Unable to parse ExceptionName: "
    "XAdminUserNotFound Message: No user exists with the provided access key ID. (Request ID: QC)": (
        "the object store refuses the keys or what they may do "
        "(XAdminUserNotFound: No user exists with the provided access key ID)"
    ),
    "No space left on device (os error 28)": None,
}


@pytest.mark.parametrize("error", ERRORS)
def test_errors_of_a_store_in_words(error: str) -> None:
    told = explain(OSError(error))
    assert told == ERRORS[error]
    assert "SESSION" not in str(told) and "KEYID" not in str(told)


KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}


def test_a_store_is_found_by_the_settings_then_by_the_usual_variables() -> None:
    assert store_options({}) == {}
    assert store_options({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_PROFILE": "p"}) == {"AWS_REGION": "eu-west-1"}
    mine = {"AWS_ENDPOINT_URL": "http://localhost:9000/", **KEYS, "AWS_SESSION_TOKEN": "t"}
    local = {"AWS_ENDPOINT_URL": "http://localhost:9000", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    assert store_options(mine) == {**local, **KEYS, "AWS_SESSION_TOKEN": "t"}
    given = store_options(
        {**mine, "AWS_SESSION_TOKEN": ""}, endpoint="https://s3.example.com", region="r", keys=("mine", "too", None)
    )
    assert given == {
        "AWS_ENDPOINT_URL": "https://s3.example.com",
        "AWS_REGION": "r",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_SECRET_ACCESS_KEY": "too",
    }


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"AWS_ACCESS_KEY_ID": "secret-id"}, "go together"),
        ({"AWS_SESSION_TOKEN": "secret-token"}, "go together"),
        ({"AWS_ENDPOINT_URL": "http://me:secret@host"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://host", "AWS_ALLOW_HTTP": "false"}, "has no TLS"),
    ],
)
def test_half_a_key_and_other_mistakes_are_told(environ: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        store_options(environ)
    assert "secret" not in str(refused.value)


def test_keys_are_not_mixed() -> None:
    with pytest.raises(UsageError, match="object_store.access_key_id and secret_access_key go together"):
        store_options(KEYS, keys=("mine", None, None))
    with pytest.raises(UsageError, match="another key"):
        store_options({**KEYS, "AWS_SESSION_TOKEN": "t"}, keys=("mine", "too", None))
