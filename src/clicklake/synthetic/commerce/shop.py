"""The shop behind the clicks: its customers, its catalogue and the numbers of its orders."""

from __future__ import annotations

from datetime import date

import numpy as np

from clicklake.synthetic import text
from clicklake.synthetic.commerce.config import CommerceConfig
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.events import Codes, Ints, Mask
from clicklake.synthetic.rhythm import DAY
from clicklake.synthetic.sessions import scattered
from clicklake.synthetic.sources import first_second
from clicklake.synthetic.world import People, World

PEOPLE_STREAM, WARE_STREAM, MOVE_STREAM, ORDER_STREAM, NUMBER_STREAM = 11, 12, 13, 14, 15
"""Numbers of the random numbers' streams; those of clicks are smaller."""

FREE_SUFFIX, MADE_UP_SUFFIX = 99, 98
"""Ends of the numbers of orders without clicks and of orders that are not there; a session is shorter."""

_SUFFIXES = 100
_EVERY_PERSON, _LEFT_OUT_PERSON = 50, 7
_EVERY_WARE, _LEFT_OUT_WARE = 100, 57
_OLDEST = date(2024, 1, 1)
_COMPANION_STEP, _COMPANION_OFFSET = 7, 3
_BITS = 2**48


class Shop:
    """What the shop's systems know.

    Args:
        config: The clicks.
        commerce: The commerce.
        world: Users and products of the clicks.
    """

    def __init__(self, config: GeneratorConfig, commerce: CommerceConfig, world: World) -> None:
        self.config, self.commerce, self.world = config, commerce, world
        self.begin = first_second(config.start)
        self.end = self.begin + config.days * DAY
        self.known_since = min(self.begin, first_second(_OLDEST))
        """All customers have registered before, and all products were in the catalogue, whatever the period."""
        self.customers = world.users if commerce.customers is None else _people_for(commerce.customers)
        self.buyers = People(max(world.users, self.customers))
        rng = np.random.default_rng([config.seed, NUMBER_STREAM, config.start.toordinal()])
        self._next_order = int(rng.integers(_BITS))

    def is_customer(self, numbers: Ints) -> Mask:
        """Tell which people are in the file of customers."""
        return np.asarray((numbers <= self.customers) & (numbers % _EVERY_PERSON != _LEFT_OUT_PERSON))

    def is_in_catalogue(self, numbers: Ints) -> Mask:
        """Tell which products are in the file of products."""
        return np.asarray(numbers % _EVERY_WARE != _LEFT_OUT_WARE)

    def companions(self, products: Ints) -> Ints:
        """Give the product that is often bought with each product."""
        return (products * _COMPANION_STEP + _COMPANION_OFFSET) % self.world.products + 1

    def new_orders(self, count: int, suffix: int = FREE_SUFFIX) -> Ints:
        """Give numbers of orders that no click tells of."""
        numbers = (np.arange(count, dtype=np.uint64) + np.uint64(self._next_order)) % np.uint64(_BITS)
        self._next_order += count
        return orders_of(scattered(numbers), suffix)

    def customer_column(self, numbers: Ints) -> Codes:
        """Write customers as the clicks write users."""
        width = max(6, len(str(self.world.users)))
        return text.side_by_side([b"user_", text.plain_digits(np.maximum(numbers, 0), width)], len(numbers))

    def product_column(self, numbers: Ints) -> Codes:
        """Write products as the clicks write them."""
        width = max(4, len(str(self.world.products)))
        return text.side_by_side([b"prod_", text.digits(numbers, width)], len(numbers))


def orders_of(sessions: Ints, positions: Ints | int) -> Ints:
    """Give the numbers of the orders of purchases."""
    return np.asarray(sessions.astype(np.int64) * _SUFFIXES + positions)


def order_column(orders: Ints) -> Codes:
    """Write orders as the web events write them."""
    sessions, suffixes = np.divmod(orders, _SUFFIXES)
    return text.side_by_side([b"ord_", text.hexes(sessions, 12), text.digits(suffixes, 2)], len(orders))


def _people_for(customers: int) -> int:
    """Find the number of people of whom so many are in the file of customers."""
    people = customers + customers // (_EVERY_PERSON - 1)
    while people - (people + _EVERY_PERSON - _LEFT_OUT_PERSON) // _EVERY_PERSON > customers:
        people -= 1
    while people - (people + _EVERY_PERSON - _LEFT_OUT_PERSON) // _EVERY_PERSON < customers:
        people += 1
    return people
