"""Payments of orders: at once or late, whole or in two parts, failed at first or for good, or none at all."""

from __future__ import annotations

import numpy as np

from clicklake.synthetic.commerce import faults
from clicklake.synthetic.commerce.orders import Orders
from clicklake.synthetic.commerce.rows import PAYMENT, Delivery, Paid, PaymentRule, Rows
from clicklake.synthetic.commerce.shop import MADE_UP_SUFFIX, Shop
from clicklake.synthetic.commerce.words import words
from clicklake.synthetic.events import Floats, Ints, Mask
from clicklake.synthetic.rhythm import DAY, HOUR

_PARTS = 10
_FAILED_PART, _SECOND_PART = 8, 1
_NO_PAYMENT, _CANCELLED_WITH_PAYMENT = 0.01, 0.4
_FAILED_FIRST, _IN_TWO, _OTHER_AMOUNT = 0.08, 0.06, 0.008
_SOON, _LATE, _LATE_SHARE = (1, 600), (2 * DAY, 20 * DAY), 0.05
_PENDING, _CLEARING = 0.45, (HOUR, 4 * DAY)
_MADE_UP = 0.004
_NO_CURRENCY = 0.3
_RULES: dict[int, int] = {
    PaymentRule.MALFORMED_ROW: 1,
    PaymentRule.MISSING_PAYMENT_ID: 3,
    PaymentRule.MISSING_ORDER_ID: 3,
    PaymentRule.INVALID_AMOUNT: 5,
    PaymentRule.INVALID_AMOUNT | PaymentRule.MISSING_ORDER_ID: 1,
    PaymentRule.INVALID_PAYMENT_DATE: 3,
    PaymentRule.MISSING_STATUS: 1,
    PaymentRule.INVALID_UPDATED_AT: 1,
    PaymentRule.UNKNOWN_CURRENCY: 3,
}


def make_payments(orders: Orders, shop: Shop, rng: np.random.Generator) -> Rows:
    """Make the payments of orders in all their versions, each once and all of them sound."""
    cancelled = orders.exists[1] & orders.cancelled
    tried = rng.random(len(orders)) >= np.where(cancelled, 1 - _CANCELLED_WITH_PAYMENT, _NO_PAYMENT)
    when = orders.time + _delays(len(orders), rng)
    failed_first = tried & (cancelled | (rng.random(len(orders)) < _FAILED_FIRST))
    tried &= ~cancelled
    cents = orders.cents.copy()
    other = rng.random(len(orders)) < _OTHER_AMOUNT
    cents[other] += rng.integers(-min(99, int(cents.min(initial=99))), 500, int(other.sum()))
    in_two = tried & (cents > 1) & (rng.random(len(orders)) < _IN_TWO)
    first = np.where(in_two, cents * 6 // 10, cents)
    second_when = when + rng.integers(HOUR, 10 * DAY, len(orders))
    made_up = np.flatnonzero(rng.random(len(orders)) < _MADE_UP)
    parts = [
        _part(orders.number, when - 60, orders.cents, failed_first, _FAILED_PART),
        _part(orders.number, when, first, tried, 0),
        _part(orders.number, second_when, cents - first, in_two, _SECOND_PART),
        _part(shop.new_orders(len(made_up), MADE_UP_SUFFIX), when[made_up], cents[made_up], None, 0),
    ]
    parts[0]["status"] = Paid.FAILED
    parts[3]["no_order"] = True
    at = [np.flatnonzero(failed_first), np.flatnonzero(tried), np.flatnonzero(in_two), made_up]
    payments, of = np.concatenate(parts), np.concatenate(at)
    payments["method"] = rng.integers(0, len(words().methods), len(orders), dtype=np.uint8)[of]
    happened = payments["time"] < shop.end
    return _versions(payments[happened], of[happened], orders, shop, rng)


def spoil(rows: Rows, broken: int, shop: Shop, rng: np.random.Generator) -> None:
    """Break rules, and write some rows in other ways."""
    rows["currency"] = rng.random(len(rows)) >= _NO_CURRENCY
    faults.make_odd(rows, shop.commerce.odd_share, rng)
    faults.break_rules(rows, broken, _RULES, rng)


def _delays(count: int, rng: np.random.Generator) -> Ints:
    late = rng.random(count) < _LATE_SHARE
    return np.asarray(np.where(late, rng.integers(*_LATE, count), rng.integers(*_SOON, count)))


def _part(orders: Ints, times: Ints, cents: Ints | Floats, where: Mask | None, part: int) -> Rows:
    """One attempt of some orders."""
    chosen = np.arange(len(orders)) if where is None else np.flatnonzero(where)
    rows = np.zeros(len(chosen), PAYMENT)
    rows["order"], rows["time"], rows["cents"] = orders[chosen], times[chosen], cents[chosen]
    rows["payment"] = orders[chosen] * _PARTS + part
    rows["status"] = Paid.COMPLETED
    return rows


def _versions(payments: Rows, of: Ints, orders: Orders, shop: Shop, rng: np.random.Generator) -> Rows:
    """Add the versions: pending before it is completed, refunded when the whole order is."""
    payments["updated"] = payments["time"]
    done = payments["status"] == Paid.COMPLETED
    pending = done & (rng.random(len(payments)) < _PENDING)
    first = payments[pending]
    first["status"] = Paid.PENDING
    payments["updated"][pending] += rng.integers(*_CLEARING, int(pending.sum()))
    payments["delivery"][pending] = Delivery.UPDATE
    back = done & ~payments["no_order"] & orders.exists[2][of] & ~orders.one_back[of]
    refunds = payments[back]
    refunds["status"] = Paid.REFUNDED
    refunds["updated"] = np.maximum(orders.updated[2][of[back]], refunds["updated"] + 1)
    refunds["delivery"] = Delivery.UPDATE
    rows = np.concatenate([payments, first, refunds])
    return np.asarray(rows[rows["updated"] < shop.end])
