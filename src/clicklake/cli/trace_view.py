"""A trace on the terminal: from the row that was asked for down to the file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from clicklake.ingest.withdrawals import STREAM

if TYPE_CHECKING:
    from rich.console import Console

    from clicklake.cli.context import Context
    from clicklake.trace.fate import Story
    from clicklake.trace.trace import Trace

_LEFT_OUT = ("source_file", "source_version", "source_offset", "data_source", "ingestion_timestamp", "ingestion_date")
_LIST = ("event_id", "event_timestamp", "event_type", "product_id", "amount", "source", "source_file")


def print_trace(context: Context, found: Trace) -> None:
    """Print a trace for a person."""
    out = context.stdout
    if found.row_count > 1:
        shown = f", the first {len(found.rows)}" if found.row_count > len(found.rows) else ""
        context.show(_narrow(found.rows), title=f"{found.table}: {found.row_count:,} rows{shown}")
        context.say("name one row by its key to see what is behind it")
        return
    is_released = found.release and not found.table.startswith("bronze.")
    _section(out, found.table + (f"  [dim]release {found.release}[/dim]" if is_released else ""), found.rows[0].items())
    if found.behind_count > 1:
        shown = f", the first {len(found.behind)}" if found.behind_count > len(found.behind) else ""
        title = f"Behind it: {found.behind_count:,} rows of {found.silver_table}{shown}"
        context.show(_narrow(found.behind), title=title)
        key = next(iter(found.behind[0]))
        context.say(f"each of them: clicklake trace {found.silver_table} {key}={found.behind[0][key]}")
    elif found.table.startswith("gold.") and not found.stories:
        made = f"no row of {found.silver_table} has its key" if found.silver_table else "its key is made of many rows"
        context.say(f"{made}: see clicklake lineage {found.table}")
    for item in found.stories:
        _print_story(out, found, item)


def _print_story(out: Console, found: Trace, told: Story) -> None:
    if told.silver is not None and found.table != told.silver_table:
        kept = "" if told.fate == "loaded" else "  [dim]the row that was kept[/dim]"
        _section(out, f"{told.silver_table}{kept}", told.silver.items())
    if found.table != f"bronze.{told.source}" or isinstance(told.raw, str):
        raw = told.raw if isinstance(told.raw, dict) else {"line": told.raw}
        _section(out, f"bronze.{told.source}  [dim]row_id {told.row_id}, as it came[/dim]", raw.items())
    file = told.file
    pairs = [
        ("path", file["path"]),
        ("place", _place(file)),
        ("ingested", file["ingested_at"]),
        ("version", file["version"]),
    ]
    _section(out, "Message" if "offset" in file else "File", pairs)
    _section(out, "Fate", _fate(told))


def _fate(told: Story) -> Iterable[tuple[str, Any]]:
    yield "fate", told.told
    if told.contract:
        contract = told.contract
        yield (
            "judged by",
            f"contract {contract['version']} of {told.source}, in use since {_value(contract['recorded_at'])}",
        )
    if told.fate == "loaded":
        rows = [f"{row['row_id']} ({row['path']}, {_short_place(row)})" for row in told.duplicates]
        more = told.duplicate_count - len(rows)
        listed = "; ".join(rows) + (f"; and {more:,} more" if more > 0 else "")
        yield "duplicates", f"{told.duplicate_count:,} dropped for it: {listed}" if rows else "none"
    if not told.quarantine:
        yield "quarantine", "it was never there"
    for entry in told.quarantine:
        until = f", {entry['status']} at {_value(entry['resolved_at'])}" if entry["resolved_at"] else ", still there"
        yield "quarantine", f"since {_value(entry['quarantined_at'])} for {', '.join(entry['reasons'])}{until}"
    for place in told.gold:
        key = ", ".join(f"{name}={_value(value)}" for name, value in place["key"].items())
        yield "counts in", f"{place['table']} {key}"


def _place(file: dict[str, Any]) -> str:
    if "offset" not in file:
        return f"row {file['row']:,} of the {file['rows']:,} that it brought"
    topic, _, partition = file["path"].removeprefix(STREAM).rpartition("/")
    return f"topic {topic}, partition {partition}, offset {file['offset']:,}"


def _short_place(row: dict[str, Any]) -> str:
    return f"row {row['row']}" if row.get("offset") is None else f"offset {row['offset']}"


def _section(out: Console, title: str, pairs: Iterable[tuple[str, Any]]) -> None:
    shown = [(name, _value(value)) for name, value in pairs if value is not None and value != ""]
    width = max((len(name) for name, _ in shown), default=0)
    out.print(f"\n[bold]{title}[/bold]")
    before = ""
    for name, value in shown:
        label = "" if name == before else name
        # A long value stays one line, so that paths can be copied.
        out.print(f"  [dim]{escape(label):<{width}}[/dim]  {escape(value)}".rstrip(), soft_wrap=True)
        before = name


def _narrow(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What tells rows apart; everything stands in the machine output."""
    names = [name for name in rows[0] if name in _LIST]
    if "event_id" not in names:
        names = sorted((name for name in rows[0] if name not in _LEFT_OUT), key=lambda name: name != "row_id")[:8]
    used = [name for name in names if any(row[name] is not None for row in rows)]
    return [{name: row[name] for name in used} for row in rows]


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {item}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
