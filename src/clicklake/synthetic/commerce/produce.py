"""Writing the commerce that belongs to clicks, stretch of time by stretch of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from types import TracebackType

import numpy as np

from clicklake.synthetic.commerce import faults, lines, master, orders, payments
from clicklake.synthetic.commerce.rows import CustomerRule, Delivery, OrderRule, PaymentRule, ProductRule, Rows
from clicklake.synthetic.commerce.shop import ORDER_STREAM, Shop
from clicklake.synthetic.commerce.truth import Business, TableTruth
from clicklake.synthetic.config import Compression
from clicklake.synthetic.events import Events, EventType, Ints, Outcome
from clicklake.synthetic.files import Files
from clicklake.synthetic.plan import Slice
from clicklake.synthetic.sources import Source

SOURCES = ("customers", "products", "orders", "payments")
BLOCK_ROWS = 100_000
"""Most rows of `orders` that are made at once, but for what the purchases of a slice bring."""

_PURCHASES_AT_ONCE = 5_000
_LINES_AT_ONCE = 2**15
_SUFFIXES = {Delivery.UPDATE: "updates", Delivery.LATE: "late"}


class Commerce:
    """The files of the shop's systems; a context that closes them.

    Args:
        directory: Gets a folder for each source.
        shop: The shop.
        compression: How files are compressed.
        progress: Called with the number of rows after each step.
    """

    def __init__(
        self, directory: Path, shop: Shop, compression: Compression | None, progress: Callable[[int], None]
    ) -> None:
        self._shop, self._progress = shop, progress
        self._stack = ExitStack()
        kinds = {
            "customers": (CustomerRule, lines.CUSTOMER_HEADER, lines.customer_lines),
            "products": (ProductRule, lines.PRODUCT_HEADER, lines.product_lines),
            "orders": (OrderRule, lines.ORDER_HEADER, lines.order_lines),
            "payments": (PaymentRule, lines.PAYMENT_HEADER, lines.payment_lines),
        }
        self._truths = {name: TableTruth(rules) for name, (rules, _, _) in kinds.items()}
        self._tables = {
            name: self._stack.enter_context(_Table(directory / name, compression, header, writer, shop))
            for name, (_, header, writer) in kinds.items()
        }
        self._business = Business(shop)
        self._waiting: _Stretch | None = None

    def __enter__(self) -> Commerce:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
        self._stack.close()
        for name, table in self._tables.items():
            self._truths[name].files, self._truths[name].bytes = table.files, table.bytes

    def write_master_data(self) -> None:
        """Write customers and products; orders come after, as they know who is a customer."""
        for rows in master.customers(self._shop):
            self._business.customers_loaded(self._write("customers", 0, rows))
        for rows in master.products(self._shop):
            self._business.products_loaded(self._write("products", 0, rows))

    def follow(self, source: Source, planned: Slice, events: Events, rows: int | None, part: int) -> None:
        """Take the purchases of a slice of clicks; orders and payments are written for many of them at once.

        Args:
            source: Whose slice it is.
            planned: The slice.
            events: What happened in it.
            rows: Rows of `orders` of all slices of the source; by default what the purchases bring.
            part: The file to write to, from 0.
        """
        bought = (events["type"] == EventType.PURCHASE) & (events["outcome"] == Outcome.SUCCESS)
        low, high = planned.shares
        target = None if rows is None else round(rows * high) - round(rows * low)
        stretch = _Stretch(source, planned.number, part, low, high, [events[bought]], target)
        if self._waiting and self._waiting.goes_on_with(stretch):
            self._waiting.add(stretch)
            return
        self._flush()
        self._waiting = stretch

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Give the truth of each source."""
        return {name: truth.as_dict() for name, truth in self._truths.items()}

    def totals(self) -> dict[str, object]:
        """Give what the sound rows add up to."""
        return self._business.as_dict()

    def _flush(self) -> None:
        """Write the orders of the purchases that wait."""
        stretch, self._waiting = self._waiting, None
        if stretch is None or not (stretch.purchases or stretch.target):
            return
        blocks = max(1, ceil((stretch.target or 0) / BLOCK_ROWS))
        edges = np.linspace(stretch.low, stretch.high, blocks + 1)
        purchases = np.concatenate(stretch.events)
        purchases = purchases[np.argsort(purchases["time"], kind="stable")]
        config, target = self._shop.config, stretch.target
        for block, some in enumerate(np.array_split(purchases, blocks)):
            stream = stretch.source.stream
            seed = [config.seed, ORDER_STREAM, stream, config.start.toordinal(), stretch.number, block]
            rng = np.random.default_rng(seed)
            share = None if target is None else target * (block + 1) // blocks - target * block // blocks

            def times(count: int, at: int = block, rng: np.random.Generator = rng) -> Ints:
                return stretch.source.rhythm.seconds(rng.uniform(edges[at], edges[at + 1], count))

            self._make_block(some, share, times, stretch.part, rng)

    def _make_block(
        self,
        purchases: Events,
        target: int | None,
        times: Callable[[int], Ints],
        part: int,
        rng: np.random.Generator,
    ) -> None:
        shop, commerce = self._shop, self._shop.commerce
        copies = 0 if target is None else round(target * commerce.duplicate_share)
        made = orders.make_orders(purchases, None if target is None else target - copies, times, shop, rng)
        rows = orders.make_rows(made, shop, rng)
        orders.spoil(rows, round(len(rows) * commerce.faulty_share), shop, rng)
        copies = copies if target is not None else round(len(rows) * commerce.duplicate_share)
        loaded = self._write("orders", part, faults.deliver(rows, copies, commerce, rng))
        known = self._business.orders_loaded(loaded, self._truths["orders"], made.number[made.tracked])
        paid = payments.make_payments(made, shop, rng)
        payments.spoil(paid, round(len(paid) * commerce.faulty_share), shop, rng)
        copies = round(len(paid) * commerce.duplicate_share)
        loaded = self._write("payments", part, faults.deliver(paid, copies, commerce, rng))
        self._business.payments_loaded(loaded, self._truths["payments"], known)

    def _write(self, name: str, part: int, rows: Rows) -> Rows:
        self._tables[name].write(part, rows)
        self._progress(len(rows))
        return self._truths[name].written(rows)


@dataclass
class _Stretch:
    """Purchases of slices that follow each other, whose orders are made at once.

    Args:
        source: Their source.
        number: The number of the first slice.
        part: The file that their orders go to.
        low: The share of the source's visits at the begin.
        high: The one at the end.
        events: The purchases.
        target: How many rows of `orders` go with them, where that was asked for.
    """

    source: Source
    number: int
    part: int
    low: float
    high: float
    events: list[Events]
    target: int | None

    @property
    def purchases(self) -> int:
        """Their number."""
        return sum(map(len, self.events))

    def goes_on_with(self, other: _Stretch) -> bool:
        """Whether another stretch can be made with this one."""
        return self.source is other.source and self.part == other.part and self.purchases < _PURCHASES_AT_ONCE

    def add(self, other: _Stretch) -> None:
        """Make another stretch with this one."""
        self.high = other.high
        self.events += other.events
        self.target = None if self.target is None else self.target + (other.target or 0)


class _Table:
    """The files of one source: parts, status updates, and what comes late.

    Args:
        directory: Its folder.
        compression: How files are compressed.
        header: Their first line.
        writer: Writes rows.
        shop: The shop.
    """

    def __init__(
        self,
        directory: Path,
        compression: Compression | None,
        header: bytes,
        writer: Callable[[Rows, Shop], bytes],
        shop: Shop,
    ) -> None:
        self._directory, self._writer, self._shop = directory, writer, shop
        self._open = {delivery: Files(compression, header) for delivery in Delivery}

    def __enter__(self) -> _Table:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for files in self._open.values():
            files.__exit__(kind, error, trace)

    @property
    def files(self) -> int:
        """How many were written."""
        return sum(files.count for files in self._open.values())

    @property
    def bytes(self) -> int:
        """Their size, once they are closed."""
        return sum(files.bytes for files in self._open.values())

    def write(self, part: int, rows: Rows) -> None:
        """Write rows to the files in which they are delivered."""
        for delivery, files in self._open.items():
            path = self._directory / f"part-{_SUFFIXES.get(delivery, f'{part + 1:04d}')}.csv"
            some = rows[rows["delivery"] == delivery]
            if delivery == Delivery.ON_TIME and part < self._shop.config.files:
                files.write(path, b"")
            for piece in _pieces(some):
                files.write(path, self._writer(piece, self._shop))


def _pieces(rows: Rows) -> Iterable[Rows]:
    return (rows[first : first + _LINES_AT_ONCE] for first in range(0, len(rows), _LINES_AT_ONCE))
