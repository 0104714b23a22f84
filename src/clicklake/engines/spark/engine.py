"""Apache Spark behind the engine's protocol: temporary views on a lake's Parquet files.

A snapshot is read by the list of its files, which the Delta log told the driver; so no jar is needed, and every
version is read alike. `create table work.x` keeps rows in the executors (memory, then disk) until it is dropped; they
are made again where an executor is lost, and are the same then, because files of a version never change.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from clicklake.contracts.types import from_arrow
from clicklake.engines.base import Parameters, R, T
from clicklake.engines.dialect import relation_name, to_spark
from clicklake.engines.duckdb import BATCH, conform
from clicklake.engines.ranges import Ranges
from clicklake.engines.spark.each import EachRow
from clicklake.engines.spark.errors import told
from clicklake.engines.spark.files import WriteFiles, gathered
from clicklake.engines.spark.locked import require_harmless
from clicklake.engines.spark.session import SparkOptions, open_session
from clicklake.engines.spark.usage import UsageMeter
from clicklake.engines.spill import SpillFolder
from clicklake.engines.sql import parse, quote
from clicklake.engines.usage import Usage
from clicklake.errors import EngineError
from clicklake.storage import Snapshot, Store, Target, Written

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PATH = """regexp_replace(
    replace(url_decode(replace(_metadata.file_path, '+', '%2B')), 's3a://', 's3://'), '^file:/+', '/')"""
"""SQL of Spark: where a row's file lies, as `Snapshot.uri` has it."""


class Spark:
    """A session of its own with the lake's tables as temporary views.

    Args:
        options: How Spark is reached.
        reporting_timezone: The zone of `reporting_time`.
        spill: Folder for what the driver needs for a moment; a temporary one where None.
    """

    is_distributed = True

    def __init__(
        self,
        options: SparkOptions | None = None,
        reporting_timezone: str = "UTC",
        spill: str | None = None,
    ) -> None:
        self.reporting_timezone = reporting_timezone
        self.attached: dict[str, int] = {}
        self.checked: set[tuple[str, ...]] = set()
        self._spill = SpillFolder(spill)
        self.spill = self._spill.path
        self.session = open_session(options or SparkOptions())
        self._meter = UsageMeter(self.session)
        self._kept: dict[str, DataFrame] = {}
        self._scans: dict[tuple[object, ...], str] = {}
        self._numbers = itertools.count()
        self._is_locked = False

    def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run a statement whose result doesn't matter."""
        tree = parse(sql, "the engine's statement")
        if isinstance(tree, exp.Create) and tree.expression is not None:
            name = _named(tree)
            self._create(name, self._frame(tree.expression, parameters), is_kept=str(tree.kind).upper() == "TABLE")
        elif isinstance(tree, exp.Drop):
            self._drop(_named(tree))
        else:
            self.rows(sql, parameters)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a small result; timestamps naive, UTC."""
        table = self._collect(self._frame(sql, parameters))
        columns = [_values(column) for column in table.columns]
        return list(zip(*columns, strict=True)) if columns else []

    def value(self, sql: str, parameters: Parameters = ()) -> Any:  # noqa: ANN401
        """The only value of a result."""
        return self.rows(sql, parameters)[0][0]

    def table(self, sql: str) -> pa.Table:
        """A result as an Arrow table; timestamps naive, UTC."""
        return self._collect(self._frame(sql))

    def stream(self, sql: str, schema: pa.Schema | None = None, batch: int = BATCH) -> pa.RecordBatchReader:
        """A result as a stream of Arrow batches: of small results, since all of it comes to the driver."""
        table = self.table(sql)
        if schema is None:
            return table.to_reader(batch)
        return pa.RecordBatchReader.from_batches(schema, (conform(part, schema) for part in table.to_batches(batch)))

    def write(
        self,
        store: Store,
        snapshot: Snapshot,
        queries: Sequence[str],
        *,
        file_rows: int | None = None,
        is_ordered: bool = False,
    ) -> Written:
        """The rows of queries as new files of a table; the executors write them."""
        columns = ", ".join(map(quote, snapshot.schema.names))
        frames = [self._frame(f"select {columns} from ({query}) as made") for query in queries]
        target = Target.of(store, snapshot)
        write = WriteFiles(target, snapshot.schema, file_rows, is_ordered)
        with told():
            made = [frame.mapInArrow(write, WriteFiles.RESULT).toArrow() for frame in frames]
        return gathered(target, made)

    def register(self, name: str, data: pa.Table) -> None:
        """Make a small Arrow table known under a name."""
        self._view(relation_name(name), self._of_arrow(data))

    def unregister(self, name: str) -> None:
        """Forget what was registered."""
        self._drop(relation_name(name))

    def attach(self, snapshot: Snapshot, name: str | None = None, files: Sequence[str] | None = None) -> None:
        """Make a table's version known as a view."""
        self._view(relation_name(name or snapshot.name), self._read(snapshot, files))
        self.attached[name or snapshot.name] = snapshot.version

    def attach_empty(self, name: str, schema: pa.Schema) -> None:
        """Make a table without rows known, for a table that is not there yet."""
        self._view(relation_name(name), self._of_arrow(schema.empty_table()))

    def scan(
        self,
        snapshot: Snapshot,
        files: Sequence[str] | None = None,
        *,
        filename: bool = False,
        ranges: Ranges | None = None,
    ) -> str:
        """SQL that reads a snapshot, columns in the schema's order and types."""
        key = (snapshot.root, snapshot.version, None if files is None else tuple(files), filename)
        if key not in self._scans:
            name = f"scan_{next(self._numbers)}"
            self._view(name, self._read(snapshot, files, filename=filename))
            self._scans[key] = name
        where = f" where {ranges.condition('stored', zoned=False)}" if ranges else ""
        columns = ", ".join(map(quote, [*snapshot.schema.names, *(["filename"] if filename else [])]))
        return f"select {columns} from {self._scans[key]} as stored{where}"

    def files_with(self, snapshot: Snapshot, condition: str) -> list[str]:
        """Paths, as `Snapshot.paths` names them, of the files that hold rows that fulfil a condition."""
        by_uri = {snapshot.uri(path): path for path in snapshot.paths}
        scan = self.scan(snapshot, filename=True)
        rows = self.rows(f"select distinct filename from ({scan}) as stored where {condition} order by 1")
        return [by_uri[row[0]] for row in rows]

    def make_each(self, name: str, query: str, over: str, *, keep: bool) -> None:
        """Make a relation by a query that looks at one row at a time: DuckDB runs it inside the executors."""
        rows = self.session.table(relation_name(over))
        each = EachRow.of(query, over, rows, self.reporting_timezone)
        self._create(relation_name(name), rows.mapInArrow(each, each.result), is_kept=keep)

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """The results of a function, a task for each item."""
        with told():
            found: list[R] = self.session.sparkContext.parallelize(items, max(1, len(items))).map(function).collect()
        return found

    def lock(self, root: str) -> None:
        """Let nothing but the views that are known be read from now on, and nothing be changed; for good."""
        self._is_locked = True

    def spilled_bytes(self) -> int:
        """Bytes that the driver's folder holds; what executors spill is in their own metrics."""
        return self._spill.size()

    def usage(self) -> Usage:
        """What executors have used since this engine was made, whichever session asked for it."""
        return self._meter.read()

    def interrupt(self) -> None:
        """Stop the running jobs."""
        with suppress(EngineError), told():
            self.session.sparkContext.cancelAllJobs()

    def close(self) -> None:
        """Free what executors keep; the application goes on until the process ends."""
        for frame in self._kept.values():
            frame.unpersist()
        self._kept, self._scans = {}, {}
        self._spill.remove()

    def _frame(self, sql: str | exp.Expression, parameters: Parameters = ()) -> DataFrame:
        if self._is_locked:
            require_harmless(parse(str(sql), "query"), {view.name for view in self.session.catalog.listTables()})
        text = sql if isinstance(sql, str) else sql.sql(dialect="duckdb")
        statement = to_spark(text, self.reporting_timezone, columns=self._columns)
        with told(statement):
            if not parameters:
                return self.session.sql(statement)
            return self.session.sql(
                statement, args=dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
            )

    def _columns(self, name: str) -> list[str]:
        return list(self.session.table(relation_name(name)).columns)

    def _collect(self, frame: DataFrame) -> pa.Table:
        with told():
            table = frame.toArrow()
        return _naive(table)

    def _create(self, name: str, frame: DataFrame, *, is_kept: bool) -> None:
        if not is_kept:
            self._view(name, frame)
            return
        from pyspark import StorageLevel

        with told():
            kept = frame.persist(StorageLevel.MEMORY_AND_DISK)
            kept.count()  # now: what it is made of may be dropped behind this
        self._drop(name)
        self._view(name, kept)
        self._kept[name] = kept

    def _drop(self, name: str) -> None:
        self.session.catalog.dropTempView(name)
        frame = self._kept.pop(name, None)
        if frame is not None:
            frame.unpersist()

    def _view(self, name: str, frame: DataFrame) -> None:
        with told():
            frame.createOrReplaceTempView(name)

    def _of_arrow(self, data: pa.Table) -> DataFrame:
        with told():
            return self.session.createDataFrame(_zoned(data))

    def _read(self, snapshot: Snapshot, files: Sequence[str] | None = None, *, filename: bool = False) -> DataFrame:
        chosen = snapshot.files if files is None else list(files)
        if not chosen:
            schema = pa.schema([*snapshot.schema, ("filename", pa.string())]) if filename else snapshot.schema
            return self._of_arrow(schema.empty_table())
        with told():
            reader = self.session.read.schema(_ddl(snapshot.schema))
            # Names are names: a bracket in a path is no pattern.
            reader = reader.option("basePath", _hadoop(snapshot.root)).option("__globPaths__", "false")
            frame = reader.parquet(*map(_hadoop, chosen))
            names = [f"`{name}`" for name in snapshot.schema.names]
            return frame.selectExpr(*names, *([f"{_PATH} as filename"] if filename else []))


def _named(tree: exp.Expression) -> str:
    """The relation that a statement makes or drops."""
    table = tree.find(exp.Table)
    assert table is not None, tree
    return relation_name(f"{table.db}.{table.name}" if table.db else table.name)


def _hadoop(uri: str) -> str:
    """A path as Spark's executors take it, whatever their default file system is."""
    if uri.startswith("s3://"):
        return "s3a://" + uri.removeprefix("s3://")
    return uri if "://" in uri else f"file://{uri}"


_SPARK_TYPES = {"string": "string", "double": "double", "map": "map<string,string>", "list": "array<string>"}


def _ddl(schema: pa.Schema) -> str:
    def type_of(data_type: pa.DataType) -> str:
        name = from_arrow(data_type).name
        return _SPARK_TYPES.get(name, name)

    return ", ".join(f"`{field.name}` {type_of(field.type)}" for field in schema)


def _zoned(data: pa.Table) -> pa.Table:
    """Naive timestamps as UTC: Spark's own kind of timestamp has a zone."""
    fields = [
        pa.field(field.name, pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field
        for field in data.schema
    ]
    return data.cast(pa.schema(fields))


def _naive(data: pa.Table) -> pa.Table:
    fields = [
        pa.field(field.name, pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in data.schema
    ]
    return data.cast(pa.schema(fields))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Values as Python has them; a map is a dict, as DuckDB gives it."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_map(column.type):
        return [None if value is None else dict(value) for value in values]
    return values
