"""The lake's tables: rows, sizes, versions, history, columns."""

from __future__ import annotations

import streamlit as st

from clicklake.dashboard import listing, parts, urls
from clicklake.dashboard.view import View
from clicklake.overview import tables

_TABLES: listing.Docs = {
    "table": ("text", "The table."),
    "rows": ("integer", "Rows of its newest version."),
    "files": ("integer", "Files of that version."),
    "bytes": ("integer", "Bytes of these files."),
    "version": ("integer", "The newest version."),
    "released": ("integer", "The version that reports and queries read; none where no release names the table."),
    "description": ("text", "What a row is."),
}
_HISTORY: listing.Docs = {
    "version": ("integer", "The version."),
    "time": ("timestamp", "When it was committed, UTC."),
    "operation": ("text", "What was done."),
    "rows_added": ("integer", "Rows in files that were added."),
    "rows_removed": ("integer", "Rows in files that were removed."),
    "files_added": ("integer", "Files that were added."),
    "files_removed": ("integer", "Files that were removed."),
    "bytes_added": ("integer", "Bytes of the files that were added."),
    "run_id": ("text", "The run that did it."),
}
_COLUMNS: listing.Docs = {
    "column": ("text", "The column."),
    "type": ("text", "Its type."),
    "meaning": ("text", "What it holds."),
    "personal": ("text", "Whether it is personal data, which is masked."),
}
_MOST = 50


def draw(view: View) -> None:
    """Draw the section."""
    granted = set(view.grants.tables())
    rows = [row for row in tables(view.lake) if row["table"] in granted]
    listing.show(
        "tables",
        "Tables",
        "One row per table of the lake.",
        rows,
        _TABLES,
        height=460,
        empty="The lake has no tables yet: clicklake run click_events=PATH, or clicklake demo.",
    )
    names = [row["table"] for row in rows]
    if not names:
        return
    asked = urls.value("table")
    name = st.selectbox("Table", names, index=names.index(asked) if asked in names else 0, key="lake_table", width=330)
    name = name or names[0]
    urls.keep("table", name, names[0])
    history = [vars(entry) for entry in view.lake.history(name, limit=_MOST)]
    listing.show("history", f"Versions of {name}", f"The newest {_MOST}, newest first.", history, _HISTORY, height=300)
    columns = columns_of(view, name)
    listing.show("columns", f"Columns of {name}", "One row per column that may be read.", columns, _COLUMNS)
    parts.sql_link(view, sql=f"select * from {name} limit 100")


def columns_of(view: View, name: str) -> list[dict[str, str]]:
    """What is known of the columns of a table that may be read."""
    from clicklake.dictionary.tables import table_facts

    facts = table_facts(view.lake.lineage, name)
    granted = view.grants.columns(name)
    return [
        {
            "column": column.name,
            "type": column.type,
            "meaning": column.description,
            "personal": "yes" if column.is_pii else "",
        }
        for column in facts.columns
        if column.name in granted
    ]
