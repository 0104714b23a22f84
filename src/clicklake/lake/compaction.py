"""Small files are put together at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

from clicklake.errors import ClicklakeError
from clicklake.pipeline import RUNS, Pipeline
from clicklake.runs import logger
from clicklake.storage import Snapshot
from clicklake.storage.compact import Group, Policy, compact, tiers


def compact_after_run(pipeline: Pipeline, policy: Policy) -> None:
    """Put small files of the tables that a run wrote to together.

    What goes wrong here is a warning: the tables are right with many files too, and the next run tries again.
    """
    store = pipeline.store
    try:
        names = sorted({*store.touched, RUNS} & set(store.names()))  # the run itself is recorded behind this
        found = {name: (snapshot := store.open(name), tiers(snapshot, policy)) for name in names}
        for snapshot, groups in found.values():
            if groups:
                _compact(pipeline, snapshot, groups)
    except (ClicklakeError, OSError) as error:
        logger.warning("small files stay as they are: %s", error)


def _compact(pipeline: Pipeline, snapshot: Snapshot, groups: Sequence[Group]) -> None:
    with pipeline.run.stage("compact", snapshot.name) as stage:
        each = pipeline.engine.each if pipeline.engine.is_distributed else None
        done = compact(pipeline.store, snapshot, groups, each=each)
        stage.bytes_in, stage.bytes_out = done.rewritten, done.written
        pipeline.after(snapshot.name)
        if done.note:
            logger.info("%s keeps its small files: %s", snapshot.name, done.note)
