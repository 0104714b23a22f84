"""A new project folder."""

from __future__ import annotations

from pathlib import Path

from clicklake.config import FILE_NAME
from clicklake.errors import UsageError
from clicklake.own_folder import on_this_machine

TEMPLATE = (Path(__file__).parent / "template.yaml").read_text(encoding="utf-8")
"""The clicklake.yaml of a new project."""

_SOURCES = """\
# Sources

One contract for each source of yours, `NAME.yaml` (Open Data Contract Standard 3), and beside it `NAME.sql`, the
SELECT that makes rows of a silver table of its columns. `clicklake source add FILE` proposes both.

A contract with the name of a source that comes with clicklake (`click_events`, `web_events`, `orders`, `customers`,
`products`, `payments`) takes its place.
"""
_MODELS = """\
# Models

Tables of your own: `gold/NAME.sql`, one SELECT from silver and gold tables, and beside it `gold/NAME.yml`, which says
what a row is ("One row per ..."), its grain, and each column's type and meaning. `clicklake run` builds them with the
others, in the order in which they need each other.

A model with the name of one that comes with clicklake takes its place; `clicklake tables` names those.
"""
_REPORTS = """\
# Reports

Reports of your own: each `NAME.sql` is one SELECT from gold tables, and `clicklake report NAME` runs it. A `NAME.yml`
beside it may give it a title, and types and formats of its columns.
"""
_REPORT = """\
-- How often each kind of event happened, and to how many users.
-- Run it: clicklake report events_by_type
select
    event_type,
    count(*) as events,
    count(distinct user_id) as users
from gold.fact_events
group by event_type
order by events desc, event_type
"""
_IGNORED = """\
# What clicklake makes of the files; it can be made again.
lake*/
logs/

# The data itself.
data/
"""

FILES = {
    FILE_NAME: TEMPLATE,
    "sources/README.md": _SOURCES,
    "models/README.md": _MODELS,
    "reports/README.md": _REPORTS,
    "reports/events_by_type.sql": _REPORT,
    ".gitignore": _IGNORED,
}
"""The files of a new project."""


def create_project(directory: Path) -> dict[str, bool]:
    """Write the files of a new project; one that is there already stays as it is.

    Args:
        directory: The folder; it is made where it isn't there.

    Returns:
        Each file, and whether it was written.

    Raises:
        UsageError: The folder is a project already, or can't be written.
    """
    if (on_this_machine(directory) / FILE_NAME).exists():
        raise UsageError(f"{directory} is a project already: {directory / FILE_NAME} is there; nothing was changed")
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file; name a folder: clicklake init DIR")
    done = {}
    try:
        for name, text in FILES.items():
            file = directory / name
            done[name] = not file.exists()
            if done[name]:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{error.filename}: can't be written: {error.strerror}") from error
    return done
