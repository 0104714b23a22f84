"""However the input is cut into files, and in whatever order and runs they come: the tables are those of one build."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from clicklake.lake import Lake

CLICK_COLUMNS = ("UserID", "SessionID", "Timestamp", "EventType", "ProductID", "Amount", "Outcome")
COLUMNS = {
    "click_events": CLICK_COLUMNS,
    "orders": (
        *("order_id", "line_id", "customer_id", "product_id", "order_date", "quantity", "unit_price"),
        *("discount", "net_amount", "status", "updated_at"),
    ),
    "customers": ("customer_id", "first_name", "city", "updated_at"),
    "products": ("product_id", "product_name", "cost", "updated_at"),
    "payments": ("payment_id", "order_id", "amount", "payment_date", "status", "updated_at"),
}
"""Of the sources that come as CSV, too."""

PROVENANCE = {"event_id", "row_id", "ingestion_timestamp", "ingestion_date", "source_file"}
DAYS = ("2025-01-01", "2025-01-02", "2024-08-31", "2024-12-31")
"""Two of them are late by months when they come last."""

TIMES = st.builds(
    lambda day, clock, form: form.format(day=day, clock=clock),
    st.sampled_from(DAYS),
    st.sampled_from(("10:00:00", "10:00:01", "23:59:59")),
    st.sampled_from(("{day} {clock}", "{day}T{clock}Z")),
)
USERS = st.sampled_from(("u1", "u2", " u1 ", "u3", ""))
TYPES = st.sampled_from(("page_view", "product_view", "add_to_cart", "purchase", "Page View", ""))
PRODUCTS = st.sampled_from(("", "p1", "p2"))
AMOUNTS = st.sampled_from(("", "1.00", "1", "2.005", "-1", "many"))
OUTCOMES = st.sampled_from(("", "success", "failure"))


@dataclass(frozen=True)
class Record:
    """One record of one source: its fields, or a line that is none."""

    source: str
    fields: tuple[tuple[str, Any], ...] | None
    line: str = ""

    def as_json(self) -> str:
        return self.line if self.fields is None else json.dumps(dict(self.fields))

    def as_csv(self) -> str:
        if self.fields is None:
            return self.line
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow([dict(self.fields)[name] for name in COLUMNS[self.source]])
        return out.getvalue()


def _click(*values: str) -> Record:
    return Record("click_events", tuple(zip(CLICK_COLUMNS, values, strict=True)))


def _web(
    user: str, session: str, kind: str, time: str, device: str | None, page: str | None, metadata: dict[str, str | None]
) -> Record:
    given = {name: value for name, value in sorted(metadata.items()) if value is not None}
    names = ("user_id", "session_id", "event_type", "event_timestamp", "device_type", "page_url", "metadata")
    return Record(
        "web_events", tuple(zip(names, (user, session, kind, time, device, page, _Frozen(given)), strict=True))
    )


class _Frozen(dict[str, str]):
    """A dictionary that can stand in a record."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


SESSIONS = st.sampled_from(("", "s1", "s2"))
CLICKS = st.builds(_click, USERS, SESSIONS, TIMES, TYPES, PRODUCTS, AMOUNTS, OUTCOMES)
WEB = st.builds(
    _web,
    USERS,
    SESSIONS,
    TYPES,
    TIMES,
    st.sampled_from((None, "desktop", "mobile")),
    st.sampled_from((None, "/a", "/b")),
    st.fixed_dictionaries(
        {
            "event_id": st.sampled_from((None, "e1", "e2", "e3")),  # few: most are corrections of another
            "product_id": st.sampled_from((None, "p1")),
            "amount": st.sampled_from((None, "1", "3.50")),
            "order_id": st.sampled_from((None, "o1")),
        }
    ),
)
# Good events of two ids: nearly always corrections of one another.
CORRECTIONS = st.builds(
    _web,
    st.sampled_from(("u1", "u2")),
    SESSIONS,
    st.just("purchase"),
    TIMES,
    st.just("mobile"),
    st.sampled_from((None, "/a", "/b")),
    st.fixed_dictionaries(
        {
            "event_id": st.sampled_from(("e1", "e4")),
            "product_id": st.just("p1"),
            "amount": st.sampled_from(("1", "3.50")),
            "order_id": st.sampled_from((None, "o1")),
        }
    ),
)
NONE_AT_ALL = st.sampled_from([Record("click_events", None, "one,two"), Record("web_events", None, "{not json")])


def _of(source: str, **fields: Sequence[str]) -> st.SearchStrategy[Record]:
    """Records of a source, each field one of a few."""
    values = st.tuples(*(st.sampled_from(fields[name]) for name in COLUMNS[source]))
    return values.map(lambda drawn: Record(source, tuple(zip(COLUMNS[source], drawn, strict=True))))


# Few ids and times: most records are versions of another, ties, or name a parent that comes later or never.
VERSIONS = ("", "2025-01-01 10:00:00", "2025-01-02 10:00:00", "2025-01-03", "2024-12-31 09:30:00.5")
ORDERS = _of(
    "orders",
    order_id=("o1", "o2", "o3"),
    line_id=("", "l1", "l2"),
    customer_id=("", "c1", "c1", "c2", "c3"),
    product_id=("p1", "p2", "p3"),
    order_date=("2025-01-01 10:00:00", "2025-01-02", "2024-12-31 23:30:00", "2025-01-02 09:59:59", "never"),
    quantity=("1", "3", "-1"),
    unit_price=("10.00", "3.335"),
    discount=("", "0.50"),
    net_amount=("", "9.99"),
    status=("shipped", "refunded", "cancelled", "pending"),
    updated_at=VERSIONS,
)
CUSTOMERS = _of(
    "customers",
    customer_id=("c1", "c1", "c2", ""),
    first_name=("Ann", "Bob"),
    city=("Rome", "Oslo", ""),
    updated_at=VERSIONS,
)
PRODUCTS_OF_CATALOGUE = _of(
    "products", product_id=("p1", "p2"), product_name=("Cup", "Pot"), cost=("", "4", "5.005"), updated_at=VERSIONS
)
PAYMENTS = _of(
    "payments",
    payment_id=("y1", "y2"),
    order_id=("o1", "o9"),
    amount=("10", "12.50", "none"),
    payment_date=("2025-02-01 10:00:00", "2025-02-02"),
    status=("paid", "refunded", "pending"),
    updated_at=VERSIONS,
)
COMMERCE = st.one_of(ORDERS, ORDERS, ORDERS, CUSTOMERS, CUSTOMERS, PRODUCTS_OF_CATALOGUE, PAYMENTS, CLICKS)
RECORD = st.one_of(CLICKS, CLICKS, WEB, CORRECTIONS, CORRECTIONS, NONE_AT_ALL)


@dataclass(frozen=True)
class Arrival:
    """A file, and what is done once it is there."""

    source: str
    records: tuple[Record, ...]
    form: str
    then: str


@st.composite
def arrivals(draw: st.DrawFn, records: Sequence[Record]) -> list[Arrival]:
    """The records in another order, some of them twice, cut into files."""
    again = draw(st.lists(st.sampled_from([*records]), max_size=3))
    shuffled = draw(st.permutations([*records, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(shuffled) - 1)), max_size=2)))
    parts = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    found = []
    for part in parts:
        for source in draw(st.permutations(sorted({record.source for record in part}))):
            mine = tuple(record for record in part if record.source == source)
            form = draw(st.sampled_from(("csv", "ndjson"))) if source in COLUMNS else "ndjson"
            then = draw(st.sampled_from(("nothing", "nothing", "nothing", "refine", "run")))
            found.append(Arrival(source, mine, form, then))
    return found


def _write(folder: Path, arrival: Arrival, number: int) -> Path:
    if arrival.form == "csv":
        lines = [",".join(COLUMNS[arrival.source]), *[record.as_csv() for record in arrival.records]]
    else:
        lines = [record.as_json() for record in arrival.records]
    # A line of spaces is no record; with its number no two files are the same.
    file = folder / f"{number}.{arrival.form}"
    file.write_text("\n".join(lines) + "\n" + " " * number + "\n", encoding="utf-8")
    return file


def _content(lake: Lake) -> dict[str, Counter[str]]:
    """Rows without provenance.

    Of the quarantine the kinds of rows: a raw row looks like its file's format, and one that came twice is there twice.
    """
    found = {}
    for log in sorted(Path(lake.path).glob("*/*/_delta_log")):
        name = f"{log.parent.parent.name}.{log.parent.name}"
        if not name.startswith(("silver.", "gold.")):
            continue
        table = DeltaTable(str(log.parent)).to_pyarrow_table()
        if name == "silver.quarantine":
            found[name] = Counter({f"{r['source']} {r['status']} {sorted(r['reasons'])}" for r in table.to_pylist()})
            continue
        found[name] = Counter(
            map(str, table.drop_columns([c for c in table.column_names if c in PROVENANCE]).to_pylist())
        )
    return found


def _assert_balanced(lake: Lake) -> None:
    ledger = DeltaTable(f"{lake.path}/ops/ledger").to_pyarrow_table().to_pylist()
    for source in {row["source"] for row in ledger}:
        mine = [row for row in ledger if row["source"] == source]
        bronze = DeltaTable(f"{lake.path}/bronze/{source}").to_pyarrow_table().num_rows
        fates = ("loaded", "duplicates", "quarantined", "withdrawn", "erased")
        assert sum(row["rows_ingested"] for row in mine) == bronze
        assert sum(row[fate] for row in mine for fate in fates) == bronze


def _lake(folder: Path) -> Lake:
    return Lake(folder, overrides={"duckdb.threads": 1})


def _built_at_once(folder: Path, records: Sequence[Record]) -> Lake:
    """One file a source, one run."""
    lake = _lake(folder / "whole")
    sources = {}
    for number, source in enumerate(sorted({record.source for record in records})):
        mine = tuple(record for record in records if record.source == source)
        form = "csv" if source in COLUMNS else "ndjson"
        sources[source] = _write(folder, Arrival(source, mine, form, ""), number)
    lake.run(sources)
    return lake


def _arrived_bit_by_bit(folder: Path, coming: Sequence[Arrival]) -> Lake:
    lake = _lake(folder / "parts")
    for number, arrival in enumerate(coming, 10):
        file = _write(folder, arrival, number)
        if arrival.then == "run":
            lake.run({arrival.source: file})
            continue
        lake.ingest(arrival.source, file)
        if arrival.then == "refine":
            lake.refine()
    lake.run({})
    return lake


def _examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many inputs; shrinking would build hundreds of lakes, and the inputs are small as they are."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )


@_examples(10)
@given(records=st.lists(RECORD, min_size=6, max_size=20), data=st.data())
def test_the_order_of_arrival_does_not_matter(records: list[Record], data: st.DataObject) -> None:
    _check(records, data.draw(arrivals(records), label="arrivals"))


@pytest.mark.slow
@_examples(60)
@given(records=st.lists(RECORD, min_size=10, max_size=50), data=st.data())
def test_the_order_of_arrival_of_many_records_does_not_matter(records: list[Record], data: st.DataObject) -> None:
    _check(records, data.draw(arrivals(records), label="arrivals"))


@_examples(6)
@given(records=st.lists(COMMERCE, min_size=8, max_size=24), data=st.data())
def test_the_order_of_arrival_of_orders_does_not_matter(records: list[Record], data: st.DataObject) -> None:
    _check(records, data.draw(arrivals(records), label="arrivals"))


@pytest.mark.slow
@_examples(40)
@given(records=st.lists(COMMERCE, min_size=12, max_size=60), data=st.data())
def test_the_order_of_arrival_of_many_orders_does_not_matter(records: list[Record], data: st.DataObject) -> None:
    _check(records, data.draw(arrivals(records), label="arrivals"))


def _check(records: Sequence[Record], coming: Sequence[Arrival]) -> None:
    event(f"{len(coming)} files")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, parts = _built_at_once(folder, records), _arrived_bit_by_bit(folder, coming)
        expected, found = _content(whole), _content(parts)
        for table in expected:
            assert found[table] == expected[table], table
        _assert_balanced(whole)
        _assert_balanced(parts)
