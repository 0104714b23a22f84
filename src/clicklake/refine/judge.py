"""The fates of bronze rows: which are quarantined, which are duplicates, which go to silver.

Only suspects (see `suspects`) are looked at exactly; all other rows are new. So the exact comparison, which would
sort the whole range, is only made for the few rows that need it.
"""

from __future__ import annotations

from dataclasses import dataclass

from clicklake.engines.base import Engine
from clicklake.engines.sql import quote, string
from clicklake.refine.compile import MALFORMED, Judge
from clicklake.refine.suspects import History, find_here, find_there

__all__ = ["Fates", "History", "judge_rows"]


@dataclass(frozen=True)
class Fates:
    """Where the judged rows stand in the engine, as tables of schema `work`.

    Args:
        judge: Who judged.
        bronze: View of the bronze rows that were judged.
        standard: These, standardised: a table, or a view where they are many.
        kept: The table that holds them until they are forgotten; None where they are made each time.
        quarantine: Rows with `row_id`, `raw`, `reasons`, `source_file`, `ingestion_timestamp`.
        duplicates: Rows with `row_id`, `event_id` (the one kept), `is_conflict` and `is_history`: true for silver
            rows whose place a judged row takes.
        excluded: `row_id`s of the judged rows that don't go to silver.
        displaces: Whether there are such silver rows.
    """

    judge: Judge
    bronze: str
    standard: str
    kept: str | None
    quarantine: str
    duplicates: str
    excluded: str
    displaces: bool

    @property
    def source(self) -> str:
        """The source's name."""
        return self.judge.contract.source

    def loaded(self) -> str:
        """Query: the rows for silver, in its columns."""
        columns = ", ".join(map(quote, self.judge.columns))
        key = quote(self.judge.identity.row_id)
        return f"""select {columns} from {self.standard} as standard
anti join (select row_id from {self.excluded}) as excluded on standard.{key} = excluded.row_id"""

    def forget(self, engine: Engine) -> None:
        """Free the memory that the rows take, when silver has them; what was made of others goes before these."""
        for name in (self.excluded, self.duplicates, self.quarantine, f"work.suspects_{self.source}", self.kept):
            if name:
                engine.execute(f"drop table if exists {name}")


def judge_rows(engine: Engine, judge: Judge, bronze: str, history: History | None = None) -> Fates:
    """Give each of some rows its fate.

    Args:
        engine: Runs the queries; gets the views and tables of the result.
        judge: The contract with its model.
        bronze: Query of the bronze rows to judge.
        history: Query of the source's silver rows that were there before; None where there are none.
    """
    name = judge.contract.source
    view = f"work.bronze_{name}"
    engine.execute(f"create or replace view {view} as {bronze}")
    find = find_there if engine.is_distributed else find_here
    standard, kept = find(engine, judge, view, history)
    _quarantine(engine, judge, name, view)
    _duplicates(engine, judge, name)
    engine.execute(
        f"create or replace table work.excluded_{name} as select row_id from work.quarantine_{name} union all "
        f"select row_id from work.duplicates_{name} where not is_history"
    )
    displaced = engine.value(f"select count(*) from work.duplicates_{name} where is_history")
    return Fates(
        judge=judge,
        bronze=view,
        standard=standard,
        kept=kept,
        quarantine=f"work.quarantine_{name}",
        duplicates=f"work.duplicates_{name}",
        excluded=f"work.excluded_{name}",
        displaces=bool(displaced),
    )


def _quarantine(engine: Engine, judge: Judge, name: str, view: str) -> None:
    """Table of the range's bad rows, each with every rule that it breaks."""
    engine.execute(f"""create or replace table work.quarantine_{name} as
select row_id, raw, reasons, source_file, ingestion_timestamp
from work.suspects_{name} where array_length(reasons) > 0
union all
select row_id, corrupt_record, [{string(MALFORMED)}], source_file, ingestion_timestamp
from {view} where corrupt_record is not null""")


def _duplicates(engine: Engine, judge: Judge, name: str) -> None:
    """Table of the rows that repeat another, silver rows among them.

    Of rows with the same identity the one with the smallest content is kept; among equal ones that of silver, then
    the first that came.
    """
    identity = judge.identity
    key = quote(identity.row_id)
    content = [quote(column) for column in identity.content]
    docs = judge.silver.doc.columns
    # Not every engine compares maps; their entries are sorted.
    values = [f"map_entries({quote(n)})" if docs[n].type == "map" else quote(n) for n in identity.content]
    by_content = f"row({', '.join(values)})"
    group = by_content
    if identity.id:
        own = quote(identity.id)
        group = f"{own}, case when {own} is null then {by_content} end"
    order = ", ".join(f"{value} nulls first" for value in values)
    columns = ", ".join([key, *content])
    engine.execute(f"""create or replace table work.duplicates_{name} as
with candidates as (
    select row_id as {key}, {", ".join(content)}, false as is_history
    from work.suspects_{name} where array_length(reasons) = 0
),
pool as (
    select * from candidates
    union all
    select {columns}, true as is_history from work.history_{name}
    where {key} in (select row_id from history_ids)
),
ranked as (
    select
        {key} as row_id, is_history, {by_content} as content,
        first_value({key}) over same as event_id,
        first_value({by_content}) over same as kept
    from pool
    window same as (partition by {group} order by {order}, is_history desc, {key})
)
select row_id, event_id, content is distinct from kept as is_conflict, is_history
from ranked where row_id <> event_id""")
