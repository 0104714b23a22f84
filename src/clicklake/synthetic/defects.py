"""What goes wrong on the way: records that break rules, come twice, come late or out of their turn."""

from __future__ import annotations

import numpy as np

from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.events import NEEDS_PRODUCT, Copy, Events, EventType, Ints, Mask, Rule
from clicklake.synthetic.plan import Slice
from clicklake.synthetic.rhythm import DAY, HOUR

_SECOND_DEFECT_SHARE = 0.1
_FAR_COPIES = 0.3
_COPY_KINDS = np.array([Copy.EXACT] * 4 + [Copy.BLANKS, Copy.TIME_FORMAT], np.uint8)
_LATE_BY = (2 * HOUR, 3 * DAY)
_NEAR_BY = (1, 120)
_BEHIND_BY = (1, 300)
_SPELLINGS = 6


def defect_quotas(planned: Slice, config: GeneratorConfig) -> dict[Rule, int]:
    """Say how many records of a slice shall break each rule."""
    shares = {
        Rule.MALFORMED_ROW: config.malformed_share,
        Rule.MISSING_AMOUNT: config.missing_amount_share,
        Rule.MISSING_PRODUCT_ID: config.missing_product_share,
        Rule.MISSING_USER_ID: config.missing_user_share,
        Rule.MISSING_EVENT_TYPE: config.missing_event_type_share,
        Rule.INVALID_AMOUNT: config.invalid_amount_share,
        Rule.INVALID_TIMESTAMP: config.invalid_timestamp_share,
    }
    return {rule: planned.quota(share) for rule, share in shares.items()}


def break_rules(events: Events, quotas: dict[Rule, int], rng: np.random.Generator) -> None:
    """Choose the records that break rules, each one rule and a few of them two."""
    broken, kinds = events["broken"], events["type"]
    events["spelling"] = rng.integers(0, _SPELLINGS, len(events), dtype=np.uint8)
    possible = {
        Rule.MISSING_AMOUNT: kinds == EventType.PURCHASE,
        Rule.MISSING_PRODUCT_ID: np.isin(kinds, NEEDS_PRODUCT),
    }
    for rule, quota in quotas.items():
        sound: Mask = (broken == 0) & possible.get(rule, True)
        broken[_some(sound, quota, rng)] = rule
    for rule, second in (
        (Rule.MISSING_USER_ID, Rule.INVALID_AMOUNT),
        (Rule.INVALID_TIMESTAMP, Rule.MISSING_USER_ID),
    ):
        rows = np.flatnonzero(broken == rule)
        broken[rows[rng.random(len(rows)) < _SECOND_DEFECT_SHARE]] = rule | second


def delay_some(events: Events, share: float, end: int, rng: np.random.Generator) -> None:
    """Let a share of the records arrive hours or days after their time, but before the end of the period."""
    rows = np.flatnonzero(rng.random(len(events)) < share)
    events["arrival"][rows] = _later(events["time"][rows], _LATE_BY, end, rng)


def copies(events: Events, count: int, end: int, rng: np.random.Generator) -> Events:
    """Repeat sound records, most of them soon after and some of them days after they arrived."""
    if not count:
        return events[:0]
    chosen = rng.choice(np.flatnonzero(events["broken"] == 0), count)
    repeated: Events = events[chosen]
    near = _later(repeated["arrival"], _NEAR_BY, end, rng)
    far = _later(repeated["arrival"], _LATE_BY, end, rng)
    repeated["arrival"] = np.where(rng.random(count) < _FAR_COPIES, far, near)
    repeated["copy"] = rng.choice(_COPY_KINDS, count)
    return repeated


def in_order_of_arrival(events: Events, out_of_order_share: float, rng: np.random.Generator) -> Events:
    """Sort records by arrival, then move a share of them some places back."""
    order = np.argsort(events["arrival"], kind="stable")
    arrival = events["arrival"][order]
    behind = np.flatnonzero(rng.random(len(events)) < out_of_order_share)
    overtaken_by = np.searchsorted(arrival, arrival[behind] + rng.integers(*_BEHIND_BY, len(behind)))
    turn = 2 * np.arange(len(events))
    turn[behind] = 2 * np.maximum(overtaken_by - 1, behind + 1) + 1
    return np.asarray(events[order[np.argsort(turn, kind="stable")]])


def _some(possible: Mask, count: int, rng: np.random.Generator) -> Ints:
    candidates = np.flatnonzero(possible)
    return rng.choice(candidates, min(count, len(candidates)), replace=False, shuffle=False)


def _later(seconds: Ints, by: tuple[int, int], end: int, rng: np.random.Generator) -> Ints:
    """Add delays, evenly spread over orders of magnitude; one that leads past the end is shortened."""
    delay = np.exp(rng.uniform(np.log(by[0]), np.log(by[1]), len(seconds)))
    left = end - 1 - seconds
    return seconds + np.where(delay < left, delay, left * rng.random(len(seconds))).astype(np.int64)
