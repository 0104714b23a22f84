"""Rows that need a closer look: those that break a rule, and those that may repeat another row.

One scan gives each row a hash of its identity, or none where it breaks a rule. Rows with a hash that occurs twice,
in the range or in silver, are suspects. Whoever finds them makes

    work.suspects_<source>    their identity columns, provenance, `reasons`, and `raw` of those that have any
    work.history_<source>     the silver rows that they may repeat
    history_ids               which of these share a hash with a row of the range

In process, the hashes are held as arrays, 16 bytes a row; where rows are worked on elsewhere, they stay there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clicklake.engines.base import Engine
from clicklake.engines.ranges import Ranges, few_ranges
from clicklake.engines.sql import quote, string
from clicklake.refine.compile import Judge

_FILTER_BITS = 24
_MOST_VALUES = 15_000_000
"""Values of standardised rows up to which these are kept in the engine, so that they are made once and not twice."""

_MOST_DAYS = 10_000
"""Days of new rows up to which they are looked for in history on these days alone."""

History = Callable[[Ranges | None], str]
"""Query of a source's silver rows, all of them or those with some times."""


def find_here(engine: Engine, judge: Judge, view: str, history: History | None) -> tuple[str, str | None]:
    """Find the suspects among the rows of a view, in process.

    Args:
        engine: Runs the queries.
        judge: Knows rules and identity.
        view: The bronze rows.
        history: What was there before.

    Returns:
        The relation of the standardised rows, and the table that keeps them, where one does.
    """
    name = judge.contract.source
    is_kept = _is_small(engine, judge, view)
    standard = f"work.{'kept' if is_kept else 'standard'}_{name}"
    engine.make_each(standard, judge.standard(view), view, keep=is_kept)
    if history is None:
        engine.execute(f"create or replace view work.history_{name} as select * from {standard} where false")
    suspects = _suspected(engine, judge, name, standard, history)
    engine.register("suspect_ids", pa.table({"row_id": suspects}))
    _look_at_suspects(engine, judge, name, view, is_kept=is_kept)
    return standard, standard if is_kept else None


def find_there(engine: Engine, judge: Judge, view: str, history: History | None) -> tuple[str, str | None]:
    """Find the suspects where the rows are; arguments and result as of `find_here`."""
    name, identity = judge.contract.source, judge.identity
    judged, standard, known = f"work.judged_{name}", f"work.standard_{name}", f"work.known_{name}"
    engine.make_each(judged, judge.judged(view), view, keep=True)
    engine.execute(f"create or replace view {standard} as select * from {judged} where array_length(reasons) = 0")
    key = quote(identity.row_id)
    hashed = f"select {key} as row_id, {judge.identity_hash()} as hash from"
    twice = f"work.twice_{name}"
    engine.execute(
        f"create or replace table {twice} as select hash from ({hashed} {standard}) as hashed "
        "group by hash having count(*) > 1"
    )
    is_again = f"{judge.identity_hash()} in (select hash from {twice})"
    if history is None:
        engine.execute(f"create or replace view work.history_{name} as select * from {standard} where false")
        engine.execute(f"create or replace view history_ids as select row_id from ({hashed} {standard}) where false")
    else:
        near = _days_there(engine, judge, standard)
        engine.execute(f"create or replace view work.history_{name} as {history(near)}")
        engine.execute(
            f"create or replace table {known} as select row_id, hash from ({hashed} work.history_{name}) as old "
            f"where hash in (select hash from ({hashed} {standard}) as hashed)"
        )
        engine.execute(f"create or replace view history_ids as select row_id from {known}")
        is_again += f" or {judge.identity_hash()} in (select hash from {known})"
    columns = ", ".join(map(quote, dict.fromkeys([*identity.content, "source_file", "ingestion_timestamp"])))
    engine.execute(
        f"create or replace table work.suspects_{name} as select {key} as row_id, {columns}, raw, reasons "
        f"from {judged} where array_length(reasons) > 0 or {is_again}"
    )
    return standard, judged


def _days_there(engine: Engine, judge: Judge, standard: str) -> Ranges | None:
    time = judge.identity_time()
    if time is None:
        return None
    days = engine.table(
        f"select distinct cast({quote(time)} as date) as day from {standard} where {quote(time)} is not null "
        f"limit {_MOST_DAYS + 1}"
    )
    values = days["day"].cast(pa.int32()).to_numpy()
    return _on(engine, time, values, judge) if len(values) <= _MOST_DAYS else None


def _is_small(engine: Engine, judge: Judge, view: str) -> bool:
    return int(engine.value(f"select count(*) from {view}")) * len(judge.columns) <= _MOST_VALUES


def _suspected(
    engine: Engine, judge: Judge, name: str, standard: str, history: History | None
) -> npt.NDArray[np.int64]:
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


def _on(engine: Engine, time: str, days: npt.NDArray[np.int32], judge: Judge) -> Ranges:
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


def _look_at_suspects(engine: Engine, judge: Judge, name: str, view: str, *, is_kept: bool) -> None:
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
            f"join (select row_id, {judge.raw_row()} as raw from {picked}) as raws on kept.{key} = raws.row_id"
        )
    engine.execute(f"""create or replace table work.suspects_{name} as
with standard as ({standard}),
judged as (
    select {key} as row_id, {columns}, raw, list_filter([{reasons}], lambda r: r is not null) as reasons
    from standard
)
select * replace (case when array_length(reasons) > 0 then {judge.raw_json()} end as raw) from judged""")
