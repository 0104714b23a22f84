from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from clicklake.storage.workers import Workers


class Recorder:
    """A worker that keeps what it gets."""

    def __init__(self, work: Callable[[int], None]) -> None:
        self.work = work
        self.chunks: list[int] = []
        self.threads: set[str] = set()
        self.state = "open"

    def write(self, chunk: int) -> None:
        self.threads.add(threading.current_thread().name)
        self.work(chunk)
        self.chunks.append(chunk)

    def close(self) -> None:
        self.state = "closed"

    def abandon(self) -> None:
        self.state = "abandoned"


def workers(count: int, work: Callable[[int], None] = lambda chunk: None) -> tuple[Workers[int], list[Recorder]]:
    made: list[Recorder] = []

    def make() -> Recorder:
        made.append(Recorder(work))
        return made[-1]

    return Workers(make, count), made


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "clicklake-worker"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_chunk_is_worked_on_once_and_in_order_by_each_worker(count: int) -> None:
    pool, made = workers(count, lambda chunk: time.sleep(0.001))
    for chunk in range(50):
        pool.put(chunk)
    pool.close([50, 51])
    assert sorted(chunk for worker in made for chunk in worker.chunks) == list(range(52))
    assert all(worker.chunks == sorted(worker.chunks) for worker in made)
    assert {worker.state for worker in made} == {"closed"}
    assert len(made) == count
    assert not running()


def test_a_single_chunk_needs_no_thread() -> None:
    pool, made = workers(2)
    pool.close([7])
    assert [(worker.chunks, worker.threads) for worker in made] == [([7], {threading.current_thread().name})]


def test_nothing_to_do_makes_no_worker() -> None:
    pool, made = workers(2)
    pool.close()
    assert made == []


def test_chunks_wait_while_all_workers_are_busy() -> None:
    go = threading.Event()
    pool, made = workers(2, lambda chunk: assert_(go.wait(10)))
    handed: list[int] = []

    def produce() -> None:
        for chunk in range(6):
            pool.put(chunk)
            handed.append(chunk)

    producer = threading.Thread(target=produce)
    producer.start()
    time.sleep(0.2)
    assert len(handed) <= 3  # one in each worker's hands, one waiting
    go.set()
    producer.join(10)
    pool.close()
    assert sorted(chunk for worker in made for chunk in worker.chunks) == list(range(6))


def assert_(is_true: bool) -> None:
    assert is_true


@pytest.mark.parametrize("bad", [0, 5, 19])
def test_a_failure_reaches_the_producer_and_the_rest_is_dropped(bad: int) -> None:
    def work(chunk: int) -> None:
        if chunk == bad:
            raise OSError("no space left on device")

    pool, made = workers(2, work)
    with pytest.raises(OSError, match="no space"):
        try:
            for chunk in range(20):
                pool.put(chunk)
            pool.close()
        except BaseException:
            pool.abandon()
            raise
    assert {worker.state for worker in made} == {"abandoned"}
    assert not running()


def test_giving_up_drops_all(count: int = 2) -> None:
    pool, made = workers(count)
    pool.put(1)
    pool.put(2)
    pool.abandon()
    assert made
    assert {worker.state for worker in made} == {"abandoned"}
    assert not running()
