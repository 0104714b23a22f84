"""Parquet: the values of each row as text."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from clicklake.contracts.contract import Contract
from clicklake.engines.sql import quote, string
from clicklake.errors import InputError
from clicklake.ingest.files import InputFile, unreadable
from clicklake.ingest.reading import FileStats, corrupt_batch, text_schema

_ROWS = 1 << 16


def read_parquet(file: InputFile, contract: Contract, stats: FileStats) -> Iterator[pa.RecordBatch]:
    """Batches of a Parquet file; see `reading.Reader`. Nested values become JSON, times are in UTC.

    A row with a value that is no text at all (bytes that are not UTF-8, a map with a key twice) is corrupt.
    """
    if file.compression:
        raise InputError(file.path, "Parquet files are compressed inside; decompress the file itself first")
    try:
        with pq.ParquetFile(file.parquet()) as source, duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("set timezone = 'UTC'")
            query = _query(source.schema_arrow, contract, stats, file.path)
            for batch in source.iter_batches(_ROWS):
                for found in _texts(connection, query, batch, contract):
                    stats.records += found.num_rows
                    stats.corrupt += found.num_rows - found["corrupt_record"].null_count
                    yield found
    except (OSError, pa.ArrowException, duckdb.Error) as error:
        raise unreadable(file, error) from error


def _texts(
    connection: duckdb.DuckDBPyConnection, query: str, batch: pa.RecordBatch, contract: Contract
) -> Iterator[pa.RecordBatch]:
    """The rows as text; where one of them can't be, the halves, so that the others are not lost with it."""
    try:
        batch.validate(full=True)
        numbered = pa.Table.from_batches([batch]).rename_columns([f"c{i}" for i in range(batch.num_columns)])
        connection.register("batch", numbered)
        table = connection.sql(query).to_arrow_table()
    except (pa.ArrowInvalid, duckdb.DataError, duckdb.InvalidInputException):
        if batch.num_rows == 1:
            yield corrupt_batch([_as_it_is(batch)], contract)
            return
        middle = batch.num_rows // 2
        yield from _texts(connection, query, batch.slice(0, middle), contract)
        yield from _texts(connection, query, batch.slice(middle), contract)
    else:
        yield from table.cast(text_schema(contract)).to_batches()


def _as_it_is(row: pa.RecordBatch) -> str:
    """A row as JSON, bytes that are not UTF-8 as U+FFFD."""
    values = []
    for column in row.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = column.cast(pa.large_binary())
        value = column[0].as_py()
        values.append(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
    return json.dumps(dict(zip(row.schema.names, values, strict=True)), ensure_ascii=False, default=str)


def _query(schema: pa.Schema, contract: Contract, stats: FileStats, path: str) -> str:
    """Query: `batch`, whose columns are c0, c1, ..., in `text_schema(contract)`."""
    known = {name.lower(): name for name in contract.column_names}
    names = [known.get(name.lower(), name) for name in schema.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(path, f"has the column {', '.join(map(repr, twice))} twice")
    texts = {name: _text(f"c{i}", schema.field(i).type) for i, name in enumerate(names)}
    unknown = [name for name in names if name not in contract.column_names]
    for name in unknown:
        stats.drift["new_column", name, "not in the contract; kept in extra"] += 0
    for name in contract.column_names:
        if name not in names:
            stats.drift["missing_column", name, "not in the file; null in every row"] += 0
    null = "cast(null as varchar)"
    chosen = [f"{texts.get(name, null)} as {quote(name)}" for name in contract.column_names]
    pairs = ", ".join(f"{string(name)}, {texts[name]}" for name in unknown)
    extra = f"cast(json_object({pairs}) as varchar)" if unknown else null
    return f"select {', '.join(chosen)}, {extra} as extra, {null} as corrupt_record from batch"


def _text(column: str, kind: pa.DataType) -> str:
    """SQL: a column as text."""
    if pa.types.is_nested(kind):
        return f"cast(to_json({column}) as varchar)"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):  # as old writers leave texts
        return f"coalesce(try(decode({column})), cast({column} as varchar))"
    return f"cast({column} as varchar)"
