"""Makes the site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from clicklake.catalogue_site.gathered import Gathered, gather
from clicklake.catalogue_site.pages.overviews import home_page, lineage_page, model_page, reports_page, rules_page
from clicklake.catalogue_site.pages.table import table_page
from clicklake.catalogue_site.parts import script, style, table_path
from clicklake.catalogue_site.search import index
from clicklake.own_folder import fill

if TYPE_CHECKING:
    from clicklake.lake import Lake


COMMAND = "clicklake docs build"


@dataclass(frozen=True)
class Built:
    """What was made.

    Args:
        start: The page to open.
        pages: How many there are.
        tables: How many tables they tell about.
        removed: Files of the last time that are gone.
    """

    start: Path
    pages: int
    tables: int
    removed: int


def build_site(lake: Lake, folder: Path, *, rows: int = 5, now: datetime | None = None) -> Built:
    """Write the catalogue of a lake as pages that open without a server.

    Args:
        lake: The lake; it may be empty, the documents are shown then.
        folder: New, empty, or made here before.
        rows: Sample rows of each table, personal data masked; 0 for none.
        now: When; now, unless given.

    Raises:
        UsageError: The folder has files that were not made here.
    """
    made = site_files(gather(lake, rows=rows, now=now))
    removed = fill(folder, made, COMMAND)
    pages = [name for name in made if name.endswith(".html")]
    tables = [name for name in pages if name.startswith("tables/")]
    return Built(folder / "index.html", len(pages), len(tables), len(removed))


def site_files(site: Gathered) -> dict[str, str]:
    """All files of the site by path."""
    return {
        "index.html": home_page(site),
        "lineage.html": lineage_page(site),
        "model.html": model_page(site),
        "rules.html": rules_page(site),
        "reports.html": reports_page(site),
        **{table_path(name): table_page(site, name) for name in site.tables},
        "assets/site.css": style(),
        "assets/site.js": script(),
        "assets/search-index.js": index(site),
    }
