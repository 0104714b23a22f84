"""The words of click data and the table in which generated records are held."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Events: TypeAlias = npt.NDArray[np.void]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]

NOTHING = -1
"""Stands for no product and no amount."""


class EventType(IntEnum):
    """What a visitor did; the lower-case names are the words in the files."""

    PAGE_VIEW = 0
    PRODUCT_VIEW = 1
    ADD_TO_CART = 2
    REMOVE_FROM_CART = 3
    PURCHASE = 4
    CLICK = 5
    LOGIN = 6
    LOGOUT = 7
    SEARCH = 8


class Outcome(IntEnum):
    """How a purchase or a login ended."""

    NONE = 0
    SUCCESS = 1
    FAILURE = 2


class Rule(IntEnum):
    """Rules that a record can break, as bits; the lower-case names are the reasons of the quarantine."""

    MISSING_USER_ID = 1
    MISSING_EVENT_TYPE = 2
    MISSING_PRODUCT_ID = 4
    MISSING_AMOUNT = 8
    INVALID_AMOUNT = 16
    INVALID_TIMESTAMP = 32
    MALFORMED_ROW = 64


class Copy(IntEnum):
    """How a record that repeats another one is written."""

    ORIGINAL = 0
    EXACT = 1
    BLANKS = 2
    TIME_FORMAT = 3


NEEDS_PRODUCT = (EventType.PRODUCT_VIEW, EventType.ADD_TO_CART, EventType.PURCHASE)

EVENT = np.dtype(
    [
        ("arrival", np.int64),  # seconds since 1970 (UTC) at which the record is written
        ("time", np.int64),  # seconds since 1970 (UTC) at which it happened
        ("session", np.int64),  # 48 bits, unique over all users and sources
        ("user", np.int32),  # from 1
        ("product", np.int32),  # from 1, or NOTHING
        ("cents", np.int32),  # or NOTHING
        ("type", np.uint8),  # EventType
        ("position", np.uint8),  # place in its session, from 0
        ("outcome", np.uint8),  # Outcome
        ("broken", np.uint8),  # bits of Rule
        ("spelling", np.uint8),  # which of the ways to write a defect, a random number below 6
        ("copy", np.uint8),  # Copy
    ]
)
"""One generated record."""


def names(words: type[IntEnum]) -> list[str]:
    """Give the words of an enumeration as they stand in files and reports."""
    return [word.name.lower() for word in words]
