"""What others send as SQL: what may not run doesn't, with a clear error and within seconds; what may, does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
import yaml

from clicklake.access import Access, Grants, Limits, Principal, query, worker
from clicklake.access.functions import LAKE, OPERATORS, SCALAR, TABLE
from clicklake.access.guard import check
from clicklake.access.query import _prepared
from clicklake.access.workers import Workers
from clicklake.errors import ClicklakeError, EngineError, ForbiddenError, QueryError, TookTooLongError, UnknownNameError
from clicklake.lake import Lake

HOSTILE: dict[str, dict[str, str]] = yaml.safe_load(
    (Path(__file__).parent / "hostile.yaml").read_text(encoding="utf-8")
)
EXPECTED: dict[str, tuple[tuple[type[ClicklakeError], ...], str]] = {
    "statement": ((QueryError,), "a query is one SELECT|syntax error|unterminated|Parser Error"),
    "feature": ((ForbiddenError,), "can't be used in a query|can't be the name of a WITH query"),
    "table": ((ForbiddenError, UnknownNameError), "is no table of the lake|may not read|there is no table"),
    "function": ((ForbiddenError,), "the function .* can't be (used|called)"),
    "column": (
        (QueryError,),
        "not found|does(n't| not) (exist|have)|Could not find|out of range|not in|no match",
    ),
    "limit": ((TookTooLongError, QueryError), "the query was stopped"),
}
SETTINGS = """
access:
  roles:
    analyst:
      reads: gold
      hides: [gold.dim_customers.address, gold.fact_sales]
      may: query
"""
QUICK = Limits(seconds=0.5, memory="256MB", size=10_000_000)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with a few clicks of people whose names nobody may see."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "clicklake.yaml").write_text(SETTINGS, encoding="utf-8")
    lines = [
        "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome",
        *(f"anna{n}@example.com,s{n},2025-01-0{n} 10:00:00,purchase,p{n},{n}.00,success" for n in range(1, 8)),
    ]
    (folder / "clicks.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = Lake(folder / "lake", config=folder / "clicklake.yaml")
    made.run(click_events=str(folder / "clicks.csv"))
    return made


@pytest.fixture(scope="module")
def analyst(lake: Lake) -> Grants:
    return Access(lake).grants(Principal("anna", "analyst"))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, table in HOSTILE.items() for name in table])
def test_hostile_sql_is_refused(lake: Lake, analyst: Grants, kind: str, name: str) -> None:
    errors, message = EXPECTED[kind]
    started = time.monotonic()
    with pytest.raises(errors, match=f"(?is){message}") as error:
        query(lake, analyst, HOSTILE[kind][name], QUICK if kind == "limit" else Limits())
    assert time.monotonic() - started < 60  # of a machine that does a lot besides
    assert "anna" not in str(error.value)
    assert lake.path not in str(error.value)


def test_there_are_hundreds_of_them_and_none_twice() -> None:
    every = [sql for table in HOSTILE.values() for sql in table.values()]
    assert len(set(every)) == len(every) >= 300


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind not in ("column", "limit")])
def test_the_guard_alone_refuses_them(analyst: Grants, kind: str) -> None:
    for sql in HOSTILE[kind].values():
        with pytest.raises(ClicklakeError):
            check(sql, analyst)


LEGITIMATE: dict[str, tuple[int, str]] = yaml.safe_load(
    (Path(__file__).parent / "legitimate.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", LEGITIMATE)
def test_what_analysts_write_works(lake: Lake, analyst: Grants, name: str) -> None:
    count, sql = LEGITIMATE[name]
    rows = query(lake, analyst, sql, Limits(seconds=30))
    assert len(rows) == count
    assert "anna" not in str(rows.to_pylist())


def test_masked_identifiers_are_counted_and_joined_as_the_plain_ones(lake: Lake, analyst: Grants) -> None:
    sql = (
        "select count(distinct e.user_id) as users, count(*) as n from gold.fact_events e "
        "join gold.dim_users u using (user_id) where u.total_purchases > 0"
    )
    assert query(lake, analyst, sql).to_pylist() == lake.query(sql).to_pylist()
    plain = "select count(*) as n from gold.dim_users where user_id = 'anna1@example.com'"
    assert query(lake, analyst, plain).to_pylist() == [{"n": 0}]
    assert lake.query(plain).to_pylist() == [{"n": 1}]


def test_an_admin_sees_what_is_there(lake: Lake) -> None:
    admin = Access(lake).grants(Principal("root", "admin"))
    sql = "select user_id from gold.dim_users order by 1"
    assert query(lake, admin, sql).to_pylist() == lake.query(sql).to_pylist()
    assert len(query(lake, admin, "select * from bronze.click_events")) == 7


def test_a_reader_may_not_query_at_all(lake: Lake) -> None:
    with pytest.raises(ForbiddenError, match="role reader may not query"):
        query(lake, Access(lake).grants(Principal("r", "reader")), "select 1")


def test_rows_beyond_the_limit_are_left_out_and_said_so(lake: Lake, analyst: Grants) -> None:
    rows = query(lake, analyst, "select * from range(5000)", Limits(rows=3000))
    assert (len(rows), rows.note) == (3000, "cut off after 3,000 rows")
    assert query(lake, analyst, "select * from range(3000)", Limits(rows=3000)).note is None


def test_after_a_query_that_was_killed_the_next_one_runs(lake: Lake, analyst: Grants) -> None:
    for _ in range(2):
        with pytest.raises((TookTooLongError, QueryError)):
            query(lake, analyst, HOSTILE["limit"]["a distance of long texts"], QUICK)
        assert query(lake, analyst, "select 1 as x").to_pylist() == [{"x": 1}]


def test_a_worker_whose_server_is_gone_ends_by_itself(beneath: tuple[Workers, dict[str, object]]) -> None:
    start = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    process = subprocess.Popen([sys.executable, "-c", start, worker.__file__], stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdin
    worker.write(process.stdin, {"sys_path": sys.path})
    sql = HOSTILE["limit"]["a distance of long texts"]
    worker.write(process.stdin, {**beneath[1], "sql": sql, "seconds": 0.5, "spill": tempfile.gettempdir()})
    process.stdin.close()
    assert process.wait(120) == 1
    for stream in (process.stdout, process.stderr):
        assert stream
        stream.close()


@pytest.fixture(scope="module")
def beneath(lake: Lake) -> Iterator[tuple[Workers, dict[str, object]]]:
    """A worker that is asked without the guard, with one table of which files may be read."""
    workers = Workers(1)
    users = lake.snapshot("gold.dim_users", lake.release())
    statements = [*_prepared("UTC"), f"create view gold.dim_users as select * from read_parquet({users.files})"]
    yield (
        workers,
        {
            "statements": statements,
            "paths": users.files,
            "objects": {},
            "memory": "256MB",
            "bytes_of_memory": 256_000_000,
            "threads": 1,
            "rows": 100,
            "bytes": 1_000_000,
        },
    )
    workers.close()


BENEATH = {
    "a file": "select * from read_text('/etc/passwd')",
    "a csv": "select * from read_csv('/etc/passwd')",
    "a folder": "select * from glob('/etc/*')",
    "a file by its name": "select * from '/etc/passwd'",
    "another table": "select * from read_parquet('{other}')",
    "another table by a way around": "select * from read_parquet('{users_folder}/../fact_events/**/*.parquet')",
    "all tables": "select * from read_parquet('{root}/*/*/*.parquet')",
    "the log of the table": "select * from read_json('{users_folder}/_delta_log/*.json')",
    "a python variable": "select * from request",
    "a file that is written": "copy (select 1) to '/tmp/clicklake-out.csv'",
    "over a granted file": "copy (select 1) to '{users}' (format parquet)",
    "a database": "attach '/tmp/clicklake-out.db'",
    "an extension": "install httpfs",
    "an extension by path": "load '/tmp/x.duckdb_extension'",
    "a setting": "set enable_external_access = true",
    "the paths": "set allowed_paths = ['/etc/passwd']",
    "the memory": "set memory_limit = '100GB'",
    "the lock": "set lock_configuration = false",
    "a reset": "reset allowed_paths",
    "the network": "select * from read_csv('https://example.com/x.csv')",
    "an export": "export database '/tmp/clicklake-export'",
    "a secret": "create persistent secret s (type s3, key_id 'a', secret 'b')",
}


@pytest.mark.parametrize("name", BENEATH)
def test_what_would_pass_the_guard_still_reaches_nothing(
    lake: Lake, beneath: tuple[Workers, dict[str, object]], name: str
) -> None:
    workers, request = beneath
    users = lake.snapshot("gold.dim_users", lake.release())
    events = lake.snapshot("gold.fact_events", lake.release())
    before = Path(users.files[0]).read_bytes()
    sql = BENEATH[name].format(
        other=events.files[0], users=users.files[0], users_folder=users.root, root=os.path.dirname(users.root)
    )
    with pytest.raises(
        EngineError, match="(?i)permission|disabled|locked|cannot|can't|not found|does not exist|no access"
    ):
        workers.run({**request, "sql": sql}, 20)
    assert Path(users.files[0]).read_bytes() == before
    assert not list(Path("/tmp").glob("clicklake-out.*"))


def test_the_view_itself_can_be_read_beneath(beneath: tuple[Workers, dict[str, object]]) -> None:
    workers, request = beneath
    assert workers.run({**request, "sql": "select * from gold.dim_users"}, 20)[0].num_rows == 7


def test_every_function_that_is_allowed_is_there_and_those_that_reach_out_are_not() -> None:
    import duckdb

    rows = duckdb.sql("select distinct lower(function_name), function_type from duckdb_functions()").fetchall()
    scalar = {name for name, kind in rows if kind in ("scalar", "aggregate", "window", "macro")} | {"unnest"}
    assert SCALAR | OPERATORS <= scalar
    assert TABLE <= {name for name, kind in rows if kind == "table"}
    assert all(statement for statement in LAKE)
    outside = ("read_", "duckdb_", "pragma_", "pg_", "json_serialize", "json_exec", "current_s", "getenv", "query")
    assert not [name for name in SCALAR | TABLE | LAKE if name.startswith(outside)]
    assert not SCALAR & {"getvariable", "sleep_ms", "write_log", "setseed", "nextval", "version", "stats", "error"}
