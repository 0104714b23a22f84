from datetime import date

import pytest

from clicklake.errors import UsageError
from clicklake.synthetic import GeneratorConfig


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ({"rows": -1}, "rows must be a whole number between 0 and"),
        ({"rows": 10.5}, "rows must be a whole number"),
        ({"rows": True}, "rows must be a whole number"),
        ({"web_rows": -1}, "web_rows must be"),
        ({"seed": 2**32}, "seed must be a whole number between 0 and 4,294,967,295"),
        ({"users": 0}, "users must be a whole number between 1 and"),
        ({"products": 0}, "products must be a whole number between 1 and"),
        ({"days": 0}, "days must be a whole number between 1 and"),
        ({"files": 0}, "files must be a whole number between 1 and 2,160"),
        ({"days": 1, "files": 25}, "files must be a whole number between 1 and 24"),
        ({"start": date(1969, 12, 31)}, "start must be a date between 1970-01-01 and"),
        ({"start": "2025-01-01"}, "start must be a date"),
        ({"late_share": -0.1}, "late_share must be between 0 and 0.5, not -0.1"),
        ({"duplicate_share": 0.6}, "duplicate_share must be between 0 and 0.5, not 0.6"),
        ({"malformed_share": float("nan")}, "malformed_share must be between 0 and 0.5"),
        ({"duplicate_share": 0.5, "malformed_share": 0.5}, "add up to at most 0.9"),
        ({"compression": "bzip2"}, "compression must be gzip, zstd or none, not 'bzip2'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(setting, allowed):
    with pytest.raises(UsageError) as error:
        GeneratorConfig(**{"rows": 100, **setting})
    assert allowed in str(error.value)


@pytest.mark.parametrize(
    ("rows", "users", "products"),
    [(0, 1, 50), (100, 2, 50), (400_000, 10_000, 1_000), (20_000_000, 500_000, 5_000)],
)
def test_users_and_products_grow_with_the_rows(rows, users, products):
    config = GeneratorConfig(rows=rows)
    assert (config.user_count, config.product_count) == (users, products)


def test_users_and_products_can_be_set():
    config = GeneratorConfig(rows=100, users=7, products=3)
    assert (config.user_count, config.product_count) == (7, 3)
