"""Customers and products: all of them once, and some in a second version."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clicklake.synthetic.commerce import faults
from clicklake.synthetic.commerce.rows import (
    CUSTOMER,
    PRODUCT,
    CustomerRule,
    Delivery,
    ProductRule,
    Rows,
)
from clicklake.synthetic.commerce.shop import MOVE_STREAM, PEOPLE_STREAM, WARE_STREAM, Shop
from clicklake.synthetic.commerce.words import words
from clicklake.synthetic.rhythm import DAY

BLOCK = 2**16
_REGISTERED_DAYS = 5 * 365
_EMAILS = np.array([0] * 90 + [1] * 3 + [2] * 4 + [3] * 1 + [4] * 2, np.uint8)
_HOUSES, _PHONES = 400, 10**7
_COST_PCT = (40, 75)
_CUSTOMER_RULES: dict[int, int] = {
    CustomerRule.MALFORMED_ROW: 1,
    CustomerRule.MISSING_CUSTOMER_ID: 3,
    CustomerRule.INVALID_REGISTRATION_DATE: 3,
}
_PRODUCT_RULES: dict[int, int] = {
    ProductRule.MALFORMED_ROW: 1,
    ProductRule.MISSING_PRODUCT_ID: 2,
    ProductRule.INVALID_PRICE: 4,
    ProductRule.INVALID_COST: 2,
}


def customers(shop: Shop) -> Iterator[Rows]:
    """Make the rows of `customers`, block by block."""
    for block, first in enumerate(range(1, shop.customers + 1, BLOCK)):
        numbers = np.arange(first, min(first + BLOCK, shop.customers + 1))
        rng = np.random.default_rng([shop.config.seed, PEOPLE_STREAM, block])
        people = _people(len(numbers), shop, rng)
        people["customer"] = numbers
        yield _rows(people[shop.is_customer(numbers)], block, shop, _CUSTOMER_RULES)


def products(shop: Shop) -> Iterator[Rows]:
    """Make the rows of `products`, block by block."""
    known = words()
    for block, first in enumerate(range(1, shop.world.products + 1, BLOCK)):
        numbers = np.arange(first, min(first + BLOCK, shop.world.products + 1))
        rng = np.random.default_rng([shop.config.seed, WARE_STREAM, block])
        wares = np.zeros(len(numbers), PRODUCT)
        wares["product"], wares["price"] = numbers, shop.world.prices[numbers]
        for name, table in (("look", known.looks), ("kind", known.kinds), ("brand", known.brands)):
            wares[name] = rng.integers(0, len(table), len(wares))
        wares["cost"] = wares["price"] * rng.integers(*_COST_PCT, len(wares)) // 100
        wares["updated"] = shop.known_since - rng.integers(1, _REGISTERED_DAYS * DAY, len(wares))
        yield _rows(wares[shop.is_in_catalogue(numbers)], -1 - block, shop, _PRODUCT_RULES)


def _people(count: int, shop: Shop, rng: np.random.Generator) -> Rows:
    """Draw who they are; that does not depend on the period."""
    known = words()
    people = np.zeros(count, CUSTOMER)
    people["first"] = rng.integers(0, len(known.first_names), count)
    people["last"] = rng.integers(0, len(known.last_names), count)
    people["email"] = rng.choice(_EMAILS, count)
    people["phone"] = rng.integers(0, _PHONES, count)
    people["segment"] = rng.integers(0, len(known.segments), count)
    people["country"] = rng.choice(len(known.country_shares), count, p=known.country_shares)
    people["registered"] = shop.known_since - rng.integers(1, _REGISTERED_DAYS * DAY, count)
    people["updated"] = people["registered"]
    _settle(people, rng)
    return people


def _settle(people: Rows, rng: np.random.Generator) -> None:
    """Give them an address in their country."""
    known = words()
    country = people["country"]
    first, behind = known.first_city[country], known.first_city[country + 1]
    people["city"] = first + (rng.random(len(people)) * (behind - first)).astype(np.int64)
    people["street"] = rng.integers(0, len(known.streets), len(people))
    people["house"] = rng.integers(1, _HOUSES, len(people))


def _rows(rows: Rows, block: int, shop: Shop, rules: dict[int, int]) -> Rows:
    """Add second versions, faults and copies."""
    commerce, config = shop.commerce, shop.config
    seed = [config.seed, MOVE_STREAM, config.start.toordinal(), abs(block), int(block < 0)]
    rng = np.random.default_rng(seed)
    moved = rows[rng.random(len(rows)) < commerce.moved_share]
    moved["updated"] = rng.integers(shop.begin, shop.end, len(moved))
    moved["delivery"] = Delivery.UPDATE
    if "city" in (rows.dtype.names or ()):
        _settle(moved, rng)
    else:
        moved["cost"] = moved["cost"] * 105 // 100
    both = np.concatenate([rows, moved])
    faults.make_odd(both, commerce.odd_share, rng)
    faults.break_rules(both, round(len(both) * commerce.faulty_share), rules, rng)
    return faults.deliver(both, round(len(both) * commerce.duplicate_share), commerce, rng)
