"""The story of one raw row: the file that brought it, the contract that judged it, and its one fate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clicklake.contracts.columns import PROVENANCE
from clicklake.engines.sql import quote, string
from clicklake.ingest.ingest import OFFSET, SOURCE_BITS
from clicklake.ingest.withdrawals import WITHDRAWN
from clicklake.personal import MASK
from clicklake.quarantine import mask
from clicklake.refine.registry import CONTRACTS
from clicklake.refine.settle import DUPLICATES, LEDGER, QUARANTINE
from clicklake.trace.reader import Reader

_PROVENANCE = {*PROVENANCE, OFFSET, "ingestion_timestamp", "ingestion_date"} - {"extra"}


@dataclass
class Story:
    """What is known of a raw row.

    Args:
        source: The source that brought it.
        row_id: Its number in the lake.
        fate: `loaded`, `duplicate`, `quarantined`, `withdrawn`, or `waiting` for the next run; `unknown` is a fault.
        told: The fate in words.
        raw: The row as it came: its columns, or the line where it could not be split.
        file: path, version, ingested_at; `row` of `rows` that it brought, or the `offset` of the message that it was.
        contract: number, version and recorded_at of the contract that judged the row.
        silver: The silver row that it became, or that was kept in its place.
        duplicates: The rows that were dropped in favour of this one: row_id, is_conflict, path, row or offset.
        duplicate_count: How many these are.
        quarantine: Its history there: status, reasons, quarantined_at, resolved_at, contract_version.
        gold: The gold rows that it counts in: table and key.
    """

    source: str
    row_id: int
    fate: str = "unknown"
    told: str = ""
    raw: dict[str, Any] | str | None = None
    file: dict[str, Any] = field(default_factory=dict)
    contract: dict[str, Any] | None = None
    silver_table: str | None = None
    silver: dict[str, Any] | None = None
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    duplicate_count: int = 0
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    gold: list[dict[str, Any]] = field(default_factory=list)


def source_of(reader: Reader, row_id: int) -> str | None:
    """The source whose numbers hold this one."""
    found = reader.select("source", CONTRACTS, f"where source_number = {int(row_id) >> SOURCE_BITS} limit 1")
    return found[0]["source"] if found else None


def story(reader: Reader, source: str, row_id: int, *, limit: int = 10, show_pii: bool = False) -> Story | None:
    """All that the lake knows of a raw row; None where it has none of this number.

    Args:
        reader: Reads the lake.
        source: The source.
        row_id: The row.
        limit: Duplicates named at the most.
        show_pii: Whether personal data is shown.
    """
    bronze = f"bronze.{source}"
    found = reader.numbered(bronze, "row_id", row_id)
    if not found:
        return None
    row = found[0]
    told = Story(source, row_id, raw=_raw(reader, source, row, show_pii=show_pii), file=_file(reader, bronze, row))
    told.quarantine = _quarantine(reader, source, row_id)
    _judge(reader, told)
    told.contract = _contract(reader, told)
    if told.fate == "loaded":
        _add_duplicates(reader, told, limit)
    if told.silver is not None and told.silver_table:
        told.gold = _gold(reader, told.silver_table, told.silver) if told.fate == "loaded" else []
        told.silver = masked(reader, told.silver_table, told.silver, show_pii=show_pii)
        for place in told.gold:
            place["key"] = masked(reader, place["table"], place["key"], show_pii=show_pii)
    return told


def masked(reader: Reader, table: str, row: Mapping[str, Any], *, show_pii: bool) -> dict[str, Any]:
    """A row of a documented table, its personal data masked unless asked for."""
    return {
        name: MASK if not show_pii and value not in (None, "") and reader.lineage.is_personal(table, name) else value
        for name, value in row.items()
    }


def _raw(reader: Reader, source: str, row: Mapping[str, Any], *, show_pii: bool) -> dict[str, Any] | str:
    line = row.get("corrupt_record")
    if line is not None:
        return str(line) if show_pii else mask(reader.lake, source, str(line))
    fields = {name: value for name, value in row.items() if name not in _PROVENANCE}
    if fields.get("extra") is None:
        fields.pop("extra", None)
    if not show_pii:
        hidden = mask(reader.lake, source, json.dumps(fields, ensure_ascii=False, default=str))
        fields = dict.fromkeys(fields, MASK) if hidden == MASK else json.loads(hidden)
    return fields


def _file(reader: Reader, bronze: str, row: Mapping[str, Any]) -> dict[str, Any]:
    place = {"path": row["source_file"], "version": row["source_version"], "ingested_at": row["ingestion_timestamp"]}
    if row.get(OFFSET) is not None:
        return {**place, "offset": row[OFFSET]}
    same = f"where source_version = {string(row['source_version'])} and source_file = {string(row['source_file'])}"
    (span,) = reader.select("min(row_id) as first, count(*) as rows", bronze, same)
    return {**place, "row": row["row_id"] - span["first"] + 1, "rows": span["rows"]}


def _quarantine(reader: Reader, source: str, row_id: int) -> list[dict[str, Any]]:
    names = ("status", "reasons", "quarantined_at", "resolved_at", "contract_version")
    rows = reader.numbered(QUARANTINE, "row_id", row_id, f"and source = {string(source)}", limit=100)
    return [{name: row[name] for name in names} for row in sorted(rows, key=lambda row: row["quarantined_at"])]


def _judge(reader: Reader, told: Story) -> None:
    """Find the one fate; each is a row in a table."""
    catalogue = reader.lake.catalogue
    if told.source in catalogue.source_names:
        told.silver_table = catalogue.contract(told.source).options.silver_table
    key = _row_id_column(reader, told.silver_table)
    source = f"and source = {string(told.source)}"
    withdrawn = reader.rows(
        WITHDRAWN, f"{told.row_id} between first_row_id and last_row_id {source}", limit=1, order="withdrawn_at desc"
    )
    if withdrawn:
        told.fate = "withdrawn"
        told.told = f"withdrawn with its file at {withdrawn[0]['withdrawn_at']:%Y-%m-%d %H:%M:%S} (clicklake unload)"
        return
    if told.silver_table and key:
        told.silver = next(iter(reader.numbered(told.silver_table, key, told.row_id, source)), None)
    if told.silver is not None:
        told.fate, told.told = "loaded", f"loaded into {told.silver_table} as {key} {told.row_id}"
        return
    repeated = reader.numbered(DUPLICATES, "row_id", told.row_id, source)
    if repeated:
        kept = repeated[0]["event_id"]
        how = "has the same id but other content than" if repeated[0]["is_conflict"] else "repeats"
        told.fate, told.told = "duplicate", f"duplicate: it {how} row {kept}, which was kept"
        if told.silver_table and key:
            told.silver = next(iter(reader.numbered(told.silver_table, key, kept, source)), None)
        return
    open_rows = [entry for entry in told.quarantine if entry["status"] == "open"]
    if open_rows:
        told.fate, told.told = "quarantined", f"quarantined for {', '.join(open_rows[-1]['reasons'])}"
        return
    last = reader.select("max(last_row_id) as last", LEDGER, f"where source = {string(told.source)}")
    if not last or last[0]["last"] is None or told.row_id > last[0]["last"]:
        told.fate, told.told = "waiting", "not refined and published yet: the next `clicklake run` judges it"
    else:
        told.told = "no table tells its fate, which is a fault: `clicklake doctor` checks the lake"


def _row_id_column(reader: Reader, silver: str | None) -> str | None:
    model = reader.lake.catalogue.silver.get(silver or "")
    return model.doc.identity.row_id if model and model.doc.identity else None


def _contract(reader: Reader, told: Story) -> dict[str, Any] | None:
    """The contract version that gave the row its fate: a row in quarantine names it, the ledger does for the others."""
    source = f"source = {string(told.source)}"
    last = told.quarantine[-1] if told.quarantine else None
    if last and told.fate == "quarantined":
        condition = f"contract_version = {string(last['contract_version'])}"
    else:
        covered = f"{told.row_id} between first_row_id and last_row_id"
        if last and last["resolved_at"]:  # a replay judges single rows, not a range
            covered += f" or (kind = 'replay' and recorded_at >= {_time(last['resolved_at'])})"
        entries = reader.rows(LEDGER, f"{source} and ({covered})", limit=1, order="recorded_at desc")
        condition = f"contract_number = {int(entries[0]['contract_number'])}" if entries else "false"
    rows = reader.rows(CONTRACTS, f"{source} and {condition}", limit=1)
    names = {"contract_number": "number", "contract_version": "version", "recorded_at": "recorded_at"}
    return {short: rows[0][name] for name, short in names.items()} if rows else None


def _time(moment: datetime) -> str:
    return f"cast({string(moment.replace(tzinfo=None).isoformat(sep=' '))} as timestamp)"


def _add_duplicates(reader: Reader, told: Story, limit: int) -> None:
    condition = f"event_id = {told.row_id} and source = {string(told.source)}"
    told.duplicate_count = reader.count(DUPLICATES, condition)
    for row in reader.rows(DUPLICATES, condition, limit=limit, order="row_id") if told.duplicate_count else ():
        raw = reader.numbered(f"bronze.{told.source}", "row_id", row["row_id"])
        place = _file(reader, f"bronze.{told.source}", raw[0]) if raw else {}
        told.duplicates.append(
            {
                "row_id": row["row_id"],
                "is_conflict": row["is_conflict"],
                "path": place.get("path"),
                "row": place.get("row"),
                "offset": place.get("offset"),
            }
        )


def _gold(reader: Reader, silver: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The gold rows that a silver row counts in, as far as their keys can be told from it alone."""
    key = _row_id_column(reader, silver)
    found = []
    for table in reader.lake.catalogue.gold:
        snapshot = reader.find(table) if reader.release else None
        made = reader.key_of(table, silver) if snapshot is not None else None
        if not made or not key:
            continue
        values = ", ".join(f"{reader.typed(table, column, sql)} as {quote(column)}" for column, sql in made.items())
        (values_of,) = reader.select(values, silver, f"where {quote(key)} = {int(row[key])}")
        same = " and ".join(reader.equals(table, quote(name), name, value) for name, value in values_of.items())
        if None not in values_of.values() and reader.count(table, same):
            found.append({"table": table, "key": values_of})
    return found
