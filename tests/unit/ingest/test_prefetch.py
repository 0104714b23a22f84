"""Batches made ahead in a thread: the same items, the same errors, and nothing left running."""

import threading
import time

import pytest

from clicklake.errors import InputError
from clicklake.storage.prefetch import prefetch


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "clicklake-prefetch"]


@pytest.mark.parametrize("depth", [1, 8])
def test_the_same_items_in_the_same_order(depth):
    assert list(prefetch(iter(range(100)), depth)) == list(range(100))
    assert running() == []


def test_nothing():
    assert list(prefetch(iter([]))) == []


def test_items_that_are_false():
    assert list(prefetch(iter([0, "", []]))) == [0, "", []]


def test_an_error_comes_behind_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise InputError("x.csv", "is bad")

    found = []
    with pytest.raises(InputError, match="x.csv: is bad"):
        for item in prefetch(items()):
            found.append(item)
    assert found == [1, 2]
    assert running() == []


def test_it_works_ahead_but_not_further_than_asked():
    made = []

    def items():
        for n in range(100):
            made.append(n)
            yield n

    ahead = prefetch(items(), depth=3)
    assert next(ahead) == 0
    deadline = time.monotonic() + 5
    while len(made) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3, 4]  # one given, three waiting, one in hand
    ahead.close()


def test_closing_early_stops_the_thread_and_closes_the_source():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    ahead = prefetch(items(), depth=2)
    assert next(ahead) == 1
    assert running()
    ahead.close()

    assert closed.is_set()
    assert running() == []


def test_an_error_of_the_reader_stops_the_thread():
    with pytest.raises(ZeroDivisionError):
        for item in prefetch(iter(range(1000)), depth=1):
            1 // (item - 3)
    assert running() == []
