"""What goes wrong with the rows of a table: broken rules, odd spellings, copies, late deliveries."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clicklake.synthetic.commerce.config import CommerceConfig
from clicklake.synthetic.commerce.rows import SPELLINGS, Copy, DateFormat, Delivery, NumberFormat, Rows

_FAR_COPIES = 0.3
_BLANK_COPIES = 0.3
_ODD_KINDS = 3


def break_rules(rows: Rows, count: int, rules: Mapping[int, int], rng: np.random.Generator) -> None:
    """Choose rows that break rules.

    Args:
        rows: The rows, none of them broken yet.
        count: How many to break.
        rules: By the bits of one rule or more, how often these are broken beside the others.
        rng: Makes all choices.
    """
    chosen = rng.choice(len(rows), min(count, len(rows)), replace=False, shuffle=False)
    bits, weights = np.array(list(rules), np.uint16), np.array(list(rules.values()), float)
    rows["broken"][chosen] = rng.choice(bits, len(chosen), p=weights / weights.sum())
    rows["spelling"] = rng.integers(0, SPELLINGS, len(rows), dtype=np.uint8)


def make_odd(rows: Rows, share: float, rng: np.random.Generator) -> None:
    """Write a share of the rows with a date, an amount or a text in another way."""
    chosen = np.flatnonzero(rng.random(len(rows)) < share)
    kinds = rng.integers(0, _ODD_KINDS, len(chosen))
    dated, numbered, named = (chosen[kinds == kind] for kind in range(_ODD_KINDS))
    rows["dates"][dated] = rng.integers(DateFormat.ISO, len(DateFormat), len(dated))
    most = NumberFormat.DOLLAR | NumberFormat.SEPARATORS
    rows["numbers"][numbered] = rng.integers(NumberFormat.DOLLAR, most + 1, len(numbered))
    rows["odd"][named] = True


def deliver(rows: Rows, count: int, commerce: CommerceConfig, rng: np.random.Generator) -> Rows:
    """Send some rows late, and some twice.

    Args:
        rows: All rows, each once.
        count: How many copies to add, where there is a sound row to copy.
        commerce: Says how many come late.
        rng: Makes all choices.

    Returns:
        The rows in the order of their versions, copies included.
    """
    rows["delivery"][rng.random(len(rows)) < commerce.late_share] = Delivery.LATE
    sound = np.flatnonzero(rows["broken"] == 0)
    chosen = rng.choice(sound, count) if len(sound) else sound
    copies = rows[chosen]
    copies["copy"] = np.where(rng.random(len(copies)) < _BLANK_COPIES, Copy.BLANKS, Copy.EXACT)
    copies["delivery"][rng.random(len(copies)) < _FAR_COPIES] = Delivery.LATE
    both = np.concatenate([rows, copies])
    return np.asarray(both[np.argsort(both["updated"], kind="stable")])
