"""A text is rendered once for the same parameters and tables, and anew for any others."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clicklake.engines.sql import Parameter, placeholders, render
from clicklake.errors import ContractError

SQL = "select a from silver.events where b = :bound and c in (:words)"


def rendered(bound: Parameter, words: list[str] | None = None, **names: str) -> str:
    parameters: dict[str, Parameter] = {"bound": bound, "words": words or ["x"], "unused": object.__name__}
    return render(SQL, "a test", parameters, {f"silver.{name}": to for name, to in names.items()})


@pytest.mark.parametrize(
    ("bound", "literal"),
    [(1, "1"), (True, "TRUE"), (1.0, "1.0"), (Decimal("1.00"), "1.00"), ("1", "'1'"), (None, "NULL"), (1, "1")],
)
def test_equal_values_of_other_types_are_other_literals(bound: Parameter, literal: str) -> None:
    assert f"b = {literal} AND" in rendered(bound)


def test_lists_and_tables_are_those_that_are_asked_for() -> None:
    assert "c IN ('x')" in rendered(1)
    words = ["x"]
    assert "FROM work.picked AS events" in rendered(1, words, events="work.picked")
    words.append("y")
    assert "c IN ('x', 'y')" in rendered(1, words)
    assert "FROM silver.events" in rendered(1, words)
    assert "FROM work.kept AS events" in rendered(1, words, events="work.kept")


def test_a_parameter_that_is_missing_is_told_each_time() -> None:
    assert placeholders(SQL, "a test") == ("bound", "words")
    for _ in range(2):
        with pytest.raises(ContractError, match="no value for :words; there are bound"):
            render(SQL, "a test", {"bound": 1})
    assert rendered(1)
