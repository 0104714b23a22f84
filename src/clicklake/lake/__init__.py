"""Lake: what the command line, notebooks and schedulers call."""

from __future__ import annotations

from clicklake.lake.keeping import KeepingLake
from clicklake.lake.reporting import ReportingLake
from clicklake.lake.restating import RestatedResult, RestatingLake
from clicklake.lake.running import RunResult
from clicklake.lake.streaming import StreamingLake

__all__ = ["Lake", "RestatedResult", "RunResult"]


class Lake(RestatingLake, StreamingLake, ReportingLake, KeepingLake):
    """A lake: bronze, silver and gold Delta tables under one root.

    Args:
        lake: Folder or URL; else the settings', else `./lake`.
        config: Settings file; else `clicklake.yaml` here or above.
        profile: Profile of the settings.
        overrides: Settings by dotted key, such as `duckdb.memory_limit`.

    Raises:
        ConfigError: A setting is wrong.
        FormatVersionError: The lake was written by a newer program.
    """

    def __repr__(self) -> str:
        return f"Lake({self.path!r})"

    def _repr_html_(self) -> str:
        from clicklake.notebook.lake import lake_or_problem

        return lake_or_problem(self)
