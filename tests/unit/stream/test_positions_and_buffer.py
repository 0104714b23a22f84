"""Where partitions stand, and what waits of them, without a broker."""

from __future__ import annotations

import pytest

from clicklake.stream.buffer import Buffer
from clicklake.stream.positions import NONE, Gap, Part, Topic, find_gap


def test_a_part_knows_what_of_it_is_new():
    part = Part(0, expects=100, next=150)
    assert part.first_wanted(100) == NONE, "nobody else has written: all of it"
    assert part.first_wanted(120) == 120, "a rival has brought some of it"
    assert part.first_wanted(40) is None, "the table was set back: some before it are missing"
    assert Part(0, 100, 150, gap=Gap(0, 100, 0, "anew")).first_wanted(40) == 40


@pytest.mark.parametrize(
    ("mark", "bounds", "is_anew", "until"),
    [
        (NONE, (5, 9), False, None),
        (7, (5, 9), False, None),
        (9, (9, 9), False, None),
        (3, (5, 9), False, 5),
        (12, (5, 9), False, 5),
        (7, (0, 9), True, 0),
    ],
)
def test_gaps_are_found(mark, bounds, is_anew, until):
    gap = find_gap(0, mark, bounds, is_anew=is_anew)
    assert (gap.until if gap else None) == until


def test_topics_of_one_name_differ_by_their_id():
    one, other = Topic("web", "cluster", "a"), Topic("web", "cluster", "b")
    assert one.number != other.number and 0 < one.number < 2**56
    assert one.position_mark(3) == other.position_mark(3) == "kafka:cluster/web:3"
    assert Topic("web", "cluster").number == 0


def test_what_waits_is_bounded_and_taken_in_order():
    buffer = Buffer(rows=4, size=10_000)
    buffer.begin(0, mark=NONE, offset=10)
    assert buffer.room == 4
    buffer.put(0, [b"a", b"b", b"c"], [10, 11, 14])
    assert (buffer.room, buffer.is_half_full) == (1, True)
    buffer.put(0, [b"c", b"d"], [14, 15])  # the first is there
    (part,) = buffer.take(3)
    assert (part.values, part.offsets, part.expects, part.next) == ([b"a", b"b", b"c"], [10, 11, 14], NONE, 15)
    (part,) = buffer.take(3)
    assert (part.values, part.expects, part.next) == ([b"d"], 15, 16)
    assert buffer.take(3) == [] and buffer.rows == 0


def test_a_full_buffer_has_no_room_by_bytes_either():
    buffer = Buffer(rows=1000, size=500)
    buffer.begin(0, NONE, 0)
    buffer.put(0, [b"x" * 600], [0])
    assert buffer.room == 0
    buffer.drop([0])
    assert buffer.room == 1000


def test_a_target_cuts_and_an_end_moves_on():
    buffer = Buffer(10, 1000)
    buffer.begin(0, NONE, 0, target=2)
    buffer.begin(1, 5, 5)
    buffer.put(0, [b"a", b"b", b"c"], [0, 1, 2])
    buffer.end(1, 7)  # two offsets that are no messages
    assert buffer.positions() == {0: (2, True), 1: (7, True)}
    assert [part.partition for part in buffer.take(10)] == [0]
    (moved,) = buffer.take(10, is_last=True)
    assert (moved.partition, moved.expects, moved.next, moved.values) == (1, 5, 7, [])


def test_messages_of_a_partition_that_went_to_another_are_not_kept():
    buffer = Buffer(10, 1000)
    buffer.put(3, [b"a"], [0])
    assert buffer.rows == 0
    buffer.begin(3, NONE, 0)
    buffer.put(3, [b"a"], [0])
    buffer.drop([3])
    assert buffer.take(10) == []
