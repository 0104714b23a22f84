"""A lake's figures for Prometheus: what its tables, runs and sources say, and how a server answers."""

from __future__ import annotations

from clicklake.errors import MissingExtraError

try:
    import prometheus_client  # noqa: F401 - the modules below need it; the check is for the message
except ImportError as error:
    raise MissingExtraError("metrics need prometheus-client", "api") from error

from clicklake.metrics.collector import LakeMetrics, exposition
from clicklake.metrics.http import HttpMetrics

__all__ = ["HttpMetrics", "LakeMetrics", "exposition"]
