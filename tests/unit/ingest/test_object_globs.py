"""Patterns on an object store mean what they mean in a folder: hidden names are met by no wildcard."""

from __future__ import annotations

import pytest

from clicklake.ingest.objects import _is_match


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a.csv", "*.csv", True),
        ("a/b.csv", "*.csv", False),
        ("a/b.csv", "*/*.csv", True),
        ("a/b.csv", "**/*.csv", True),
        ("b.csv", "**/*.csv", True),
        ("a/b/c.csv", "**/c.csv", True),
        ("a/b/c.csv", "**", True),
        ("a", "a/*", False),
        ("2025-01", "2025-??", True),
        (".hidden.csv", "*.csv", False),
        ("_temporary", "*", False),
        ("_a/b.csv", "_a/*", True),
    ],
)
def test_patterns(path: str, pattern: str, expected: bool) -> None:
    assert _is_match(path.split("/"), pattern.split("/")) is expected
