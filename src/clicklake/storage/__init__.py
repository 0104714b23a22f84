"""Delta tables: opening, reading at a version, and committing with marks."""

from clicklake.storage.changes import Changes, changes_since, compare
from clicklake.storage.commit import add_columns, commit
from clicklake.storage.parquet import constant, with_constants
from clicklake.storage.snapshot import Snapshot, TableSpec
from clicklake.storage.store import Store
from clicklake.storage.target import Target, Written

__all__ = [
    "Changes",
    "Snapshot",
    "Store",
    "TableSpec",
    "Target",
    "Written",
    "add_columns",
    "changes_since",
    "commit",
    "compare",
    "constant",
    "with_constants",
]
