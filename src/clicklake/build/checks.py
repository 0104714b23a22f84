"""What must hold of the new versions before anybody sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clicklake.build.difference import same_key
from clicklake.build.news import News
from clicklake.contracts.model import Model, Reference
from clicklake.engines.base import Engine
from clicklake.engines.sql import Parameter, quote, render

_MOST_IDS = 1 << 28
_FEW_KEYS = 1 << 17
_MOST_HASHES = 1 << 26
"""Keys up to which their hashes are held in memory, 8 bytes each; beyond, the engine groups, and spills."""

_MANY_TIMES = 20
"""Rows for each key of the parent from which it is cheaper to look for distinct keys first."""

_AT_ONCE = 4
"""Checks that a distributed engine works on at a time."""


@dataclass(frozen=True)
class CheckResult:
    """A check that ran.

    Args:
        table: The table.
        name: The check.
        severity: `fail` or `warn`.
        offending: Rows (or keys) that break it.
        seconds: What it took.
    """

    table: str
    name: str
    severity: str
    offending: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no row breaks it."""
        return self.offending == 0


def checks_of(
    engine: Engine,
    model: Model,
    models: Mapping[str, Model],
    parameters: Mapping[str, Parameter],
    news: Mapping[str, News] | None = None,
) -> Iterator[Callable[[], CheckResult]]:
    """What to call for uniqueness of the grain, foreign keys, and the checks of the document; tables must be attached.

    Args:
        engine: Where the tables are.
        model: The table that is checked.
        models: All tables, by name.
        parameters: What the checks name.
        news: What is new since tables were checked last; keys are then looked at where something is new.
    """
    known = news or {}
    own = known.get(model.name)
    yield partial(
        _timed, model.name, "unique_" + "_".join(model.doc.grain), "fail", partial(_repeated, engine, model, own)
    )
    for reference in model.doc.references:
        parent = models.get(reference.table)
        if parent is not None:
            implied = _implied(model, reference, models)
            name = f"{'_'.join(reference.columns)}_in_{reference.table.partition('.')[2]}"
            count = partial(_orphans, engine, model, reference, parent, implied)
            if own and not own.is_most and (of_parent := known.get(parent.name)):
                count = partial(_new_orphans, engine, model, reference, parent, implied, own, of_parent)
            yield partial(_timed, model.name, name, "fail", count)
    for check in model.doc.checks:
        what = f"{model.file}: check {check.name}"
        query = render(check.sql, what, parameters)
        offending = f"select count(*) from ({query}) as offending"
        yield partial(_timed, model.name, check.name, check.severity, partial(engine.value, offending))


def run_checks(
    engine: Engine,
    model: Model,
    models: Mapping[str, Model],
    parameters: Mapping[str, Parameter],
    news: Mapping[str, News] | None = None,
) -> Iterator[CheckResult]:
    """The results of `checks_of`, one after the other."""
    for check in checks_of(engine, model, models, parameters, news):
        yield check()


def run_together(engine: Engine, checks: Iterable[Callable[[], CheckResult]]) -> list[CheckResult]:
    """The results of checks: a distributed engine works on several at a time, for most of it is waiting."""
    if not engine.is_distributed:
        return [check() for check in checks]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda check: check(), checks))


def _timed(table: str, name: str, severity: str, count: Callable[[], int]) -> CheckResult:
    begun = time.perf_counter()
    return CheckResult(table, name, severity, int(count()), time.perf_counter() - begun)


def _repeated(engine: Engine, model: Model, news: News | None = None) -> int:
    """Keys that occur more than once, or are null; of the new rows alone where the others were checked before."""
    grain = model.doc.grain
    keys = ", ".join(map(quote, grain))
    rows = model.name
    if news and not news.is_most:
        nulls = " or ".join(f"{quote(name)} is null" for name in grain)
        has_nulls = engine.value(f"select coalesce(bool_or({nulls}), false) from {news.added}")
        # Plain equality lets the scan leave out row groups by their bounds; it doesn't find nulls.
        same = same_key(grain, "rows", "news") if has_nulls else _equal(grain, "rows", grain, "news")
        rows = f"(select rows.* from {model.name} as rows semi join {news.added} as news on {same}) as rows"
    elif not engine.is_distributed and len(grain) == 1 and model.doc.columns[grain[0]].type == "bigint":
        counted = repeated_ids(engine.stream(f"select {keys} from {model.name}"))
        if counted is not None:
            return counted
    nullable = {name for name in grain if model.doc.columns[name].type != "bigint"}
    null = " or ".join(f"{quote(name)} is null" for name in grain if name in nullable and len(grain) == 1) or "false"
    suspects = rows
    if (
        not engine.is_distributed
        and rows == model.name
        and _FEW_KEYS < engine.value(f"select count(*) from {model.name}") <= _MOST_HASHES
    ):
        # Equal keys have equal hashes: only keys whose hash occurs again need be compared.
        twice = _twice(engine.stream(f"select hash({keys}) as hash from {model.name}"))
        engine.register("hashes_twice", pa.table({"hash": twice}))
        again = f"hash({keys}) in (select hash from hashes_twice)"
        suspects = f"(select {keys} from {model.name} where {again} or {null})"
    return int(
        engine.value(
            f"select count(*) from (select {keys} from {suspects} group by {keys} having count(*) > 1 or {null})"
        )
    )


def _twice(batches: pa.RecordBatchReader) -> npt.NDArray[np.uint64]:
    """The hashes that occur more than once."""
    hashes = np.concatenate([np.empty(0, np.uint64), *(batch.column(0).to_numpy() for batch in batches)])
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def repeated_ids(ids: pa.RecordBatchReader) -> int | None:
    """Ids that occur again, by a flag for each id of a range: hundreds of times faster than grouping.

    Ids of one source are dense, those of different sources far apart: there is an array of flags for each run of
    ids that share their upper bits. Returns None where the ids are too sparse for it.
    """
    flags: dict[int, npt.NDArray[np.bool_]] = {}
    rows = 0
    for batch in ids:
        column = batch.column(0)
        if column.null_count:
            return int(column.null_count)
        values = column.to_numpy()
        rows += len(values)
        for upper in np.unique(values >> 24):
            block = flags.get(int(upper))
            if block is None:
                if len(flags) >= _MOST_IDS >> 24 and rows < len(flags) << 18:
                    return None
                block = flags[int(upper)] = np.zeros(1 << 24, np.bool_)
            block[values[values >> 24 == upper] & 0xFFFFFF] = True
    return rows - sum(int(np.count_nonzero(block)) for block in flags.values())


def _orphans(engine: Engine, model: Model, reference: Reference, parent: Model, implied: Sequence[str]) -> int:
    """Keys of a table that its parent does not have; keys with a null pass.

    Args:
        engine: Runs the query.
        model: The table.
        reference: To the parent.
        parent: The parent.
        implied: Columns that lead to the parent by way of another one: only rows where one of them is null can be
            orphans that nobody else finds.
    """
    to = reference.to or parent.doc.grain
    columns = ", ".join(map(quote, reference.columns))
    there, same = _conditions(reference, to, implied)
    orphans = f"(select {columns} from {model.name} where {there}) as child anti join {parent.name} as parent on {same}"
    if engine.is_distributed or _has_many(engine, model, parent):
        orphans = orphans.replace("(select ", "(select distinct ", 1)
    return int(engine.value(f"select count(*) from (select distinct child.* from {orphans})"))


def _has_many(engine: Engine, model: Model, parent: Model) -> bool:
    """Whether a table has so many rows for each of its parent's that they share few keys."""
    rows, keys = (engine.value(f"select count(*) from {name}") for name in (model.name, parent.name))
    return bool(rows >= _MANY_TIMES * keys)


def _new_orphans(
    engine: Engine, model: Model, reference: Reference, parent: Model, implied: Sequence[str], own: News, theirs: News
) -> int:
    """Keys of new rows that the parent does not have, and keys that the parent has lost and the table still names.

    Most new keys are those of new parents, and hardly ever is one lost: whole tables are only scanned for the rest.
    """
    to = reference.to or parent.doc.grain
    columns = ", ".join(map(quote, reference.columns))
    there, same = _conditions(reference, to, implied)
    keys = f"select distinct {columns} from {own.added} where {there}"
    work = "work." + "_".join([model.name.partition(".")[2], *reference.columns])
    if theirs.is_added:
        engine.execute(
            f"create or replace table {work}_rest as select * from ({keys}) as child "
            f"anti join {theirs.added} as parent on {same}"
        )
        keys = f"select * from {work}_rest"
    parts = []
    if not theirs.is_added or engine.value(f"select count(*) from {work}_rest"):
        parts.append(f"select {columns} from ({keys}) as child anti join {parent.name} as parent on {same}")
    if theirs.is_removed:
        kept = _equal(to, "parent", to, "kept")
        named = ", ".join(f"parent.{quote(name)}" for name in to)
        engine.execute(
            f"create or replace table {work}_lost as select distinct {named} from {theirs.removed} as parent "
            f"anti join {parent.name} as kept on {kept}"
        )
        if engine.value(f"select count(*) from {work}_lost"):
            child = f"select distinct {columns} from {model.name} where {there}"
            parts.append(f"select {columns} from ({child}) as child semi join {work}_lost as parent on {same}")
    return int(engine.value(f"select count(*) from ({' union '.join(parts)}) as orphans")) if parts else 0


def _conditions(reference: Reference, to: Sequence[str], implied: Sequence[str]) -> tuple[str, str]:
    """SQL: a row names a parent that nobody else looks for; the child names this parent."""
    there = " and ".join(f"{quote(name)} is not null" for name in reference.columns)
    if implied:
        there += " and (" + " or ".join(f"{quote(name)} is null" for name in implied) + ")"
    return there, _equal(reference.columns, "child", to, "parent")


def _equal(columns: Sequence[str], one: str, others: Sequence[str], other: str) -> str:
    """SQL: two relations agree in these columns, and none is null."""
    pairs = zip(columns, others, strict=True)
    return " and ".join(f"{one}.{quote(a)} = {other}.{quote(b)}" for a, b in pairs)


def _implied(model: Model, reference: Reference, models: Mapping[str, Model]) -> Sequence[str]:
    """Columns beside a reference's own by which another parent leads to the same one; none where there is no other.

    An event's session has a user: where the event's user and session are a session, its user is that session's.
    """
    for other in model.doc.references:
        parent = models.get(other.table)
        if parent is None or not set(reference.columns) < set(other.columns):
            continue
        names = dict(zip(other.columns, other.to or parent.doc.grain, strict=True))
        onward = tuple(names[column] for column in reference.columns)
        for further in parent.doc.references:
            if further.table == reference.table and further.columns == onward and further.to == reference.to:
                return [column for column in other.columns if column not in reference.columns]
    return ()
