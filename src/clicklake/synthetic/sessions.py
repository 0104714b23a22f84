"""What visitors do: sessions whose views lead to carts, and carts to purchases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clicklake.synthetic.events import EVENT, NOTHING, Codes, Events, EventType, Ints, Mask, Outcome
from clicklake.synthetic.rhythm import Rhythm
from clicklake.synthetic.world import World

LONGEST_SESSION = 40

_MEAN_LENGTH = 5.2
_BOUNCE_SHARE = 0.2
_LENGTH_LOG_MEAN, _LENGTH_LOG_SIGMA = 1.5, 0.8
_GAP_LOG_MEAN, _GAP_LOG_SIGMA, _LONGEST_GAP = 3.2, 1.0, 1200

# Intentions of a visitor, in thousandths; without a cart, a purchase or removal becomes a page view.
_INTENTIONS = {
    EventType.PAGE_VIEW: 200,
    EventType.PRODUCT_VIEW: 205,
    EventType.ADD_TO_CART: 145,
    EventType.REMOVE_FROM_CART: 50,
    EventType.PURCHASE: 250,
    EventType.CLICK: 90,
    EventType.SEARCH: 60,
}
_INTENTION_OF = np.repeat(list(_INTENTIONS), list(_INTENTIONS.values())).astype(np.uint8)
_LOGIN_SHARE, _LOGOUT_SHARE = 0.16, 0.12  # of the sessions' first and last events
_FAILED_PURCHASES, _FAILED_LOGINS = 0.05, 0.04
_CARTS_WITH_AMOUNT = 0.2
_QUANTITIES = np.array([1] * 17 + [2] * 2 + [3])

_SESSIONS_IN_SLICE = 2**18
_SESSION_MASK = np.uint64(2**48 - 1)
_SCATTERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
_HALF = np.uint64(24)


def make_events(
    count: int,
    shares: tuple[float, float],
    block: int,
    rhythm: Rhythm,
    world: World,
    rng: np.random.Generator,
) -> Events:
    """Make the events of the sessions that begin in a stretch of time.

    Args:
        count: Number of events.
        shares: Shares of the visits at the begin and end of the stretch.
        block: A number that no other stretch has, below `2**30`.
        rhythm: The traffic of the period.
        world: Users and products.
        rng: Makes all choices.

    Returns:
        Sound events, session by session and in order of time in each; they arrive when they happen.
    """
    events = np.zeros(count, EVENT)
    lengths = _lengths(count, rng)
    first = np.cumsum(lengths) - lengths
    session = np.repeat(np.arange(len(lengths)), lengths)
    elapsed = _elapsed(first, session, rng)
    durations = elapsed[first + lengths - 1]
    begin = np.minimum(rhythm.seconds(rng.uniform(*shares, len(lengths))), rhythm.end - 1 - durations)
    users = world.visitors(begin, rng)
    first_of = first[session]
    events["user"] = users[session]
    events["session"] = _session_numbers(len(lengths), block)[session]
    events["time"] = events["arrival"] = begin[session] + elapsed
    events["position"] = np.arange(count) - first_of
    events["type"] = kinds = _types(first, lengths, first_of, rng)
    events["product"] = products = _products(kinds, first_of, world, rng)
    events["cents"] = _cents(kinds, products, world, rng)
    events["outcome"] = _outcomes(kinds, rng)
    return events


def _lengths(count: int, rng: np.random.Generator) -> Ints:
    """Draw the numbers of events of sessions that have `count` events together."""
    lengths: Ints = np.empty(0, np.int64)
    while lengths.sum() < count:
        size = int((count - lengths.sum()) / _MEAN_LENGTH * 1.05) + 20
        drawn = np.rint(rng.lognormal(_LENGTH_LOG_MEAN, _LENGTH_LOG_SIGMA, size)).astype(np.int64)
        drawn[rng.random(size) < _BOUNCE_SHARE] = 1
        lengths = np.concatenate([lengths, np.clip(drawn, 1, LONGEST_SESSION)])
    ends = np.cumsum(lengths)
    used = int(np.searchsorted(ends, count)) + 1 if count else 0
    lengths = lengths[:used]
    if used:
        lengths[-1] -= ends[used - 1] - count
    return lengths


def _session_numbers(count: int, block: int) -> Ints:
    return scattered(np.arange(count, dtype=np.uint64) + np.uint64(block * _SESSIONS_IN_SLICE))


def scattered(numbers: npt.NDArray[np.uint64]) -> Ints:
    """Give numbers of 48 bits that look random; each step of the mixing keeps different numbers different."""
    mixed = numbers & _SESSION_MASK
    for odd in _SCATTERS:
        mixed = (mixed * odd) & _SESSION_MASK
        mixed ^= mixed >> _HALF
    return np.asarray(mixed.astype(np.int64))


def _elapsed(first: Ints, session: Ints, rng: np.random.Generator) -> Ints:
    """Draw how many seconds of its session have passed at each event; no two share a second."""
    drawn = rng.lognormal(_GAP_LOG_MEAN, _GAP_LOG_SIGMA, len(session))
    gaps = np.clip(drawn, 1, _LONGEST_GAP).astype(np.int64)
    gaps[first] = 0
    elapsed = np.cumsum(gaps)
    return np.asarray(elapsed - elapsed[first][session])


def _types(first: Ints, lengths: Ints, first_of: Ints, rng: np.random.Generator) -> Codes:
    """Draw what is done, then mend what is out of turn: no cart before a view, no purchase without a cart."""
    kinds = _INTENTION_OF[rng.integers(0, len(_INTENTION_OF), len(first_of), dtype=np.uint16)]
    kinds[first[rng.random(len(first)) < _LOGIN_SHARE]] = EventType.LOGIN
    leaving = (rng.random(len(first)) < _LOGOUT_SHARE) & (lengths > 2)
    kinds[(first + lengths - 1)[leaving]] = EventType.LOGOUT

    carting = kinds == EventType.ADD_TO_CART
    seen = _last(carting | (kinds == EventType.PRODUCT_VIEW), before=True)
    kinds[carting & (seen < first_of)] = EventType.PRODUCT_VIEW

    emptying = (kinds == EventType.PURCHASE) | (kinds == EventType.REMOVE_FROM_CART)
    filled = _last(kinds == EventType.ADD_TO_CART)
    emptied = _last(emptying, before=True)
    kinds[emptying & ((filled < first_of) | (emptied > filled))] = EventType.PAGE_VIEW
    return kinds


def _products(kinds: Codes, first_of: Ints, world: World, rng: np.random.Generator) -> Ints:
    """Draw what is viewed; carts and clicks are about the last view, what follows about the last cart."""
    viewing, carting = kinds == EventType.PRODUCT_VIEW, kinds == EventType.ADD_TO_CART
    emptying = (kinds == EventType.PURCHASE) | (kinds == EventType.REMOVE_FROM_CART)
    clicking = kinds == EventType.CLICK
    products = np.full(len(kinds), NOTHING, np.int64)
    products[viewing] = world.wares(int(viewing.sum()), rng)
    viewed = _last(viewing)
    about_view = carting | (clicking & (viewed >= first_of))
    products[about_view] = products[viewed[about_view]]
    products[emptying] = products[_last(carting)[emptying]]
    return products


def _cents(kinds: Codes, products: Ints, world: World, rng: np.random.Generator) -> Ints:
    """Purchases cost the price times a quantity; some carts tell the price."""
    cents = np.full(len(kinds), NOTHING, np.int64)
    bought = np.flatnonzero(kinds == EventType.PURCHASE)
    cents[bought] = world.prices[products[bought]] * rng.choice(_QUANTITIES, len(bought))
    carts = np.flatnonzero(kinds == EventType.ADD_TO_CART)
    priced = carts[rng.random(len(carts)) < _CARTS_WITH_AMOUNT]
    cents[priced] = world.prices[products[priced]]
    return cents


def _outcomes(kinds: Codes, rng: np.random.Generator) -> Codes:
    outcomes = np.zeros(len(kinds), np.uint8)
    for kind, failing in ((EventType.PURCHASE, _FAILED_PURCHASES), (EventType.LOGIN, _FAILED_LOGINS)):
        done = np.flatnonzero(kinds == kind)
        failed = rng.random(len(done)) < failing
        outcomes[done] = np.where(failed, Outcome.FAILURE, Outcome.SUCCESS)
    return outcomes


def _last(what: Mask, *, before: bool = False) -> Ints:
    """Find for each event the place of the last one that is so, up to it or before it; -1 for none."""
    places = np.maximum.accumulate(np.where(what, np.arange(len(what)), -1))
    return np.concatenate([[-1], places[:-1]]) if before else places
