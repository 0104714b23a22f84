"""What an engine does for a lake; the one in process and the distributed one do the same.

Statements are in DuckDB's dialect. Relations are named `layer.table`, or `work.<name>` for what a run makes on its
way; an engine that has no such names spells them in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from clicklake.engines.ranges import Ranges
from clicklake.engines.usage import Usage
from clicklake.storage import Snapshot, Store, Written

T = TypeVar("T")
R = TypeVar("R")

NO_VERSION = -1
"""What `attached` says of a table that was attached without rows."""

Parameters = Sequence[object] | Mapping[str, object]
"""Values of `?` or `$name` in a statement."""


class Engine(Protocol):
    """Runs SQL on the tables of a lake.

    Attributes:
        reporting_timezone: The zone of `reporting_time`.
        is_distributed: Whether rows are worked on elsewhere: then what grows with the input must not come here.
        attached: Versions of the tables that are known, by their names.
        checked: SQL that was found to run.
        spill: Folder for what is needed for a moment, on this machine.
    """

    reporting_timezone: str
    is_distributed: bool
    attached: dict[str, int]
    checked: set[tuple[str, ...]]
    spill: Any

    def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run a statement whose result doesn't matter, such as `create or replace table work.x as ...`."""

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a small result; timestamps naive, UTC."""

    def value(self, sql: str, parameters: Parameters = ()) -> Any:  # noqa: ANN401
        """The only value of a result."""

    def table(self, sql: str) -> pa.Table:
        """A result as an Arrow table; timestamps naive, UTC."""

    def stream(self, sql: str, schema: pa.Schema | None = None, batch: int = ...) -> pa.RecordBatchReader:
        """A result as a stream of Arrow batches; the engine is busy until it is read.

        Args:
            sql: A query.
            schema: What the batches are made to conform to; columns are taken by name.
            batch: Rows in a batch.
        """

    def write(
        self,
        store: Store,
        snapshot: Snapshot,
        queries: Sequence[str],
        *,
        file_rows: int | None = None,
        is_ordered: bool = False,
    ) -> Written:
        """The rows of queries as new files of a table, which no commit names yet.

        Args:
            store: Where the table is.
            snapshot: The table.
            queries: Their columns are taken by name.
            file_rows: Rows of a partition in a file, at the most.
            is_ordered: Whether the rows come in an order that queries look for: neighbours stay in one file.
        """

    def register(self, name: str, data: pa.Table) -> None:
        """Make a small Arrow table known under a name."""

    def unregister(self, name: str) -> None:
        """Forget what was registered."""

    def attach(self, snapshot: Snapshot, name: str | None = None, files: Sequence[str] | None = None) -> None:
        """Make a table's version known as a view.

        Args:
            snapshot: The version.
            name: Under another name than the table's.
            files: Only these of its files.
        """

    def attach_empty(self, name: str, schema: pa.Schema) -> None:
        """Make a table without rows known, for a table that is not there yet."""

    def scan(
        self,
        snapshot: Snapshot,
        files: Sequence[str] | None = None,
        *,
        filename: bool = False,
        ranges: Ranges | None = None,
    ) -> str:
        """SQL that reads a snapshot, timestamps naive, columns in the schema's order and types.

        Args:
            snapshot: The version.
            files: Only these of its files.
            filename: Whether a last column, `filename`, says in which of them a row lies.
            ranges: Only rows with these times.
        """

    def files_with(self, snapshot: Snapshot, condition: str) -> list[str]:
        """Paths, as `Snapshot.paths` names them, of the files that hold rows that fulfil a condition."""

    def make_each(self, name: str, query: str, over: str, *, keep: bool) -> None:
        """Make a relation by a query that looks at one row at a time, and may use every function of DuckDB.

        Args:
            name: The relation.
            query: Reads `over`, that once, and nothing else; a row makes a row or none.
            over: The relation that it reads.
            keep: Whether the rows are made once and kept until the relation is dropped; else each time they are read.
        """

    def lock(self, root: str) -> None:
        """Let nothing but the tables of a lake be read from now on, and nothing be changed; for good."""

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """The results of a function, in the order of the items; function, items and results are small plain data."""

    def spilled_bytes(self) -> int:
        """Bytes that did not fit into memory and lie on disk now."""

    def usage(self) -> Usage | None:
        """What executors have used up to now; None where there are none."""

    def interrupt(self) -> None:
        """Stop the running query."""

    def close(self) -> None:
        """Free everything."""
