"""What can be searched: names and meanings, no data. Embedded as a script, since pages opened as files can't fetch."""

from __future__ import annotations

import json
from collections.abc import Iterator

from clicklake.catalogue_site.gathered import Gathered, columns_of_report
from clicklake.catalogue_site.parts import table_path

Entry = tuple[str, str, str, str, str]
"""Kind, name, what it belongs to, where it stands, meaning."""


def index(site: Gathered) -> str:
    """The script that holds the index."""
    rows = [[" ".join(part.split()) for part in entry] for entry in entries(site)]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    for character in "<\u2028\u2029":  # none of them may end the script or a line
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"window.catalogueIndex = {text};\n"


def entries(site: Gathered) -> Iterator[Entry]:
    """Everything that can be found."""
    for name, table in site.tables.items():
        place = table_path(name)
        owner = f" Owner: {table.owner}." if table.owner else ""
        yield "table", name, table.layer, place, f"{table.description} {table.purpose}{owner}"
        for column in table.columns:
            personal = " Personal data." if column.is_pii else ""
            told = f"{column.description}{personal} {' '.join(column.values)}"
            yield "column", column.name, name, f"{place}#column-{column.name}", told
        for rule in table.rules:
            yield "rule", rule.name, name, f"{place}#rule-{rule.name}", rule.description
    for name, report in site.reports.items():
        yield "report", name, "report", f"reports.html#{name}", f"{report.doc.title}. {report.doc.description}"
        for own in columns_of_report(site, name):
            told = report.doc.columns[own].description if own in report.doc.columns else ""
            yield "column", own, f"report {name}", f"reports.html#{name}", told
