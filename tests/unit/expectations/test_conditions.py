"""Rules taken apart: what breaks them, and where."""

from __future__ import annotations

import pytest

from clicklake.engines.sql import parse
from clicklake.expectations.conditions import Atom, Unclear, alternatives


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a is null", [[Atom("a", "is null")]]),
        ("not a is null", [[Atom("a", "is not null")]]),
        ("a < 0", [[Atom("a", "<", (0,))]]),
        ("-1.5 > a", [[Atom("a", "<", (-1.5,))]]),
        ("a <> 'x'", [[Atom("a", "<>", ("x",))]]),
        ("a in ('x', 'y')", [[Atom("a", "in", ("x", "y"))]]),
        ("a not in (1, 2)", [[Atom("a", "not in", (1, 2))]]),
        ("a > b", [[Atom("a", ">", (), "b")]]),
        ("a is null and b = 1", [[Atom("a", "is null"), Atom("b", "=", (1,))]]),
        ("a is null or b = 1", [[Atom("a", "is null")], [Atom("b", "=", (1,))]]),
        ("not (a = 1 or b = 2)", [[Atom("a", "<>", (1,)), Atom("b", "<>", (2,))]]),
        ("not (a = 1 and b = 2)", [[Atom("a", "<>", (1,))], [Atom("b", "<>", (2,))]]),
        ("t < cast('2025-01-01' as date)", [[Atom("t", "<", ("2025-01-01",))]]),
        ("t < cast('2025-01-01 10:00:00' as timestamp)", [[Atom("t", "<", ("2025-01-01T10:00:00",))]]),
        ("a > null", [[None]]),
        ("a + 1 > 2", [[Unclear("a + 1 > 2")]]),
        (
            "c and (a is null or a < 0)",
            [[Unclear("c"), Atom("a", "is null")], [Unclear("c"), Atom("a", "<", (0,))]],
        ),
    ],
)
def test_a_condition_in_parts(sql: str, expected: list[list[object]]) -> None:
    assert alternatives(parse(sql, "test")) == expected


def test_what_is_too_large_is_told() -> None:
    either = " and ".join(f"(a{n} is null or b{n} is null)" for n in range(12))
    assert alternatives(parse(either, "test")) is None
