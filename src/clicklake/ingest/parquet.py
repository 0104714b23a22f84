"""Parquet: the values of each row as text."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from clicklake.contracts.contract import Contract
from clicklake.errors import InputError
from clicklake.ingest.files import InputFile
from clicklake.ingest.reading import FileStats, text_schema

_ROWS = 1 << 16


def read_parquet(
    file: InputFile, contract: Contract, stats: FileStats
) -> Iterator[pa.RecordBatch]:
    """Batches of a Parquet file; see `reading.Reader`. Nested values become JSON."""
    if file.compression:
        raise InputError(file.path, "Parquet files are compressed inside; decompress the file itself first")
    if digest:
        for _ in open_blocks(file):
            pass
    try:
        source = pq.ParquetFile(file.path)
        columns = _columns(source.schema_arrow, contract, stats)
        query = _query(source.schema_arrow, columns, contract)
        with duckdb.connect(config={"threads": 1, "TimeZone": "UTC"}) as connection:
            for batch in source.iter_batches(_ROWS):
                connection.register("batch", pa.Table.from_batches([batch]))
                table = connection.sql(query).to_arrow_table()
                stats.records += table.num_rows
                yield from table.cast(text_schema(contract)).to_batches()
    except (OSError, pa.ArrowException) as error:
        raise InputError(file.path, f"is not a readable Parquet file: {error}") from error


def _columns(schema: pa.Schema, contract: Contract, stats: FileStats) -> dict[str, str]:
    """The file's column for each column of the contract that it has."""
    known = {name.lower(): name for name in contract.column_names}
    found = {known[name.lower()]: name for name in schema.names if name.lower() in known}
    for name in schema.names:
        if name.lower() not in known:
            stats.drift["new_column", name, "not in the contract; kept in extra"] += 0
    for name in contract.column_names:
        if name not in found:
            stats.drift["missing_column", name, "not in the file; null in every row"] += 0
    return found


def _query(schema: pa.Schema, columns: dict[str, str], contract: Contract) -> str:
    def text(name: str) -> str:
        quoted = '"' + name.replace('"', '""') + '"'
        nested = pa.types.is_nested(schema.field(name).type)
        return f"cast({f'to_json({quoted})' if nested else quoted} as varchar)"

    chosen = [
        f'{text(columns[name]) if name in columns else "cast(null as varchar)"} as "{name}"'
        for name in contract.column_names
    ]
    unknown = [name for name in schema.names if name not in columns.values()]
    pairs = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}', {text(name)}" for name in unknown)
    extra = f"cast(json_object({pairs}) as varchar)" if unknown else "cast(null as varchar)"
    return f"select {', '.join(chosen)}, {extra} as extra, cast(null as varchar) as corrupt_record from batch"
