"""Rows as the lines of the four commerce files."""

from __future__ import annotations

import numpy as np

from clicklake.synthetic import text
from clicklake.synthetic.commerce import columns
from clicklake.synthetic.commerce.rows import (
    CustomerRule,
    OrderRule,
    Paid,
    PaymentRule,
    ProductRule,
    Rows,
    Status,
)
from clicklake.synthetic.commerce.shop import Shop, order_column
from clicklake.synthetic.commerce.words import SPELLINGS_OF_COUNTRIES, words
from clicklake.synthetic.events import Codes, names

ORDER_HEADER = (
    b"order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,net_amount,currency,status,"
    b"updated_at\n"
)
CUSTOMER_HEADER = (
    b"customer_id,first_name,last_name,email,phone,address,city,state,country,registration_date,segment,updated_at\n"
)
PRODUCT_HEADER = b"product_id,product_name,category,subcategory,brand,price,cost,updated_at\n"
PAYMENT_HEADER = b"payment_id,order_id,payment_method,amount,currency,payment_date,status,updated_at\n"

UNKNOWN_STATUS = "lost_in_transit"
_STATUSES = text.table([*names(Status), UNKNOWN_STATUS, *(name.capitalize() for name in names(Status))])
_PAID = text.table([*names(Paid), *(name.upper() for name in names(Paid))])
_PARTS = 10
_IN_ORDER, _WITH_BLANKS, _IN_CAPITALS, _BROKEN_MAIL, _NO_MAIL = range(5)
_CAPITAL = ord("a") - ord("A")


def order_lines(rows: Rows, shop: Shop) -> bytes:
    """Write order lines."""
    quantity, unit, discount = (rows[name].astype(np.int64) for name in ("quantity", "unit", "discount"))
    net = np.where(
        rows["net_given"] | columns.breaks(rows, OrderRule.INVALID_NET_AMOUNT), quantity * unit - discount, -1
    )
    customer = shop.customer_column(rows["customer"].astype(np.int64))
    customer[rows["customer"] < 0] = 0
    number = text.plain_digits(rows["line"].astype(np.int64))
    number[rows["line"] == 0] = 0
    status = np.where(rows["odd_status"], len(Status), rows["status"] + np.where(rows["odd"], len(Status) + 1, 0))
    states = text.pick(_STATUSES, status)
    rule = OrderRule
    return columns.joined(
        [
            columns.spoilt(order_column(rows["order"]), rows, rule.MISSING_ORDER_ID, columns.BLANKS),
            number,
            columns.padded(customer, rows),
            columns.spoilt(
                shop.product_column(rows["product"].astype(np.int64)), rows, rule.MISSING_PRODUCT_ID, columns.BLANKS
            ),
            columns.spoilt(columns.moments(rows["time"], rows), rows, rule.INVALID_ORDER_DATE, columns.BAD_OR_NO_TIMES),
            columns.spoilt(text.plain_digits(quantity), rows, rule.INVALID_QUANTITY, columns.BAD_QUANTITIES),
            columns.spoilt(columns.amounts(unit, rows), rows, rule.INVALID_UNIT_PRICE, columns.BAD_NUMBERS),
            columns.spoilt(text.money(discount), rows, rule.INVALID_DISCOUNT, columns.BAD_NUMBERS),
            columns.spoilt(columns.amounts(net, rows), rows, rule.INVALID_NET_AMOUNT, columns.BAD_NUMBERS),
            _currency(rows, rule.UNKNOWN_CURRENCY),
            columns.spoilt(columns.padded(states, rows), rows, rule.MISSING_STATUS, columns.BLANKS),
            columns.spoilt(columns.versions(rows), rows, rule.INVALID_UPDATED_AT, columns.BAD_TIMES),
        ],
        rows,
        columns.breaks(rows, rule.MALFORMED_ROW),
    )


def payment_lines(rows: Rows, shop: Shop) -> bytes:
    """Write payments."""
    rule = PaymentRule
    order, part = np.divmod(rows["payment"], _PARTS)
    number = text.side_by_side([b"pay_", order_column(order)[:, 4:], b"_", text.digits(part, 1)], len(rows))
    status = rows["status"] + np.where(rows["odd"], len(Paid), 0)
    return columns.joined(
        [
            columns.spoilt(number, rows, rule.MISSING_PAYMENT_ID, columns.BLANKS),
            columns.spoilt(order_column(rows["order"]), rows, rule.MISSING_ORDER_ID, columns.BLANKS),
            columns.padded(text.pick(words().methods, rows["method"]), rows),
            columns.spoilt(columns.amounts(rows["cents"], rows), rows, rule.INVALID_AMOUNT, columns.BAD_NUMBERS),
            _currency(rows, rule.UNKNOWN_CURRENCY),
            columns.spoilt(
                columns.moments(rows["time"], rows), rows, rule.INVALID_PAYMENT_DATE, columns.BAD_OR_NO_TIMES
            ),
            columns.spoilt(columns.padded(text.pick(_PAID, status), rows), rows, rule.MISSING_STATUS, columns.BLANKS),
            columns.spoilt(columns.versions(rows), rows, rule.INVALID_UPDATED_AT, columns.BAD_TIMES),
        ],
        rows,
        columns.breaks(rows, rule.MALFORMED_ROW),
    )


def customer_lines(rows: Rows, shop: Shop) -> bytes:
    """Write customers."""
    rule, known = CustomerRule, words()
    house = text.plain_digits(rows["house"].astype(np.int64))
    apartment = columns.constant(rows, b", Apt 2", rows["house"] % 4 == 0)
    quote = columns.constant(rows, b'"', rows["house"] % 4 == 0)
    address: list[Codes | bytes] = [quote, house, b" ", text.pick(known.streets, rows["street"]), apartment, quote]
    country = rows["country"] * SPELLINGS_OF_COUNTRIES
    odd = np.where(rows["odd"], 1 + rows["spelling"] % (SPELLINGS_OF_COUNTRIES - 1), 0)
    phone = text.digits(rows["phone"].astype(np.int64), 7)
    return columns.joined(
        [
            columns.spoilt(
                shop.customer_column(rows["customer"].astype(np.int64)), rows, rule.MISSING_CUSTOMER_ID, columns.BLANKS
            ),
            text.pick(known.first_names, rows["first"]),
            columns.padded(text.pick(known.last_names, rows["last"]), rows),
            _mail(rows),
            text.side_by_side([b"+1 555 ", phone[:, :3], b" ", phone[:, 3:]], len(rows)),
            text.side_by_side(address, len(rows)),
            text.pick(known.cities, rows["city"]),
            text.pick(known.states, rows["city"]),
            text.pick(known.countries, country + odd),
            columns.spoilt(
                columns.days(rows["registered"], rows), rows, rule.INVALID_REGISTRATION_DATE, columns.BAD_TIMES
            ),
            text.pick(known.segments, rows["segment"]),
            columns.spoilt(columns.versions(rows), rows, rule.INVALID_UPDATED_AT, columns.BAD_TIMES),
        ],
        rows,
        columns.breaks(rows, rule.MALFORMED_ROW),
    )


def product_lines(rows: Rows, shop: Shop) -> bytes:
    """Write products."""
    rule, known = ProductRule, words()
    look = text.side_by_side(
        [text.pick(known.looks, rows["look"]), b" ", text.pick(known.kinds, rows["kind"])], len(rows)
    )
    name = text.side_by_side([text.pick(known.brands, rows["brand"]), b" ", look], len(rows))
    return columns.joined(
        [
            columns.spoilt(
                shop.product_column(rows["product"].astype(np.int64)), rows, rule.MISSING_PRODUCT_ID, columns.BLANKS
            ),
            columns.padded(name, rows),
            text.pick(known.categories, rows["kind"]),
            text.pick(known.subcategories, rows["kind"]),
            text.pick(known.brands, rows["brand"]),
            columns.spoilt(columns.amounts(rows["price"], rows), rows, rule.INVALID_PRICE, columns.BAD_NUMBERS),
            columns.spoilt(columns.amounts(rows["cost"], rows), rows, rule.INVALID_COST, columns.BAD_NUMBERS),
            columns.spoilt(columns.versions(rows), rows, rule.INVALID_UPDATED_AT, columns.BAD_TIMES),
        ],
        rows,
        columns.breaks(rows, rule.MALFORMED_ROW),
    )


def _currency(rows: Rows, rule: int) -> Codes:
    return columns.spoilt(text.pick(columns.CURRENCIES, rows["currency"]), rows, rule, columns.FOREIGN)


def _mail(rows: Rows) -> Codes:
    """Write addresses of mail, some of them with blanks, in capitals, without an @, or not at all."""
    known, kind = words(), rows["email"]
    at = columns.constant(rows, b"@", kind != _BROKEN_MAIL)
    column = text.side_by_side(
        [
            text.pick(known.first_mails, rows["first"]),
            b".",
            text.pick(known.last_mails, rows["last"]),
            text.plain_digits(rows["customer"].astype(np.int64)),
            at,
            b"example.com",
        ],
        len(rows),
    )
    is_small = (column >= ord("a")) & (column <= ord("z")) & (kind == _IN_CAPITALS)[:, None]
    column = np.where(is_small, column - _CAPITAL, column).astype(np.uint8)
    column[kind == _NO_MAIL] = 0
    return text.padded(column, kind == _WITH_BLANKS)
