"""The words of commerce data and the tables in which generated rows are held."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.void]

NOTHING = -1
"""Stands for no customer and no net amount."""


class Delivery(IntEnum):
    """The file in which a row comes."""

    ON_TIME = 0
    UPDATE = 1
    LATE = 2


class Copy(IntEnum):
    """How a row that repeats another one is written."""

    ORIGINAL = 0
    EXACT = 1
    BLANKS = 2


class DateFormat(IntEnum):
    """How a date is written."""

    BLANK = 0  # 2025-12-31 14:00:00
    ISO = 1  # 2025-12-31T14:00:00Z
    SLASHES = 2  # 31/12/2025
    DOTS = 3  # 12.05.2025 14:00
    DIGITS = 4  # 20251231
    WORDS = 5  # "Dec 31, 2025"


class NumberFormat(IntEnum):
    """How an amount is written, as bits."""

    PLAIN = 0
    DOLLAR = 1
    SEPARATORS = 2


class Status(IntEnum):
    """How far an order is; the lower-case names are the words in the files."""

    PENDING = 0
    COMPLETED = 1
    CANCELLED = 2
    REFUNDED = 3


class Paid(IntEnum):
    """How far a payment is; the lower-case names are the words in the files."""

    PENDING = 0
    COMPLETED = 1
    FAILED = 2
    REFUNDED = 3


class OrderRule(IntEnum):
    """Rules that an order line can break, as bits; the lower-case names are the reasons of the quarantine."""

    MALFORMED_ROW = 1
    MISSING_ORDER_ID = 2
    MISSING_PRODUCT_ID = 4
    INVALID_ORDER_DATE = 8
    INVALID_QUANTITY = 16
    INVALID_UNIT_PRICE = 32
    INVALID_DISCOUNT = 64
    INVALID_NET_AMOUNT = 128
    MISSING_STATUS = 256
    INVALID_UPDATED_AT = 512
    UNKNOWN_CURRENCY = 1024


class CustomerRule(IntEnum):
    """Rules that a customer can break, as bits."""

    MALFORMED_ROW = 1
    MISSING_CUSTOMER_ID = 2
    INVALID_REGISTRATION_DATE = 4
    INVALID_UPDATED_AT = 8


class ProductRule(IntEnum):
    """Rules that a product can break, as bits."""

    MALFORMED_ROW = 1
    MISSING_PRODUCT_ID = 2
    INVALID_PRICE = 4
    INVALID_COST = 8
    INVALID_UPDATED_AT = 16


class PaymentRule(IntEnum):
    """Rules that a payment can break, as bits."""

    MALFORMED_ROW = 1
    MISSING_PAYMENT_ID = 2
    MISSING_ORDER_ID = 4
    INVALID_AMOUNT = 8
    INVALID_PAYMENT_DATE = 16
    MISSING_STATUS = 32
    INVALID_UPDATED_AT = 64
    UNKNOWN_CURRENCY = 128


_COMMON = [
    ("updated", np.int64),  # seconds since 1970 (UTC) of this version
    ("broken", np.uint16),  # bits of the table's rules
    ("spelling", np.uint8),  # which of the ways to write a defect, a random number below 12
    ("dates", np.uint8),  # DateFormat
    ("numbers", np.uint8),  # NumberFormat
    ("odd", np.bool_),  # whether a text is in another spelling
    ("copy", np.uint8),  # Copy
    ("delivery", np.uint8),  # Delivery
]
SPELLINGS = 12

ORDER = np.dtype(
    [
        ("order", np.int64),  # the number of its session, or a free one, and two digits
        ("line", np.uint8),  # from 1; 0 where lines have no number
        ("customer", np.int32),  # from 1, or NOTHING
        ("product", np.int32),
        ("time", np.int64),
        ("quantity", np.int16),
        ("unit", np.int32),  # cents
        ("discount", np.int32),  # cents off the line
        ("status", np.uint8),  # Status
        ("odd_status", np.bool_),  # whether the status is a word that nobody knows
        ("currency", np.uint8),  # 0 for none, 1 for the lake's
        ("net_given", np.bool_),  # whether the net amount is written
        *_COMMON,
    ]
)
PAYMENT = np.dtype(
    [
        ("payment", np.int64),  # the number of its order and a digit
        ("order", np.int64),
        ("method", np.uint8),
        ("cents", np.int64),
        ("currency", np.uint8),
        ("time", np.int64),
        ("status", np.uint8),  # Paid
        ("no_order", np.bool_),  # whether the order was made up
        *_COMMON,
    ]
)
CUSTOMER = np.dtype(
    [
        ("customer", np.int32),
        ("first", np.uint8),
        ("last", np.uint8),
        ("email", np.uint8),  # 0 in order, 1 with blanks, 2 in capitals, 3 broken, 4 missing
        ("phone", np.int32),
        ("house", np.int16),
        ("street", np.uint8),
        ("city", np.uint8),
        ("country", np.uint8),
        ("registered", np.int64),
        ("segment", np.uint8),
        *_COMMON,
    ]
)
PRODUCT = np.dtype(
    [
        ("product", np.int32),
        ("look", np.uint8),
        ("kind", np.uint8),
        ("brand", np.uint8),
        ("price", np.int64),  # cents
        ("cost", np.int64),  # cents
        *_COMMON,
    ]
)
