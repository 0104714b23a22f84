"""Rows of a table, page by page: a page goes on where the last one ended, in the same version of the table.

A row's place (which file, which row in it) is its key: the files of a version never change, so pages neither overlap
nor leave anything out, however many runs publish meanwhile. It tells nothing of the row, and finding it needs no sort.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute

from clicklake.contracts.explain import closest
from clicklake.engines.sql import quote
from clicklake.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from clicklake.engines.duckdb import DuckDB
    from clicklake.storage import Snapshot

_OPERATORS: Mapping[str, str] = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_MOST_FILTERS, _MOST_VALUES, _MOST_TEXT = 20, 200, 1000
_NO_END = 1 << 53
_FILTERED_AT_ONCE = 122_880
"""Rows in which a page that is filtered is looked for first: a row group."""
_PLACE = ("file_index", "file_row_number")


@dataclass(frozen=True)
class Filter:
    """A condition on a column.

    Args:
        column: As it is shown: where it is masked, the mask is compared.
        operator: How.
        values: With what, as text.
    """

    column: str
    operator: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Filter:
        """`amount:gte:10`, `event_type:in:purchase,login`, `amount:null:true`.

        Raises:
            UsageError: It is none.
        """
        parts = text.split(":", 2)
        known = (*_OPERATORS, "in", "null")
        if len(parts) != 3 or parts[1] not in known or len(text) > _MOST_TEXT:
            raise UsageError(f"filter {text[:80]!r} is not column:operator:value; operators are {', '.join(known)}")
        values = tuple(parts[2].split(",")) if parts[1] == "in" else (parts[2],)
        if len(values) > _MOST_VALUES:
            raise UsageError(f"filter on {parts[0]}: {len(values)} values, {_MOST_VALUES} are allowed")
        if parts[1] == "null" and values[0] not in ("true", "false"):
            raise UsageError(f"filter {text[:80]!r}: null is true or false")
        return cls(parts[0], parts[1], values)


@dataclass(frozen=True)
class Place:
    """Where a page begins.

    Args:
        release: The release whose version of the table is read; None for a table that no release names.
        version: The version of such a table.
        file: Which of its files.
        row: The first row in it.
    """

    release: int | None
    version: int | None
    file: int = 0
    row: int = 0

    def to_text(self) -> str:
        """For a link to the next page."""
        told = json.dumps([self.release, self.version, self.file, self.row], separators=(",", ":"))
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Place:
        """What `to_text` made.

        Raises:
            UsageError: It is something else.
        """
        try:
            padded = text + "=" * (-len(text) % 4)
            release, version, file, row = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (ValueError, TypeError, RecursionError) as error:
            raise UsageError("after: not what a link to a next page holds") from error
        is_whole = all(type(number) is int and 0 <= number < _NO_END for number in (file, row))
        is_one = (type(release) is int and version is None) or (release is None and type(version) is int)
        if not is_whole or not is_one or not 0 <= (release if version is None else version) < _NO_END:
            raise UsageError("after: not what a link to a next page holds")
        return cls(release, version, file, row)


@dataclass(frozen=True)
class Asked:
    """What is read of a table.

    Args:
        snapshot: The version.
        projection: The select list that shows what may be read of it.
        known: The columns of that.
        columns: Those that are wanted, in this order.
        filters: All must hold.
    """

    snapshot: Snapshot
    projection: str
    known: Sequence[str]
    columns: Sequence[str]
    filters: Sequence[Filter] = ()

    @property
    def files(self) -> list[str]:
        """The files, always in the same order."""
        return sorted(self.snapshot.files)

    def check(self) -> None:
        """Refuse what is not there.

        Raises:
            UnknownNameError: A column.
            UsageError: Too many filters.
        """
        for name in (*self.columns, *(item.column for item in self.filters)):
            if name not in self.known:
                raise UnknownNameError(
                    f"{self.snapshot.name} has no column {name[:80]!r}{closest(name, self.known)}. "
                    f"Columns: {', '.join(self.known)}"
                )
        if len(self.filters) > _MOST_FILTERS:
            raise UsageError(f"{len(self.filters)} filters, {_MOST_FILTERS} are allowed")

    def sql(self, engine: DuckDB, files: Sequence[str], *, places: bool) -> str:
        """The query without its end; the values of its filters become variables of the engine's session.

        Raises:
            UsageError: A value is none of its column's type.
        """
        more = ", ".join(_PLACE) if places else ""
        scan = engine.scan(self.snapshot, files, places=places)
        inner = f"select {', '.join(filter(None, (self.projection, more)))} from ({scan})"
        conditions = [_condition(engine, inner, item, f"filter_{n}") for n, item in enumerate(self.filters)]
        wanted = ", ".join(filter(None, (*map(quote, self.columns), more)))
        return f"select {wanted} from ({inner}) where {' and '.join(['true', *conditions])}"


def _condition(engine: DuckDB, inner: str, item: Filter, variable: str) -> str:
    column = quote(item.column)
    if item.operator == "null":
        return f"{column} is {'' if item.values[0] == 'true' else 'not '}null"
    kind = str(engine.rows(f"describe select {column} from ({inner})")[0][1])
    if "[" in kind or kind.startswith(("MAP", "STRUCT")):
        raise UsageError(f"filter on {item.column}: lists and maps can't be compared")
    for value in item.values:
        if engine.value(f"select try_cast($v as {kind}) is null", {"v": value}):
            raise UsageError(f"filter on {item.column}: {value[:80]!r} is no {kind.lower()}")
    # Not put into the text: a variable is bound, and what has variables can be streamed.
    engine.execute(f"set variable {variable} = cast($v as {kind}[])", {"v": list(item.values)})
    if item.operator == "in":
        return f"list_contains(getvariable('{variable}'), {column})"
    return f"{column} {_OPERATORS[item.operator]} getvariable('{variable}')[1]"


def page(engine: DuckDB, asked: Asked, start: Place, limit: int) -> tuple[pa.Table, Place | None]:
    """A page and where the next one begins; None where there is none.

    Args:
        engine: Reads.
        asked: What.
        start: Where the page begins.
        limit: Rows at the most.
    """
    asked.check()
    missing = limit + 1  # one more tells whether there is a next page
    found: list[pa.Table] = []
    for window in _windows(asked, start, missing):
        part = engine.table(f"{window.sql(engine, asked)} limit {int(missing)}")
        at = part.schema.get_field_index("file_index")
        found.append(part.set_column(at, "file_index", pa.compute.add(part["file_index"], window.first)))
        missing -= part.num_rows
        if not missing:
            break
    if not found:  # a table without files
        return engine.table(asked.sql(engine, [], places=False)), None
    rows = pa.concat_tables(found)
    following = None
    if rows.num_rows > limit:
        file, place = (int(rows[name][limit].as_py()) for name in _PLACE)
        following = Place(start.release, start.version, file, place)
    return rows.slice(0, limit).drop_columns(list(_PLACE)), following


@dataclass(frozen=True)
class _Window:
    """Rows that are read at once: some of one file, or a few whole files.

    Args:
        files: Which.
        first: The number of the first of them among all.
        rows: From which row to before which of a single file; None where whole files are read.
    """

    files: Sequence[str]
    first: int
    rows: tuple[int, int] | None = None

    def sql(self, engine: DuckDB, asked: Asked) -> str:
        """What reads it, in order."""
        sql = asked.sql(engine, self.files, places=True)
        if self.rows is None:
            return f"{sql} order by file_index, file_row_number"
        # A range of a single file is what the reader skips row groups by; an order alone would read all of them.
        # DuckDB 2.0 fails with an internal error where such a range is ordered and limited beside file_index.
        first, end = self.rows
        ranged = f"{sql} and file_row_number >= {first} and file_row_number < {end}"
        return (
            f"select * exclude (file_row_number), 0::bigint as file_index, file_row_number "
            f"from (select * exclude (file_index) from ({ranged})) order by file_row_number"
        )


def _windows(asked: Asked, start: Place, wanted: int) -> Iterator[_Window]:
    """All rows behind a place, in order, in parts that grow: what is wanted is mostly found in the first."""
    counts = {asked.snapshot.uri(path): rows for path, rows in asked.snapshot.rows_by_path.items()}
    files, first, row = asked.files, start.file, start.row
    size = _FILTERED_AT_ONCE if asked.filters else wanted
    while first < len(files):
        count = counts[files[first]]
        if count is None:  # its log has no statistics
            yield _Window(files[first : first + 1], first, (row, _NO_END))
            first, row = first + 1, 0
        elif row or count > size:
            yield _Window(files[first : first + 1], first, (row, row + size))
            first, row = (first, row + size) if row + size < count else (first + 1, 0)
        else:
            after, rows = first, 0
            while after < len(files) and (more := counts[files[after]]) is not None and rows + more <= size:
                after, rows = after + 1, rows + more
            yield _Window(files[first:after], first)
            first = after
        size *= 4


def stream(engine: DuckDB, asked: Asked, batch: int = 10_000) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """All rows, in no order, while they are read."""
    asked.check()
    sql = asked.sql(engine, asked.files, places=False)
    schema = engine.table(f"{sql} limit 0").schema
    return schema, iter(engine.stream(sql, schema, batch))
