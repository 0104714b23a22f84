from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from clicklake.contracts.columns import Column
from clicklake.contracts.contract import Contract, SourceOptions
from clicklake.ingest import files
from clicklake.ingest.csv import read_csv
from clicklake.ingest.files import discover
from clicklake.ingest.ndjson import read_ndjson
from clicklake.ingest.parquet import read_parquet
from clicklake.ingest.reading import FileStats, text_schema

READERS = {"csv": read_csv, "ndjson": read_ndjson, "parquet": read_parquet}


@dataclass
class Outcome:
    """What came of a file: the good rows as tuples, their `extra`, the raw text of the corrupt ones."""

    rows: list[tuple[str | None, ...]]
    extra: list[str | None]
    corrupt: list[str]
    drift: dict[tuple[str, str, str], int]

    @property
    def records(self) -> int:
        return len(self.rows) + len(self.corrupt)


@pytest.fixture(scope="session")
def make_contract() -> Callable[..., Contract]:
    """A contract of columns, each a name or `name:type`."""

    def make(*columns: str, delimiter: str = ",") -> Contract:
        parts = [column.partition(":") for column in columns]
        return Contract(
            source="things",
            version="1.0.0",
            description="",
            file_format="csv",
            columns=tuple(Column(name, "", logical_type=kind or "string") for name, _, kind in parts),
            rules=(),
            options=SourceOptions(silverTable="silver.things", delimiter=delimiter),
            mapping="",
            freshness_hours=None,
            text="",
        )

    return make


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """Reads bytes or a file under a contract, in blocks of so many bytes; checks what holds for every file."""
    folder = tmp_path_factory.mktemp("read")

    def reads(data: bytes | Path, contract: Contract, name: str = "x.csv", block: int = files.BLOCK) -> Outcome:
        path = data if isinstance(data, Path) else folder / name
        if isinstance(data, bytes):
            path.write_bytes(data)
        (file,) = discover([str(path)], "csv")
        stats, schema = FileStats(), text_schema(contract)
        with patch.object(files, "BLOCK", block):
            batches = list(READERS[file.format](file, contract, stats))
        for batch in batches:
            assert batch.schema == schema
            batch.validate(full=True)
        found = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
        corrupt = [row for row in found if row[-1] is not None]
        assert all(value is None for row in corrupt for value in row[:-1])
        assert (stats.records, stats.corrupt) == (len(found), len(corrupt))
        good = [row for row in found if row[-1] is None]
        return Outcome(
            [row[:-2] for row in good], [row[-2] for row in good], [row[-1] for row in corrupt], dict(stats.drift)
        )

    return reads
