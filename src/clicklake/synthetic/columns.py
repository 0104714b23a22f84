"""Columns that the files of both sources share, with the defects of their records."""

from __future__ import annotations

import numpy as np

from clicklake.synthetic import text
from clicklake.synthetic.events import Codes, Copy, Events, EventType, Mask, Outcome, Rule, names
from clicklake.synthetic.world import World

_BLANKS = ("", "   ")
_BAD_TIMES = ("not-a-date", "", "2025-13-45 10:00:00")
_BAD_AMOUNTS = ("abc", "-5.00", "NaN")

_TYPES = text.table(names(EventType))
_OUTCOMES = text.table(["", *names(Outcome)[1:]])


def breaks(events: Events, rule: Rule) -> Mask:
    """Tell which records break a rule."""
    return np.asarray((events["broken"] & rule) != 0)


def session_column(events: Events) -> Codes:
    """Write the sessions."""
    return text.side_by_side([b"sess_", text.hexes(events["session"], 12)], len(events))


def user_column(events: Events, world: World) -> Codes:
    """Write the users, with blanks around them in some copies."""
    numbers = text.digits(events["user"], max(6, len(str(world.users))))
    column = text.side_by_side([b"user_", numbers], len(events))
    column = text.padded(column, events["copy"] == Copy.BLANKS)
    return _spoilt(column, events, Rule.MISSING_USER_ID, _BLANKS)


def type_column(events: Events) -> Codes:
    """Write the event types, with blanks around them in some copies."""
    column = text.padded(text.pick(_TYPES, events["type"]), events["copy"] == Copy.BLANKS)
    return _spoilt(column, events, Rule.MISSING_EVENT_TYPE, _BLANKS)


def time_column(events: Events, *, iso: bool) -> Codes:
    """Write the times in one format, and in the other one in some copies."""
    column = text.moments(events["time"], (events["copy"] == Copy.TIME_FORMAT) ^ iso)
    return _spoilt(column, events, Rule.INVALID_TIMESTAMP, _BAD_TIMES)


def product_column(events: Events, world: World) -> Codes:
    """Write the products; nothing where there is none."""
    column = product_names(events, world)
    column[events["product"] < 0] = 0
    return _spoilt(column, events, Rule.MISSING_PRODUCT_ID, _BLANKS)


def product_names(events: Events, world: World) -> Codes:
    """Write the products as they really were; nonsense where there is none."""
    numbers = text.digits(np.maximum(events["product"], 0), max(4, len(str(world.products))))
    return text.side_by_side([b"prod_", numbers], len(events))


def outcome_column(events: Events) -> Codes:
    """Write how purchases and logins ended; nothing for other events."""
    return text.pick(_OUTCOMES, events["outcome"])


def amount_column(events: Events) -> Codes:
    """Write the amounts; nothing where there is none."""
    column = text.money(events["cents"])
    column = np.pad(column, ((0, 0), (0, max(0, 5 - column.shape[1]))))
    column = _spoilt(column, events, Rule.MISSING_AMOUNT, _BLANKS)
    return _spoilt(column, events, Rule.INVALID_AMOUNT, _BAD_AMOUNTS)


def _spoilt(column: Codes, events: Events, rule: Rule, spellings: tuple[str, ...]) -> Codes:
    broken = breaks(events, rule)
    if broken.any():
        for number, spelling in enumerate(spellings):
            text.replace(column, broken & (events["spelling"] % len(spellings) == number), spelling)
    return column
