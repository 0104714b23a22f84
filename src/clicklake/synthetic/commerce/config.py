"""How much commerce to generate, and the shares of what goes wrong in it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from clicklake.errors import UsageError

_BIGGEST_SHARE = 0.3


@dataclass(frozen=True)
class CommerceConfig:
    """Settings of the orders, customers, products and payments that belong to generated clicks.

    Args:
        order_lines: Rows of `orders` in all, versions, defects and duplicates included; by default as many as the
            successful purchases of the clicks and the orders that no click tells of bring.
        customers: Distinct customers in `customers`; by default nearly all people who may visit.
        tracking_loss_share: Part of the order rows that no click tells of; only where `order_lines` is not given.
        cancelled_share: Orders that are cancelled.
        refunded_share: Orders that are paid back, in whole or for one line.
        moved_share: Customers, and products, with a second version.
        late_share: Rows that come in a file of their own behind all others.
        duplicate_share: Copies of another row.
        faulty_share: Rows that break a rule.
        odd_share: Rows with a date or number in another format, or a text in another spelling.

    Raises:
        UsageError: A setting is out of its bounds.
    """

    order_lines: int | None = None
    customers: int | None = None
    tracking_loss_share: float = 0.15
    cancelled_share: float = 0.03
    refunded_share: float = 0.04
    moved_share: float = 0.05
    late_share: float = 0.01
    duplicate_share: float = 0.01
    faulty_share: float = 0.01
    odd_share: float = 0.06

    def __post_init__(self) -> None:
        for name, most in (("order_lines", 10**10), ("customers", 10**9)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most):
                raise UsageError(f"{name} must be a whole number between 1 and {most:,}, not {value!r}.")
        for item in fields(self):
            share = getattr(self, item.name)
            if item.name.endswith("_share") and not 0 <= share <= _BIGGEST_SHARE:
                raise UsageError(f"{item.name} must be between 0 and {_BIGGEST_SHARE}, not {share}.")
