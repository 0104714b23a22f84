"""How results are shown: terminal tables, JSON, CSV and self-contained HTML pages with charts."""

from clicklake.reports.render.html import to_html
from clicklake.reports.render.machine import to_json, write_csv, write_json
from clicklake.reports.render.result import HtmlSection, Result
from clicklake.reports.render.terminal import print_rows, to_table

__all__ = [
    "HtmlSection",
    "Result",
    "print_rows",
    "to_html",
    "to_json",
    "to_table",
    "write_csv",
    "write_json",
]
