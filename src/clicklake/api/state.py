"""What all requests of a server share."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from clicklake.access import LOCAL, Access, Grants, Limits, Principal, query
from clicklake.api.audit import Audit
from clicklake.api.jobs import Jobs
from clicklake.api.limits import Limiter
from clicklake.api.work import Work
from clicklake.contracts.model import Report
from clicklake.metrics import HttpMetrics, LakeMetrics
from clicklake.rows import Rows
from clicklake.serving import Kept, Serving
from clicklake.setting_types import size_in_bytes

if TYPE_CHECKING:
    from clicklake.lake import Lake

Body = tuple[bytes, str | None]
"""An answer's bytes, and its note."""

_MEASURED_BYTES = 4 << 20
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class State:
    """A server's lake, and what it keeps of it.

    Args:
        lake: The lake; its settings say who may ask. Where they name no key and no token, everybody is `LOCAL`.
    """

    def __init__(self, lake: Lake) -> None:
        settings = self.settings = lake.settings.api
        self.lake = lake
        self.serving = Serving(lake, kept_bytes=size_in_bytes(settings.kept_bytes), seconds=settings.query_seconds)
        self.access = Access(lake)
        self.has_login = self.access.is_configured
        self.work = Work(settings.at_once, settings.waiting)
        self.limiter = Limiter(settings.requests_per_minute)
        self.failures = Limiter(settings.failures_per_minute)
        self.audit = Audit(lake.log_directory if settings.audit == "always" else None)
        self.body_bytes = size_in_bytes(settings.body_bytes)
        self.result_bytes = size_in_bytes(settings.result_bytes)
        self.host_names = frozenset({*_LOOPBACK, _in_url(settings.host), *settings.host_names})
        self.answers: Kept[Body] = Kept(size_in_bytes(settings.kept_bytes), lambda body: len(body[0]) + 512)
        self.registry = CollectorRegistry()
        self.registry.register(LakeMetrics(self.serving))
        self.http = HttpMetrics(self.registry)
        self.measured: Kept[dict[str, Any]] = Kept(_MEASURED_BYTES, lambda _: _MEASURED_BYTES // 4)
        self.jobs = Jobs(lake.given)
        self.followers = 0  # of runs, now
        self._instance = secrets.token_hex(8)  # codes of masked values are others after a restart
        self._reports: dict[str, Report] = {}
        self._allowed: set[tuple[object, ...]] = set()

    def authenticate(self, headers: Mapping[bytes, bytes]) -> Principal:
        """Who asks, by the headers of a request.

        Raises:
            UnauthorizedError: Nobody is known by them.
        """
        return self.access.authenticate(headers) if self.has_login else LOCAL

    def report(self, name: str) -> Report:
        """A report by its name, as its files were within the last second.

        Raises:
            UnknownNameError: There is none.
        """
        if name not in self._reports:
            self._reports[name] = self.lake.catalogue.report(name)
        return self._reports[name]

    def require_report(self, grants: Grants, report: Report, parameters: Mapping[str, str]) -> None:
        """Refuse a report that the caller may not see; what was allowed once is, as long as nothing changes.

        Raises:
            ForbiddenError: It may not.
        """
        key = (grants.principal.by, grants.principal.role, report.name, *sorted(parameters))
        if key not in self._allowed:
            grants.require_report(report, parameters)
            self._allowed.add(key)

    def query(self, grants: Grants, sql: str) -> Rows:
        """The rows of a query, as far as the caller may read, of the newest release.

        Raises:
            ForbiddenError: It reads or calls what it may not.
            QueryError: It is no single SELECT, or fails.
            TookTooLongError: It was stopped.
        """
        settings = self.settings
        limits = Limits(seconds=settings.query_seconds, rows=settings.result_rows, size=self.result_bytes)
        return query(self.lake, grants, sql, limits, self.serving.release)

    def warm(self) -> None:
        """Find out where the columns of all tables and reports come from: grants and masks go by that."""
        lineage = self.lake.lineage
        for name in lineage.tables:
            lineage.inputs(name)

    def look(self) -> None:
        """Follow the newest release, and reports whose files have changed."""
        self.serving.look()
        known = self.lake.catalogue
        if any(known.report(name) is not report for name, report in list(self._reports.items())):
            self._reports, self._allowed = {}, set()

    def etag(self, grants: Grants, *parts: object) -> str:
        """What tells an answer from others of the same address: the versions that it was made of, and for whom."""
        told = repr((self._instance, grants.principal.by, grants.principal.role, *parts))
        return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'

    def close(self) -> None:
        """Let go of everything."""
        self.work.close()
        self.serving.close()
        self.audit.close()


def _in_url(host: str) -> str:
    return f"[{host}]".lower() if ":" in host else host.lower()
