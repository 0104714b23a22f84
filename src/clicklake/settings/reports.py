"""Settings of what the reports show."""

from __future__ import annotations

from pydantic import Field, model_validator

from clicklake.settings.section import Section


class SegmentSettings(Section):
    """How many events put a user into an activity segment."""

    high: int = Field(default=20, description="Events from which a user is High Activity.")
    medium: int = Field(default=5, description="Events from which a user is Medium Activity.")
    low: int = Field(
        default=2, ge=2, description="Events from which a user is Low Activity; below, a one-time visitor."
    )

    @model_validator(mode="after")
    def _in_order(self) -> SegmentSettings:
        if not self.high > self.medium > self.low:
            raise ValueError(
                f"high ({self.high}) must be above medium ({self.medium}), and medium above low ({self.low})"
            )
        return self


class LifetimeSettings(Section):
    """What customers are expected to be worth, and when one is at risk."""

    horizon_days: int = Field(
        default=365, ge=1, le=3650, description="The days ahead that purchases are predicted for."
    )
    discount_rate: float = Field(
        default=0.0,
        ge=0,
        lt=10,
        allow_inf_nan=False,
        description="The yearly rate at which later purchases are worth less, such as 0.1; 0 for none.",
    )
    at_risk_gaps: float = Field(
        default=2.0,
        ge=1,
        le=100,
        allow_inf_nan=False,
        description="A customer is at risk whose last purchase is longer ago than this many of the expected gaps.",
    )


class AffinitySettings(Section):
    """Which products count as bought together."""

    min_orders: int = Field(default=2, ge=1, description="Orders from which two products are a pair that is shown.")
    max_products: int = Field(
        default=100, ge=2, le=1000, description="Different products of an order; one with more is left out."
    )
