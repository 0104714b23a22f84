"""A lake on an object store is the lake that a folder would hold, and every command works on it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from faults.audit import compare, examine

from clicklake.access import Access, Principal, query
from clicklake.cli.main import run
from clicklake.errors import ForbiddenError, QueryError, StorageError
from clicklake.lake import Lake
from clicklake.storage import Snapshot, Store, TableSpec, add_columns, commit
from clicklake.storage.maintain import restore
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

from .conftest import SECRET, Gateway

Told = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clicks, events of the web and all of the shop's commerce, with their faults."""
    folder = tmp_path_factory.mktemp("data")
    config = GeneratorConfig(rows=600, web_rows=60, users=40, seed=3, commerce=CommerceConfig())
    generate(folder, config)
    return folder


def _sources(folder: Path) -> dict[str, str]:
    return {path.name: str(path) for path in sorted(folder.iterdir()) if path.is_dir()}


def _command(told: Told, *argv: str, code: int = 0) -> str:
    told.readouterr()
    assert run(list(argv)) == code, told.readouterr().err
    out = told.readouterr()
    assert SECRET not in out.out + out.err
    return out.out


@pytest.mark.slow
def test_a_lake_on_a_store_is_that_of_a_folder(
    bucket: str, gateway: Gateway, data: Path, tmp_path: Path, capsys: Told
) -> None:
    url = f"{bucket}/some/lake"
    sources = [f"{name}={path}" for name, path in _sources(data).items()]
    for lake in (url, str(tmp_path / "lake")):
        _command(capsys, "--lake", lake, "run", *sources)
    there, here = gateway.folder / bucket[5:] / "some/lake", tmp_path / "lake"
    found, expected = examine(there), examine(here)
    assert expected.faults() == []
    compare(found, expected.content)
    assert found.faults() == []
    assert found.orphans == 0
    for lake in (url, str(here)):  # an increment and a withdrawal on top
        late = f"{data}/orders/part-updates.csv"
        _command(capsys, "--lake", lake, "unload", "orders", late)
    found, expected = examine(there), examine(here)
    compare(found, expected.content)
    assert found.faults() == []

    # Every command that reads, as a person would type it.
    for command in (
        ("status",),
        ("tables",),
        ("describe", "gold.dim_users"),
        ("quality",),
        ("quarantine", "list"),
        ("quarantine", "show", "--limit", "2"),
        ("history", "gold.dim_users"),
        ("lineage", "gold.dim_users"),
    ):
        _command(capsys, "--lake", url, *command)
    reports = [json.loads(_command(capsys, "--json", "--lake", lake, "report", "--all")) for lake in (url, str(here))]
    assert reports[0] == reports[1]
    count = "select count(*) as n, sum(amount) as amount from gold.fact_events"
    answers = [json.loads(_command(capsys, "--json", "--lake", lake, "query", count)) for lake in (url, str(here))]
    assert answers[0] == answers[1] and answers[0][0]["n"] > 400
    first = json.loads(_command(capsys, "--json", "--lake", url, "query", "--at", "1", count))
    assert first[0]["n"] == answers[0][0]["n"]
    user = json.loads(
        _command(capsys, "--json", "--lake", url, "query", "select user_id from gold.dim_users order by 1 limit 1")
    )[0]["user_id"]
    assert "click_events" in _command(capsys, "--lake", url, "trace", "gold.dim_users", f"user_id={user}")
    assert "can be listed, written, read" in _command(capsys, "--lake", url, "doctor")

    # Every command that looks after tables.
    for command in (
        ("optimize", "--all"),
        ("build", "--full"),
        ("restore", "gold.dim_users", "--to", "1", "--yes"),
        ("run", *sources),
        ("vacuum", "--all", "--yes", "--retention", "0", "--force"),
        ("doctor",),
    ):
        told = run(["--lake", url, *command])
        assert told == 0, (command, capsys.readouterr())
    assert SECRET not in "".join(_texts(tmp_path)) + "".join(_texts(there))


def _texts(folder: Path) -> list[str]:
    """Whatever was written: logs, run records, Delta logs."""
    return [file.read_bytes().decode("latin-1") for file in folder.rglob("*") if file.is_file()]


def test_what_a_query_may_not_read(bucket: str, clicks, data: Path, tmp_path: Path, put) -> None:  # noqa: ANN001
    lake = Lake(f"{bucket}/lake")
    lake.run(click_events=clicks("u1,s1,2025-01-01 10:00:00,purchase,p1,9.99,"))
    put(f"{bucket}/other.csv", b"a,b\n1,2\n")
    put(f"{bucket}/lake/other.csv", b"a,b\n1,2\n")
    (tmp_path / "own.csv").write_text("a\n1\n")
    for file in (f"{bucket}/other.csv", f"{bucket}/lake/other.csv", f"{bucket}/lake/*.csv", str(tmp_path / "own.csv")):
        for table in ("", ", gold.fact_events"):
            with pytest.raises(QueryError):
                lake.query(f"select * from read_csv('{file}'){table}")
    with pytest.raises(QueryError):
        lake.query(f"copy (select 1) to '{bucket}/lake/x.parquet'")
    assert lake.query("select count(*) as n from gold.fact_events").to_pylist() == [{"n": 1}]


def test_sql_of_others_reads_what_is_granted_and_no_other_object(bucket: str, clicks, put) -> None:  # noqa: ANN001
    lake = Lake(f"{bucket}/lake")
    lake.run(click_events=clicks("u1,s1,2025-01-01 10:00:00,purchase,p1,9.99,", "u2,s2,2025-01-02 10:00:00,login,,,"))
    put(f"{bucket}/other.csv", b"a,b\n1,2\n")
    analyst = Access(lake).grants(Principal("anna", "analyst"))
    sql = "select count(distinct e.user_id) as users from gold.fact_events e join gold.dim_users u using (user_id)"
    assert query(lake, analyst, sql).to_pylist() == [{"users": 2}]
    assert "u1" not in str(query(lake, analyst, "select * from gold.dim_users").to_pylist())
    for wrong in (
        "select * from silver.events",
        f"select * from '{bucket}/other.csv'",
        f"from glob('{bucket}/*')",
    ):
        with pytest.raises(ForbiddenError):
            query(lake, analyst, wrong)


def test_the_log_of_a_run_is_in_the_project_or_the_current_folder(bucket: str, clicks, tmp_path: Path) -> None:  # noqa: ANN001
    file = clicks("u1,s1,2025-01-01 10:00:00,purchase,p1,9.99,")
    Lake(f"{bucket}/a").run(click_events=file)
    assert list((tmp_path / "logs").iterdir())
    project = tmp_path / "project"
    project.mkdir()
    (project / "clicklake.yaml").write_text(f"lake: {bucket}/b\nsources: {{click_events: {{paths: '{file}'}}}}\n")
    assert run(["--config", str(project / "clicklake.yaml"), "run"]) == 0
    assert list((project / "logs").iterdir())


def test_keys_of_the_settings(gateway: Gateway, bucket: str, tmp_path: Path, monkeypatch, capsys: Told) -> None:  # noqa: ANN001
    for name in gateway.variables:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MY_SECRET", SECRET)
    (tmp_path / "clicklake.yaml").write_text(
        f"lake: {bucket}/lake\nobject_store:\n  endpoint: {gateway.endpoint}\n  region: us-east-1\n"
        "  access_key_id: s3-test-key\n  secret_access_key: ${MY_SECRET}\n"
    )
    assert "nothing is published yet" in _command(capsys, "status")
    assert SECRET not in _command(capsys, "doctor")
    monkeypatch.setenv("MY_SECRET", "hidden-and-wrong")
    assert run(["status"]) == 1
    told = capsys.readouterr().err
    assert "refuses the keys" in told and "hidden" not in told and "Traceback" not in told


def test_a_profile(gateway: Gateway, bucket: str, tmp_path: Path, clicks) -> None:  # noqa: ANN001
    """In a process of its own: what keys a process has found, its libraries keep."""
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[shop]\naws_access_key_id = s3-test-key\naws_secret_access_key = {SECRET}\n")
    file = clicks("u1,s1,2025-01-01 10:00:00,purchase,p1,9.99,")
    import os
    import sys

    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AWS_ENDPOINT_URL": gateway.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_PROFILE": "shop",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    program = [sys.executable, "-c", "from clicklake.cli.main import main; main()"]
    command = [*program, "--lake", f"{bucket}/lake", "run", f"click_events={file}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_goes_wrong_is_told_with_an_exit_code(bucket: str, monkeypatch, capsys: Told, clicks, data) -> None:  # noqa: ANN001
    source = f"click_events={clicks('u1,s1,2025-01-01 10:00:00,purchase,p1,9.99,')}"
    for argv, code, text in (
        (["--lake", "s3://no-such-bucket-here/lake", "run", source], 1, "there is no such bucket"),
        (["--lake", "gs://bucket/lake", "status"], 2, "by S3 alone"),
        (["--lake", "s3://me:hidden@bucket/lake", "status"], 2, "settings"),
        (["--lake", f"{bucket}/lake", "run", "click_events=s3://no-such-bucket-here/x"], 2, "there is no such bucket"),
        (["--lake", f"{bucket}/lake", "run", f"click_events={bucket}/nothing/*.csv"], 2, "no such file"),
        (["--lake", f"{bucket}/lake", "backup", "backups"], 2, "only a lake in a folder"),
        (["generate", f"{bucket}/data", "--rows", "10"], 2, "of this machine"),
        (["demo", f"{bucket}/demo", "--rows", "10"], 2, "of this machine"),
        (["init", f"{bucket}/shop"], 2, "of this machine"),
    ):
        assert run(argv) == code, argv
        told = capsys.readouterr().err
        assert text in told and "hidden" not in told and "fault of clicklake" not in told
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert run(["--lake", f"{bucket}/lake", "run", source]) == 1
    assert "can't be reached" in capsys.readouterr().err


SCHEMA = pa.schema([("n", pa.int64())])
SPEC = TableSpec("gold.numbers", SCHEMA)


def _rows(*numbers: int) -> pa.Table:
    return pa.table({"n": list(numbers)}, schema=SCHEMA)


def _numbers(snapshot: Snapshot | None) -> list[int]:
    assert snapshot is not None
    return sorted(snapshot.read()["n"].to_pylist())


@pytest.fixture
def store(bucket: str, gateway: Gateway) -> Store:
    return Store(f"{bucket}/lake", gateway.options, properties={"delta.checkpointInterval": "3"})


def test_a_newest_version_is_never_an_old_one(store: Store, gateway: Gateway) -> None:
    """Whoever changed the table: another process, another program, or somebody who made it anew."""
    commit(store, store.ensure(SPEC), _rows(1), marks={"input": 1})
    other = Store(store.root, gateway.options)
    for number in range(2, 12):
        assert _numbers(store.open(SPEC.name)) == list(range(1, number))
        commit(other, other.open(SPEC.name), _rows(number), marks={"input": number})
        assert store.open(SPEC.name).mark("input") == number
    write_deltalake(store.uri(SPEC.name), _rows(12), mode="append", storage_options=gateway.options)
    assert _numbers(store.open(SPEC.name)) == list(range(1, 13))
    at = store.open(SPEC.name)
    add_columns(other, other.open(SPEC.name), pa.schema([("m", pa.int64())]))
    assert store.open(SPEC.name).schema.names == ["n", "m"]
    restore(store, store.open(SPEC.name), 1)
    assert _numbers(store.open(SPEC.name)) == [1]
    assert _numbers(at) == list(range(1, 13))
    import shutil

    shutil.rmtree(gateway.folder / store.uri(SPEC.name)[5:])
    assert store.find(SPEC.name) is None
    anew = Store(store.root, gateway.options)
    for number in (20, 21):
        commit(anew, anew.ensure(SPEC), _rows(number), marks={})
    assert _numbers(store.open(SPEC.name)) == [20, 21]


def test_a_table_that_did_not_change_costs_two_short_looks(store: Store, gateway: Gateway) -> None:
    commit(store, store.ensure(SPEC), _rows(1), marks={"input": 3})
    before = len(gateway.requests())
    assert store.open(SPEC.name).version == 1
    assert Counter(request.split()[0] for request in gateway.requests()[before:]) == {"HeadObject": 2}


def test_rows_read_at_many_places_at_once_are_the_right_ones(store: Store, gateway: Gateway) -> None:
    """DuckDB's threads share a handle: each must read where it looked, or rows are silently wrong."""
    from clicklake.engines.duckdb import DuckDB

    schema = pa.schema([(f"c{number}", pa.int64()) for number in range(8)])
    snapshot = store.ensure(TableSpec("gold.wide", schema))
    size = 1 << 18
    for part in range(4):
        start = part * size
        columns = [
            [(row * 2_654_435_761 + number) % 1_000_003 for row in range(start, start + size)] for number in range(8)
        ]
        snapshot = commit(store, snapshot, pa.table(columns, schema=schema), marks={})
    sums = ", ".join(f"sum(c{number}), max(c{number} - c0)" for number in range(8))
    remote, local = DuckDB(), DuckDB()
    try:
        files = [str(gateway.folder / uri[5:]) for uri in snapshot.files]
        expected = local.rows(f"select {sums} from read_parquet({files!r})")
        for _ in range(5):
            assert remote.rows(f"select {sums} from ({remote.scan(snapshot)})") == expected
    finally:
        remote.close()
        local.close()


def test_a_file_that_is_gone_is_told_in_words(store: Store, gateway: Gateway) -> None:
    from clicklake.engines.duckdb import DuckDB

    snapshot = commit(store, store.ensure(SPEC), _rows(1), marks={})
    (path,) = snapshot.paths
    snapshot.place.delete(path)
    engine = DuckDB()
    try:
        with pytest.raises(StorageError, match="is gone") as told:
            engine.rows(engine.scan(snapshot))
        assert "Traceback" not in str(told.value)
        with pytest.raises(StorageError, match="can't be read"):
            snapshot.read()
    finally:
        engine.close()
    assert DeltaTable(snapshot.root, storage_options=gateway.options).version() == 1
