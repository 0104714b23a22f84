"""How a server answers: requests by route and status, and how long they take."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from clicklake.metrics.definitions import HTTP_REQUESTS, HTTP_SECONDS

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class HttpMetrics:
    """Counts and times requests; threads may share it.

    Args:
        registry: Where the metrics are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        # Times of creation would be as many series again, and nobody looks at them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        requests, seconds = HTTP_REQUESTS, HTTP_SECONDS
        self._requests = Counter(requests.name, requests.help, requests.labels, registry=registry)
        self._seconds = Histogram(seconds.name, seconds.help, seconds.labels, registry=registry, buckets=_BUCKETS)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note a request.

        Args:
            method: Such as GET.
            route: The path's pattern, such as `/v1/tables/{name}`, never the path itself: that would be a series each.
            status: The answer's.
            seconds: From the first byte to the last.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
