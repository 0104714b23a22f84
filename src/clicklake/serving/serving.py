"""Following the newest release, and answering from it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import date
from typing import TYPE_CHECKING, Any

from clicklake.build.release import Release
from clicklake.contracts.model import Report
from clicklake.errors import ClicklakeError, NothingYetError
from clicklake.reports.filters import Filtering
from clicklake.reports.run import report_tables
from clicklake.rows import Rows
from clicklake.serving.generation import Generation
from clicklake.serving.kept import Kept

if TYPE_CHECKING:
    from clicklake.lake import Lake

logger = logging.getLogger("clicklake")

_SECONDS = 1.0
"""Between two looks for a new release."""
_KEPT_BYTES = 64 << 20


class Serving:
    """Reads a lake for many: threads may share it.

    A reader keeps the release that it began with; a new release is there at once and whole for those who come after.

    Args:
        lake: The lake.
        kept_bytes: Results of reports that are kept, together.
        seconds: After so many the query of a report is stopped; never where None.
    """

    def __init__(self, lake: Lake, *, kept_bytes: int = _KEPT_BYTES, seconds: float | None = None) -> None:
        self.lake = lake
        self.seconds = seconds
        self.kept: Kept[Rows] = Kept(kept_bytes, lambda rows: int(rows.table.nbytes) + 512)
        self._reads: dict[Hashable, list[str]] = {}
        self._now: Generation | None = None
        self._next_look = 0.0
        self._looking, self._lock = threading.Lock(), threading.Lock()

    @property
    def release(self) -> Release | None:
        """The newest release, at most a second old; None where nothing was published yet."""
        self.look()
        return self.known

    @property
    def known(self) -> Release | None:
        """The release that the last look has found."""
        now = self._now
        return now.release if now else None

    @property
    def is_idle(self) -> bool:
        """Whether nobody reads the newest release now."""
        now = self._now
        return now is None or now.readers == 0

    def look(self) -> None:
        """See whether there is a newer release, unless somebody has looked within the last second.

        Raises:
            StorageError: The lake can't be read, and nothing of it is known yet.
        """
        if time.monotonic() < self._next_look:
            return
        with_answer = self._now is not None  # others go on with what there is
        if not self._looking.acquire(blocking=not with_answer):
            return
        try:
            if time.monotonic() >= self._next_look:
                self._follow()
                self._next_look = time.monotonic() + _SECONDS
        except ClicklakeError as error:
            if self._now is None:
                raise
            self._next_look = time.monotonic() + _SECONDS
            logger.warning("still reading release %s: %s", self._now.release.release_id, error)
        finally:
            self._looking.release()

    def _follow(self) -> None:
        newest = self.lake.release()
        if newest is None or newest == self.known:
            return
        new = Generation(self.lake, newest)
        with self._lock:
            old, self._now = self._now, new
        if old:
            old.retire()

    @contextmanager
    def reading(self) -> Iterator[Generation]:
        """The newest release, which stays readable within.

        Raises:
            NothingYetError: Nothing was published yet.
        """
        self.look()
        with self._lock:
            generation = self._now
            if generation is None:
                raise NothingYetError(
                    f"the lake {self.lake.path} has published nothing yet: clicklake run click_events=PATH, "
                    "or clicklake demo"
                )
            generation.enter()
        try:
            yield generation
        finally:
            generation.leave()

    def report(
        self,
        name: str,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        as_of: date | str | None = None,
        limit: int | None = None,
        generation: Generation | None = None,
        **parameters: Any,  # noqa: ANN401 - as the report declares them
    ) -> Rows:
        """The rows of a report; kept for who asks the same of the same release. Arguments as of `Lake.report`.

        Args:
            name: The report.
            since: First day.
            until: Last day, included.
            as_of: The day that is taken for today.
            limit: Rows at the most.
            generation: What is read, by who is within `reading`; else the newest.
            **parameters: Values that the report declares.

        Raises:
            NothingYetError: Nothing was published yet.
            UnknownNameError: No such report.
            TookTooLongError: It took longer than `seconds`.
            FitError: The data is too small for the report's model.
        """
        report = self.lake.catalogue.report(name)
        days = tuple(None if day is None else str(day) for day in (since, until, as_of))
        given = tuple(sorted((key, _plain(value)) for key, value in parameters.items() if value is not None))
        arguments: dict[str, Any] = dict(given)
        with nullcontext(generation) if generation else self.reading() as generation:

            def make() -> Rows:
                # What a model is fitted to becomes tables of the engine, under names that are always the same.
                with generation.work if report.doc.fit else nullcontext(), generation.cursor(self.seconds) as engine:
                    return self.lake.report(
                        name,
                        since=since,
                        until=until,
                        as_of=as_of,
                        limit=limit,
                        engine=engine,
                        release=generation.release,
                        **arguments,
                    )

            versions = self.versions(report, generation.release, arguments)
            key = (generation.release.release_id, versions, name, report.sql, *days, limit, given)
            return self.kept.get_or_make(key, make)

    def versions(
        self, report: Report, release: Release | None, parameters: Mapping[str, object]
    ) -> tuple[Hashable, ...]:
        """What a report's rows change with beside the release: its filters, and tables that no release names.

        Args:
            report: The report.
            release: What is read.
            parameters: What is given to it; filters read tables of their own.

        Raises:
            UsageError: The report can't be restricted by such a filter.
        """
        filters = self.lake.catalogue.filters
        used = tuple((name, known.doc) for name, known in filters.items() if parameters.get(name) is not None)
        key = (report.name, report.sql, used)
        if key not in self._reads:
            known = Filtering(self.lake.catalogue, {name: "" for name, _ in used}, self.lake.parameters)
            self._reads[key] = report_tables(report, known)
        others = [name for name in self._reads[key] if release is None or name not in release.versions]
        found = ((name, self.lake.store.find(name)) for name in others)
        return used, *((name, snapshot.version if snapshot else None) for name, snapshot in found)

    def close(self) -> None:
        """Close the engine, once its last reader is done."""
        with self._lock:
            old, self._now = self._now, None
        if old:
            old.retire()


def _plain(value: Any) -> Hashable:  # noqa: ANN401 - what a report declares
    return tuple(value) if isinstance(value, list) else value
