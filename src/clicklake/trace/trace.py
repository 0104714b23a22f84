"""From a row of any table to what is behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from clicklake.contracts.explain import closest
from clicklake.engines.sql import quote
from clicklake.errors import ClicklakeError, UnknownNameError, UsageError
from clicklake.personal import MASK
from clicklake.quarantine import mask
from clicklake.refine.settle import DUPLICATES, QUARANTINE
from clicklake.trace.fate import Story, masked, source_of, story
from clicklake.trace.reader import Reader

if TYPE_CHECKING:
    from clicklake.lake.reading import ReadingLake


@dataclass
class Trace:
    """A row, or several, and what is behind.

    Args:
        table: The table that was asked for.
        release: What was read; None before the first release.
        rows: Its rows that were meant, at most as many as asked for.
        row_count: How many these are.
        silver_table: The silver table behind a gold row.
        behind: The first silver rows behind a single gold row that is made of several.
        behind_count: How many these are.
        stories: The raw rows: one for each row that comes from one.
    """

    table: str
    release: int | None
    rows: list[dict[str, Any]]
    row_count: int
    silver_table: str | None = None
    behind: list[dict[str, Any]] = field(default_factory=list)
    behind_count: int = 0
    stories: list[Story] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def trace(lake: ReadingLake, table: str, keys: Mapping[str, str], *, limit: int = 10, show_pii: bool = False) -> Trace:
    """Find rows by their columns, and what is behind them.

    Args:
        lake: The lake.
        table: A table of bronze, silver or gold, `silver.quarantine` or `ops.duplicates`.
        keys: Values by column, as text; a value without a column (key empty) is the table's key.
        limit: Rows at the most, of each kind.
        show_pii: Whether personal data is shown.

    Raises:
        UnknownNameError: There is no such table or column.
        UsageError: A value doesn't fit, or the table's rows don't come from raw rows.
        ClicklakeError: There is no such row.
    """
    engine = lake.engine()
    try:
        reader = Reader(lake, engine, lake.release())
        return _trace(reader, _known(reader, table), keys, limit, show_pii=show_pii)
    finally:
        engine.close()


def _known(reader: Reader, name: str) -> str:
    catalogue = reader.lake.catalogue
    sources = dict.fromkeys(
        (*catalogue.source_names, *(n[7:] for n in reader.lake.store.names() if n[:7] == "bronze."))
    )
    tables = [*(f"bronze.{source}" for source in sources), *catalogue.silver, QUARANTINE, *catalogue.gold, DUPLICATES]
    short = [table for table in tables if table.partition(".")[2] == name]
    if name in tables or len(short) == 1:
        return name if name in tables else short[0]
    if catalogue.table(name):
        raise UsageError(f"the rows of {name} are not made of raw rows. Tables: {', '.join(tables)}")
    raise UnknownNameError(f"there is no table {name!r}{closest(name, tables)}. Tables: {', '.join(tables)}")


def _trace(reader: Reader, table: str, keys: Mapping[str, str], limit: int, *, show_pii: bool) -> Trace:
    layer = table.partition(".")[0]
    if layer == "gold" and reader.release is None:
        raise UnknownNameError(f"{table} is not published yet: run `clicklake run` first")
    named = _named(reader, table, keys)
    condition = reader.conditions(table, named)
    rows = reader.rows(table, condition, limit=limit, files=reader.files(table, named))
    if not rows:
        raise ClicklakeError(_nothing(reader, table, named))
    count = len(rows) if len(rows) < limit else reader.count(table, condition)
    found = Trace(table, reader.release.release_id if reader.release else None, [], count)
    if layer == "gold":
        candidates = _silver_behind(reader, table)
        found.silver_table = candidates[0] if candidates else None
        if count == 1:
            for silver in candidates:
                _look_behind(reader, found, silver, rows[0], limit, show_pii=show_pii)
                if found.behind_count:
                    break
            else:
                found.silver_table = candidates[0] if candidates else None
    elif count == 1:
        found.stories = _stories(reader, *_raw_row(reader, table, rows[0]), limit, show_pii=show_pii)
    found.rows = [_shown(reader, table, row, show_pii=show_pii) for row in rows]
    return found


def _named(reader: Reader, table: str, keys: Mapping[str, str]) -> dict[str, str]:
    """The keys with a name for the one that has none."""
    named = {name: value for name, value in keys.items() if name}
    if "" in keys:
        grain = _grain(reader, table)
        if len(grain) != 1:
            raise UsageError(f"name the columns: clicklake trace {table} {' '.join(f'{name}=VALUE' for name in grain)}")
        named[grain[0]] = keys[""]
    if not named:
        grain = _grain(reader, table)
        raise UsageError(f"which row? clicklake trace {table} {' '.join(f'{name}=VALUE' for name in grain)}")
    return named


def _grain(reader: Reader, table: str) -> Sequence[str]:
    if table.startswith("bronze.") or table in (QUARANTINE, DUPLICATES):
        return ("row_id",)
    model = reader.lake.catalogue.table(table)
    return model.doc.grain if model else ("row_id",)


def _silver_behind(reader: Reader, table: str) -> list[str]:
    """The silver tables from whose rows the key of a gold table's row can be told; the nearest first.

    A dimension may have its members from several: from the source that describes them, and from those that name them.
    """
    known = [silver for silver in reader.lake.catalogue.silver if reader.key_of(table, silver)]
    return sorted(known, key=lambda silver: table.partition("_")[2] != silver.partition(".")[2])


def _look_behind(
    reader: Reader, found: Trace, silver: str, row: Mapping[str, Any], limit: int, *, show_pii: bool
) -> None:
    found.silver_table = silver
    made = reader.key_of(found.table, silver) or {}
    condition = " and ".join(
        reader.equals(found.table, reader.typed(found.table, name, sql), name, row[name]) for name, sql in made.items()
    )
    identity = reader.lake.catalogue.silver[silver].doc.identity
    key = identity.row_id if identity else "source"
    numbers = {sql.strip('"'): str(row[name]) for name, sql in made.items() if sql.startswith('"')}
    rows = reader.rows(silver, condition, limit=limit, order=quote(key), files=reader.files(silver, numbers))
    found.behind_count = len(rows) if len(rows) < limit else reader.count(silver, condition)
    if found.behind_count == 1:
        found.stories = _stories(reader, *_raw_row(reader, silver, rows[0]), limit, show_pii=show_pii)
    else:
        found.behind = [masked(reader, silver, item, show_pii=show_pii) for item in rows]


def _raw_row(reader: Reader, table: str, row: Mapping[str, Any]) -> tuple[str, int]:
    """The source and number of the raw row that a row of bronze, silver, quarantine or duplicates is about."""
    layer, _, name = table.partition(".")
    if layer == "bronze":
        return name, int(row["row_id"])
    model = reader.lake.catalogue.silver.get(table)
    row_id = int(row[model.doc.identity.row_id if model and model.doc.identity else "row_id"])
    return str(row.get("source") or source_of(reader, row_id)), row_id


def _stories(reader: Reader, source: str, row_id: int, limit: int, *, show_pii: bool) -> list[Story]:
    told = story(reader, source, row_id, limit=limit, show_pii=show_pii)
    return [told] if told else []


def _shown(reader: Reader, table: str, row: Mapping[str, Any], *, show_pii: bool) -> dict[str, Any]:
    """A row as it is shown; what bronze holds is masked by the contract, as every table by its document."""
    layer, _, source = table.partition(".")
    if table == QUARANTINE and not show_pii:
        return {**row, "raw": mask(reader.lake, row["source"], row["raw"])}
    if show_pii or layer != "bronze":
        return masked(reader, table, row, show_pii=show_pii)
    catalogue = reader.lake.catalogue
    known = catalogue.contract(source).columns if source in catalogue.source_names else None
    personal = set(row) if known is None else {"corrupt_record", *(column.name for column in known if column.is_pii)}
    return {name: MASK if value not in (None, "") and name in personal else value for name, value in row.items()}


def _nothing(reader: Reader, table: str, keys: Mapping[str, str]) -> str:
    """That there is no such row; where the key is a raw row's number, what became of that row."""
    told = f"{table} has no row with {', '.join(f'{name}={value}' for name, value in keys.items())}"
    ((name, value), *rest) = keys.items()
    if rest or not value.isdigit() or table.startswith("bronze."):
        return told
    numbers = {("row_id", table)} if table in (QUARANTINE, DUPLICATES) else set()
    for silver, model in reader.lake.catalogue.silver.items():
        key = model.doc.identity.row_id if model.doc.identity else "row_id"
        numbers.add((key, silver))
        if table.startswith("gold.") and reader.over_silver(table, name, silver) == quote(key):
            numbers.add((name, table))
    source = source_of(reader, int(value)) if (name, table) in numbers else None
    what = story(reader, source, int(value)) if source else None
    if what is None:
        return told
    return f"{told}. The raw row of this number: {what.told}. See: clicklake trace bronze.{source} row_id={value}"
