"""Every gold model of the shop, found through the catalogue: its increments give the rows of a full build."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from clicklake.build import build as build_module
from clicklake.build import strategies
from clicklake.build.build import Builder, Built
from clicklake.build.graph import inputs as model_inputs
from clicklake.build.strategies import Limits
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.model import ColumnDoc, Model, TableDoc
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.ranges import Ranges
from clicklake.engines.sql import parse
from clicklake.errors import UnknownNameError
from clicklake.lake import Lake
from clicklake.refine.refine import LEDGER
from clicklake.storage import Snapshot, Store, commit
from clicklake.synthetic import GeneratorConfig, generate
from clicklake.synthetic.commerce.config import CommerceConfig


def own_model(name: str, sql: str, **document: object) -> Model:
    """A model of a project, whose columns are those of the SQL's last list."""
    types = {"n": "bigint", "total": "decimal(18,2)", "at": "timestamp", "day": "date", "last_day": "date"}
    columns = {
        column: ColumnDoc(type=types.get(column, "string"), description="A column.")
        for column in parse(sql, name).named_selects
    }
    doc = TableDoc(description="One row per key.", columns=columns, **document)  # type: ignore[arg-type]
    return Model(f"gold.{name}", doc, sql, Path(f"{name}.yml"))


OWN = [
    own_model(
        "own_null_keys",
        "select session_id, count(*) as n, sum(amount) as total from silver.events group by session_id",
        grain=("session_id",),
        strategy="keys",
        key=("session_id",),
        affected={"silver.events": "select distinct session_id from changed"},
    ),
    own_model(
        "own_rows_of_a_key",
        "select user_id, event_type, min(event_timestamp) as at, count(distinct session_id) as n from silver.events "
        "group by user_id, event_type having count(*) > 1",
        grain=("user_id", "event_type"),
        strategy="keys",
        key=("user_id",),
        affected={"silver.events": "select distinct user_id from changed"},
    ),
    own_model(
        "own_key_beside",
        # Neither input has the key: nothing can be restricted, and the rows are right all the same.
        "select users.user_id as who, count(*) as n from gold.dim_users as users inner join gold.dim_users as others "
        "on users.total_sessions = others.total_sessions and others.total_events > 20 group by users.user_id",
        grain=("who",),
        strategy="keys",
        key=("who",),
        affected={"gold.dim_users": "select user_id as who from gold.dim_users union select user_id from changed"},
    ),
    own_model(
        "own_filtered_facts",
        "select cast(event_id as varchar) as id, amount as total from gold.fact_events where event_type = 'purchase'",
        grain=("id",),
        strategy="append",
    ),
    *(
        own_model(
            name,
            "select session_id, cast(min(event_timestamp) as date) as day, count(*) as n, "
            "cast(max(event_timestamp) as date) as last_day from silver.events where session_id is not null "
            "group by session_id",
            grain=("session_id",),
            strategy="keys",
            key=("session_id",),
            affected={"silver.events": "select distinct session_id from changed where session_id is not null"},
            within={"silver.events": {"time": time, "first": "day", "last": "last_day"}},
        )
        for name, time in {"own_dates": "event_date", "own_times_by_dates": "event_timestamp"}.items()
    ),
]
MODELS = {**Catalogue().gold, **{model.name: model for model in OWN}}
EVENTS = "silver.events"

AS_SHIPPED = Limits()
ALWAYS_BY_FILES = Limits(small=0, most_affected=math.inf)
ALWAYS_BY_KEYS = Limits(most_affected=math.inf)


def open_lake(path: Path) -> Lake:
    """A lake with all these models."""
    lake = Lake(path)
    lake.catalogue.gold.update({model.name: model for model in OWN})
    return lake


class StoppedError(Exception):
    """Stands for a kill."""


def build(
    lake: Lake, limits: Limits, after: Callable[[str], None] = lambda table: None, *, full: bool = False
) -> dict[str, Built]:
    engine = lake.engine()
    try:
        builder = Builder(lake.store, engine, lake.catalogue, lake.parameters, after, limits)
        builder.attach_silver()
        return {model.name: builder.build(model, full=full) for model in builder.order()}
    finally:
        engine.close()


def gold_rows(lake: Lake) -> dict[str, list[str]]:
    """All rows of all gold tables at their newest version, all columns, in any order."""
    engine = lake.engine()
    try:
        scans = {name: engine.scan(lake.store.open(name)) for name in lake.catalogue.gold}
        return {name: sorted(map(str, engine.rows(scan))) for name, scan in scans.items()}
    finally:
        engine.close()


def full_rows(lake: Lake, folder: Path) -> dict[str, list[str]]:
    """The rows of a full build of a copy of the lake."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(lake.path, folder)
    copy = open_lake(folder)
    built = build(copy, AS_SHIPPED, full=True)
    assert {(one.how, one.reason) for one in built.values()} == {("rebuilt", "asked for")}
    return gold_rows(copy)


def change_silver(lake: Lake, keep: str, insert: str | None = None, *, table: str = EVENTS) -> None:
    """Commit a silver version that has only the rows that fulfil a condition, and some more; gold may read it."""
    before = lake.store.open(table)
    engine = lake.engine()
    try:
        scan = engine.scan(before)
        more = f" union all by name {insert.format(silver=f'({scan})')}" if insert else ""
        query = f"with silver_rows as ({scan}) select * from silver_rows where {keep}{more}"
        rows = engine.stream(query, before.schema)
        after = commit(lake.store, before, rows, marks={}, mode="overwrite")
    finally:
        engine.close()
    ledger = lake.store.open(LEDGER)
    commit(lake.store, ledger, ledger.schema.empty_table(), marks={f"read:{table}": after.version})


def settle(lake: Lake) -> None:
    """Let gold read the newest silver."""
    ledger = lake.store.open(LEDGER)
    marks = {f"read:{EVENTS}": lake.store.open(EVENTS).version}
    commit(lake.store, ledger, ledger.schema.empty_table(), marks=marks)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs with duplicates, late and faulty rows."""
    folder = tmp_path_factory.mktemp("generated")
    commerce = CommerceConfig(late_share=0.1, moved_share=0.2, refunded_share=0.1)
    config = GeneratorConfig(rows=6000, web_rows=900, days=75, files=6, users=300, late_share=0.1, seed=3)
    generate(folder, replace(config, duplicate_share=0.05, commerce=commerce))
    return folder


@pytest.fixture(scope="module")
def parts(generated: Path) -> list[tuple[str, Path]]:
    """Clicks in the order in which they are ingested."""
    folder = generated
    clicks = sorted((folder / "click_events").glob("*.csv"))
    web = ("web_events", folder / "web_events")
    return [*(("click_events", file) for file in (*clicks[:2], *clicks[3:5])), web, ("click_events", clicks[2])]


@pytest.fixture(scope="module")
def commerce(generated: Path) -> list[list[tuple[str, Path]]]:
    """What is ingested at first, where many parents are missing, and step by step then."""
    orders, payments, customers, products = (
        {file.stem.removeprefix("part-"): (source, file) for file in sorted((generated / source).glob("*.csv"))}
        for source in ("orders", "payments", "customers", "products")
    )
    several = ("0002", "0003", "0005", "0006", "0007")
    return [
        [*(orders[part] for part in several), payments["0002"], customers["updates"], products["updates"]],
        [products["0001"], payments["0003"]],
        [customers["0001"], payments["updates"]],
        [orders["late"], customers["late"], payments["late"]],
        [orders["updates"], orders["0001"], products["late"]],
    ]


def ingest(lake: Lake, source: str, path: Path) -> None:
    lake.ingest(source, path)
    lake.refine()


@pytest.fixture(scope="module")
def template(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[str, Path]],
    commerce: list[list[tuple[str, Path]]],
) -> Path:
    lake = open_lake(tmp_path_factory.mktemp("begun") / "lake")
    for source, path in (*parts[:3], *commerce[0]):
        lake.ingest(source, path)
    lake.run()
    return Path(lake.path)


@pytest.fixture
def begun(tmp_path: Path, template: Path) -> Lake:
    """A lake that was built from the first parts; some more wait."""
    shutil.copytree(template, tmp_path / "lake")
    return open_lake(tmp_path / "lake")


def steps(lake: Lake, parts: list[tuple[str, Path]], commerce: list[list[tuple[str, Path]]]) -> Iterator[str]:
    """Changes of silver, one after the other."""
    for number, group in enumerate(commerce[1:], 3):
        together = [*parts[number : number + 1], *group]
        for source, path in together:
            lake.ingest(source, path)
        lake.refine()
        yield ", ".join(f"{source} {path.name}" for source, path in together)
    change_silver(lake, "user_id <= 'user_000150' or session_id is null or event_type = 'purchase'")
    change_silver(lake, "row_id % 3 > 0", table="silver.customers")
    change_silver(lake, "row_id % 5 > 0", table="silver.products")
    yield "rows are withdrawn"
    change_silver(lake, "event_type <> 'search'")
    dearer = "select * replace (row_id + 1000000 as row_id, cost + 1 as cost, null as updated_at) from {silver}"
    change_silver(lake, "product_id > 'prod_0030'", f"{dearer} where product_id < 'prod_0020'", table="silver.products")
    change_silver(lake, "row_id % 4 > 0", table="silver.orders")
    change_silver(lake, "row_id % 4 > 0", table="silver.payments")
    yield "all rows of a type are withdrawn"
    other = (
        "select * replace (event_id + 1000000 as event_id, 'wish' as event_type, null as session_id, "
        "event_timestamp - interval 200 days as event_timestamp) from {silver} where event_id % 50 = 0"
    )
    change_silver(lake, "event_id % 7 > 0", other)
    yield "some go, others come, much earlier"
    gone = "event_type <> 'wish' and coalesce(product_id, '') <> (select min(product_id) from silver_rows)"
    change_silver(lake, gone)
    yield "all rows of a product and of an unknown type are withdrawn"
    change_silver(lake, "true")
    yield "files are rewritten, rows are not"


@pytest.mark.parametrize("limits", [AS_SHIPPED, ALWAYS_BY_KEYS, ALWAYS_BY_FILES], ids=["shipped", "keys", "files"])
def test_increments_give_the_rows_of_a_full_build(
    begun: Lake,
    parts: list[tuple[str, Path]],
    commerce: list[list[tuple[str, Path]]],
    tmp_path: Path,
    limits: Limits,
) -> None:
    for step in steps(begun, parts, commerce):
        built = build(begun, limits)
        assert built.keys() == MODELS.keys()
        made, expected = gold_rows(begun), full_rows(begun, tmp_path / "copy")
        for name in MODELS:
            assert made[name] == expected[name], f"{name} after: {step}"
        if limits is not AS_SHIPPED:
            following = [name for name, model in MODELS.items() if model.doc.strategy != "rebuild"]
            assert "rebuilt" not in {built[name].how for name in following}, step
    assert {one.how for one in built.values()} == {"unchanged"}, "nothing but files was changed last"
    assert len({one.snapshot.mark(f"input:{EVENTS}", -1) for one in built.values()} - {-1}) == 1


def test_a_compaction_changes_nothing(begun: Lake, parts: list[tuple[str, Path]]) -> None:
    """By another program, of silver and of gold: rows that were only moved are no change."""
    ingest(begun, *parts[3])
    build(begun, AS_SHIPPED)
    before = gold_rows(begun)
    for name in (EVENTS, "gold.dim_sessions", "gold.fact_events"):
        files = DeltaTable(begun.store.uri(name)).optimize.compact()
        assert files["numFilesRemoved"] > 1, name
    settle(begun)
    assert {one.how for one in build(begun, AS_SHIPPED).values()} == {"unchanged"}
    assert gold_rows(begun) == before


def test_a_compaction_meanwhile_is_no_change_by_another_program(
    begun: Lake, parts: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ingest(begun, *parts[3])
    build(begun, ALWAYS_BY_KEYS)
    ingest(begun, *parts[4])
    real, compacted = build_module.replace_rows, []

    def compacts_first(store: Store, engine: DuckDB, table: Snapshot, *args: object, **kwargs: object) -> Snapshot:
        if table.name == "gold.fact_events" and not compacted:
            compacted.append(DeltaTable(store.uri(table.name)).optimize.compact()["numFilesRemoved"])
        return real(store, engine, table, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(build_module, "replace_rows", compacts_first)
    expected = full_rows(begun, tmp_path / "copy")
    assert build(begun, ALWAYS_BY_KEYS)["gold.fact_events"].how == "incremented"
    assert compacted[0] > 1
    assert gold_rows(begun) == expected
    assert build(begun, ALWAYS_BY_KEYS)["gold.fact_events"].how == "unchanged"


@pytest.mark.parametrize("table", MODELS)
def test_stopped_behind_a_table(
    begun: Lake, parts: list[tuple[str, Path]], commerce: list[list[tuple[str, Path]]], tmp_path: Path, table: str
) -> None:
    """The next build goes on where the one that was stopped ended."""
    for news in (parts[3], *commerce[3]):
        ingest(begun, *news)
    expected = full_rows(begun, tmp_path / "copy")

    def stop(committed: str) -> None:
        if committed == table:
            raise StoppedError

    with pytest.raises(StoppedError):
        build(begun, ALWAYS_BY_KEYS, stop)
    built = build(begun, ALWAYS_BY_KEYS)
    assert built[table].snapshot.version == begun.store.open(table).version
    assert (built[table].how, built[table].reason) == ("unchanged", None)
    assert gold_rows(begun) == expected


def test_a_table_that_another_program_changed_is_rebuilt(begun: Lake) -> None:
    before = gold_rows(begun)
    DeltaTable(begun.store.uri("gold.dim_users")).delete("total_events > 3")
    built = build(begun, AS_SHIPPED)
    assert built["gold.dim_users"].how == "rebuilt"
    assert "another program changed it" in (built["gold.dim_users"].reason or "")
    assert gold_rows(begun) == before


def test_what_was_read_last_is_gone(begun: Lake, parts: list[tuple[str, Path]], tmp_path: Path) -> None:
    """Nobody can tell what was deleted: the tables are built whole, and the reason is told."""
    ingest(begun, *parts[3])
    change_silver(begun, "event_id % 5 > 0")
    old = set(begun.store.open(EVENTS, 1).files)
    for file in old:
        Path(file).unlink()
    built = build(begun, AS_SHIPPED)
    reasons = {name: one.reason for name, one in built.items() if f"input:{EVENTS}" in begun_marks(begun, name)}
    assert set(reasons.values()) == {f"{len(old)} files of version 1 of {EVENTS} are gone"}
    assert gold_rows(begun) == full_rows(begun, tmp_path / "copy")


def begun_marks(lake: Lake, name: str) -> set[str]:
    return {f"input:{table}" for table in model_inputs(lake.catalogue.gold[name])}


def test_a_day_touches_the_files_of_its_months(begun: Lake, parts: list[tuple[str, Path]]) -> None:
    """Sessions of other months stay in the files in which they are."""
    before = begun.store.open("gold.dim_sessions")
    assert len(before.paths) >= 2
    engine = begun.engine()
    try:
        months = engine.rows(
            f"select filename, count(distinct date_trunc('month', session_start)) "
            f"from ({engine.scan(before, filename=True)}) group by 1"
        )
    finally:
        engine.close()
    assert {count for _, count in months} == {1}
    january = "event_timestamp < timestamp '2025-02-01'"
    change_silver(begun, "true", f"select * replace (event_id + 1000000 as event_id) from {{silver}} where {january}")
    after = build(begun, ALWAYS_BY_FILES)["gold.dim_sessions"].snapshot
    kept = before.paths.keys() & after.paths.keys()
    assert 0 < len(kept) < len(before.paths)


def test_what_was_read_and_written_is_told(begun: Lake, parts: list[tuple[str, Path]]) -> None:
    source, path = parts[3]
    loaded = begun.store.open(EVENTS).size[0]
    result = begun.run({source: path})
    loaded = begun.store.open(EVENTS).size[0] - loaded
    told = f"{EVENTS}: {loaded:,} new rows"
    assert result.incremented["gold.fact_events"] == told
    stages = begun.query(
        "select target, rows_in, rows_out, bytes_in, bytes_out, read_bytes, written_bytes, reason from ops.runs "
        f"where stage = 'build' and run_id = '{result.run_id}'"
    ).to_pylist()
    of = {row["target"]: row for row in stages}
    fact, versions = of["gold.fact_events"], (0, 0)
    before, after = (begun.store.open("gold.fact_events", version) for version in (1, 2))
    versions = (after.size[0] - before.size[0], after.size[1] - before.size[1])
    assert (fact["rows_in"], fact["rows_out"], fact["reason"]) == (loaded, loaded, f"incremented: {told}")
    assert (fact["rows_out"], fact["bytes_out"]) == versions
    assert 0 < fact["bytes_in"] < begun.store.open(EVENTS).size[1]
    assert of["gold.dim_event_types"]["rows_out"] == 0
    if Path("/proc/self/io").exists():
        assert fact["written_bytes"] > fact["bytes_out"], "the log is written too"
        assert of["gold.dim_users"]["read_bytes"] > 0


def test_single_tables_are_built_anew(begun: Lake) -> None:
    assert begun.build(full=["dim_users"]).rebuilt == {"gold.dim_users": "asked for"}
    assert begun.build(full=["gold.dim_dates", "dim_products"]).rebuilt.keys() == {
        "gold.dim_dates",
        "gold.dim_products",
    }
    with pytest.raises(UnknownNameError, match="no gold table 'gold.dim_user' .did you mean 'gold.dim_users'"):
        begun.build(full=["dim_user"])


def test_where_most_is_affected_a_table_is_built_whole(begun: Lake) -> None:
    change_silver(begun, "true", "select * replace (event_id + 1000000 as event_id) from {silver}")
    built = build(begun, AS_SHIPPED)
    users = begun.store.open("gold.dim_users").size[0]
    assert built["gold.dim_users"].how == "rebuilt"
    assert f"{users:,} keys are affected, the table has {users:,} rows" in (built["gold.dim_users"].reason or "")
    assert built["gold.dim_products"].how == "incremented", "events of known products affect none of them"


def test_few_affected_users_are_read_and_written_alone(begun: Lake) -> None:
    before = gold_rows(begun)["gold.dim_users"]
    one = "(select user_id from {silver} where session_id is not null order by user_id limit 1)"
    change_silver(begun, f"user_id <> {one}".replace("{silver}", "silver_rows"))
    built = build(begun, AS_SHIPPED)["gold.dim_users"]
    assert built.how == "incremented"
    assert len(set(before) - set(gold_rows(begun)["gold.dim_users"])) == 1


def test_events_far_from_those_that_came_are_not_read(begun: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = strategies.ranges

    def noted(*args: Any) -> Ranges:
        read.append(real(*args))
        return read[-1]

    monkeypatch.setattr(strategies, "ranges", noted)
    where = "session_id is not null and event_timestamp between timestamp '2025-01-20' and timestamp '2025-01-21'"
    change_silver(begun, "true", f"select * replace (event_id + 1000000 as event_id) from {{silver}} where {where}")
    build(begun, ALWAYS_BY_KEYS)
    bounds = [bound for found in read if found.column == "event_timestamp" for bound in found.bounds]
    assert bounds
    assert min(bounds)[0] > datetime(2025, 1, 1)
    assert max(last for _, last in bounds) < datetime(2025, 2, 1)
    engine = begun.engine()
    last = engine.value(f"select max(event_timestamp) from ({engine.scan(begun.store.open(EVENTS))})")
    engine.close()
    assert last > datetime(2025, 2, 15)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"strategy": "append", "key": None, "affected": {}}, "it appends, but reads more than one table"),
        (
            {"affected": {"gold.dim_sessions": "select user_id from changed"}},
            "keys a row of silver.events affects",
        ),
    ],
)
def test_what_a_document_can_not_mean_is_built_whole(
    begun: Lake, parts: list[tuple[str, Path]], change: dict[str, object], reason: str
) -> None:
    model = begun.catalogue.gold["gold.dim_users"]
    doc = model.doc.model_copy(update=change)
    begun.catalogue.gold[model.name] = Model(model.name, doc, model.sql, model.file)
    assert build(begun, AS_SHIPPED)[model.name].reason == "its model changed"
    ingest(begun, *parts[3])
    built = build(begun, ALWAYS_BY_KEYS)[model.name]
    assert built.how == "rebuilt"
    assert reason in (built.reason or "")
