"""What must hold of the new versions before anybody sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clicklake.contracts.model import Model, Reference
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import Parameter, bind, parse, quote, text

_MOST_IDS = 1 << 28


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


def run_checks(
    engine: DuckDB, model: Model, models: Mapping[str, Model], parameters: Mapping[str, Parameter]
) -> Iterator[CheckResult]:
    """Uniqueness of the grain, foreign keys, and the checks of the document; the tables must be attached."""
    yield _timed(model.name, "unique_" + "_".join(model.doc.grain), "fail", partial(_repeated, engine, model))
    for reference in model.doc.references:
        parent = models.get(reference.table)
        if parent is not None:
            name = f"{'_'.join(reference.columns)}_in_{reference.table.partition('.')[2]}"
            yield _timed(model.name, name, "fail", partial(_orphans, engine, model, reference, parent))
    for check in model.doc.checks:
        what = f"{model.file}: check {check.name}"
        query = text(bind(parse(check.sql, what), parameters, what))
        count = f"select count(*) from ({query}) as offending"
        yield _timed(model.name, check.name, check.severity, partial(engine.value, count))


def _timed(table: str, name: str, severity: str, count: Callable[[], int]) -> CheckResult:
    begun = time.perf_counter()
    return CheckResult(table, name, severity, int(count()), time.perf_counter() - begun)


def _repeated(engine: DuckDB, model: Model) -> int:
    """Keys that occur more than once, or are null."""
    grain = model.doc.grain
    keys = ", ".join(map(quote, grain))
    if len(grain) == 1 and model.doc.columns[grain[0]].type == "bigint":
        counted = _repeated_ids(engine.stream(f"select {keys} from {model.name}"))
        if counted is not None:
            return counted
    nullable = {name for name in grain if model.doc.columns[name].type != "bigint"}
    null = " or ".join(f"{quote(name)} is null" for name in grain if name in nullable and len(grain) == 1) or "false"
    return int(
        engine.value(
            f"select count(*) from (select {keys} from {model.name} group by {keys} having count(*) > 1 or {null})"
        )
    )


def _repeated_ids(ids: pa.RecordBatchReader) -> int | None:
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


def _orphans(engine: DuckDB, model: Model, reference: Reference, parent: Model) -> int:
    """Keys of a table that its parent does not have; keys with a null pass."""
    to = reference.to or parent.doc.grain
    columns = ", ".join(map(quote, reference.columns))
    there = " and ".join(f"{quote(name)} is not null" for name in reference.columns)
    same = " and ".join(f"child.{quote(a)} = parent.{quote(b)}" for a, b in zip(reference.columns, to, strict=True))
    return int(
        engine.value(
            f"select count(*) from (select distinct {columns} from {model.name} where {there}) as child "
            f"anti join {parent.name} as parent on {same}"
        )
    )
