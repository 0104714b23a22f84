"""DuckDB in process: views on Delta snapshots, streams of Arrow batches.

Inside the engine every timestamp is naive UTC, because conversions of zoned ones are slow; the zone is taken off
where a Parquet file is read and put on where rows leave as Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from clicklake.contracts.types import from_arrow
from clicklake.engines.base import NO_VERSION, R, T
from clicklake.engines.functions import duckdb_functions
from clicklake.engines.ranges import Ranges
from clicklake.engines.spill import SpillFolder
from clicklake.engines.sql import quote
from clicklake.engines.standardise import FUNCTIONS as STANDARDISE
from clicklake.errors import ClicklakeError, EngineError
from clicklake.interrupts import stopped_too
from clicklake.storage import Snapshot, Store, Target, Written
from clicklake.storage.objects import is_url
from clicklake.storage.parquet import write_files

if TYPE_CHECKING:
    from clicklake.engines.objects import ObjectFiles

BATCH = 131_072
"""Rows in a batch that leaves the engine."""


class DuckDB:
    """One in-memory database with the lake's tables as views.

    Args:
        memory_limit: As DuckDB takes it, for example `1GB`.
        threads: Worker threads; all cores where None.
        spill: Folder for what does not fit into memory; a temporary one where None.
        reporting_timezone: The zone of `reporting_time`.
    """

    is_distributed = False

    def __init__(
        self,
        memory_limit: str = "1GB",
        threads: int | None = None,
        spill: str | None = None,
        reporting_timezone: str = "UTC",
    ) -> None:
        self.reporting_timezone = reporting_timezone
        self.attached: dict[str, int] = {}
        self._attaching = Lock()  # cursors share what is attached
        self.checked: set[tuple[str, ...]] = set()  # SQL that was found to run
        self._objects: ObjectFiles | None = None
        self._spill = SpillFolder(spill)
        self.spill = self._spill.path
        config: dict[str, Any] = {
            "memory_limit": memory_limit,
            "temp_directory": str(self.spill),
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        if threads:
            config["threads"] = threads
        self.connection = duckdb.connect(":memory:", config=config)
        self._forget_signals = stopped_too(self.interrupt)
        self.execute("set global timezone = 'UTC'")  # of every cursor too
        if self.value("select current_setting('enable_progress_bar')"):  # in Jupyter it may not even be switched off
            self.execute("set enable_progress_bar = false")
        # What leaves as a stream is made ahead by the other threads; by default they'd stop at a megabyte.
        self.execute("set streaming_buffer_size = '32MB'")
        for schema in ("bronze", "silver", "gold", "ops", "work"):
            self.execute(f"create schema {schema}")
        for function in (*STANDARDISE, *duckdb_functions(reporting_timezone)):
            self.execute(function)

    def execute(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> None:
        """Run a statement whose result doesn't matter."""
        try:
            self.connection.execute(sql, parameters or None).fetchall()
        except duckdb.Error as error:
            raise self._told(error) from error

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        try:
            return self.connection.execute(sql, parameters or None).fetchall()
        except duckdb.Error as error:
            raise self._told(error) from error

    def value(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> Any:  # noqa: ANN401
        """The only value of a result."""
        return self.rows(sql, parameters)[0][0]

    def table(self, sql: str) -> pa.Table:
        """A result as an Arrow table."""
        try:
            return self.connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise self._told(error) from error

    def stream(self, sql: str, schema: pa.Schema | None = None, batch: int = BATCH) -> pa.RecordBatchReader:
        """A result as a stream of Arrow batches; the connection is busy until it is read.

        Args:
            sql: A query.
            schema: What the batches are made to conform to; columns are taken by name.
            batch: Rows in a batch.
        """
        try:
            reader = self.connection.sql(sql).to_arrow_reader(batch)
        except duckdb.Error as error:
            raise self._told(error) from error
        if schema is None:
            return reader
        return pa.RecordBatchReader.from_batches(schema, self._conform(reader, schema))

    def _conform(self, reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for batch in reader:
                yield conform(batch, schema)
        except (duckdb.Error, pa.ArrowException) as error:
            failure = self._told(error)
            if isinstance(failure, EngineError):
                failure = EngineError(f"the engine stopped while rows were read: {error}")
            raise failure from error

    def write(
        self,
        store: Store,
        snapshot: Snapshot,
        queries: Sequence[str],
        *,
        file_rows: int | None = None,
        is_ordered: bool = False,
    ) -> Written:
        """The rows of queries, one after the other, as new files of a table, which no commit names yet."""

        def batches() -> Iterator[pa.RecordBatch]:
            for query in queries:
                yield from self.stream(query, snapshot.schema)

        writers = 1 if is_ordered else None
        target = Target.of(store, snapshot)
        return write_files(
            target, batches(), snapshot.schema, writers=writers, file_rows=file_rows, text_bounds=is_ordered
        )

    def make_each(self, name: str, query: str, over: str, *, keep: bool) -> None:
        """Make a relation by a query that looks at one row at a time."""
        self.execute(f"create or replace {'table' if keep else 'view'} {name} as {query}")

    def register(self, name: str, data: pa.Table | pa.RecordBatchReader) -> None:
        """Make Arrow data known under a name."""
        self.connection.register(name, data)

    def unregister(self, name: str) -> None:
        """Forget what was registered."""
        self.connection.unregister(name)

    def attach(self, snapshot: Snapshot, name: str | None = None, files: Sequence[str] | None = None) -> None:
        """Make a table's version known as a view.

        Args:
            snapshot: The version.
            name: Under another name than the table's.
            files: Only these of its files.
        """
        with self._attaching:
            self.execute(f"create or replace view {name or snapshot.name} as {self.scan(snapshot, files)}")
            self.attached[name or snapshot.name] = snapshot.version

    def attach_empty(self, name: str, schema: pa.Schema) -> None:
        """Make a table without rows known, for a table that is not there yet."""
        with self._attaching:
            self.execute(f"create or replace view {name} as {empty_sql(schema)}")
            self.attached[name] = NO_VERSION

    def scan(
        self,
        snapshot: Snapshot,
        files: Sequence[str] | None = None,
        *,
        filename: bool = False,
        ranges: Ranges | None = None,
        places: bool = False,
    ) -> str:
        """SQL that reads a snapshot, timestamps naive, columns in the schema's order and types.

        Args:
            snapshot: The version.
            files: Only these of its files.
            filename: Whether a last column, `filename`, says in which of them a row lies.
            ranges: Only rows with these times.
            places: Whether two last columns say where a row lies: `file_index`, which of the files, and
                `file_row_number`, both from 0.
        """
        self._reach(snapshot)
        return scan_sql(snapshot, files, filename=filename, ranges=ranges, places=places)

    def files_with(self, snapshot: Snapshot, condition: str) -> list[str]:
        """Paths, as `Snapshot.paths` names them, of the files that hold rows that fulfil a condition."""
        if not snapshot.files:
            return []
        self._reach(snapshot)
        by_uri = {snapshot.uri(path): path for path in snapshot.paths}
        listed = ", ".join(_literal(uri) for uri in by_uri)
        rows = self.rows(
            f"select distinct filename from read_parquet([{listed}], filename = true, union_by_name = true, "
            f"hive_partitioning = true) where {condition} order by 1"
        )
        return [by_uri[row[0]] for row in rows]

    def _reach(self, snapshot: Snapshot) -> None:
        """See that the engine can read a snapshot's files, wherever they lie."""
        if not is_url(snapshot.root):
            return
        if self._objects is None:
            from clicklake.engines.objects import ObjectFiles

            self._objects = ObjectFiles()
            self.connection.register_filesystem(self._objects)
        self._objects.know(snapshot)

    def _told(self, error: Exception) -> ClicklakeError:
        """What to raise where the engine failed."""
        failure = self._objects.failure if self._objects else None
        if failure and self._objects:
            self._objects.failure = None
        return failure or EngineError(str(error).strip())

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """The results of a function, in the order of the items."""
        return [function(item) for item in items]

    def lock(self, root: str) -> None:
        """Let nothing but a lake's files be read from now on, and nothing be changed; for good."""
        self.execute(f"set allowed_directories = [{_literal(root)}, {_literal(str(self.spill))}]")
        self.execute("set enable_external_access = false")
        self.execute("set lock_configuration = true")

    def spilled_bytes(self) -> int:
        """Bytes in the spill folder now."""
        return self._spill.size()

    def usage(self) -> None:
        """Nobody works for this engine but this process."""

    def cursor(self) -> DuckDB:
        """The same database for another thread: tables and memory are shared, a running query is its own.

        Whoever asks for it closes its `connection`; `close` is for the whole database.
        """
        other = copy(self)
        other.connection = self.connection.cursor()
        return other

    def interrupt(self) -> None:
        """Stop the running query, if there is one."""
        with suppress(duckdb.ConnectionException):  # closed
            self.connection.interrupt()

    def close(self) -> None:
        """Close the database and remove its spill folder."""
        self._forget_signals()
        self.connection.close()
        if self._objects:
            self._objects.forget()
        self._spill.remove()


def _read(field: pa.Field) -> str:
    name = quote(field.name)
    # A zoned timestamp's micros are its UTC time; make_timestamp costs nothing, a cast would ask ICU for each row.
    return f"make_timestamp(epoch_us({name})) as {name}" if pa.types.is_timestamp(field.type) else name


def scan_sql(
    snapshot: Snapshot,
    files: Sequence[str] | None = None,
    *,
    filename: bool = False,
    ranges: Ranges | None = None,
    places: bool = False,
) -> str:
    """SQL that reads a snapshot; see `DuckDB.scan`, which sees that the files can be reached too."""
    chosen = snapshot.files if files is None else list(files)
    if not chosen:
        return empty_sql(pa.schema([*snapshot.schema, ("filename", pa.string())]) if filename else snapshot.schema)
    listed = ", ".join(_literal(file) for file in chosen)
    hive = {name: from_arrow(snapshot.schema.field(name).type).sql for name in snapshot.partition_by}
    types = "{" + ", ".join(f"{_literal(name)}: {sql}" for name, sql in hive.items()) + "}"
    options = f"hive_partitioning = true, hive_types = {types}" if hive else "hive_partitioning = false"
    if len(chosen) > 1:
        options += ", union_by_name = true"
    columns = ", ".join(_read(field) for field in snapshot.schema)
    if filename:
        options, columns = f"{options}, filename = true", f"{columns}, filename"
    if places:
        columns = f"{columns}, cast(file_index as bigint) as file_index, file_row_number"
    # On the column as it is stored: a condition on the timestamp that is made of it is not always pushed down.
    where = f" where {ranges.condition('stored', zoned=True)}" if ranges else ""
    return f"select {columns} from read_parquet([{listed}], {options}) as stored{where}"


def empty_sql(schema: pa.Schema) -> str:
    """SQL of a table without rows."""
    columns = ", ".join(f"cast(null as {from_arrow(f.type).sql}) as {quote(f.name)}" for f in schema)
    return f"select {columns} where false"


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch's columns by name in a schema's order and types; naive timestamps get their zone, UTC."""
    arrays = []
    for field in schema:
        array = batch.column(field.name)
        if array.type != field.type:
            relabel = pa.types.is_timestamp(field.type) and array.type == pa.timestamp("us")
            array = array.view(field.type) if relabel else array.cast(field.type)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
