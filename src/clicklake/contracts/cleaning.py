"""Cleaning: what a contract says is done to the texts of a column before they are mapped and typed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NumberFormat = Literal["1,234.56", "1.234,56", "1 234,56", "1'234.56"]


class Cleaning(BaseModel):
    """How one column is cleaned, in the contract's property under `customProperties`, property `cleaning`.

    Blanks at the edges go and empty texts become null in any case. A text that does not have the form that is asked
    for stays as it is, so that a rule can tell what is wrong with it.

    Args:
        number_format: How numbers are written, by example; grouping signs go, the decimal sign becomes a point.
        currency_column: The column that takes the currency of a sign or code beside the number, where it is null.
        case: Letters; `snake` makes `Credit Card` and `credit-card` one word, `credit_card`.
        form: What the text is: a `country` (name or code) becomes its ISO 3166 code of two letters, an `email` is
            written in lower case and without `mailto:`.
        default: Takes the place of null, at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    number_format: NumberFormat | None = Field(default=None, alias="numberFormat")
    currency_column: str | None = Field(default=None, alias="currencyColumn")
    case: Literal["lower", "upper", "title", "snake"] | None = None
    form: Literal["country", "email"] | None = None
    default: Annotated[str, BeforeValidator(str)] | None = None
