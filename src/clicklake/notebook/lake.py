"""A lake in a notebook: its layers with their tables, the newest release, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from clicklake.errors import ClicklakeError
from clicklake.notebook.style import frame, quiet, scroll, words
from clicklake.overview import status, tables
from clicklake.project.doctor import human
from clicklake.reports.formats import NULL, integer

if TYPE_CHECKING:
    from clicklake.lake import Lake

_HEADS = ("Table", "Rows", "Size", "Version", "Released", "What it holds")
_NUMBERS = " class='n' style='text-align:right'"
_FIRST = (
    "lake.run(click_events='events.csv')        bring in your events",
    "clicklake demo        on the command line: see it work",
)


def lake_or_problem(lake: Lake) -> str:
    """The lake as it is now, or why it can't be read: what is only looked at raises nothing."""
    try:
        return lake_html(lake)
    except (ClicklakeError, OSError) as error:
        said = f"<p class='head'><strong>{words(lake.path)}</strong></p><p class='bad'>{words(str(error))}</p>"
        return frame(said)


def lake_html(lake: Lake) -> str:
    """The lake as it is now."""
    found = tables(lake)
    release = lake.release()
    told = f"release {release.release_id} of {release.released_at:%Y-%m-%d %H:%M} UTC" if release else ""
    head = f"<p class='head'><strong>{words(lake.path)}</strong><span>{told or 'nothing is published yet'}</span></p>"
    if not found:
        return frame(head + "<p>The lake is empty.</p>" + _steps(_FIRST))
    rows, size = sum(row["rows"] for row in found), sum(row["bytes"] for row in found)
    summary = quiet(f"{len(found)} tables", f"{integer(rows)} rows", human(size))
    # With everything in order the last step, to look at reports, needs no telling.
    steps = [step for step in status(lake).next_steps if not step.startswith("clicklake report")]
    return frame(head + scroll(_table(found), "Tables of the lake") + summary + _steps(steps))


def _table(found: Sequence[dict[str, Any]]) -> str:
    heads = "".join(
        f"<th scope='col'{_NUMBERS if 0 < place < 5 else ''}>{head}</th>" for place, head in enumerate(_HEADS)
    )
    body = []
    for layer, rows in groupby(found, key=lambda row: row["table"].partition(".")[0]):
        body.append(f"<tr class='layer'><th colspan='{len(_HEADS)}' scope='rowgroup'>{words(layer)}</th></tr>\n")
        body += [_row(row) for row in rows]
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{''.join(body)}</tbody></table>"


def _row(row: dict[str, Any]) -> str:
    released = NULL if row["released"] is None else str(row["released"])
    numbers = (integer(row["rows"]), human(row["bytes"]), str(row["version"]), released)
    cells = "".join(f"<td{_NUMBERS}>{text}</td>" for text in numbers)
    first_sentence = " ".join(row["description"].split()).split(". ")[0].rstrip(".")
    name = row["table"].partition(".")[2]
    return f"<tr><td>{words(name)}</td>{cells}<td class='long'>{words(first_sentence)}</td></tr>\n"


def _steps(steps: Sequence[str]) -> str:
    items = []
    for step in steps:
        command, _, why = step.partition("        ")
        items.append(f"<li><code>{words(command)}</code> <span class='quiet'>{words(why)}</span></li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""
