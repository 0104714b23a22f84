"""What is true about generated commerce data: the numbers that a lake made from it must show."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from clicklake.synthetic.commerce.rows import Copy, DateFormat, Delivery, NumberFormat, Paid, Rows, Status
from clicklake.synthetic.commerce.shop import Shop
from clicklake.synthetic.events import Ints, Mask

_UNKNOWN = len(Status)


@dataclass
class TableTruth:
    """Counts of one file of commerce.

    Args:
        late: Rows in the file that comes behind all others; copies count.
        defects: Rows that are loaded although something is odd about them, by what it is.
    """

    rules: type[IntEnum]
    files: int = 0
    bytes: int = 0
    records: int = 0
    loaded: int = 0
    duplicates: int = 0
    quarantined: int = 0
    late: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    defects: dict[str, int] = field(default_factory=dict)

    def written(self, rows: Rows) -> Rows:
        """Count rows; give those that are loaded, each once."""
        is_copy, is_broken = rows["copy"] != Copy.ORIGINAL, rows["broken"] != 0
        self.records += len(rows)
        self.duplicates += int(is_copy.sum())
        self.quarantined += int(is_broken.sum())
        self.late += int((rows["delivery"] == Delivery.LATE).sum())
        for rule in self.rules:
            broken = int(np.count_nonzero(rows["broken"] & rule))
            self.reasons[rule.name.lower()] = self.reasons.get(rule.name.lower(), 0) + broken
        loaded: Rows = rows[~is_copy & ~is_broken]
        self.loaded += len(loaded)
        if {"time", "registered"} & set(rows.dtype.names or ()):
            self.found("date_in_another_format", loaded["dates"] >= DateFormat.SLASHES)
        return loaded

    def found(self, defect: str, where: Mask) -> None:
        """Count rows with something odd."""
        self.defects[defect] = self.defects.get(defect, 0) + int(where.sum())

    def as_dict(self) -> dict[str, object]:
        """Give the counts, with the reasons and defects that occur."""
        counts = ("files", "bytes", "records", "loaded", "duplicates", "quarantined")
        return {
            **{name: getattr(self, name) for name in counts},
            "reasons": {name: count for name, count in self.reasons.items() if count},
            "late": self.late,
            "defects": {name: count for name, count in self.defects.items() if count},
        }


class Business:
    """What the loaded rows add up to, by the newest version of each order line and payment.

    Args:
        shop: Knows who is a customer.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._known = np.zeros(shop.buyers.count + 1, np.bool_)
        self._in_catalogue = np.zeros(shop.world.products + 1, np.bool_)
        self._counts = dict.fromkeys(
            ("orders", "order_lines", "booked_lines", "tracked_orders", "payments", "settled_payments"), 0
        )
        self._cents = dict.fromkeys(("net_revenue", "refunded", "cancelled", "paid", "paid_back"), 0)

    def customers_loaded(self, rows: Rows) -> None:
        """Remember who is a customer."""
        self._known[rows["customer"]] = True

    def products_loaded(self, rows: Rows) -> None:
        """Remember what is in the catalogue."""
        self._in_catalogue[rows["product"]] = True

    def orders_loaded(self, rows: Rows, truth: TableTruth, tracked: Ints) -> Ints:
        """Count loaded order lines of whole orders.

        Args:
            rows: All loaded versions of them.
            truth: Gets the odd ones.
            tracked: Numbers of the orders that clicks tell of.

        Returns:
            The numbers of the orders.
        """
        guests = rows["customer"] < 0
        truth.found("without_customer", guests)
        truth.found("customer_not_in_file", ~guests & ~self._known[rows["customer"]])
        truth.found("product_not_in_file", ~self._in_catalogue[rows["product"]])
        truth.found("unknown_status", rows["odd_status"])
        truth.found("without_line_id", rows["line"] == 0)
        truth.found("amount_with_currency_sign", (rows["numbers"] & NumberFormat.DOLLAR) != 0)
        key = rows["order"] * 10 + rows["line"]
        newest = rows[_newest(key, rows["updated"])]
        net = newest["quantity"].astype(np.int64) * newest["unit"] - newest["discount"]
        status = np.where(newest["odd_status"], _UNKNOWN, newest["status"])
        booked = (status == Status.COMPLETED) | (status == Status.REFUNDED)
        orders = np.unique(newest["order"])
        self._add(
            orders=len(orders),
            order_lines=len(newest),
            booked_lines=int(booked.sum()),
            tracked_orders=int(np.isin(orders, tracked).sum()),
        )
        self._cents["net_revenue"] += int(net[booked].sum())
        self._cents["refunded"] += int(net[status == Status.REFUNDED].sum())
        self._cents["cancelled"] += int(net[status == Status.CANCELLED].sum())
        return orders

    def payments_loaded(self, rows: Rows, truth: TableTruth, orders: Ints) -> None:
        """Count loaded payments of whole orders.

        Args:
            rows: All loaded versions of them.
            truth: Gets the odd ones.
            orders: Numbers of the loaded orders.
        """
        truth.found("without_order", ~np.isin(rows["order"], orders))
        truth.found("amount_with_currency_sign", (rows["numbers"] & NumberFormat.DOLLAR) != 0)
        newest = rows[_newest(rows["payment"], rows["updated"])]
        settled = newest["status"] == Paid.COMPLETED
        self._add(payments=len(newest), settled_payments=int(settled.sum()))
        self._cents["paid"] += int(newest["cents"][settled].sum())
        self._cents["paid_back"] += int(newest["cents"][newest["status"] == Paid.REFUNDED].sum())

    def as_dict(self) -> dict[str, object]:
        """Give the counts; net_revenue is of booked lines, those that were paid back later included."""
        money = {name: f"{cents // 100}.{cents % 100:02d}" for name, cents in self._cents.items()}
        people = {"customers": int(self._known.sum()), "products": int(self._in_catalogue.sum())}
        return {**people, **self._counts, **money}

    def _add(self, **counts: int) -> None:
        for name, count in counts.items():
            self._counts[name] += count


def _newest(keys: Ints, updated: Ints) -> Ints:
    """Find the last version of each key."""
    order = np.lexsort((updated, keys))
    last = np.append(keys[order][1:] != keys[order][:-1], True) if len(keys) else np.zeros(0, np.bool_)
    return np.asarray(order[last])
