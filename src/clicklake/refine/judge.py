"""The fates of bronze rows: which are quarantined, which are duplicates, which go to silver.

One scan gives each row a hash of its identity, or none where it breaks a rule. Rows with a hash that occurs twice,
in the range or in silver, are looked at exactly; all others are new. So the exact comparison, which would sort the
whole range, is only made for the few rows that need it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clicklake.engines.duckdb import DuckDB
from clicklake.engines.ranges import Ranges, few_ranges
from clicklake.engines.sql import quote, string
from clicklake.refine.compile import MALFORMED, Judge

_FILTER_BITS = 24
_MOST_VALUES = 15_000_000
"""Values of standardised rows up to which these are kept in the engine, so that they are made once and not twice."""

_MOST_DAYS = 10_000
"""Days of new rows up to which they are looked for in history on these days alone."""

History = Callable[[Ranges | None], str]
"""Query of a source's silver rows, all of them or those with some times."""


@dataclass(frozen=True)
class Fates:
    """Where the judged rows stand in the engine, as tables of schema `work`.

    Args:
        judge: Who judged.
        bronze: View of the bronze rows that were judged.
        standard: These, standardised: a table, or a view where they are many.
        is_kept: Whether it is a table.
        quarantine: Rows with `row_id`, `raw`, `reasons`, `source_file`, `ingestion_timestamp`.
        duplicates: Rows with `row_id`, `event_id` (the one kept), `is_conflict` and `is_history`: true for silver
            rows whose place a judged row takes.
        excluded: `row_id`s of the judged rows that don't go to silver.
        displaces: Whether there are such silver rows.
    """

    judge: Judge
    bronze: str
    standard: str
    is_kept: bool
    quarantine: str
    duplicates: str
    excluded: str
    displaces: bool

    @property
    def source(self) -> str:
        """The source's name."""
        return self.judge.contract.source

    def loaded(self) -> str:
        """Query: the rows for silver, in its columns."""
        columns = ", ".join(map(quote, self.judge.columns))
        key = quote(self.judge.identity.row_id)
        return f"""select {columns} from {self.standard} as standard
anti join (select row_id from {self.excluded}) as excluded on standard.{key} = excluded.row_id"""

    def forget(self, engine: DuckDB) -> None:
        """Free the memory that the standardised rows take, when silver has them."""
        if self.is_kept:
            engine.execute(f"drop table if exists {self.standard}")


def judge_rows(engine: DuckDB, judge: Judge, bronze: str, history: History | None = None) -> Fates:
    """Give each of some rows its fate.

    Args:
        engine: Runs the queries; gets the views and tables of the result.
        judge: The contract with its model.
        bronze: Query of the bronze rows to judge.
        history: Query of the source's silver rows that were there before; None where there are none.
    """
    name = judge.contract.source
    view = f"work.bronze_{name}"
    engine.execute(f"create or replace view {view} as {bronze}")
    is_kept = _is_small(engine, judge, view)
    standard = f"work.{'kept' if is_kept else 'standard'}_{name}"
    engine.execute(f"create or replace {'table' if is_kept else 'view'} {standard} as {judge.standard(view)}")
    if history is None:
        engine.execute(f"create or replace view work.history_{name} as select * from {standard} where false")
    suspects = _suspects(engine, judge, name, standard, history)
    engine.register("suspect_ids", pa.table({"row_id": suspects}))
    _look_at_suspects(engine, judge, name, view, is_kept=is_kept)
    _quarantine(engine, judge, name, view)
    _duplicates(engine, judge, name)
    engine.execute(
        f"create or replace table work.excluded_{name} as select row_id from work.quarantine_{name} union all "
        f"select row_id from work.duplicates_{name} where not is_history"
    )
    engine.execute(f"drop table work.suspects_{name}")
    displaced = engine.value(f"select count(*) from work.duplicates_{name} where is_history")
    return Fates(
        judge=judge,
        bronze=view,
        standard=standard,
        is_kept=is_kept,
        quarantine=f"work.quarantine_{name}",
        duplicates=f"work.duplicates_{name}",
        excluded=f"work.excluded_{name}",
        displaces=bool(displaced),
    )


def _is_small(engine: DuckDB, judge: Judge, view: str) -> bool:
    return int(engine.value(f"select count(*) from {view}")) * len(judge.columns) <= _MOST_VALUES


def _suspects(engine: DuckDB, judge: Judge, name: str, standard: str, history: History | None) -> npt.NDArray[np.int64]:
    """The rows that break a rule or share a hash with another row; those of history go to `history_ids`."""
    key = quote(judge.identity.row_id)
    bad = " or ".join(judge.broken().values()) or "false"
    time = judge.identity_time() if history else None
    day = f", cast({quote(time)} as date) as day" if time else ""
    scan = engine.stream(
        f"select {key} as row_id, case when {bad} then 0::ubigint else {judge.identity_hash()} end as hash{day} "
        f"from {standard}"
    )
    ids_parts, hash_parts = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    days = np.empty(0, np.int32)
    for batch in scan:
        ids_parts.append(batch.column(0).to_numpy())
        hash_parts.append(batch.column(1).to_numpy())
        if time and len(days) <= _MOST_DAYS:
            days = np.union1d(days, batch.column(2).drop_null().view(pa.int32()).to_numpy())
    ids, hashes = np.concatenate(ids_parts), np.concatenate(hash_parts)
    del ids_parts, hash_parts
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    suspected = np.concatenate([twice, np.zeros(1, np.uint64)])
    known = pa.table({"row_id": pa.array([], pa.int64())})
    if history:
        near = _on(engine, time, days, judge) if time and len(days) <= _MOST_DAYS else None
        engine.execute(f"create or replace view work.history_{name} as {history(near)}")
        engine.register("new_hashes", pa.table({"hash": hashes}))
        known = engine.table(
            f"select * from (select {key} as row_id, {judge.identity_hash()} as hash from work.history_{name}) "
            "where hash in (select hash from new_hashes)"
        )
        suspected = np.concatenate([suspected, known["hash"].to_numpy()])
    engine.register("history_ids", known.select(["row_id"]))
    return ids[_is_in(hashes, suspected)]


def _on(engine: DuckDB, time: str, days: npt.NDArray[np.int32], judge: Judge) -> Ranges:
    """Where rows of history can be the same as rows of these days, which have the same time then."""
    engine.register("new_days", pa.table({"day": pa.array(days, pa.int32()).view(pa.date32())}))
    last = "day"
    if judge.silver.doc.columns[time].type == "timestamp":
        last = "cast(day as timestamp) + interval 1 day - interval 1 microsecond"
    return few_ranges(
        engine,
        time,
        f"select cast(day as {judge.silver.doc.columns[time].type}) as first, {last} as last from new_days",
    )


def _is_in(values: npt.NDArray[np.uint64], wanted: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which values are among the wanted ones; a bit table on their upper bits spares most comparisons."""
    shift = np.uint64(64 - _FILTER_BITS)
    table = np.zeros(1 << _FILTER_BITS, np.bool_)
    table[wanted >> shift] = True
    found: npt.NDArray[np.bool_] = table[values >> shift]
    maybe = np.flatnonzero(found)
    found[maybe] = np.isin(values[maybe], wanted)
    return found


def _look_at_suspects(engine: DuckDB, judge: Judge, name: str, view: str, *, is_kept: bool) -> None:
    """Table of the suspects: identity columns, the rules that each breaks, and the raw row of those that do."""
    identity = judge.identity
    key = quote(identity.row_id)
    reasons = ", ".join(
        f"case when {condition} then {string(reason)} end" for reason, condition in judge.broken().items()
    )
    columns = ", ".join(map(quote, dict.fromkeys([*identity.content, "source_file", "ingestion_timestamp"])))
    # The bronze rows are picked before they are standardised: the filter stands next to the scan.
    picked = f"work.picked_{name}"
    engine.execute(
        f"create or replace view {picked} as select * from {view} where row_id in (select row_id from suspect_ids)"
    )
    standard = judge.standard(picked, with_raw=True)
    if is_kept:
        standard = (
            f"select kept.*, raws.raw from work.kept_{name} as kept "
            f"join (select row_id, {judge.raw_json()} as raw from {picked}) as raws on kept.{key} = raws.row_id"
        )
    engine.execute(f"""create or replace table work.suspects_{name} as
with standard as ({standard}),
judged as (
    select {key} as row_id, {columns}, raw, list_filter([{reasons}], lambda r: r is not null) as reasons
    from standard
)
select * replace (case when array_length(reasons) > 0 then raw end as raw) from judged""")


def _quarantine(engine: DuckDB, judge: Judge, name: str, view: str) -> None:
    """Table of the range's bad rows, each with every rule that it breaks."""
    engine.execute(f"""create or replace table work.quarantine_{name} as
select row_id, raw, reasons, source_file, ingestion_timestamp
from work.suspects_{name} where array_length(reasons) > 0
union all
select row_id, corrupt_record, [{string(MALFORMED)}], source_file, ingestion_timestamp
from {view} where corrupt_record is not null""")


def _duplicates(engine: DuckDB, judge: Judge, name: str) -> None:
    """Table of the rows that repeat another, silver rows among them.

    Of rows with the same identity the one with the smallest content is kept; among equal ones that of silver, then
    the first that came.
    """
    identity = judge.identity
    key = quote(identity.row_id)
    content = [quote(column) for column in identity.content]
    by_content = f"row({', '.join(content)})"
    group = by_content
    if identity.id:
        own = quote(identity.id)
        group = f"{own}, case when {own} is null then {by_content} end"
    order = ", ".join(f"{column} nulls first" for column in content)
    columns = ", ".join([key, *content])
    engine.execute(f"""create or replace table work.duplicates_{name} as
with candidates as (
    select row_id as {key}, {", ".join(content)}, false as is_history
    from work.suspects_{name} where array_length(reasons) = 0
),
pool as (
    select * from candidates
    union all
    select {columns}, true as is_history from work.history_{name}
    where {key} in (select row_id from history_ids)
),
ranked as (
    select
        {key} as row_id, is_history, {by_content} as content,
        first_value({key}) over same as event_id,
        first_value({by_content}) over same as kept
    from pool
    window same as (partition by {group} order by {order}, is_history desc, {key})
)
select row_id, event_id, content is distinct from kept as is_conflict, is_history
from ranked where row_id <> event_id""")
