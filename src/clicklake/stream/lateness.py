"""Events that come late: so far behind the newest event before them in their partition."""

from __future__ import annotations

from functools import lru_cache

import duckdb
import numpy as np
import pyarrow as pa

from clicklake.contracts.columns import Column
from clicklake.contracts.contract import Contract
from clicklake.contracts.explain import closest
from clicklake.engines.sql import quote
from clicklake.engines.standardise import FUNCTIONS, typed
from clicklake.errors import UsageError

MICROS = 1_000_000
_NO_TIME = np.iinfo(np.int64).min
_AHEAD = 3600 * MICROS
"""A time that is farther ahead of the clock is believed to be wrong, and makes no other event late."""


class EventTimes:
    """Reads the times of events.

    Args:
        contract: The source's contract.
        column: The column that has them; None for the first time that is required, else the first there is.

    Raises:
        UsageError: There is no such column.
    """

    def __init__(self, contract: Contract, column: str | None = None) -> None:
        names = contract.column_names
        if column is not None and column not in names:
            raise UsageError(f"kafka.event_time: {contract.source} has no column {column!r}{closest(column, names)}")
        times = [item for item in contract.columns if item.logical_type in ("timestamp", "date")]
        chosen = next((item for item in contract.columns if item.name == column), None) or _first(times)
        options = contract.options
        self._name = chosen.name if chosen else None
        self._sql = typed("cleaned", "timestamp", time_zone=options.time_zone, formats=options.timestamp_formats)

    def read(self, rows: pa.Table) -> np.ndarray:
        """Microseconds since 1970 of each row; the lowest number there is where a row has no time."""
        if self._name is None or not rows.num_rows:
            return np.full(rows.num_rows, _NO_TIME)
        with _database().cursor() as connection:
            connection.register("rows", pa.table({"value": rows[self._name]}))
            found = connection.sql(
                f"with cleaned as (select clean_text({quote('value')}) as cleaned from rows) "
                f"select coalesce(epoch_us({self._sql}), {_NO_TIME + 1}) as micros from cleaned"
            ).to_arrow_table()
        micros: np.ndarray = found["micros"].to_numpy()
        return np.where(micros == _NO_TIME + 1, _NO_TIME, micros)


def count_late(times: np.ndarray, newest: int | None, watermark: float, now: float) -> tuple[int, int | None]:
    """How many events of a partition are late, and the newest time of all.

    Args:
        times: Of the events in their order.
        newest: The newest time before them, in microseconds; None where there is none.
        watermark: Seconds behind it from which an event is late.
        now: Seconds since 1970.
    """
    known = times[times != _NO_TIME]
    if not len(known):
        return 0, newest
    believed = np.where(known <= now * MICROS + _AHEAD, known, _NO_TIME)
    before = np.maximum.accumulate(np.concatenate([[_NO_TIME if newest is None else newest], believed]))
    has_before = before[:-1] != _NO_TIME
    late = int((has_before & (known <= before[:-1] - int(watermark * MICROS))).sum())
    return late, None if before[-1] == _NO_TIME else int(before[-1])


def _first(times: list[Column]) -> Column | None:
    return next((column for column in times if column.is_required), times[0] if times else None)


@lru_cache(maxsize=1)
def _database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    for statement in FUNCTIONS:
        connection.execute(statement)
    connection.execute("set timezone = 'UTC'")
    return connection
