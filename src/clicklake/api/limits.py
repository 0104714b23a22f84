"""How often a caller may ask."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable

from clicklake.api.problems import ProblemError

_MOST_KNOWN = 10_000


class Limiter:
    """Requests of callers, each with a budget that fills up evenly; only the event loop may use it.

    Args:
        per_minute: Of each caller; 0: any number.
    """

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60
        self._most = max(per_minute / 10, 5.0) if per_minute >= 50 else float(per_minute)  # at once
        self._callers: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def left(self, caller: Hashable) -> float:
        """How many requests a caller may make now."""
        if not self._rate:
            return 1.0
        now = time.monotonic()
        budget, at = self._callers.get(caller, (self._most, now))
        return min(self._most, budget + (now - at) * self._rate)

    def take(self, caller: Hashable) -> None:
        """Note a request."""
        if not self._rate:
            return
        self._callers[caller] = (self.left(caller) - 1, time.monotonic())
        self._callers.move_to_end(caller)
        if len(self._callers) > _MOST_KNOWN:
            self._callers.popitem(last=False)

    def require(self, caller: Hashable) -> None:
        """Refuse a caller without budget.

        Raises:
            ProblemError: There is none left.
        """
        left = self.left(caller)
        if left < 1:
            seconds = max(1, round((1 - left) / self._rate + 0.5))
            raise ProblemError(
                429, "too-many-requests", f"too many requests; try again in {seconds} s", {"Retry-After": str(seconds)}
            )
