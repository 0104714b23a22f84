"""Results that are kept."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from clicklake.serving import Kept


def test_what_was_not_asked_for_longest_makes_room() -> None:
    kept: Kept[bytes] = Kept(40, len)
    for key in "abcd":
        kept.put(key, b"0123456789")
    assert kept.get("a")
    kept.put("e", b"0123456789")
    assert [key for key in "abcde" if kept.get(key)] == ["a", "c", "d", "e"]
    assert kept.bytes == 40
    kept.put("a", b"0")
    assert kept.bytes == 31


def test_what_is_too_large_is_given_but_not_kept() -> None:
    kept: Kept[bytes] = Kept(40, len)
    assert kept.get_or_make("a", lambda: b"x" * 11) == b"x" * 11
    assert kept.get("a") is None
    assert (len(kept), kept.bytes) == (0, 0)


def test_who_asks_at_the_same_time_waits_for_one_answer() -> None:
    kept: Kept[bytes] = Kept(1000, len)
    made = []
    begun = threading.Event()

    def make() -> bytes:
        begun.set()
        time.sleep(0.2)
        made.append(1)
        return b"x"

    with ThreadPoolExecutor(8) as pool:
        assert {f.result() for f in [pool.submit(kept.get_or_make, "a", make) for _ in range(8)]} == {b"x"}
    assert len(made) == 1


def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    kept: Kept[bytes] = Kept(1000, len)

    def fail() -> bytes:
        time.sleep(0.1)
        raise ValueError("no")

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(kept.get_or_make, "a", fail) for _ in range(3)]:
            with pytest.raises(ValueError, match="no"):
                future.result()
    assert kept.get_or_make("a", lambda: b"y") == b"y"
