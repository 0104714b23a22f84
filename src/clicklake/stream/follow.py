"""Silver and gold behind bronze: what `run` does behind its ingestion, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from clicklake.build.release import Release
from clicklake.errors import ClicklakeError, ConflictError
from clicklake.pipeline import Pipeline
from clicklake.stream.window import WindowRun

_TRIES = 10
_WAIT = 0.2


@dataclass
class Followed:
    """What one round did.

    Args:
        fates: How the counts of fates changed, by source.
        release: What was published; None where nothing changed.
        seconds: What it took.
    """

    fates: dict[str, dict[str, int]] = field(default_factory=dict)
    release: Release | None = None
    seconds: float = 0.0

    def count(self, fate: str) -> int:
        """Rows that got a fate, of all sources."""
        return sum(counts.get(fate, 0) for counts in self.fates.values())


@dataclass
class Follower:
    """Refines, builds, checks and publishes, in runs of some minutes.

    Args:
        begin: Makes the pipeline of a run.
        finish: Is given the pipeline at the end of its run.
        compact: Puts small files together behind a round.
        window_seconds: How long a run lasts.
    """

    begin: Callable[[WindowRun], Pipeline]
    finish: Callable[[Pipeline], None]
    compact: Callable[[Pipeline], None]
    window_seconds: float = 300.0
    _pipeline: Pipeline | None = None
    _until: float = 0.0

    @property
    def pipeline(self) -> Pipeline:
        """That of the current run, which is begun where there is none."""
        if self._pipeline is None:
            self._pipeline = self.begin(WindowRun("stream kafka"))
            self._until = time.monotonic() + self.window_seconds
        return self._pipeline

    def follow(self) -> Followed:
        """One round; another program that is faster is waited for.

        Raises:
            CheckFailedError: A check did not hold; nothing was published.
            ConflictError: Others were always faster.
        """
        begun = time.perf_counter()
        done = Followed()
        for left in reversed(range(_TRIES)):
            pipeline = self.pipeline
            try:
                for source, counts in pipeline.refine().items():
                    known = done.fates.setdefault(source, {})
                    for fate, rows in counts.items():
                        known[fate] = known.get(fate, 0) + rows
                done.release = pipeline.publish(pipeline.build())
                break
            except ConflictError:
                if not left:
                    raise
                time.sleep(_WAIT)
        done.seconds = time.perf_counter() - begun
        return done

    def tidy(self) -> None:
        """What may follow a round: small files are put together, and a run that is long enough ends."""
        if self._pipeline is not None:
            self.compact(self._pipeline)
            self._pipeline.store.touched.clear()
            if time.monotonic() >= self._until:
                self.close()

    def close(self, error: BaseException | None = None) -> None:
        """End the run at hand, and keep what it did in `ops.runs`."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return
        try:
            self.finish(pipeline)
        except ClicklakeError:
            if error is None:
                raise
        finally:
            pipeline.run.close(error)
            try:
                pipeline.record()
            finally:
                pipeline.engine.close()
