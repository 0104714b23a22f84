"""All that the site shows, read from documents and lake as of one release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from clicklake._version import __version__
from clicklake.build.release import Release
from clicklake.contracts.model import Report
from clicklake.dictionary import TableFacts, table_facts, table_names
from clicklake.dictionary.samples import sample_rows
from clicklake.dictionary.state import LakeState, TableState
from clicklake.errors import ClicklakeError
from clicklake.lineage.graph import Lineage
from clicklake.overview import Status

if TYPE_CHECKING:
    from clicklake.lake import Lake

LAYERS: Mapping[str, str] = {
    "bronze": "What arrived, untouched: every column is text, as the file has it.",
    "silver": "What is valid, typed, conformed and free of duplicates, and beside it what was rejected.",
    "gold": "The star schema: dimensions, facts and marts.",
    "ops": "What the lake knows about itself.",
}


@dataclass(frozen=True)
class Gathered:
    """What the site is made of.

    Args:
        name: The lake's folder.
        tables: Every table that documents describe, by name, in the order of the layers.
        states: How each stands.
        samples: A few rows of those that have any, personal data masked.
        reports: By name.
        lineage: Of the project.
        status: Sources and runs.
        release: What readers see; None before the first.
        currency: The lake's.
        now: When it was read.
        version: Of clicklake.
    """

    name: str
    tables: Mapping[str, TableFacts]
    states: Mapping[str, TableState]
    samples: Mapping[str, pa.Table]
    reports: Mapping[str, Report]
    lineage: Lineage
    status: Status
    release: Release | None
    currency: str
    now: datetime
    version: str = field(default=__version__)


def gather(lake: Lake, *, rows: int = 5, now: datetime | None = None) -> Gathered:
    """Read everything.

    Args:
        lake: The lake; it may be empty.
        rows: Sample rows of each table; 0 for none.
        now: When; now, unless given.
    """
    release = lake.release()
    engine = lake.engine()
    try:
        state = LakeState(lake, engine, release)
        tables = {name: table_facts(lake.lineage, name, lake.settings.owners) for name in table_names(lake.catalogue)}
        states = {name: state.table(facts) for name, facts in tables.items()}
        samples = {}
        for name, facts in tables.items():
            snapshot = state.find(name) if rows else None
            if snapshot is not None and snapshot.files:
                samples[name] = sample_rows(engine, snapshot, facts, rows)
        return Gathered(
            name=_name(PurePosixPath(lake.path)),
            tables=tables,
            states=states,
            samples=samples,
            reports={name: lake.catalogue.report(name) for name in lake.catalogue.report_names},
            lineage=lake.lineage,
            status=state.status,
            release=release,
            currency=lake.settings.currency,
            now=now or datetime.now(timezone.utc),
        )
    finally:
        engine.close()


def _name(folder: PurePosixPath) -> str:
    """The lake's folder; the project's where that says nothing."""
    return folder.parent.name if folder.name == "lake" and folder.parent.name else folder.name


def columns_of_report(site: Gathered, name: str) -> list[str]:
    """The columns of a report; none where its SQL can't be followed."""
    report = site.reports[name]
    if report.doc.columns:
        return list(report.doc.columns)
    try:
        return site.lineage.columns(f"report:{name}")
    except ClicklakeError:
        return []
