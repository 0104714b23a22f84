"""Orders: those of the clicks' purchases, and those that no click tells of, with their lines and versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clicklake.synthetic.commerce import faults
from clicklake.synthetic.commerce.rows import NOTHING, ORDER, Delivery, OrderRule, Rows, Status
from clicklake.synthetic.commerce.shop import Shop, orders_of
from clicklake.synthetic.events import Events, Ints, Mask
from clicklake.synthetic.rhythm import DAY, HOUR

_NEVER_BOOKED = 0.01
_GUESTS = 0.005
_TRACKED_MORE_LINES = 0.08
_LINES = np.array([1] * 15 + [2] * 3 + [3] + [4])
_COMPANIONS = 0.35
_QUANTITIES = np.array([1] * 14 + [2] * 4 + [3] * 2)
_BULK, _BULK_QUANTITIES = 0.005, (12, 60)  # of the lines that no click tells of
_TRACKED_DISCOUNTS, _OTHER_DISCOUNTS = 0.06, 0.25
_DISCOUNT_PCT = np.array([5, 10, 10, 15, 20])
_WAITING = 0.15
_WAIT, _BACK = (HOUR, 3 * DAY), (DAY, 25 * DAY)
_ONE_LINE_BACK = 0.5
_LINES_WITHOUT_NUMBER = 0.1
_NO_CURRENCY, _NO_NET = 0.3, 0.1
_UNKNOWN_STATUSES = 1 / 60  # of the rows with something odd
_RULES: dict[int, int] = {
    OrderRule.MALFORMED_ROW: 1,
    OrderRule.MISSING_ORDER_ID: 3,
    OrderRule.MISSING_ORDER_ID | OrderRule.INVALID_QUANTITY: 1,
    OrderRule.MISSING_PRODUCT_ID: 2,
    OrderRule.INVALID_ORDER_DATE: 3,
    OrderRule.INVALID_QUANTITY: 4,
    OrderRule.INVALID_UNIT_PRICE: 4,
    OrderRule.INVALID_DISCOUNT: 1,
    OrderRule.INVALID_NET_AMOUNT: 2,
    OrderRule.MISSING_STATUS: 1,
    OrderRule.INVALID_UPDATED_AT: 1,
    OrderRule.UNKNOWN_CURRENCY: 3,
}


@dataclass
class Orders:
    """Orders of a stretch of time, as columns of equal length.

    Args:
        number: Their numbers.
        customer: Who ordered; NOTHING for guests.
        time: When.
        product: The product of the first line.
        quantity: Its quantity; 0 where it is to be drawn.
        lines: Numbers of lines.
        tracked: Whether a click tells of it.
        exists: For each of its three versions (waiting, completed or cancelled, paid back) whether there is one.
        updated: When each version was written.
        cancelled: Whether the second version says so.
        one_back: Whether only the first line is paid back.
        cents: What is to be paid; filled with the lines.
    """

    number: Ints
    customer: Ints
    time: Ints
    product: Ints
    quantity: Ints
    lines: Ints
    tracked: Mask
    exists: Mask
    updated: Ints
    cancelled: Mask
    one_back: Mask
    cents: Ints

    def __len__(self) -> int:
        return len(self.number)

    @property
    def rows(self) -> Ints:
        """The number of rows that each brings."""
        early = self.lines * (self.exists[0].astype(np.int64) + self.exists[1])
        return np.asarray(early + np.where(self.one_back, 1, self.lines) * self.exists[2])

    def take(self, places: Ints | Mask) -> Orders:
        """Some of them."""
        columns = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Orders(**{name: column[..., places] for name, column in columns.items()})


def make_orders(
    purchases: Events, target: int | None, times: Callable[[int], Ints], shop: Shop, rng: np.random.Generator
) -> Orders:
    """Make the orders of a stretch of time.

    Args:
        purchases: Successful purchases of the clicks.
        target: How many rows the orders shall bring; by default as many as the lost clicks ask for.
        times: Draws times of orders without clicks.
        shop: The shop.
        rng: Makes all choices.
    """
    purchases = purchases[rng.random(len(purchases)) >= _NEVER_BOOKED]
    tracked = _tracked(purchases, shop, rng)
    if target is None:
        loss = shop.commerce.tracking_loss_share
        target = round(int(tracked.rows.sum()) / (1 - loss))
    if tracked.rows.sum() > target:
        shuffled = rng.permutation(len(tracked))
        tracked = tracked.take(np.sort(shuffled[np.cumsum(tracked.rows[shuffled]) <= target]))
    left = target - int(tracked.rows.sum())
    others = _untracked(left, times, shop, rng)
    sums = np.cumsum(others.rows)
    whole = int(np.searchsorted(sums, left, side="right"))
    left -= int(sums[whole - 1]) if whole else 0
    others = others.take(np.arange(whole + left))
    _cut_to_one_row(others, whole)
    orders = Orders(
        *(
            np.concatenate([getattr(tracked, name), getattr(others, name)], axis=-1)
            for name in Orders.__dataclass_fields__
        )
    )
    return orders.take(np.argsort(orders.time, kind="stable"))


def make_rows(orders: Orders, shop: Shop, rng: np.random.Generator) -> Rows:
    """Make the lines of orders in all their versions, each once and all of them sound; sum up what is to be paid."""
    lines = _lines(orders, shop, rng)
    at = np.repeat(np.arange(len(orders)), orders.lines)
    nets = lines["quantity"].astype(np.int64) * lines["unit"] - lines["discount"]
    orders.cents = np.bincount(at, nets, len(orders)).astype(np.int64)
    versions = []
    for version, exists in enumerate(orders.exists):
        wanted = exists[at]
        if version == Status.REFUNDED - 1:
            wanted &= (lines["line"] <= 1) | ~orders.one_back[at]
        rows = lines[wanted]
        of = at[wanted]
        rows["updated"] = orders.updated[version][of]
        if version == 0:
            rows["status"] = Status.PENDING
        elif version == 1:
            rows["status"] = np.where(orders.cancelled[of], Status.CANCELLED, Status.COMPLETED)
        else:
            rows["status"] = Status.REFUNDED
        is_first = orders.exists[:version, of].sum(axis=0) == 0
        rows["delivery"] = np.where(is_first, Delivery.ON_TIME, Delivery.UPDATE)
        versions.append(rows)
    return np.concatenate(versions)


def spoil(rows: Rows, broken: int, shop: Shop, rng: np.random.Generator) -> None:
    """Break rules, and write some rows in other ways."""
    rows["odd_status"] = rng.random(len(rows)) < shop.commerce.odd_share * _UNKNOWN_STATUSES
    rows["currency"] = rng.random(len(rows)) >= _NO_CURRENCY
    rows["net_given"] = rng.random(len(rows)) >= _NO_NET
    faults.make_odd(rows, shop.commerce.odd_share, rng)
    faults.break_rules(rows, broken, _RULES, rng)


def _tracked(purchases: Events, shop: Shop, rng: np.random.Generator) -> Orders:
    products = purchases["product"].astype(np.int64)
    return _orders(
        number=orders_of(purchases["session"], purchases["position"].astype(np.int64)),
        customer=purchases["user"].astype(np.int64),
        time=purchases["time"],
        product=products,
        quantity=purchases["cents"] // shop.world.prices[products],
        lines=1 + (rng.random(len(purchases)) < _TRACKED_MORE_LINES).astype(np.int64),
        is_tracked=True,
        shop=shop,
        rng=rng,
    )


def _untracked(count: int, times: Callable[[int], Ints], shop: Shop, rng: np.random.Generator) -> Orders:
    customers = shop.buyers.draw(count, rng) + 1
    customers[rng.random(count) < _GUESTS] = NOTHING
    return _orders(
        number=shop.new_orders(count),
        customer=customers,
        time=times(count),
        product=shop.world.wares(count, rng).astype(np.int64),
        quantity=np.zeros(count, np.int64),
        lines=rng.choice(_LINES, count),
        is_tracked=False,
        shop=shop,
        rng=rng,
    )


def _orders(
    *,
    number: Ints,
    customer: Ints,
    time: Ints,
    product: Ints,
    quantity: Ints,
    lines: Ints,
    is_tracked: bool,
    shop: Shop,
    rng: np.random.Generator,
) -> Orders:
    """Draw the fates of orders; what would come after the end of the period has not happened yet."""
    count, commerce = len(number), shop.commerce
    waits = rng.random(count) < _WAITING
    cancelled = waits & (rng.random(count) < min(1.0, commerce.cancelled_share / _WAITING))
    back = ~cancelled & (rng.random(count) < commerce.refunded_share)
    done = time + np.where(waits, rng.integers(*_WAIT, count), 0)
    updated = np.stack([time, done, done + rng.integers(*_BACK, count)])
    exists = np.stack([waits, np.ones(count, np.bool_), back]) & (updated < shop.end)
    return Orders(
        number=number,
        customer=customer,
        time=time,
        product=product,
        quantity=quantity,
        lines=lines,
        tracked=np.full(count, is_tracked),
        exists=exists,
        updated=updated,
        cancelled=cancelled,
        one_back=(lines > 1) & (rng.random(count) < _ONE_LINE_BACK),
        cents=np.zeros(count, np.int64),
    )


def _cut_to_one_row(orders: Orders, first: int) -> None:
    """Leave orders from a place on one line in one version."""
    orders.lines[first:] = 1
    orders.exists[:, first:] = np.array([[False], [True], [False]])
    orders.updated[1, first:] = orders.time[first:]
    orders.cancelled[first:] = orders.one_back[first:] = False


def _lines(orders: Orders, shop: Shop, rng: np.random.Generator) -> Rows:
    """Make the lines, once each."""
    at = np.repeat(np.arange(len(orders)), orders.lines)
    first = np.cumsum(orders.lines) - orders.lines
    lines = np.zeros(len(at), ORDER)
    place = np.arange(len(at)) - first[at]
    product = shop.world.wares(len(at), rng).astype(np.int64)
    related = rng.random(len(at)) < _COMPANIONS
    product[related] = shop.companions(orders.product[at[related]])
    product[first] = orders.product
    quantity = rng.choice(_QUANTITIES, len(at))
    bulk = ~orders.tracked[at] & (rng.random(len(at)) < _BULK)
    quantity[bulk] = rng.integers(*_BULK_QUANTITIES, int(bulk.sum()))
    quantity[first] = np.where(orders.quantity > 0, orders.quantity, quantity[first])
    unit = shop.world.prices[product]
    given = rng.random(len(at)) < np.where(orders.tracked[at], _TRACKED_DISCOUNTS, _OTHER_DISCOUNTS)
    lines["order"], lines["customer"], lines["time"] = orders.number[at], orders.customer[at], orders.time[at]
    lines["product"], lines["quantity"], lines["unit"] = product, quantity, unit
    lines["discount"] = np.where(given, quantity * unit * rng.choice(_DISCOUNT_PCT, len(at)) // 100, 0)
    unnumbered = (orders.lines == 1) & (rng.random(len(orders)) < _LINES_WITHOUT_NUMBER)
    lines["line"] = np.where(unnumbered[at], 0, place + 1)
    return lines
