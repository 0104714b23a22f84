"""Records as the lines of `web_events`: newline-delimited JSON."""

from __future__ import annotations

import numpy as np

from clicklake.synthetic import columns, text
from clicklake.synthetic.events import Codes, Events, EventType, Ints, Mask, Rule
from clicklake.synthetic.world import World

_SHOP = "https://shop.example"
_PAGES = ["/", "/category/home", "/category/garden", "/category/sport", "/deals", "/about"]
_PAGE_OF_TYPE = {
    EventType.PRODUCT_VIEW: "",
    EventType.ADD_TO_CART: "/cart",
    EventType.REMOVE_FROM_CART: "/cart",
    EventType.PURCHASE: "/checkout/complete",
    EventType.CLICK: "/",
    EventType.LOGIN: "/login",
    EventType.LOGOUT: "/logout",
    EventType.SEARCH: "/search",
}
_URLS = text.table([_SHOP + path for path in (*_PAGE_OF_TYPE.values(), *_PAGES)])
_REFERRERS = text.table(
    [f"{_SHOP}/", "", "", "https://search.example/", "https://search.example/", "https://social.example/"]
)
_DEVICES = text.table(["mobile"] * 11 + ["desktop"] * 7 + ["tablet"] * 2)

_LEFT_OUT = 5  # the spelling in which a missing value is null, or its key is not there
_CUT_EARLY = 3  # of the six spellings; the other broken lines only lack their end


def json_lines(events: Events, world: World) -> bytes:
    """Write records as JSON objects; malformed ones are cut off."""
    rows = len(events)
    malformed = columns.breaks(events, Rule.MALFORMED_ROW)
    begin = text.side_by_side(
        [
            b'{"user_id":',
            _quoted(columns.user_column(events, world), events, Rule.MISSING_USER_ID),
            b',"session_id":"',
            columns.session_column(events),
        ],
        rows,
    )
    rest = text.side_by_side(
        [
            b'","event_type":',
            _quoted(columns.type_column(events), events, Rule.MISSING_EVENT_TYPE),
            b',"event_timestamp":"',
            columns.time_column(events, iso=True),
            b'",',
            *_visit(events, world),
            b',"metadata":{',
            *_metadata(events, world),
        ],
        rows,
    )
    rest[malformed & (events["spelling"] < _CUT_EARLY)] = 0
    end = np.where(malformed[:, None], np.uint8(0), np.frombuffer(b"}}", np.uint8))
    return text.squeeze(text.side_by_side([begin, rest, end, b"\n"], rows))


def _visit(events: Events, world: World) -> list[Codes | bytes]:
    """Write the device, the page and where the visitor came from."""
    chance = _chance(events)
    on_product = (events["type"] == EventType.PRODUCT_VIEW) | (
        (events["type"] == EventType.CLICK) & (events["product"] > 0)
    )
    product = text.side_by_side([b"/product/", columns.product_names(events, world)], len(events))
    product[~on_product] = 0
    page = np.where(
        events["type"] == EventType.PAGE_VIEW,
        len(_PAGE_OF_TYPE) + (chance + events["position"]) % len(_PAGES),
        events["type"] - 1,
    )
    page[on_product] = 0
    referrer = np.where(events["position"] == 0, 1 + chance % (len(_REFERRERS) - 1), 0)
    return [
        b'"device_type":"',
        text.pick(_DEVICES, chance % len(_DEVICES)),
        b'","page_url":"',
        text.pick(_URLS, page),
        product,
        b'","referrer_url":"',
        text.pick(_REFERRERS, referrer),
        b'"',
    ]


def _metadata(events: Events, world: World) -> list[Codes | bytes]:
    """Write the entries of the metadata; those without a value are left out."""
    session, position = text.hexes(events["session"], 12), text.digits(events["position"], 2)
    number = text.side_by_side([session, position], len(events))
    left_out = events["spelling"] == _LEFT_OUT
    has_product = (events["product"] > 0) & ~(columns.breaks(events, Rule.MISSING_PRODUCT_ID) & left_out)
    has_amount = (events["cents"] >= 0) | columns.breaks(events, Rule.INVALID_AMOUNT)
    has_amount &= ~(columns.breaks(events, Rule.MISSING_AMOUNT) & left_out)
    is_purchase = events["type"] == EventType.PURCHASE
    return [
        b'"event_id":"evt_',
        number,
        b'"',
        _entry(b"product_id", [columns.product_column(events, world)], has_product),
        _entry(b"amount", [columns.amount_column(events)], has_amount),
        _entry(b"currency", [b"USD"], events["cents"] >= 0),
        _entry(b"order_id", [b"ord_", number], is_purchase),
        _entry(b"outcome", [columns.outcome_column(events)], events["outcome"] > 0),
    ]


def _entry(key: bytes, value: list[Codes | bytes], where: Mask) -> Codes:
    entry = text.side_by_side([b',"' + key + b'":"', *value, b'"'], len(where))
    entry[~where] = 0
    return entry


def _quoted(column: Codes, events: Events, rule: Rule) -> Codes:
    """Put quotes around a column, but write null for some of its missing values."""
    quoted = text.side_by_side([b'"', column, b'"'], len(events))
    text.replace(quoted, columns.breaks(events, rule) & (events["spelling"] == _LEFT_OUT), "null")
    return quoted


def _chance(events: Events) -> Ints:
    """Give a number that looks random and is the same for all events of a session."""
    return np.asarray(events["session"] >> 16)
