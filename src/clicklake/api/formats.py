"""Rows in the format that a caller accepts: JSON, NDJSON, CSV or Arrow IPC."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Literal

import pyarrow as pa

from clicklake.api.problems import ProblemError
from clicklake.reports.render.machine import csv_lines, json_lines, json_list

Format = Literal["json", "ndjson", "csv", "arrow"]

MEDIA: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
    "arrow": "application/vnd.apache.arrow.stream",
}
_ALIASES: dict[str, Format] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
    "*/*": "json",
    "application/*": "json",
    "text/*": "csv",
}
_BATCH = 10_000
_known: dict[str, Format | None] = {"": "json", "*/*": "json", "application/json": "json"}


def accepted(accept: str) -> Format:
    """The format that an Accept header asks for.

    Raises:
        ProblemError: None of those that there are.
    """
    found = _known.get(accept) or _chosen(accept[:1000])
    if found is None:
        raise ProblemError(
            406, "not-acceptable", f"rows can be had as {', '.join(m.split(';')[0] for m in MEDIA.values())}"
        )
    return found


def _chosen(accept: str) -> Format | None:
    best: tuple[float, Format | None] = (0.0, None)
    for part in accept.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for name, _, value in (parameter.partition("=") for parameter in parameters):
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        known = _ALIASES.get(media.lower())
        if known and weight > best[0]:
            best = (weight, known)
    return best[1]


def parts(schema: pa.Schema, batches: Iterable[pa.RecordBatch], format: Format) -> Iterator[bytes]:
    """The bytes of rows, while they come; numbers and times are spelled as `clicklake report` spells them."""
    if format == "arrow":
        yield from _arrow(schema, batches)
        return
    texts = {
        "json": lambda: json_list(batches),
        "ndjson": lambda: json_lines(batches),
        # A spreadsheet that opens it must not take a text of a shop's customer for a formula.
        "csv": lambda: csv_lines(schema.names, batches, safe=True),
    }[format]()
    for text in texts:
        yield text.encode("utf-8", "replace")


def whole(table: pa.Table, format: Format) -> bytes:
    """The bytes of a table that is small."""
    return b"".join(parts(table.schema, table.to_batches(max_chunksize=_BATCH), format))


def _arrow(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    schema = zoned(schema)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            arrays = [_zoned(column, field) for column, field in zip(batch.columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def zoned(schema: pa.Schema) -> pa.Schema:
    """The schema with the zone of its times, which is UTC."""
    return pa.schema(
        [pa.field(f.name, pa.timestamp(f.type.unit, "UTC")) if pa.types.is_timestamp(f.type) else f for f in schema]
    )


def _zoned(column: pa.Array, field: pa.Field) -> pa.Array:
    return column if column.type == field.type else column.view(field.type)
