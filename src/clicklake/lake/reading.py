"""What reads a lake as its readers see it: releases, tables, queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from clicklake.build.release import Release, newest, releases
from clicklake.contracts.explain import closest
from clicklake.engines.base import NO_VERSION, Engine
from clicklake.engines.sql import quote
from clicklake.errors import StorageError, UnknownNameError, UsageError
from clicklake.lake.opened import OpenedLake
from clicklake.rows import About, Rows
from clicklake.sandbox import named_tables, require_one_select, run_query
from clicklake.storage import Snapshot, log
from clicklake.storage.places import sizes

if TYPE_CHECKING:
    from clicklake.lineage.graph import Lineage
    from clicklake.trace.trace import Trace


class ReadingLake(OpenedLake):
    """The part of `Lake` that reads it."""

    def release(self, at: str | int | None = None) -> Release | None:
        """The newest release, or the one of a number or time (ISO 8601, UTC).

        Raises:
            UnknownNameError: There was none yet.
        """
        if at is None:
            return newest(self.store)
        known = releases(self.store)
        text = str(at)
        if text.isdigit():
            found = [release for release in known if release.release_id == int(text)]
        else:
            try:
                moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            except ValueError as error:
                raise UsageError(
                    f"--at {text}: neither the number of a release nor a time such as 2025-01-31"
                ) from error
            from datetime import timezone

            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            found = [release for release in known if release.released_at <= moment]
        if not found:
            have = f"there are 1 to {known[-1].release_id}" if known else "there is none yet"
            raise UnknownNameError(f"no release {text}; {have}")
        return found[-1]

    def snapshot(self, name: str, release: Release | None) -> Snapshot:
        """A table as readers see it: at its released version, or the newest where a release doesn't name it."""
        version = dict(release.versions).get(name) if release else None
        layer = name.partition(".")[0]
        if version is None and layer == "gold" and release is None:
            raise UnknownNameError(f"{name} is not published yet: run `clicklake run` first")
        return self.store.open(name, version)

    def attach_table(self, engine: Engine, name: str, release: Release | None) -> None:
        """Make a table known to an engine, as of a release; without rows where its source has no file yet.

        Raises:
            UnknownNameError: There is none of that name.
        """
        if release and engine.attached.get(name) == release.versions.get(name, NO_VERSION):
            return  # for a report before
        schema = self.absent(name, release)
        if schema is not None:
            engine.attach_empty(name, schema)
        else:
            engine.attach(self.snapshot(name, release))

    def absent(self, name: str, release: Release | None) -> pa.Schema | None:
        """The schema of a table that no release names yet, because the lake has no file of its sources."""
        model = self.catalogue.table(name)
        if model is None or (release and name in release.versions):
            return None
        if release and not name.startswith("gold.") and self.store.find(name) is not None:
            return None  # what no release names is read as it is
        return model.doc.schema

    def query(self, sql: str, *, at: str | int | None = None) -> Rows:
        """The rows of a read-only SELECT on bronze, silver, gold and ops.

        Args:
            sql: One SELECT.
            at: Number or time of a release; else the newest. Tables that no release names, such as bronze, are read
                as they were when that release was published.

        Raises:
            QueryError: It is not one SELECT, or fails.
            UnknownNameError: A table was not there at that time.
            StorageError: Files of that time are not there any more.
        """
        release = self.release(at)
        engine = self.engine()
        try:
            require_one_select(sql)
            wanted = named_tables(sql)
            absent = self._unused(wanted, release)
            for name, schema in absent.items():
                engine.attach_empty(name, schema)
            names = self._readable(wanted, release, absent)
            if at is None or release is None:
                snapshots = {name: self.snapshot(name, release) for name in names}
            else:
                snapshots = self._as_of(names, release, is_named=wanted is not None)
            return Rows(run_query(engine, sql, snapshots, self.path), about=About(self, sql=sql))
        finally:
            engine.close()

    def sql(self, sql: str, *, at: str | int | None = None) -> Rows:
        """The same as `query`, by the name that data frames have for it."""
        return self.query(sql, at=at)

    def table(
        self, name: str, *, columns: Sequence[str] | None = None, limit: int | None = None, at: str | int | None = None
    ) -> Rows:
        """The rows of a table, as readers see it; they are held in memory.

        Args:
            name: For example `gold.dim_users`.
            columns: Only these.
            limit: Rows at the most.
            at: As of `query`.

        Raises:
            UnknownNameError: There is no such table.
            QueryError: It has no such column.
        """
        layer, _, table = name.partition(".")
        wanted = ", ".join(map(quote, columns)) if columns else "*"
        rest = "" if limit is None else f" limit {int(limit)}"
        return self.query(f"select {wanted} from {quote(layer)}.{quote(table)}{rest}", at=at)

    def trace(self, table: str, keys: Mapping[str, object], *, limit: int = 10, show_pii: bool = False) -> Trace:
        """A row with what is behind it, down to the raw row and its file; or a raw row with its fate.

        Args:
            table: For example `gold.fact_events`, `bronze.click_events`.
            keys: The row's columns and their values.
            limit: Rows at the most, of each kind.
            show_pii: Whether personal data is shown, which is masked otherwise.

        Raises:
            UnknownNameError: There is no such table or column.
            ClicklakeError: There is no such row.
        """
        from clicklake.trace.trace import trace

        return trace(self, table, {name: str(value) for name, value in keys.items()}, limit=limit, show_pii=show_pii)

    @cached_property
    def lineage(self) -> Lineage:
        """What each column comes from: `lake.lineage.inputs("gold.dim_users")`; no data is needed."""
        from clicklake.lineage.graph import Lineage

        return Lineage(self.catalogue)

    def _as_of(self, names: Sequence[str], release: Release, *, is_named: bool) -> dict[str, Snapshot]:
        """Tables as of an older release.

        Args:
            names: The tables.
            release: The release.
            is_named: Whether the query names them; where it may mean any, those that were not there are left out.
        """
        found = {}
        for name in names:
            try:
                version = release.versions.get(name)
                if version is None and name.startswith("gold."):
                    raise UnknownNameError(f"{name} is not part of release {release.release_id}")
                if version is None:
                    version = log.version_at(self.store, name, release.released_at)
                snapshot = self.store.open(name, version)
            except UnknownNameError:
                if is_named:
                    raise
                continue
            if None in sizes(snapshot.place, list(snapshot.paths)).values():
                raise StorageError(
                    f"{name} as of release {release.release_id} can't be read any more: its files were vacuumed. "
                    "storage.file_retention_days says how long they are kept."
                )
            found[name] = snapshot
        return found

    def _unused(self, wanted: Sequence[str] | None, release: Release | None) -> dict[str, pa.Schema]:
        """Tables of sources that the lake has no file of, with their schemas; a query finds them empty."""
        if release is None:
            return {}
        known = [*self.catalogue.silver, *self.catalogue.gold]
        schemas = {name: self.absent(name, release) for name in known if wanted is None or name in wanted}
        return {name: schema for name, schema in schemas.items() if schema is not None}

    def _readable(
        self, wanted: Sequence[str] | None, release: Release | None, absent: Mapping[str, pa.Schema]
    ) -> list[str]:
        """Which tables a query gets: those that it names, or all; without those that are not there yet.

        Raises:
            UnknownNameError: It names a table of a layer that the lake doesn't have.
        """
        names = [name for name in self.store.names() if name not in absent and (release or name[:5] != "gold.")]
        if wanted is None:
            return names
        for name in wanted:
            if name.partition(".")[0] in ("bronze", "silver", "gold", "ops") and name not in (*names, *absent):
                known = ", ".join(names) or "none yet: run `clicklake run` first"
                raise UnknownNameError(f"there is no table {name} in the lake{closest(name, names)}. Tables: {known}")
        return [name for name in names if name in wanted]
