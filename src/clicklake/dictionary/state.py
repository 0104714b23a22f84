"""What a lake says about its tables: size, age, and how good the data is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clicklake.build.release import Release
from clicklake.dictionary.facts import TableFacts
from clicklake.engines.base import Engine
from clicklake.engines.sql import quote, string
from clicklake.errors import StorageError
from clicklake.overview import Status, status
from clicklake.storage import Snapshot, log

if TYPE_CHECKING:
    from clicklake.lake import Lake

QUALITY = "ops.quality"
"""Where measures of quality are kept, in lakes that took some."""


@dataclass(frozen=True)
class TableState:
    """How a table stands; None where the lake doesn't have it, or nobody knows.

    Args:
        rows: As readers see it.
        files: Its Parquet files.
        bytes: Their size.
        version: The Delta version that readers see.
        release: The release that names it.
        changed_at: When that version was committed.
        newest: The newest time that its rows tell, where its document says which column that is.
        freshness: By source: `fresh`, `late` or `never`, against the contract.
        scores: By source: percent of rows that could be loaded.
        measures: The newest measures of quality: dimension, column, rows, offending, score, verdict.
    """

    rows: int | None = None
    files: int | None = None
    bytes: int | None = None
    version: int | None = None
    release: int | None = None
    changed_at: datetime | None = None
    newest: datetime | None = None
    freshness: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float | None] = field(default_factory=dict)
    measures: Sequence[Mapping[str, Any]] = ()

    @property
    def is_there(self) -> bool:
        """Whether the lake has the table."""
        return self.version is not None

    def row(self) -> dict[str, Any]:
        """For programs."""
        return {name: value for name, value in asdict(self).items() if name != "measures"}


@dataclass
class LakeState:
    """Looks up how tables stand, all as of one release.

    Args:
        lake: The lake.
        engine: Runs the queries.
        release: What readers see; None before the first.
    """

    lake: Lake
    engine: Engine
    release: Release | None

    @cached_property
    def status(self) -> Status:
        """Sources, last run, next steps."""
        return status(self.lake)

    @cached_property
    def _sources(self) -> dict[str, dict[str, Any]]:
        return {source["source"]: source for source in self.status.sources}

    def find(self, name: str) -> Snapshot | None:
        """A table as readers see it; None where there is nothing to read."""
        version = dict(self.release.versions).get(name) if self.release else None
        if version is None and name.startswith("gold."):
            return None
        return self.lake.store.find(name, version)

    def table(self, facts: TableFacts) -> TableState:
        """How a table stands."""
        fed = [source for source in facts.sources if source in self._sources]
        freshness = {source: self._sources[source]["freshness"] for source in fed}
        scores = {source: self._sources[source]["quality_score"] for source in fed}
        snapshot = self.find(facts.name)
        if snapshot is None:
            return TableState(freshness=freshness, scores=scores)
        rows, size = snapshot.size
        is_released = self.release is not None and facts.name in self.release.versions
        return TableState(
            rows=rows,
            files=len(snapshot.files),
            bytes=size,
            version=snapshot.version,
            release=self.release.release_id if self.release and is_released else None,
            changed_at=self._changed_at(snapshot),
            newest=self._newest(snapshot),
            freshness=freshness,
            scores=scores,
            measures=self._measures.get(facts.name, ()),
        )

    def _changed_at(self, snapshot: Snapshot) -> datetime | None:
        """When the version was committed; its log may be cleaned away."""
        try:
            return log.read(log.folder(self.lake.store, snapshot.name), snapshot.version).time
        except StorageError:
            return None

    def _newest(self, snapshot: Snapshot) -> datetime | None:
        model = self.lake.catalogue.table(snapshot.name)
        if model is None or model.doc.time is None or not snapshot.files:
            return None
        found = self.engine.value(
            f"select max(cast({quote(model.doc.time)} as timestamp)) from ({self.engine.scan(snapshot)})"
        )
        return found.replace(tzinfo=timezone.utc) if isinstance(found, datetime) else None

    @cached_property
    def _measures(self) -> dict[str, list[dict[str, Any]]]:
        """The newest measures by table, where any were taken."""
        snapshot = self.lake.store.find(QUALITY)
        wanted = ("measure", "table_name", "column_name", "dimension", "rows", "offending", "score", "verdict")
        if snapshot is None or not {*wanted, "measured_at", "is_scored"} <= set(snapshot.schema.names):
            return {}
        rows = self.engine.rows(
            f"select {', '.join(wanted)}, measured_at from ({self.engine.scan(snapshot)}) where is_scored "
            f"qualify row_number() over (partition by measure order by measured_at desc, run_id desc) = 1 "
            "order by table_name, dimension, score nulls last, measure"
        )
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            item = dict(zip((*wanted, "measured_at"), row, strict=True))
            found.setdefault(str(item["table_name"]), []).append(item)
        return found

    def drift(self, source: str) -> int:
        """How many differences between files and contract were seen."""
        snapshot = self.lake.store.find("ops.drift")
        if snapshot is None:
            return 0
        query = f"select count(distinct (kind, column_name, detail)) from ({self.engine.scan(snapshot)}) "
        return int(self.engine.value(f"{query} where source = {string(source)}"))
