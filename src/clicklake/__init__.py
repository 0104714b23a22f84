"""clicklake: a clickstream and commerce lakehouse.

Example:
    >>> from clicklake import Lake
    >>> lake = Lake("lake")
    >>> lake.run(click_events="events.csv")
    >>> lake.report("top_products").to_pandas()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clicklake._version import __version__
from clicklake.errors import (
    CheckFailedError,
    ClicklakeError,
    ConfigError,
    ConflictError,
    ContractError,
    EngineError,
    FormatVersionError,
    InputError,
    QualityGateError,
    QueryError,
    StorageError,
    UnbalancedLedgerError,
    UnknownNameError,
    UsageError,
)

if TYPE_CHECKING:
    from clicklake.lake import Lake, RunResult
    from clicklake.rows import Rows

__all__ = [
    "CheckFailedError",
    "ClicklakeError",
    "ConfigError",
    "ConflictError",
    "ContractError",
    "EngineError",
    "FormatVersionError",
    "InputError",
    "Lake",
    "QualityGateError",
    "QueryError",
    "Rows",
    "RunResult",
    "StorageError",
    "UnbalancedLedgerError",
    "UnknownNameError",
    "UsageError",
    "__version__",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is asked for
    """Import what is heavy when it is first used: `clicklake --help` must not wait for engines."""
    if name in ("Lake", "RunResult"):
        from clicklake import lake

        return getattr(lake, name)
    if name == "Rows":
        from clicklake.rows import Rows

        return Rows
    raise AttributeError(f"module 'clicklake' has no attribute {name!r}")
