"""What to generate: sizes, period, seed and the share of each defect."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

from clicklake.errors import UsageError
from clicklake.synthetic.commerce.config import CommerceConfig

Compression = Literal["gzip", "zstd"]

_BIGGEST_SHARE = 0.5
_BIGGEST_SUM = 0.9
_FIRST_START, _LAST_START = date(1970, 1, 1), date(2200, 1, 1)
_EVENTS_PER_USER = 40
_EVENTS_PER_PRODUCT = 400
_FEWEST_PRODUCTS, _MOST_PRODUCTS = 50, 5000


@dataclass(frozen=True)
class GeneratorConfig:
    """Settings of the generator; the same settings give the same bytes.

    Shares are parts of a source's records. The share of a defect that only some event types can have (a
    missing product or amount) is met as far as there are such events.

    Args:
        rows: Records in `click_events` in all, defects and duplicates included.
        web_rows: Records in `web_events` in all; they fall on the last two days of the period.
        seed: Start of the random numbers.
        start: First day of the period (UTC). Another day with the same seed, users and products gives new
            events of the same people about the same products, and can go into the same lake.
        days: Length of the period.
        files: Parts of `click_events`; each is a stretch of the period, in whole days where there are enough.
        users: Number of people who may visit; by default one for every 40 records.
        products: Number of products that may be viewed; by default 50 to 5,000, growing with the records.
        duplicate_share: Copies of another record.
        late_share: Records that arrive hours or days after their time.
        out_of_order_share: Records that arrive seconds or minutes behind their turn.
        missing_user_share: Records without a user.
        missing_product_share: Records without the product that they need.
        missing_amount_share: Purchases without an amount.
        invalid_amount_share: Records whose amount is no number, not finite or negative.
        invalid_timestamp_share: Records whose time can't be read.
        missing_event_type_share: Records without an event type.
        malformed_share: Lines that can't be split into the columns.
        compression: How the files are compressed.
        commerce: Orders, customers, products and payments that fit the clicks; none by default.

    Raises:
        UsageError: A setting is out of its bounds.
    """

    rows: int
    web_rows: int = 0
    seed: int = 42
    start: date = date(2025, 1, 1)
    days: int = 90
    files: int = 1
    users: int | None = None
    products: int | None = None
    duplicate_share: float = 0.02
    late_share: float = 0.01
    out_of_order_share: float = 0.03
    missing_user_share: float = 0.002
    missing_product_share: float = 0.002
    missing_amount_share: float = 0.0005
    invalid_amount_share: float = 0.001
    invalid_timestamp_share: float = 0.002
    missing_event_type_share: float = 0.001
    malformed_share: float = 0.0005
    compression: Compression | None = None
    commerce: CommerceConfig | None = None

    def __post_init__(self) -> None:
        self._check_sizes()
        self._check_period()
        self._check_shares()
        if self.compression not in (None, "gzip", "zstd"):
            raise UsageError(f"compression must be gzip, zstd or none, not {self.compression!r}.")

    @property
    def user_count(self) -> int:
        """Number of people who may visit."""
        return self.users or max(1, (self.rows + self.web_rows) // _EVENTS_PER_USER)

    @property
    def product_count(self) -> int:
        """Number of products that may be viewed."""
        by_size = (self.rows + self.web_rows) // _EVENTS_PER_PRODUCT
        return self.products or min(max(by_size, _FEWEST_PRODUCTS), _MOST_PRODUCTS)

    def _check_sizes(self) -> None:
        _check_whole("rows", self.rows, 0, 10**11)
        _check_whole("web_rows", self.web_rows, 0, 10**11)
        _check_whole("seed", self.seed, 0, 2**32 - 1)
        if self.users is not None:
            _check_whole("users", self.users, 1, 10**9)
        if self.products is not None:
            _check_whole("products", self.products, 1, 10**7)

    def _check_period(self) -> None:
        if not isinstance(self.start, date) or not _FIRST_START <= self.start <= _LAST_START:
            raise UsageError(f"start must be a date between {_FIRST_START} and {_LAST_START}, not {self.start}.")
        _check_whole("days", self.days, 1, 36_525)
        _check_whole("files", self.files, 1, 24 * self.days, why=" (one for each hour of the period)")

    def _check_shares(self) -> None:
        names = [item.name for item in fields(self) if item.name.endswith("_share")]
        shares: dict[str, float] = {name: getattr(self, name) for name in names}
        for name, share in shares.items():
            if not 0 <= share <= _BIGGEST_SHARE:
                raise UsageError(f"{name} must be between 0 and {_BIGGEST_SHARE}, not {share}.")
        not_loaded = sum(shares.values()) - self.late_share - self.out_of_order_share
        if not_loaded > _BIGGEST_SUM:
            raise UsageError(
                "duplicate_share, malformed_share and the missing_ and invalid_ shares must add up to "
                f"at most {_BIGGEST_SUM}, not {not_loaded:g}."
            )


def _check_whole(name: str, value: int, low: int, high: int, why: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} must be a whole number between {low:,} and {high:,}{why}, not {value!r}.")
