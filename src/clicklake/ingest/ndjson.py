"""Newline-delimited JSON: each line that is not blank is one record, whatever is in it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from clicklake.contracts.contract import Contract
from clicklake.ingest.files import InputFile, open_blocks
from clicklake.ingest.reading import FileStats, complete_lines, corrupt_batch, text_schema


def read_ndjson(
    file: InputFile, contract: Contract, stats: FileStats
) -> Iterator[pa.RecordBatch]:
    """Batches of an NDJSON file; see `reading.Reader`.

    A line is corrupt where it is no JSON object, or where a column of text, number or time holds an object or a
    list, or a column of objects something else. A number in a column of text is taken as its text, and is drift.
    """
    query = _query(contract)
    unseen = set(contract.column_names)
    with duckdb.connect(config={"threads": 1}) as connection:
        for block, _ in complete_lines(open_blocks(file), file.path):
            lines, undecodable = _lines(block)
            if undecodable:
                stats.records += len(undecodable)
                stats.corrupt += len(undecodable)
                yield corrupt_batch(undecodable, contract)
            if not len(lines):
                continue
            connection.register("lines", pa.table({"line": lines}))
            table = connection.sql(query).to_arrow_table()
            stats.records += table.num_rows
            stats.corrupt += table.num_rows - table["corrupt_record"].null_count
            _note_drift(connection, table, contract, stats, unseen)
            yield from table.select(text_schema(contract).names).cast(text_schema(contract)).to_batches()
    if stats.records > stats.corrupt:
        for name in sorted(unseen):
            stats.drift["missing_column", name, "not in the file; null in every row"] += 0


def _lines(block: bytes) -> tuple[pa.Array, list[str]]:
    """The block's lines as an Arrow array on the same memory, and those that are not UTF-8, decoded with U+FFFD."""
    undecodable: list[str] = []
    if b"\n" not in block:
        block = block.replace(b"\r", b"\n")
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        good: list[bytes] = []
        for line in block.splitlines():
            try:
                line.decode("utf-8")
                good.append(line)
            except UnicodeDecodeError:
                undecodable.append(line.decode("utf-8", "replace"))
        block = b"\n".join(good)
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10) + 1
    offsets = np.concatenate([[0], ends] if block.endswith(b"\n") else [[0], ends, [len(block)]]).astype(np.int32)
    if not block:
        return pa.array([], pa.string()), undecodable
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    return pa.StringArray.from_buffers(len(offsets) - 1, buffers[1], buffers[2]), undecodable


def _query(contract: Contract) -> str:
    paths = ", ".join(_literal(f'$."{name}"') for name in contract.column_names)
    names = ", ".join(_literal(name) for name in contract.column_names)
    without = "{" + ", ".join(f'"{name}": null' for name in contract.column_names) + "}"
    wrong = " or ".join(
        f"coalesce(types[{i}] {'not in' if column.is_object else 'in'} "
        f"({_types_of_objects if column.is_object else _containers}), false)"
        for i, column in enumerate(contract.columns, 1)
    )
    values = ",\n    ".join(
        f'case when not is_corrupt then texts[{i}] end as "{name}"'
        for i, name in enumerate(contract.column_names, 1)
    )
    return f"""
with parsed as (
    select line, try_cast(line as json) as doc from lines where trim(line, e' \\t\\r\\n') <> ''
),
typed as (
    select
        line, doc,
        case when json_type(doc) = 'OBJECT' then json_type(doc, [{paths}]) end as types,
        case when json_type(doc) = 'OBJECT' then json_extract_string(doc, [{paths}]) end as texts
    from parsed
),
judged as (
    select *, types is null or {wrong} as is_corrupt from typed
)
select
    {values},
    case when not is_corrupt and not list_has_all([{names}], json_keys(doc))
        then cast(json_merge_patch(doc, {_literal(without)}) as varchar) end as extra,
    case when is_corrupt then rtrim(line, e'\\r\\n') end as corrupt_record,
    types
from judged"""


_containers = "'OBJECT', 'ARRAY'"
_types_of_objects = "'OBJECT', 'NULL'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _note_drift(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, contract: Contract, stats: FileStats, unseen: set[str]
) -> None:
    connection.register("batch", table)
    if table["extra"].null_count < table.num_rows:
        keys = connection.sql(
            "select key, count(*) from (select unnest(json_keys(extra)) as key from batch where extra is not null)"
            " group by key"
        ).fetchall()
        for key, rows in keys:
            stats.drift["new_column", key, "not in the contract; kept in extra"] += rows
    texts = [i for i, column in enumerate(contract.columns, 1) if column.logical_type == "string"]
    wanted = " union all ".join(
        f"select {i} as i, types[{i}] as type, count(*) as n from batch where types[{i}] is not null group by all"
        for i in range(1, len(contract.columns) + 1)
    )
    for i, type_name, rows in connection.sql(wanted).fetchall():
        name = contract.column_names[i - 1]
        unseen.discard(name)
        is_container = type_name in ("OBJECT", "ARRAY")
        is_text = type_name in ("VARCHAR", "NULL")
        if (i in texts and not is_text) or is_container != contract.columns[i - 1].is_object and type_name != "NULL":
            stats.drift["changed_type", name, f"{type_name.lower()} in the file"] += rows
