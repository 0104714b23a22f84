"""Delta tables: opening, reading at a version, and committing with marks."""

from clicklake.storage.commit import commit
from clicklake.storage.store import Snapshot, Store, TableSpec

__all__ = ["Snapshot", "Store", "TableSpec", "commit"]
