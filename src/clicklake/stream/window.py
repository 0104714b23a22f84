"""Many small rounds as one run: `ops.runs` has a row a stage for some minutes, not for each batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from clicklake.runs import Run, Stage

_SUMS = (
    *("seconds", "cpu_seconds", "rows_in", "rows_out", "rows_rejected", "rows_duplicate"),
    *("bytes_in", "bytes_out", "read_bytes", "written_bytes"),
)
_PEAKS = ("peak_memory_bytes", "spilled_bytes")


@dataclass
class WindowRun(Run):
    """A run whose stages come again and again, and are added up."""

    _merged: dict[tuple[str, str], Stage] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, target: str = "") -> Iterator[Stage]:
        """Measure a stage once more."""
        count = len(self.stages)
        try:
            with super().stage(name, target) as stage:
                yield stage
        finally:
            for stage in self.stages[count:]:
                self._merge(stage)
            del self.stages[count:]

    def _merge(self, stage: Stage) -> None:
        known = self._merged.setdefault((stage.stage, stage.target), stage)
        if known is stage:
            return
        for name in _SUMS:
            one, other = getattr(known, name), getattr(stage, name)
            if other is not None:
                setattr(known, name, round((one or 0) + other, 3))
        for name in _PEAKS:
            values = [value for value in (getattr(known, name), getattr(stage, name)) if value is not None]
            setattr(known, name, max(values) if values else None)
        known.finished_at, known.status = stage.finished_at, stage.status
        known.reason, known.nulls = stage.reason, None
        known.error = stage.error or known.error
        loaded, rejected = known.rows_out or 0, known.rows_rejected or 0
        if known.score is not None or stage.score is not None:
            known.score = 100.0 * loaded / (loaded + rejected) if loaded + rejected else None

    def close(self, error: BaseException | None = None) -> None:
        """End the run; its stages are the sums."""
        self.stages += self._merged.values()
        self._merged = {}
        super().close(error)
